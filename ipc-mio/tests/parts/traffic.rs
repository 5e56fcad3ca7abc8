//! What is said goes through, over every transport.

use ipc_mio::{Client, EmitError, Event, Frame, Outcome, Server, UdpEndpoint};

use crate::turns::{Turns, echo, pair, said, text};

fn echoes(endpoint: &str) {
    let mut turns = Turns::new();
    let mut parts = pair(&mut turns, endpoint);
    // More than any socket buffers, in both directions at once.
    for data in ["hello".to_owned(), "x".repeat(3 << 20)] {
        let _ = parts.1.emit("message", &data).unwrap();
        let answer = turns.until(&mut parts, |(server, client)| {
            echo(server);
            text(client)
        });
        assert!(answer == data, "{} bytes came back", answer.len());
    }
    parts.1.close();
    parts.0.stop();
    turns.until(&mut parts, |(server, client)| {
        while let Some(event) = client.poll_event() {
            assert!(!matches!(event, Event::Error(_) | Event::Undelivered(_)), "{event:?}");
        }
        while let Some((_, event)) = server.poll_event() {
            assert!(!matches!(event, Event::Error(_) | Event::Undelivered(_)), "{event:?}");
        }
        (server.is_over() && client.is_over()).then_some(())
    });
    assert_eq!((parts.0.sockets(), parts.0.tasks(), parts.0.timers()), (0, 0, 0));
    assert_eq!((parts.1.sockets(), parts.1.tasks(), parts.1.timers()), (0, 0, 0));
}

#[test]
fn over_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    echoes(&format!("unix:{}", folder.path().join("s").display()));
}

#[cfg(target_os = "linux")]
#[test]
fn over_abstract_sockets() {
    echoes(&format!("abstract:ipc-mio-{}", std::process::id()));
}

#[test]
fn over_tcp() {
    echoes("tcp:127.0.0.1:0");
}

#[test]
fn a_name_is_looked_up() {
    echoes("tcp:localhost:0");
}

#[test]
fn over_udp() {
    let mut turns = Turns::new();
    let mut ends: Vec<UdpEndpoint> = Vec::new();
    for token in 0..2 {
        let mut end = UdpEndpoint::new(turns.registry(), token..token + 1);
        end.serve_udp4("127.0.0.1:0").unwrap();
        ends.push(end);
    }
    let address = ends[1].endpoints()[0].to_string();
    let peer = ends[0].udp_peer(address.trim_start_matches("udp4:")).unwrap();
    let _ = ends[0].emit(peer, "message", "hello").unwrap();
    let (peer, heard) = turns.until(&mut ends, |ends| said(&mut ends[1]));
    assert_eq!(heard, "hello");
    let _ = ends[1].emit(peer, "message", "world").unwrap();
    assert_eq!(turns.until(&mut ends, |ends| said(&mut ends[0])).1, "world");
    // Of those whom it has heard from.
    assert_eq!(ends[0].broadcast("message", "all").unwrap(), 1);
    assert_eq!(turns.until(&mut ends, |ends| said(&mut ends[1])).1, "all");
    ends.iter_mut().for_each(|end| end.stop());
    turns.until(&mut ends, |ends| ends.iter_mut().all(|end| end.poll_event().is_none() && end.is_over()).then_some(()));
    assert!(ends.iter().all(|end| (end.sockets(), end.tasks()) == (0, 0)));
    assert_eq!(ends[0].udp_peer("127.0.0.1:1").unwrap_err().code(), Some("ECANCELED"));
}

#[test]
fn what_a_client_did_is_counted() {
    let mut turns = Turns::new();
    let (server, mut client) = pair(&mut turns, "tcp:127.0.0.1:0");
    assert_eq!((client.stats().connects, client.stats().messages_out), (1, 0));
    let _ = client.emit_type("bare").unwrap();
    let mut parts = (server, client);
    let bare = turns.until(&mut parts, |(server, _)| match server.poll_event() {
        Some((peer, Event::Message(message))) => Some((peer, message)),
        _ => None,
    });
    assert_eq!(bare.1.name(), "bare");
    let _ = parts.0.emit(bare.0, "message", "seen").unwrap();
    assert_eq!(turns.until(&mut parts, |(_, client)| text(client)), "seen");
    let stats = parts.1.stats();
    assert_eq!((stats.messages_out, stats.messages_in, stats.errors, stats.undelivered), (1, 1, 0, 0));
    let (out, back) = (br#"{"type":"bare","data":{}}|"#, br#"{"type":"message","data":"seen"}|"#);
    assert_eq!((stats.bytes_out, stats.bytes_in), (out.len() as u64, back.len() as u64));
}

#[test]
fn to_some_and_to_all() {
    let mut turns = Turns::new();
    let mut server = Server::new(turns.registry(), 0..10);
    server.serve_net("127.0.0.1:0").unwrap();
    let clients: Vec<Client> = (10..13)
        .map(|token| {
            let mut client = Client::new(turns.registry(), token..token + 1);
            client.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
            let _ = client.emit("hello", &token).unwrap();
            client
        })
        .collect();
    let mut parts = (server, clients);
    let mut peers = [None; 3];
    turns.until(&mut parts, |(server, _)| {
        while let Some((peer, event)) = server.poll_event() {
            if let Event::Message(message) = event {
                peers[message.decode::<usize>().unwrap() - 10] = Some(peer);
            }
        }
        peers.iter().all(Option::is_some).then_some(())
    });
    let [one, two, three] = peers.map(Option::unwrap);
    let server = &mut parts.0;
    assert!(server.join(one, "room") && server.join(two, "room") && server.join(three, "room"));
    assert!(server.leave(three, "room") && !server.leave(three, "room"));
    assert_eq!(server.broadcast_to("room", &[one], "news", "for two").unwrap(), 1);
    assert_eq!(server.broadcast("news", "for all").unwrap(), 3);
    let mut heard = [const { Vec::new() }; 3];
    turns.until(&mut parts, |(_, clients)| {
        for (client, heard) in clients.iter_mut().zip(&mut heard) {
            heard.extend(std::iter::from_fn(|| text(client)));
        }
        (heard.iter().map(Vec::len).sum::<usize>() == 4).then_some(())
    });
    assert_eq!(heard, [vec!["for all"], vec!["for two", "for all"], vec!["for all"]]);
}

#[test]
fn a_frame_without_room_comes_back_and_nothing_waits() {
    let mut turns = Turns::new();
    let (mut server, mut client) = pair(&mut turns, "tcp:127.0.0.1:0");
    let frame = Frame::encode("message", &"x".repeat(1 << 20)).unwrap();
    // Nobody drives, so nothing leaves.
    let refused = (0..100).find_map(|_| client.send(frame.clone()).err()).unwrap();
    let EmitError::Full(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused.len(), frame.len());
    assert!(client.pending_bytes() <= 8 << 20);
    let delivery = {
        let mut client = Client::new(turns.registry(), 101..102);
        assert!(matches!(client.send(frame.clone()), Err(EmitError::Closed(_))));
        client.connect_to_endpoint("world", server.endpoints()[0].clone()).unwrap();
        let delivery = client.send_tracked(frame.clone()).unwrap();
        assert_eq!(delivery.outcome(), None);
        delivery
    };
    // It went with its part, and who waits hears of it.
    assert_ne!(delivery.outcome(), None);
    let delivery = server.send_tracked(server.peers()[0], frame).unwrap();
    let mut parts = (server, client);
    let outcome = turns.until(&mut parts, |(_, client)| {
        while client.poll_event().is_some() {}
        delivery.outcome()
    });
    assert_eq!(outcome, Outcome::Flushed);
}
