//! Futures that are dropped at random points, under traffic: nothing is lost, and nothing comes twice.
//!
//! A scenario that fails prints its seed; `IPC_CANCEL_SEED=…` uses it again.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join;
use ipc_conformance::host::Host;
use ipc_proto::{
    Config, EmitError, Event, Frame, Outcome, PeerId, Pressure, Router,
    facade::{Client, Connection, Server},
};

use crate::{
    dice::{Dice, until_ready},
    raw::Raw,
    stage::Stage,
    wire::Wire,
};

/// Messages each way.
const MANY: usize = 400;
const ROUNDS: u64 = 3;

/// A die that rolls differently.
fn other(dice: &mut Dice) -> Dice {
    Dice(dice.roll(u64::MAX) | 1)
}

/// So little room that emits have to wait.
fn tight<H: Host>(stage: &Stage<H>) -> Config {
    stage.config().max_pending_bytes(20 << 10)
}

/// Sizes that fit many times, once, and not at all.
fn data(n: usize) -> (usize, String) {
    (n, "x".repeat([1, 100, 8 << 10, 30 << 10][n * 7 % 4]))
}

fn frame(n: usize) -> Frame {
    Frame::encode("n", &data(n)).unwrap()
}

/// One side's account of the traffic.
#[derive(Debug, Default)]
struct Side {
    sent: usize,
    got: usize,
}

impl Side {
    fn is_done(&self) -> bool {
        self.sent == MANY && self.got == MANY
    }

