//! A table per rule, and that strangers cannot make a socket hold more than its caps.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::{net::Ipv4Addr, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{config::Dialect, peers::PeerId};

const HOUR: Duration = Duration::from_secs(3600);

fn socket(config: Config) -> Datagrams {
    Datagrams::new(Arc::new(config)).unwrap()
}

fn classic() -> Config {
    Config::default().dialect(Dialect::Classic)
}

fn raw() -> Config {
    Config::default().profile(Profile::Raw)
}

fn limited(change: impl FnOnce(&mut crate::config::Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A frame of the event `m`, with its delimiter.
fn m(data: &str) -> Vec<u8> {
    format!("{{\"type\":\"m\",\"data\":{data}}}\u{c}").into_bytes()
}

fn show(event: &Event) -> String {
    match event {
        Event::Message(message) => format!("{}={}", message.name(), message.data().unwrap().as_str()),
        Event::Raw(bytes) => format!("raw {:?}", &bytes[..]),
        Event::Error(error) => error.code().into(),
        Event::Undelivered(undelivered) => format!("undelivered {}", undelivered.frame.message().unwrap().name()),
        other => format!("{other:?}"),
    }
}

fn events(socket: &mut Datagrams) -> Vec<String> {
    core::iter::from_fn(|| socket.poll_event()).map(|(peer, event)| format!("{peer} {}", show(&event))).collect()
}

fn sent(socket: &mut Datagrams) -> Vec<(u16, usize)> {
    core::iter::from_fn(|| socket.poll_transmit()).map(|(to, bytes)| (to.port(), bytes.len())).collect()
}

fn standings(socket: &mut Datagrams) -> Vec<(u64, Standing)> {
    core::iter::from_fn(|| socket.poll_standing()).map(|(peer, standing)| (peer.get(), standing)).collect()
}

fn hear(socket: &mut Datagrams, from: u16, datagram: &[u8]) {
    socket.handle_datagram(Timestamp::ZERO, address(from), datagram);
}

/// Heard from twice.
fn meet(socket: &mut Datagrams, port: u16) -> PeerId {
    hear(socket, port, b"");
    hear(socket, port, b"");
    socket.peers().last().unwrap()
}

#[test]
fn what_datagrams_mean_in_both_dialects() {
    let half = |from: usize, to: usize| m("\"rest\"")[from..to].to_vec();
    let split = m("\"\u{e9}\"");
    let at = split.iter().position(|byte| *byte == 0xC3).unwrap() + 1;
    let bad = "1 ERR_IPC_INVALID_JSON";
    // The datagrams with their senders' ports, what Modern makes of them, what Classic does.
    type Row<'a> = (&'a str, Vec<(u16, Vec<u8>)>, Vec<&'a str>, Vec<&'a str>);
    let rows: Vec<Row<'_>> = vec![
        ("one", vec![(1, m("1"))], vec!["1 m=1"], vec!["1 m=1"]),
        ("several", vec![(1, [m("1"), m("2")].concat())], vec!["1 m=1", "1 m=2"], vec!["1 m=1", "1 m=2"]),
        (
            "two peers",
            vec![(1, m("1")), (2, m("2")), (1, m("3"))],
            vec!["1 m=1", "2 m=2", "1 m=3"],
            vec!["1 m=1", "2 m=2", "1 m=3"],
        ),
        (
            "frame and half",
            vec![(1, [m("1"), half(0, 9)].concat()), (1, half(9, 27))],
            vec!["1 m=1", "1 m=\"rest\""],
            vec!["1 m=1", bad],
        ),
        (
            "halves of two peers",
            vec![(1, half(0, 9)), (2, half(0, 5)), (1, half(9, 27)), (2, half(5, 27))],
            vec!["1 m=\"rest\"", "2 m=\"rest\""],
            vec![bad, "2 ERR_IPC_INVALID_JSON"],
        ),
        (
            "split character",
            vec![(1, split[..at].to_vec()), (1, split[at..].to_vec())],
            vec!["1 m=\"\u{fffd}\u{fffd}\""],
            vec![bad],
        ),
        (
            "bad between good",
            vec![(1, [m("1"), b"nonsense\x0c".to_vec(), m("2")].concat()), (1, m("3"))],
            vec!["1 m=1", bad, "1 m=3"],
            vec!["1 m=1", bad, "1 m=2", "1 m=3"],
        ),
        (
            "bad end of a half",
            vec![(1, b"{\"ty".to_vec()), (1, m("1")), (1, m("2"))],
            vec![bad, "1 m=2"],
            vec!["1 m=1", "1 m=2"],
        ),
        (
            "no object",
            vec![(1, b"5\x0c".to_vec())],
            vec!["1 ERR_IPC_INVALID_MESSAGE"],
            vec!["1 ERR_IPC_INVALID_MESSAGE"],
        ),
        ("no type", vec![(1, b"{}\x0c".to_vec())], vec!["1 ERR_IPC_INVALID_EVENT"], vec!["1 ERR_IPC_INVALID_EVENT"]),
        ("empty", vec![(1, vec![]), (1, m("1"))], vec!["1 m=1"], vec!["1 m=1"]),
    ];
    for (name, datagrams, modern, old) in rows {
        for (config, expected) in [(Config::default(), modern), (classic(), old)] {
            let dialect = config.dialect;
            // Polled after each datagram, and after all of them.
            let (mut eager, mut late) = (socket(config.clone()), socket(config));
            let mut seen = Vec::new();
            for (port, datagram) in &datagrams {
                hear(&mut eager, *port, datagram);
                seen.append(&mut events(&mut eager));
                hear(&mut late, *port, datagram);
            }
            assert_eq!(seen, expected, "{name} {dialect:?}");
            assert_eq!(events(&mut late), expected, "{name} {dialect:?}");
            assert_eq!(late.inbox.held(), 0, "{name} {dialect:?}");
        }
    }
}

