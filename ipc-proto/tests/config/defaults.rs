//! The defaults of both generations, as node-ipc 12.0.0 and 14.0.0 (entities/Defaults.js) have them.

use std::time::Duration;

use ipc_proto::{
    Delimiter, Dialect, Encoding, Interface, Profile,
    endpoint::{self, Environment},
};

use super::*;

/// Options of both generations, with the values they have unless set. `id` and `socketRoot` depend on the machine.
fn classic() -> Value {
    json!({
        "appspace": "app.",
        "encoding": "utf8",
        "rawBuffer": false,
        "sync": false,
        "unlink": true,
        "delimiter": "\u{c}",
        "silent": false,
        "logDepth": 5,
        "logInColor": true,
        "maxConnections": 100,
        "retry": 500,
        "maxRetries": "Infinity",
        "stopRetrying": false,
        "IPType": "",
        "tls": false,
        "networkHost": "127.0.0.1",
        "networkPort": 8000,
        "readableAll": false,
        "writableAll": false,
        "interface": {"localAddress": false, "localPort": false, "family": false, "hints": false, "lookup": false},
    })
}

/// Those that node-ipc 14 has besides, or in another form.
fn modern() -> Value {
    let mut options = classic();
    let more = json!({
        "parser": "fast",
        "identifyPeer": false,
        "maxPendingBytes": 8 << 20,
        "maxEventNameLength": 256,
        "allowReservedEvents": false,
        "allowedEvents": false,
        "logPayloads": false,
        "secureSocketRoot": true,
    });
    more.as_object().into_iter().flatten().for_each(|(name, value)| options[name] = value.clone());
    options
}

#[test]
fn what_node_ipc_has_by_default_is_what_this_has() {
    let loaded = load(&classic());
    assert_eq!(shown(&loaded.config.dialect(Dialect::Classic)), shown(&Config::classic()));

    let mut loaded = load(&modern());
    assert_eq!(loaded.config.identify_peer.take(), Some(false));
    assert_eq!(shown(&loaded.config), shown(&Config::modern()));
    assert_eq!(shown(&Config::default()), shown(&Config::modern()));
    assert!(loaded.config.tls.is_none());
    assert!(loaded.unknown.is_empty(), "{:?}", loaded.unknown);
    assert_eq!(loaded.ignored, ["IPType", "logDepth", "logInColor", "silent"]);
}

#[test]
fn an_empty_file_is_the_default() {
    let loaded = load(&json!({}));
    assert_eq!(shown(&loaded.config), shown(&Config::default()));
    assert!(loaded.unknown.is_empty() && loaded.ignored.is_empty());
}

#[test]
fn each_default_by_itself() {
    for config in [Config::classic(), Config::modern()] {
        assert_eq!((config.appspace.as_str(), config.id.as_str()), ("app.", ""), "adapters put in the host name");
        assert_eq!((config.encoding, config.profile), (Encoding::Utf8, Profile::Fast));
        assert_eq!((config.sync, config.unlink), (false, true));
        assert_eq!(config.delimiter, Delimiter::from("\u{c}"));
        assert_eq!(config.limits.max_pending_bytes, 8_388_608);
        assert_eq!(config.limits.max_event_name_length, 256);
        assert_eq!(config.limits.max_connections, 100);
        assert_eq!((config.allow_reserved_events, config.allowed_events.len()), (false, 0));
        assert_eq!(config.retry.delay, Duration::from_millis(500));
        assert_eq!((config.retry.max, config.retry.stop), (None, false));
        assert_eq!(config.retry.backoff, None);
        assert_eq!((config.network_host.as_str(), config.network_port), ("127.0.0.1", 8000));
        assert_eq!((config.readable_all, config.writable_all), (false, false));
        assert_eq!((config.secure_socket_root, config.log_payloads), (true, false));
        assert_eq!(config.interface, Interface::default());
        assert!(config.validate().is_ok());
    }
}

#[test]
fn the_limits_of_node_ipc_14_hold_in_its_guarded_profile() {
    let guarded = with("parser", "guarded");
    assert_eq!(guarded.frame_limit(), 1_048_576);
    assert_eq!(guarded.partial_frame_timeout(), Some(Duration::from_secs(30)));
}

#[test]
fn the_generations_differ_in_the_socket_root_and_in_naming_peers() {
    let mut here = Environment::default();
    here.runtime_dir = Some("/run/user/7".into());
    let (classic, modern) = (Config::classic().id("w"), Config::modern().id("w"));
    assert_eq!(endpoint::server_path(&classic, &here), "/tmp/app.w");
    assert_eq!(endpoint::server_path(&modern, &here), "/run/user/7/node-ipc/app.w");
    assert_eq!((classic.identifies_peers(), modern.identifies_peers()), (true, false));
}
