//! What each of node-ipc's options accepts.

use std::{net::IpAddr, time::Duration};

use ipc_proto::{Code, Delimiter, Encoding, Family, Profile, TlsOptions};
use serde::Deserialize;

use super::*;

#[test]
fn flags_are_what_javascript_takes_for_true() {
    type Flag = (&'static str, fn(&Config) -> bool);
    let flags: [Flag; 10] = [
        ("sync", |config| config.sync),
        ("unlink", |config| config.unlink),
        ("identifyPeer", |config| config.identifies_peers()),
        ("allowReservedEvents", |config| config.allow_reserved_events),
        ("logPayloads", |config| config.log_payloads),
        ("stopRetrying", |config| config.retry.stop),
        ("readableAll", |config| config.readable_all),
        ("writableAll", |config| config.writable_all),
        ("secureSocketRoot", |config| config.secure_socket_root),
        ("rawBuffer", |config| config.profile == Profile::Raw),
    ];
    for (name, flag) in flags {
        for yes in [json!(true), json!(1), json!(-0.5), json!("false"), json!([]), json!({})] {
            assert!(flag(&with(name, yes.clone())), "{name}: {yes}");
        }
        for no in [json!(false), json!(0), json!(-0.0), json!(""), json!(null)] {
            assert!(!flag(&with(name, no.clone())), "{name}: {no}");
        }
    }
}

#[test]
fn limits_are_positive_integers_or_infinity() {
    type Limit = (&'static str, fn(&Config) -> Option<usize>);
    let limits: [Limit; 8] = [
        ("maxMessageSize", |config| config.limits.max_message_size),
        ("maxPendingBytes", |config| Some(config.limits.max_pending_bytes)),
        ("maxEventNameLength", |config| Some(config.limits.max_event_name_length)),
        ("maxConnections", |config| Some(config.limits.max_connections)),
        ("memoryBudget", |config| Some(config.limits.memory_budget)),
        ("maxUdpPeers", |config| Some(config.limits.max_udp_peers)),
        ("maxUdpPartial", |config| Some(config.limits.max_udp_partial)),
        ("udpPartialBudget", |config| Some(config.limits.udp_partial_budget)),
    ];
    for (name, limit) in limits {
        let values = [(json!(1), 1), (json!(4096.0), 4096), (json!(1e3), 1000)];
        for (value, expected) in values {
            assert_eq!(limit(&with(name, value)), Some(expected), "{name}");
        }
        for endless in [json!("Infinity"), json!(null)] {
            assert_eq!(limit(&with(name, endless)), Some(usize::MAX), "{name}");
            assert!(with(name, json!(null)).validate().is_ok());
        }
        for value in [json!(0), json!(-1), json!(1.5), json!("5"), json!(true), json!(false), json!([1])] {
            refused(name, value);
        }
    }
}

#[test]
fn users_are_listed_by_number() {
    assert_eq!(with("allowedUids", json!([0, 1000])).allowed_uids, Some(vec![0, 1000]));
    assert_eq!(with("allowed_uids", json!([])).allowed_uids, Some(vec![]));
    assert_eq!(with("allowedUids", json!(null)).allowed_uids, None);
    for value in [json!(1000), json!([-1]), json!(["root"]), json!([4_294_967_296_u64]), json!(false)] {
        refused("allowedUids", value);
    }
    assert!(with("reusePort", true).reuse_port && !with("reusePort", 0).reuse_port);
}

#[test]
fn message_timeout_may_also_be_off() {
    let guarded = |timeout: Value| load(&json!({ "parser": "guarded", "messageTimeout": timeout })).config;
    assert_eq!(guarded(json!(40)).partial_frame_timeout(), Some(Duration::from_millis(40)));
    for off in [json!(0), json!("Infinity"), json!(null)] {
        assert_eq!(guarded(off.clone()).partial_frame_timeout(), None, "{off}");
    }
    for value in [json!(-1), json!(0.5), json!("40"), json!(false)] {
        refused("messageTimeout", value);
    }
}

#[test]
fn the_parser_is_the_profile_and_raw_buffer_overrules_it() {
    for (name, profile) in [
        (json!("raw"), Profile::Raw),
        (json!("fast"), Profile::Fast),
        (json!("guarded"), Profile::Guarded),
        (json!("assured"), Profile::Assured),
        (json!(""), Profile::Fast),
        (json!(false), Profile::Fast),
        (json!(null), Profile::Fast),
    ] {
        assert_eq!(with("parser", name).profile, profile);
    }
    for parser in ["raw", "fast", "guarded", "assured"] {
        let options = json!({ "rawBuffer": true, "parser": parser });
        assert_eq!(load(&options).config.profile, Profile::Raw, "{parser}");
    }
    assert_eq!(load(&json!({ "rawBuffer": false, "parser": "raw" })).config.profile, Profile::Raw);
    for value in [json!("Fast"), json!("json"), json!(1), json!(true), json!({}), json!(["raw"])] {
        refused("parser", value);
    }
    assert!(try_load(&json!({ "parser": "x" })).unwrap_err().to_string().contains("raw, fast, guarded, assured"));
}

#[test]
fn names_and_roots() {
    assert_eq!(with("id", "world").id, "world");
    assert_eq!(with("id", 7).id, "7");
    assert_eq!(with("id", Value::Null).id, "");
    assert_eq!(with("appspace", "").appspace, "");
    assert_eq!(with("appspace", "x.").appspace, "x.");
    assert_eq!(with("socketRoot", "/tmp/x/").socket_root.as_deref(), Some("/tmp/x/"));
    assert_eq!(with("socketRoot", Value::Null).socket_root, None);
    for (name, value) in [("id", "a/b"), ("id", "a\0"), ("appspace", "../"), ("socketRoot", "/tmp"), ("socketRoot", "")]
    {
        refused(name, value);
    }
    refused("id", true);
    refused("socketRoot", json!(["/tmp/"]));
}

#[test]
fn encodings_and_delimiters() {
    assert_eq!(with("encoding", "hex").encoding, Encoding::Hex);
    assert_eq!(with("encoding", "UCS-2").encoding, Encoding::Utf16Le);
    assert_eq!(with("delimiter", "\r\n").delimiter, Delimiter::from("\r\n"));
    refused("encoding", "utf7");
    refused("encoding", 8);
    for value in [json!(""), json!(5), json!(null), json!(false)] {
        refused("delimiter", value);
    }
}

#[test]
fn allowed_events_are_a_list_of_names() {
    let config = with("allowedEvents", json!(["b", "a", "b"]));
    assert_eq!(config.allowed_events.iter().collect::<Vec<_>>(), ["a", "b"]);
    for none in [json!([]), json!(false), json!(null)] {
        assert!(with("allowedEvents", none).allowed_events.is_empty());
    }
    for value in [json!("a"), json!(true), json!(["a", 1]), json!({"a": 1})] {
        refused("allowedEvents", value);
    }
}

#[test]
fn the_network_address() {
    assert_eq!(with("networkHost", "::1").network_host, "::1");
    assert_eq!(with("networkHost", Value::Null).network_host, "127.0.0.1");
    for port in [json!(9000), json!("9000"), json!(9000.0)] {
        assert_eq!(with("networkPort", port).network_port, 9000);
    }
    for value in [json!(65536), json!(-1), json!(1.5), json!("http"), json!(""), json!(null), json!(true)] {
        refused("networkPort", value);
    }
}

#[test]
fn the_interface_under_both_names() {
    for name in ["interface", "interfaces"] {
        let config = with(name, json!({"localAddress": "127.0.0.1", "localPort": 4000, "family": 4}));
        assert_eq!(config.interface.local_address, Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(config.interface.local_port, Some(4000));
        assert_eq!(config.interface.family, Some(Family::V4));
    }
    let both = json!({ "interface": {"localPort": 1}, "interfaces": {"localPort": 2, "family": "IPv6"} });
    let interface = load(&both).config.interface;
    assert_eq!((interface.local_port, interface.family), (Some(1), Some(Family::V6)));
    assert_eq!(with("interface", false).interface, Config::default().interface);
}

#[test]
fn what_an_interface_cannot_be() {
    refused("interface", "eth0");
    for (member, value) in [
        ("localAddress", json!("localhost")),
        ("localAddress", json!(true)),
        ("localPort", json!(70000)),
        ("localPort", json!(true)),
        ("family", json!(5)),
        ("family", json!("v4")),
        ("family", json!([4])),
    ] {
        let error = try_load(&json!({ "interface": { member: value } })).expect_err(member);
        assert_eq!(error.option(), format!("interface.{member}"));
    }
}

#[test]
fn what_is_not_an_option_is_reported() {
    let options = json!({
        "maxRetry": 3,
        "a": null,
        "drain_Timeout": 1,
        "interface": {"hints": 1, "lookup": 0, "localaddress": "x"},
        "silent": true,
        "logger": null,
    });
    let loaded = load(&options);
    assert_eq!(loaded.unknown, ["a", "drain_Timeout", "interface.localaddress", "maxRetry"]);
    assert_eq!(loaded.ignored, ["interface.hints", "logger", "silent"]);
}

#[test]
fn tls_is_never_lost_nor_shown() {
    let tls = json!({ "key": "SECRET", "trustedConnections": ["/a.pem"], "rejectUnauthorized": false });
    let loaded = load(&json!({ "tls": tls }));
    assert!(!format!("{loaded:?}").contains("SECRET"));
    let expected = TlsOptions::default().key("SECRET".to_owned()).trust("/a.pem").reject_unauthorized(false);
    assert_eq!(loaded.config.tls, Some(expected));
    for none in [json!(false), json!(null), json!(0), json!("")] {
        assert!(load(&json!({ "tls": none })).config.tls.is_none());
    }
    refused("tls", true);
    refused("tls", "on");
    assert!(Config::from_json(r#"{"tls":{"ciphers":"ALL"}}"#).unwrap_err().to_string().contains("ciphers"));
    let error = Config::from_json(r#"{"tls":{"key":"SECRET","ca":1}}"#).unwrap_err();
    assert_eq!(error.code(), Some(Code::TlsConfiguration));
    assert!(!format!("{error} {error:?}").contains("SECRET"));
}

#[test]
fn a_file_is_one_json_object() {
    for text in ["", "[]", "null", "{", "{} {}", "{\"id\":}", "id = 'x'", "\u{feff}\u{feff}{}"] {
        let error = Config::from_json(text).expect_err(text);
        assert_eq!(error.option(), "config");
    }
    assert!(Config::from_json(b"{\"id\":\"\xFF\"}").is_err());
    assert_eq!(Config::from_json("\u{feff}{\"id\":\"x\"}").unwrap().config.id, "x");
    assert_eq!(Config::from_json("{\"id\":\"x\",\"id\":\"y\"}").unwrap().config.id, "y", "the last one counts");
}

#[test]
fn a_config_is_a_part_of_a_larger_file() {
    #[derive(Deserialize)]
    struct File {
        ipc: Config,
        report: Loaded,
    }
    let file: File = serde_json::from_value(json!({
        "ipc": {"id": "world", "whatever": 1},
        "report": {"maxRetries": "2", "whatever": 1},
    }))
    .unwrap();
    assert_eq!(file.ipc.id, "world");
    assert_eq!(file.report.config.retry.max, Some(2));
    assert_eq!(file.report.unknown, ["whatever"]);
    for bad in [json!({ "parser": "x" }), json!({ "tls": {"privates": "k"} }), json!([])] {
        assert!(serde_json::from_value::<Config>(bad).is_err());
    }
}