#[test]
fn frames_leave_with_their_delimiter_to_where_they_are_emitted() {
    let mut socket = socket(classic().delimiter("||"));
    let peer = meet(&mut socket, 7);
    let _ = socket.emit(peer, "m", &Some("x")).unwrap();
    let _ = socket.emit(peer, "m", &()).unwrap();
    let wire: Vec<_> = core::iter::from_fn(|| socket.poll_transmit()).collect();
    assert_eq!(wire[0], (address(7), "{\"type\":\"m\",\"data\":\"x\"}||".into()));
    assert_eq!(wire[1], (address(7), "{\"type\":\"m\",\"data\":{}}||".into()));
    let refused = socket.emit(peer, "m", "||").unwrap_err();
    assert!(matches!(refused, EmitError::Encode(EncodeError::DelimiterInData)));
    assert!(matches!(socket.emit(PeerId::from(9), "m", &1), Err(EmitError::Closed(_))));
}

#[test]
fn raw_bytes_pass_untouched_a_datagram_at_a_time() {
    for config in [raw(), raw().dialect(Dialect::Classic)] {
        let mut socket = socket(config);
        for bytes in [&b"\x00\x80\xFF\xE9\xC3"[..], b"\xA9A\x0c", b""] {
            hear(&mut socket, 1, bytes);
            let Some((peer, Event::Raw(seen))) = socket.poll_event() else { panic!("{bytes:?}") };
            assert_eq!(seen, bytes);
            socket.send(peer, Frame::raw(seen)).unwrap();
            assert_eq!(socket.poll_transmit(), Some((address(1), Bytes::from_static(bytes))));
        }
        assert!(socket.emit(PeerId::from(1), "m", &1).is_err());
    }
}

#[test]
fn what_no_datagram_carries_is_refused_before_it_is_sent() {
    let rows = [("127.0.0.1:1", MAX_IPV4), ("[::1]:1", MAX_IPV6), ("[::ffff:127.0.0.1]:1", MAX_IPV4)];
    for (to, limit) in rows {
        let mut socket = socket(Config::default());
        let peer = socket.peer_at(Timestamp::ZERO, to.parse().unwrap());
        let fits = "x".repeat(limit - m("\"\"").len());
        let _ = socket.emit(peer, "m", &fits).unwrap();
        assert_eq!(sent(&mut socket), [(1, limit)], "{to}");
        let over = fits + "x";
        let refused = [
            socket.emit(peer, "m", &over).map(drop).unwrap_err(),
            socket.broadcast(Frame::encode("m", &over).unwrap()).map(drop).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.code(), Some("EMSGSIZE"));
            assert!(error.to_string().contains(&limit.to_string()), "{error}");
        }
        assert_eq!(sent(&mut socket), [], "{to}");
    }
}

