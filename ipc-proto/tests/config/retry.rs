//! What `retry`, `maxRetries` and `stopRetrying` mean to a client, counted in attempts. node-ipc's client.js counts
//! the same way in every version.

use std::{sync::Arc, time::Duration};

use ipc_proto::{Action, Client, ClientState, Event, IoError, Timestamp};

use super::*;

/// More attempts than any budget here has.
const MANY: u32 = 20;

/// A client and its clock.
struct Bench {
    client: Client,
    now: Timestamp,
}

impl Bench {
    fn new(config: Config) -> Self {
        let mut client = Client::new(Arc::new(config));
        client.connect(Timestamp::ZERO);
        Self { client, now: Timestamp::ZERO }
    }

    /// Whether the client wants to dial, at once or after its timer.
    fn wants_to_dial(&mut self) -> bool {
        while self.client.poll_event().is_some() {}
        if let Some(at) = self.client.poll_timeout() {
            self.now = at;
            self.client.handle_timeout(at);
        }
        core::iter::from_fn(|| self.client.poll_action()).any(|action| action == Action::Open)
    }

    /// How many attempts fail until the client gives up; `None` when it does not.
    fn attempts(&mut self) -> Option<u32> {
        for attempts in 0..MANY {
            if !self.wants_to_dial() {
                assert_eq!(self.client.state(), ClientState::Stopped);
                return Some(attempts);
            }
            self.client.handle_failed(self.now, IoError::new("ECONNREFUSED", "refused"));
        }
        None
    }

    /// Connects, and loses the connection.
    fn connect_and_drop(&mut self) {
        assert!(self.wants_to_dial());
        self.client.handle_connected(self.now);
        assert!(matches!(self.client.poll_event(), Some(Event::Connected)));
        self.client.handle_eof(self.now);
    }
}

/// The attempts of a client whose server is never there.
fn attempts(options: &Value) -> Option<u32> {
    Bench::new(load(options).config).attempts()
}

fn budgets() -> Vec<(Value, Option<u32>)> {
    vec![
        (json!(0), Some(1)),
        (json!(false), Some(1)),
        (json!(-1), Some(1)),
        (json!(""), Some(1)),
        (json!("-Infinity"), Some(1)),
        (json!(0.9), Some(1)),
        (json!(1), Some(2)),
        (json!(true), Some(2)),
        (json!(1.5), Some(2)),
        (json!("2"), Some(3)),
        (json!(3), Some(4)),
        (json!("Infinity"), None),
        (json!(null), None),
        (json!(1e300), None),
    ]
}

#[test]
fn max_retries_as_node_ipc_counts_it() {
    for (value, expected) in budgets() {
        assert_eq!(attempts(&json!({ "maxRetries": value })), expected, "{value}");
    }
    assert_eq!(attempts(&json!({})), None);
}

#[test]
fn a_connect_makes_the_budget_full_again() {
    for (value, expected) in budgets() {
        let mut bench = Bench::new(with("maxRetries", value.clone()));
        bench.connect_and_drop();
        // The connection was the first attempt of this round.
        assert_eq!(bench.attempts(), expected.map(|attempts| attempts - 1), "{value}");
    }
}

#[test]
fn max_retries_that_is_no_number_is_refused() {
    for value in [json!("often"), json!("0x2"), json!([]), json!({})] {
        refused("maxRetries", value);
    }
}

#[test]
fn stop_retrying_is_a_flag_and_no_count() {
    for stop in [json!(true), json!(1), json!(5), json!("no"), json!([]), json!({})] {
        assert_eq!(attempts(&json!({ "stopRetrying": stop })), Some(1), "{stop}");
        let mut bench = Bench::new(with("stopRetrying", stop));
        bench.connect_and_drop();
        assert_eq!(bench.attempts(), Some(0));
    }
    for go_on in [json!(false), json!(0), json!(null), json!("")] {
        assert_eq!(attempts(&json!({ "stopRetrying": go_on, "maxRetries": 2 })), Some(3), "{go_on}");
    }
}

#[test]
fn retry_is_the_time_between_attempts() {
    for (value, millis) in [(json!(500), 500), (json!("250"), 250), (json!(1.9), 1), (json!(0), 1)] {
        let mut bench = Bench::new(with("retry", value));
        assert!(bench.wants_to_dial());
        for round in 1..4 {
            bench.client.handle_failed(bench.now, IoError::new("ECONNREFUSED", "refused"));
            assert!(bench.wants_to_dial());
            assert_eq!(bench.now, Timestamp::from_millis(millis * round));
        }
    }
    for value in [json!("soon"), json!(-1), json!(null), json!(false), json!("Infinity"), json!(""), json!([1])] {
        refused("retry", value);
    }
}

#[test]
fn backoff_makes_the_time_between_attempts_longer_until_a_connect() {
    let options = json!({ "retry": 100, "backoff": {"factor": 3, "maxDelay": 500, "jitter": 0} });
    let mut bench = Bench::new(load(&options).config);
    let waits = |bench: &mut Bench, count: usize| -> Vec<Duration> {
        let wait = || {
            let before = bench.now;
            bench.client.handle_failed(before, IoError::new("ECONNREFUSED", "refused"));
            assert!(bench.wants_to_dial());
            bench.now.saturating_since(before)
        };
        core::iter::repeat_with(wait).take(count).collect()
    };
    assert!(bench.wants_to_dial());
    assert_eq!(waits(&mut bench, 4), [100, 300, 500, 500].map(Duration::from_millis));
    bench.client.handle_connected(bench.now);
    bench.client.handle_eof(bench.now);
    assert!(bench.wants_to_dial());
    assert_eq!(waits(&mut bench, 2), [300, 500].map(Duration::from_millis), "the drop itself waited the first 100");
}

#[test]
fn a_disconnect_says_how_long_the_wait_will_be() {
    let options = json!({ "retry": 100, "backoff": {"factor": 2, "jitter": 0.5, "seed": 7} });
    let mut client = Client::new(Arc::new(load(&options).config));
    client.connect(Timestamp::ZERO);
    client.handle_failed(Timestamp::ZERO, IoError::new("ECONNREFUSED", "refused"));
    let told = core::iter::from_fn(|| client.poll_event()).find_map(|event| match event {
        Event::Disconnected { retry_in, .. } => retry_in,
        _ => None,
    });
    let told = told.expect("there will be another attempt");
    assert_eq!(client.poll_timeout(), Some(Timestamp::new(told)));
    assert!(told < Duration::from_millis(100));
}
