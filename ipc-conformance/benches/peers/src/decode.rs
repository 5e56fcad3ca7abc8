//! node-ipc's decoder, alone.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use crate::Result;

/// How long each measurement takes.
const LONG: Duration = Duration::from_millis(200);

/// Decodes what comes on standard input, over and over.
pub(crate) fn run() -> Result<()> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    let mut codec = node_ipc::Codec::new(node_ipc::CodecConfig::fast())?;
    let (mut count, began) = (0u32, Instant::now());
    while began.elapsed() < LONG {
        codec.push_with(&bytes, |_| count += 1)?;
    }
    println!("{}", began.elapsed().as_nanos() as f64 / f64::from(count));
    Ok(())
}