#[test]
fn an_address_heard_from_once_gets_three_times_its_bytes() {
    let mut socket = socket(Config::default());
    hear(&mut socket, 1, &m("1"));
    let peer = socket.peers().next().unwrap();
    let len = m("1").len();
    assert_eq!((socket.allowance(peer), socket.standing(peer)), (Some(3 * len), Standing::Heard));
    let _ = socket.emit(peer, "m", &1).unwrap();
    let _ = socket.emit(peer, "m", &22).unwrap();
    assert_eq!(socket.allowance(peer), Some(len - 1));
    let refused = socket.emit(peer, "m", &3).unwrap_err();
    assert!(matches!(&refused, EmitError::Unconfirmed(frame) if frame.message().unwrap().name() == "m"));
    assert_eq!(socket.broadcast(Frame::encode("m", &3).unwrap()).unwrap(), 0);
    assert_eq!(sent(&mut socket), [(1, len), (1, len + 1)]);

    hear(&mut socket, 1, b"");
    assert_eq!((socket.allowance(peer), socket.standing(peer)), (None, Standing::Confirmed));
    let _ = socket.emit(peer, "m", &"x".repeat(10_000)).unwrap();
    let named = socket.peer_at(Timestamp::ZERO, address(2));
    assert_eq!((socket.allowance(named), socket.standing(named)), (None, Standing::Named));
    assert_eq!(socket.broadcast(Frame::encode("m", &3).unwrap()).unwrap(), 2);
}

#[test]
fn a_full_roster_forgets_the_least_certain_and_longest_silent() {
    let mut socket = socket(limited(|limits| limits.max_udp_peers = 3));
    let named = socket.peer_at(Timestamp::ZERO, address(1));
    let known = meet(&mut socket, 2);
    let at = Timestamp::from_millis;
    socket.handle_datagram(at(1), address(3), &m("3"));
    assert_eq!(standings(&mut socket), [(1, Standing::Named), (2, Standing::Confirmed), (3, Standing::Heard)]);
    // Four takes the place of three, whose unread message goes with it; two stays.
    socket.handle_datagram(at(2), address(4), &m("4"));
    assert_eq!(events(&mut socket), ["4 m=4"]);
    assert_eq!(standings(&mut socket), [(3, Standing::Forgotten), (4, Standing::Heard)]);
    socket.handle_datagram(at(3), address(4), &m("5"));
    // Both are certain now: the one that was silent longer goes, and gets a new number when it is back.
    socket.handle_datagram(at(4), address(5), b"");
    assert_eq!((socket.standing(known), socket.peers().count()), (Standing::Forgotten, 3));
    socket.handle_datagram(at(5), address(2), b"");
    assert_eq!(socket.peers().map(PeerId::get).collect::<Vec<_>>(), [1, 4, 6]);
    assert_eq!(socket.standing(named), Standing::Named);
    // When all are named, a stranger is not let in.
    for port in [6, 7] {
        let _ = socket.peer_at(at(6), address(port));
    }
    socket.handle_datagram(at(7), address(8), &m("8"));
    assert_eq!((socket.dropped(), socket.len()), (1, 3));
    assert!(socket.peer_addr(named).is_some());
    let _ = socket.peer_at(at(8), address(9));
    assert!(socket.peer_addr(named).is_none());
}

#[test]
fn silent_peers_are_forgotten_in_time_but_not_named_ones() {
    let mut socket = socket(limited(|limits| limits.udp_idle_timeout = HOUR));
    let at = |minutes: u64| Timestamp::from_millis(minutes * 60_000);
    let named = socket.peer_at(at(0), address(1));
    socket.handle_datagram(at(0), address(2), &m("1")[..5]);
    socket.handle_datagram(at(10), address(3), &m("2"));
    assert_eq!(events(&mut socket), ["3 m=2"]);
    assert_eq!(socket.poll_timeout(), Some(at(60)));
    socket.handle_datagram(at(20), address(2), b"");
    assert_eq!(socket.poll_timeout(), Some(at(70)));
    socket.handle_timeout(at(69));
    assert_eq!(socket.len(), 3);
    socket.handle_timeout(at(80));
    assert_eq!((socket.peers().collect::<Vec<_>>(), socket.held_bytes()), (vec![named], 0));
    assert_eq!(socket.poll_timeout(), None);
    // Whoever comes and goes between two polls is not told of.
    assert_eq!(standings(&mut socket), [(1, Standing::Named)]);
    assert!(socket.forget(named) && !socket.forget(named));
    assert_eq!(standings(&mut socket), [(1, Standing::Forgotten)]);
}

