//! The options that node-ipc does not have.

use std::time::Duration;

use ipc_proto::{Dialect, Overflow, SlowPeer, SyncLoss};

use super::*;

#[test]
fn dialects_by_name_and_by_version() {
    for (value, dialect) in [
        (json!("classic"), Dialect::Classic),
        (json!("modern"), Dialect::Modern),
        (json!(9), Dialect::Classic),
        (json!("10.1.11"), Dialect::Classic),
        (json!(12), Dialect::Classic),
        (json!(14), Dialect::Modern),
        (json!("14.0.0"), Dialect::Modern),
        (json!(null), Dialect::Modern),
    ] {
        assert_eq!(with("dialect", value.clone()).dialect, dialect, "{value}");
    }
    for value in [json!("old"), json!(8), json!(15), json!(true)] {
        refused("dialect", value);
    }
}

#[test]
fn spans_are_milliseconds() {
    assert_eq!(with("drainTimeout", 1500).drain_timeout, Duration::from_millis(1500));
    assert_eq!(with("drainTimeout", 0).drain_timeout, Duration::ZERO);
    assert_eq!(with("drainTimeout", "Infinity").drain_timeout, Duration::MAX);
    assert_eq!(with("udpIdleTimeout", 1500).limits.udp_idle_timeout, Duration::from_millis(1500));
    assert_eq!(with("messageTtl", 20).message_ttl, Some(Duration::from_millis(20)));
    assert_eq!(with("syncTimeout", "20").sync_timeout, Some(Duration::from_millis(20)));
    for none in [json!(false), json!(null), json!(0), json!("Infinity")] {
        assert_eq!(with("messageTtl", none.clone()).message_ttl, None);
        assert_eq!(with("syncTimeout", none).sync_timeout, None);
    }
    for name in ["drainTimeout", "messageTtl", "syncTimeout"] {
        for value in [json!(-1), json!("soon"), json!(true), json!([5])] {
            refused(name, value);
        }
    }
}

#[test]
fn policies_are_names() {
    assert_eq!(with("overflow", "dropOldest").overflow, Overflow::DropOldest);
    assert_eq!(with("overflow", "refuse").overflow, Overflow::Refuse);
    assert_eq!(with("slowPeer", "drop-newest").slow_peer, SlowPeer::DropNewest);
    assert_eq!(with("slowPeer", "disconnect").slow_peer, SlowPeer::Disconnect);
    assert_eq!(with("syncLoss", "resend").sync_loss, SyncLoss::Resend);
    for name in ["overflow", "slowPeer", "syncLoss"] {
        refused(name, "whatever");
    }
}

#[test]
fn snake_case_is_the_same() {
    let options = json!({
        "drain_timeout": 7,
        "message_ttl": 8,
        "sync_timeout": 9,
        "slow_peer": "dropOldest",
        "sync_loss": "resend",
        "memory_budget": 10,
    });
    let loaded = load(&options);
    assert!(loaded.unknown.is_empty(), "{:?}", loaded.unknown);
    let config = loaded.config;
    assert_eq!(config.drain_timeout, Duration::from_millis(7));
    assert_eq!(config.message_ttl, Some(Duration::from_millis(8)));
    assert_eq!(config.sync_timeout, Some(Duration::from_millis(9)));
    assert_eq!((config.slow_peer, config.sync_loss), (SlowPeer::DropOldest, SyncLoss::Resend));
    assert_eq!(config.limits.memory_budget, 10);
    assert_eq!(load(&json!({ "max_retries": 1 })).unknown, ["max_retries"], "node-ipc would not read it either");
}

#[test]
fn backoff_is_on_or_an_object() {
    assert_eq!(with("backoff", true).retry.backoff, Some(ipc_proto::Backoff::default()));
    for off in [json!(false), json!(null), json!(0)] {
        assert_eq!(with("backoff", off).retry.backoff, None);
    }
    let options = json!({ "factor": 1.5, "maxDelay": 60_000, "jitter": 0.25, "seed": 11 });
    let backoff = with("backoff", options).retry.backoff.unwrap();
    assert_eq!((backoff.factor, backoff.jitter), (1.5, 0.25));
    assert_eq!((backoff.max_delay, backoff.seed), (Duration::from_secs(60), Some(11)));
    for (member, value) in [
        ("factor", json!(0.5)),
        ("factor", json!("fast")),
        ("jitter", json!(1.01)),
        ("maxDelay", json!("long")),
        ("seed", json!(-1)),
    ] {
        let error = try_load(&json!({ "backoff": { member: value } })).expect_err(member);
        assert_eq!(error.option(), format!("backoff.{member}"));
    }
    refused("backoff", "yes");
    refused("backoff", json!({ "max": 3 }));
}