    /// A dropped emit has queued nothing, so its message comes again.
    fn note_sent(&mut self, result: Option<Result<Pressure, EmitError>>) {
        match result {
            Some(Ok(_)) => self.sent += 1,
            Some(Err(EmitError::Stalled(_))) | None => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }

    fn note_got(&mut self, event: Option<Event>) {
        match event.expect("it is over") {
            Event::Message(message) => {
                assert_eq!(message.decode::<(usize, String)>().unwrap(), data(self.got));
                self.got += 1;
            }
            Event::Connected | Event::Writable => {}
            event => panic!("{event:?}"),
        }
    }
}

async fn run_client<H: Host>(client: &mut Client<H>, mut dice: Dice) {
    let mut side = Side::default();
    while !side.is_done() {
        if side.sent < MANY {
            let n = side.sent;
            let by_frame = dice.roll(2) == 0;
            let result = if by_frame {
                dice.cut(client.send(frame(n))).await
            } else {
                dice.cut(client.emit("n", &data(n))).await
            };
            side.note_sent(result);
        }
        if let Some(event) = dice.cut(client.next()).await {
            side.note_got(event);
        }
    }
}

async fn run_server<H: Host>(server: &mut Server<H>, peer: PeerId, mut dice: Dice) {
    let mut side = Side::default();
    while !side.is_done() {
        if side.sent < MANY {
            let n = side.sent;
            let by_frame = dice.roll(2) == 0;
            let result = if by_frame {
                dice.cut(server.send(peer, frame(n))).await
            } else {
                dice.cut(server.emit(peer, "n", &data(n))).await
            };
            side.note_sent(result);
        }
        if let Some(event) = dice.cut(server.next()).await {
            side.note_got(event.map(|(_, event)| event));
        }
    }
}

async fn run_connection<H: Host>(conn: &mut Connection<H>, mut dice: Dice) {
    let mut side = Side::default();
    while !side.is_done() {
        if side.sent < MANY {
            let n = side.sent;
            let by_frame = dice.roll(2) == 0;
            let result =
                if by_frame { dice.cut(conn.send(frame(n))).await } else { dice.cut(conn.emit("n", &data(n))).await };
            side.note_sent(result);
        }
        let room = usize::try_from(dice.roll(1 << 15)).unwrap();
        let _ = dice.cut(conn.flush_to(room)).await;
        if let Some(event) = dice.cut(conn.next()).await {
            side.note_got(event);
        }
    }
    until_ready!(dice, conn.flush_to(0));
}

pub(crate) async fn clients_and_servers<H: Host>(stage: Stage<H>) {
    for _ in 0..ROUNDS {
        let mut dice = Dice::new();
        let mut server = stage.serve(tight(&stage)).await;
        let mut client = stage.connect(tight(&stage), &server);
        until_ready!(dice, client.ready()).unwrap();
        let (peer, event) = until_ready!(dice, server.next()).unwrap();
        assert!(matches!(event, Event::Connected), "{event:?}");

        let (one, two) = (other(&mut dice), other(&mut dice));
        join(run_client(&mut client, one), run_server(&mut server, peer, two)).await;
        assert!(until_ready!(dice, client.close()).is_empty());
        until_ready!(dice, server.stop());
        let last = until_ready!(dice, server.next());
        assert!(matches!(last, Some((_, Event::Disconnected { .. }))), "{last:?}");
        assert!(until_ready!(dice, server.next()).is_none());
    }
}

pub(crate) async fn listeners_and_connections<H: Host>(stage: Stage<H>) {
    for _ in 0..ROUNDS {
        let mut dice = Dice::new();
        let mut listener = stage.listen(tight(&stage)).await;
        let mut client = stage.connect_at(tight(&stage), listener.endpoint());
        let mut conn = until_ready!(dice, listener.accept()).unwrap();

        let (one, two) = (other(&mut dice), other(&mut dice));
        join(run_client(&mut client, one), run_connection(&mut conn, two)).await;
        assert!(until_ready!(dice, conn.close()).is_empty());
        assert!(conn.next().await.is_none());
    }
}

pub(crate) async fn no_connection_is_lost_by_accepting<H: Host>(stage: Stage<H>) {
    // As many wait at a pipe as it has free instances.
    let crowd = if stage.wire == Wire::Pipe { 4_u8 } else { 20 };
    for _ in 0..ROUNDS {
        let mut dice = Dice::new();
        let mut listener = stage.listen(tight(&stage)).await;
        let mut streams = Vec::new();
        for n in 0..crowd {
            let mut raw = Raw::connect(listener.endpoint()).await;
            raw.write(format!("{{\"type\":\"{n}\",\"data\":{{}}}}\x0c")).await;
            streams.push(raw);
        }
        for n in 0..crowd {
            let mut conn = until_ready!(dice, listener.accept()).unwrap();
            assert!(matches!(until_ready!(dice, conn.next()), Some(Event::Connected)));
            let Some(Event::Message(message)) = until_ready!(dice, conn.next()) else { panic!("no message") };
            assert_eq!(message.name(), n.to_string());
        }
    }
}

pub(crate) async fn requests_and_deliveries<H: Host>(stage: Stage<H>) {
    for _ in 0..ROUNDS {
        let mut dice = Dice::new();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let router = Router::new().on_request("double", move |_, n: usize| {
            log.lock().unwrap().push(n);
            Ok::<_, Infallible>(2 * n)
        });
        let server = stage.serve_routed(tight(&stage), router, |_| ()).await;
        let mut client = stage.connect(tight(&stage), &server);
        let mut answered = Vec::new();
        for n in 0..MANY {
            if let Some(answer) = dice.cut(client.request("double", &n)).await {
                assert_eq!(answer.unwrap().decode::<usize>().unwrap(), 2 * n);
                answered.push(n);
            }
        }
        let last = client.request("double", &MANY).await.unwrap();
        assert_eq!(last.decode::<usize>().unwrap(), 2 * MANY);
        let mut delivery = client.emit_tracked("other", &()).await.unwrap();
        assert_eq!(until_ready!(dice, &mut delivery), Outcome::Flushed);

        let asked = std::mem::take(&mut *asked.lock().unwrap());
        assert!(asked.windows(2).all(|pair| pair[0] < pair[1]), "each once, in order: {asked:?}");
        assert!(answered.iter().all(|n| asked.binary_search(n).is_ok()), "{answered:?}");
        client.disconnect();
        // The answers to questions that were given up are nobody's events.
        while let Some(event) = client.next().await {
            assert!(!matches!(event, Event::Message(_)), "{event:?}");
        }
        server.stop().await;
    }
}

/// More than the events that wait at once, so that a close has to take them several times.
fn much<H: Host>(stage: &Stage<H>) -> Config {
    stage.config().max_pending_bytes(1 << 20).drain_timeout(Duration::from_millis(20))
}

fn all_of(frames: &[Frame], from: usize, to: usize) {
    let numbers: Vec<usize> =
        frames.iter().map(|frame| frame.message().unwrap().decode::<(usize, String)>().unwrap().0).collect();
    assert_eq!(numbers, Vec::from_iter(from..to));
}

pub(crate) async fn a_close_that_is_dropped_keeps_what_could_not_be_delivered<H: Host>(stage: Stage<H>) {
    for _ in 0..ROUNDS {
        let mut dice = Dice::new();
        let mut client = stage.connect_at(much(&stage), &stage.free_endpoint().await);
        let sent = (0..).position(|n| client.try_send(frame(n)).is_err()).unwrap();
        all_of(&until_ready!(dice, client.close()), 0, sent);

        let mut listener = stage.listen(much(&stage)).await;
        let _deaf = Raw::connect(listener.endpoint()).await;
        let mut conn = listener.accept().await.unwrap();
        let sent = (0..).position(|n| conn.try_send(frame(n)).is_err()).unwrap();
        let left = until_ready!(dice, conn.close());
        assert!(!left.is_empty());
        all_of(&left, sent - left.len(), sent);
    }
}