#[test]
fn incomplete_frames_are_capped_each_and_together() {
    let mut socket = socket(limited(|limits| (limits.max_udp_partial, limits.udp_partial_budget) = (100, 250)));
    let beginning = |len: usize| [b"{\"type\":\"m\",\"data\":\"".to_vec(), vec![b'x'; len - 20]].concat();
    for (port, len) in [(1, 60), (2, 80), (3, 100)] {
        hear(&mut socket, port, &beginning(len));
    }
    assert!(events(&mut socket).is_empty());
    hear(&mut socket, 4, &beginning(101));
    assert_eq!(events(&mut socket), ["4 ERR_IPC_FRAME_TOO_LARGE"]);
    hear(&mut socket, 4, &beginning(30));
    assert_eq!(events(&mut socket), ["3 ERR_IPC_BACKPRESSURE"]);
    assert_eq!(socket.inbox.held(), 60 + 80 + 30);
    for port in [1, 2, 4] {
        hear(&mut socket, port, b"\"}\x0c");
    }
    assert_eq!(events(&mut socket).len(), 3);
    assert_eq!(socket.inbox.held(), 0);
}

#[test]
fn frames_that_are_cut_do_not_keep_their_datagram_alive() {
    let mut socket = socket(Config::default());
    let large = [m(&format!("\"{}\"", "x".repeat(60_000))), b"{".to_vec()].concat();
    hear(&mut socket, 1, &large);
    let Some((_, Event::Message(message))) = socket.poll_event() else { panic!("no message") };
    assert!(socket.poll_event().is_none());
    hear(&mut socket, 1, b"\"type\":\"m\",\"data\":1}\x0c");
    assert_eq!(events(&mut socket), ["1 m=1"]);
    drop(message);
}

#[test]
fn guarded_checks_names_sizes_and_the_age_of_a_frame() {
    let guarded = || Config::default().profile(Profile::Guarded).max_message_size(40);
    let mut socket = socket(guarded());
    let long = format!("\"{}\"", "x".repeat(30));
    let rows = [
        (b"{\"type\":\"close\",\"data\":1}\x0c".to_vec(), "1 ERR_IPC_RESERVED_EVENT"),
        (b"{\"type\":\"toString\",\"data\":1}\x0c".to_vec(), "1 ERR_IPC_INVALID_EVENT"),
        (m(&long), "1 ERR_IPC_FRAME_TOO_LARGE"),
        (m("1"), "1 m=1"),
    ];
    for (datagram, expected) in rows {
        hear(&mut socket, 1, &datagram);
        assert_eq!(events(&mut socket), [expected]);
    }
    let peer = PeerId::from(1);
    assert_eq!(socket.emit(peer, "close", &1).unwrap_err().code(), Some("ERR_IPC_RESERVED_EVENT"));
    assert_eq!(socket.emit(peer, "m", &long).unwrap_err().code(), Some("ERR_IPC_FRAME_TOO_LARGE"));

    hear(&mut socket, 1, b"{\"type\":");
    assert!(events(&mut socket).is_empty());
    let late = Timestamp::from_millis(30_000);
    assert_eq!(socket.poll_timeout(), Some(late));
    socket.handle_timeout(late);
    assert_eq!(events(&mut socket), ["1 ERR_IPC_MESSAGE_TIMEOUT"]);
    socket.handle_datagram(late, address(1), &m("2"));
    assert_eq!(events(&mut socket), ["1 m=2"]);

    let assured = Arc::new(Config::default().profile(Profile::Assured).allow("m"));
    assert_eq!(Datagrams::new(assured).unwrap_err().code(), Code::AssuredTransport);
}

#[test]
fn peers_name_themselves_where_the_config_lets_them() {
    for (config, expected) in [(classic(), Some("\"Z\"")), (Config::default(), None)] {
        let mut socket = socket(config);
        for data in ["{\"id\":\"A\"}", "{\"id\":\"Z\"}", "{\"id\":0}"] {
            hear(&mut socket, 1, &m(data));
        }
        assert_eq!(events(&mut socket).len(), 3);
        assert_eq!(socket.peer_id(PeerId::from(1)).map(Json::as_str), expected);
    }
}

