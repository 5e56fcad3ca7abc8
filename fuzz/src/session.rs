//! Whole sessions: clients, servers and sockets over a wire that misbehaves, against the model of the simulation.

use crate::suite::sim::{Script, run};

/// Eight bytes are a seed that says who takes part, and each further five a step.
pub fn session(input: &[u8]) {
    // More steps are more of the same.
    let script = Script::of_bytes(&input[..input.len().min(8 + 5 * 200)]);
    if let Some(failure) = run(&script, false).failure {
        panic!("{failure}");
    }
}
