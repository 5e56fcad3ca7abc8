//! Files of any options against the same config made in code.

use std::{fmt, time::Duration};

use ipc_proto::{Dialect, Encoding, Overflow, Profile, SlowPeer, SyncLoss};
use proptest::prelude::*;
use serde_json::Map;

use super::*;

/// An option: its name in a file, its value there, and how code sets it to the same.
struct Set {
    name: &'static str,
    value: Value,
    apply: Box<dyn Fn(&mut Config)>,
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value)
    }
}

fn set(name: &'static str, value: impl Into<Value>, apply: impl Fn(&mut Config) + 'static) -> Set {
    Set { name, value: value.into(), apply: Box::new(apply) }
}

/// Options of one kind, and how code sets each.
type Table<T, const N: usize> = [(&'static str, fn(&mut Config, T)); N];

fn flag(name: &'static str, truthy: bool, style: usize, apply: fn(&mut Config, bool)) -> Set {
    let values = if truthy { [json!(true), json!(1), json!("no")] } else { [json!(false), json!(0), json!("")] };
    set(name, values[style].clone(), move |config| apply(config, truthy))
}

/// A positive integer or Infinity, as `null` and as text.
fn limit() -> impl Strategy<Value = (Value, usize)> {
    prop_oneof![
        6 => (1..1_usize << 40).prop_map(|number| (json!(number), number)),
        1 => Just((json!("Infinity"), usize::MAX)),
        1 => Just((Value::Null, usize::MAX)),
    ]
}

/// Milliseconds, as a number and as text.
fn millis() -> impl Strategy<Value = (Value, Duration)> {
    (1..1_u64 << 40, any::<bool>()).prop_map(|(millis, text)| {
        let value = if text { json!(millis.to_string()) } else { json!(millis) };
        (value, Duration::from_millis(millis))
    })
}

fn texts() -> impl Strategy<Value = Set> {
    prop_oneof![
        "[a-z0-9.]{0,9}".prop_map(|id| set("id", id.clone(), move |config| config.id.clone_from(&id))),
        "[a-z.]{0,9}".prop_map(|text| set("appspace", text.clone(), move |config| config.appspace.clone_from(&text))),
        "/[a-z]{0,9}/"
            .prop_map(|root| set("socketRoot", root.clone(), move |config| config.socket_root = Some(root.clone()))),
        "[a-z.]{1,9}"
            .prop_map(|host| set("networkHost", host.clone(), move |config| config.network_host.clone_from(&host))),
        "[\\x00-\\x1f|é]{1,3}".prop_map(|text| {
            set("delimiter", text.clone(), move |config| *config = config.clone().delimiter(&*text))
        }),
        any::<u16>().prop_map(|port| set("networkPort", port, move |config| config.network_port = port)),
        prop::collection::btree_set("[a-z]{1,4}", 0..4).prop_map(|names| {
            let value = names.iter().cloned().collect::<Vec<_>>();
            set("allowedEvents", value, move |config| config.allowed_events.clone_from(&names))
        }),
    ]
}

fn flags() -> impl Strategy<Value = Set> {
    let table: Table<bool, 9> = [
        ("sync", |config, on| config.sync = on),
        ("unlink", |config, on| config.unlink = on),
        ("identifyPeer", |config, on| config.identify_peer = Some(on)),
        ("allowReservedEvents", |config, on| config.allow_reserved_events = on),
        ("logPayloads", |config, on| config.log_payloads = on),
        ("readableAll", |config, on| config.readable_all = on),
        ("writableAll", |config, on| config.writable_all = on),
        ("stopRetrying", |config, on| config.retry.stop = on),
        ("reusePort", |config, on| config.reuse_port = on),
    ];
    (prop::sample::select(table.to_vec()), any::<bool>(), 0..3_usize)
        .prop_map(|((name, apply), truthy, style)| flag(name, truthy, style, apply))
}

fn limits() -> impl Strategy<Value = Set> {
    let table: Table<usize, 7> = [
        ("maxMessageSize", |config, most| config.limits.max_message_size = Some(most)),
        ("maxPendingBytes", |config, most| config.limits.max_pending_bytes = most),
        ("maxEventNameLength", |config, most| config.limits.max_event_name_length = most),
        ("maxConnections", |config, most| config.limits.max_connections = most),
        ("memoryBudget", |config, most| config.limits.memory_budget = most),
        ("maxUdpPeers", |config, most| config.limits.max_udp_peers = most),
        ("maxUdpPartial", |config, most| config.limits.max_udp_partial = most),
    ];
    (prop::sample::select(table.to_vec()), limit())
        .prop_map(|((name, apply), (value, most))| set(name, value, move |config| apply(config, most)))
}

fn spans() -> impl Strategy<Value = Set> {
    let table: Table<Duration, 5> = [
        ("retry", |config, span| config.retry.delay = span),
        ("drainTimeout", |config, span| config.drain_timeout = span),
        ("messageTtl", |config, span| config.message_ttl = Some(span)),
        ("syncTimeout", |config, span| config.sync_timeout = Some(span)),
        ("udpIdleTimeout", |config, span| config.limits.udp_idle_timeout = span),
    ];
    (prop::sample::select(table.to_vec()), millis())
        .prop_map(|((name, apply), (value, span))| set(name, value, move |config| apply(config, span)))
}

/// Every choice of an option by its own name.
macro_rules! choice {
    ($name:literal, $ty:ty, $config:ident => $field:expr) => {
        prop::sample::select(<$ty>::NAMES).prop_map(|text| {
            let choice: $ty = text.parse().expect("its own name");
            set($name, text, move |$config| $field = choice)
        })
    };
}

fn choices() -> impl Strategy<Value = Set> {
    prop_oneof![
        choice!("dialect", Dialect, config => config.dialect),
        choice!("parser", Profile, config => config.profile),
        choice!("encoding", Encoding, config => config.encoding),
        choice!("overflow", Overflow, config => config.overflow),
        choice!("slowPeer", SlowPeer, config => config.slow_peer),
        choice!("syncLoss", SyncLoss, config => config.sync_loss),
        any::<u32>().prop_map(|max| set("maxRetries", max, move |config| config.retry.max = Some(max))),
    ]
}

fn option() -> impl Strategy<Value = Set> {
    prop_oneof![texts(), flags(), limits(), spans(), choices()]
}

proptest! {
    #[test]
    fn a_file_is_its_options(
        options in prop::collection::vec(option(), 0..8),
        unknown in prop::collection::btree_set("x[a-z]{1,5}", 0..3),
        ignored in prop::sample::subsequence(vec!["logger", "silent"], 0..=2),
    ) {
        let (mut file, mut expected) = (Map::new(), Config::default());
        for Set { name, value, apply } in options {
            // The first of a name stays, so that nothing is left of the others in the config.
            if !file.contains_key(name) {
                apply(&mut expected);
                file.insert(name.into(), value);
            }
        }
        file.extend(unknown.iter().map(|name| (name.clone(), json!(1))));
        file.extend(ignored.iter().map(|name| ((*name).to_owned(), json!(true))));
        let loaded = load(&Value::Object(file));
        prop_assert_eq!(shown(&loaded.config), shown(&expected));
        prop_assert_eq!(loaded.unknown, unknown.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(loaded.ignored, ignored);
    }

    /// A value that is no limit is refused by its name, and never becomes one.
    #[test]
    fn no_limit_is_zero_negative_or_broken(number in -1000..1000_i32, fraction in 1..9_i32) {
        prop_assert_eq!(try_load(&json!({ "maxConnections": number })).is_ok(), number > 0);
        let broken = f64::from(number) + f64::from(fraction) / 10.0;
        let error = try_load(&json!({ "maxConnections": broken })).expect_err("a fraction of a peer");
        prop_assert_eq!(error.option(), "maxConnections");
    }
}