#[test]
fn what_waits_is_capped_and_its_end_is_told() {
    let mut socket = socket(Config::default().max_pending_bytes(200_000));
    let peer = meet(&mut socket, 1);
    let large = "x".repeat(60_000);
    let first = socket.send_tracked(peer, Frame::encode("one", &large).unwrap()).unwrap();
    let second = socket.send_tracked(peer, Frame::encode("two", &large).unwrap()).unwrap();
    assert_eq!(socket.emit(peer, "three", &large).unwrap(), Pressure::High);
    assert!(matches!(socket.emit(peer, "four", &large), Err(EmitError::Full(_))));
    assert_eq!(socket.pending_to(peer), socket.pending_bytes());

    assert!(socket.poll_transmit().is_some());
    assert_eq!(socket.poll_outcome(), None);
    assert!(socket.poll_transmit().is_some());
    assert_eq!(socket.poll_outcome(), Some((first, Outcome::Flushed)));
    socket.handle_unsent(IoError::new("ENETUNREACH", "no way"));
    socket.handle_unsent(IoError::new("ENETUNREACH", "no way"));
    assert_eq!(socket.poll_outcome(), Some((second, Outcome::Undelivered)));
    assert_eq!(events(&mut socket), ["1 ENETUNREACH", "1 undelivered two"]);
    socket.abort();
    assert_eq!(events(&mut socket), ["1 Writable", "1 undelivered three"]);
    assert_eq!((socket.pending_bytes(), socket.poll_transmit()), (0, None));
    let stats = socket.stats(peer).unwrap();
    assert_eq!((stats.messages_out, stats.undelivered, stats.bytes_out), (3, 2, 60_025));
}

#[test]
fn input_that_nobody_takes_is_dropped_beyond_a_mebibyte() {
    let mut socket = socket(raw());
    let datagram = vec![0; 60_000];
    while socket.wants_read() {
        hear(&mut socket, 1, &datagram);
    }
    assert_eq!(socket.dropped(), 0);
    hear(&mut socket, 1, &datagram);
    assert_eq!(socket.dropped(), 1);
    assert!(socket.held_bytes() < (1 << 20) + 65_536);
    assert_eq!(events(&mut socket).len(), 18);
    assert!(socket.wants_read());
}

fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => Just(m("1")),
        1 => Just(b"{\"type\":\"m\"".to_vec()),
        1 => Just(b"\x0c".to_vec()),
        1 => Just("\u{e9}".as_bytes()[..1].to_vec()),
        2 => proptest::collection::vec(any::<u8>(), 0..60),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn garbage_from_everywhere_stays_within_the_caps(
        steps in proptest::collection::vec((0..200u64, 0..40u16, garbage(), any::<[bool; 3]>()), 1..200),
        is_classic in any::<bool>(),
    ) {
        let dialect = if is_classic { Dialect::Classic } else { Dialect::Modern };
        let mut config = limited(|limits| {
            limits.max_udp_peers = 8;
            (limits.max_udp_partial, limits.udp_partial_budget) = (64, 200);
            limits.udp_idle_timeout = Duration::from_millis(500);
            limits.max_pending_bytes = 300;
        }).dialect(dialect).profile(Profile::Guarded);
        config.limits.message_timeout = Some(Duration::from_millis(300));
        let mut socket = socket(config);
        let named = socket.peer_at(Timestamp::ZERO, address(1000));
        let (mut now, mut received, mut returned) = (0, [0; 40], [0; 40]);
        let mut times_heard = [0; 40];
        for (pause, port, datagram, [polls, answers, sends]) in steps {
            now += pause;
            let at = Timestamp::from_millis(now);
            socket.handle_timeout(at);
            socket.handle_datagram(at, address(port), &datagram);
            received[usize::from(port)] += datagram.len();
            times_heard[usize::from(port)] += 1;
            while let Some((peer, event)) = if polls { socket.poll_event() } else { None } {
                if let (true, Event::Message(message)) = (answers, event) {
                    // Refusals are what is tested.
                    drop(socket.send(peer, message.to_frame()));
                }
            }
            prop_assert!(socket.len() <= 8 && socket.pending_bytes() <= 300);
            while let Some((to, bytes)) = if sends { socket.poll_transmit() } else { None } {
                let to = usize::from(to.port());
                returned[to] += bytes.len();
                prop_assert!(times_heard[to] > 1 || returned[to] <= 3 * received[to]);
            }
            if polls {
                prop_assert!(socket.inbox.held() <= 200);
                prop_assert!(events(&mut socket).iter().all(|event| event != "1 m=1"));
            }
            prop_assert_eq!(socket.standing(named), Standing::Named);
            while socket.poll_standing().is_some() {}
            prop_assert!(socket.roster.is_consistent());
        }
    }
}
