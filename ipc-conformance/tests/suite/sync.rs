//! One message in flight, the next one after an answer.

use std::time::Duration;

use futures_util::future::{join, join3};
use ipc_conformance::host::Host;
use ipc_proto::{Event, SyncLoss, facade::RequestError};

use crate::{
    raw::RawListener,
    stage::{Stage, data, message, text},
};

pub(crate) async fn the_next_message_goes_when_the_last_is_answered<H: Host>(stage: Stage<H>) {
    let listener = RawListener::bind(&stage.endpoint());
    let mut client = stage.connect_at(stage.config().sync(true), &listener.endpoint);
    for n in 0..20 {
        client.emit("q", &n).await.unwrap();
    }
    let mut raw = listener.accept().await;
    for n in 0..20 {
        // The next one is not there before the answer is, or a frame would not end the read.
        assert_eq!(raw.read().await, format!("{{\"type\":\"q\",\"data\":{n}}}\x0c").as_bytes());
        raw.write(format!("{{\"type\":\"r\",\"data\":{n}}}\x0c")).await;
        assert_eq!(data(&mut client).await, n.to_string());
    }
}

pub(crate) async fn the_next_message_answers_a_request<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let client = stage.connect(stage.config().sync(true), &server);
    let serve = async {
        for n in 0..3 {
            let (peer, asked) = message(&mut server).await;
            assert_eq!(asked.decode::<u32>().unwrap(), n, "sent as it is, without a number");
            server.emit(peer, "whatever", &(n + 10)).await.unwrap();
        }
    };
    let ask = join3(client.request("a", &0), client.request("b", &1), client.request("c", &2));
    let ((a, b, c), ()) = join(ask, serve).await;
    let answers = [a, b, c].map(|answer| answer.unwrap().decode::<u32>().unwrap());
    assert_eq!(answers, [10, 11, 12]);
}

pub(crate) async fn a_late_answer_is_not_the_next_ones<H: Host>(stage: Stage<H>) {
    let mut server = stage.serve(stage.config()).await;
    let client = stage.connect(stage.config().sync(true), &server);
    // Its time begins when it has arrived, so that it is in flight for certain.
    let late = client.request_within(Duration::from_secs(2), "first", &());
    let (late, (first, _)) = join(late, message(&mut server)).await;
    assert!(matches!(late, Err(RequestError::Timeout)));
    let serve = async {
        let (second, asked) = message(&mut server).await;
        assert_ne!(first, second, "the connection was renewed");
        assert!(server.emit(first, "late", &1).await.is_err());
        assert_eq!(asked.name(), "second");
        server.emit(second, "answer", &2).await.unwrap();
    };
    let (answer, ()) = join(client.request("second", &()), serve).await;
    assert_eq!(answer.unwrap().as_str(), "2");
}

/// The answer to the first message never comes; what becomes of it is the config's choice, and the queue goes on.
async fn after_a_lost_answer<H: Host>(stage: &Stage<H>, loss: SyncLoss) -> (Vec<String>, usize) {
    let mut config = stage.config().sync(true);
    config.sync_loss = loss;
    let mut server = stage.serve(stage.config()).await;
    let mut client = stage.connect(config, &server);
    for n in 0..2 {
        client.emit("q", &n).await.unwrap();
    }
    let (peer, first) = message(&mut server).await;
    assert_eq!(text(&first), "0");
    server.disconnect(peer);
    let mut later = Vec::new();
    let mut reported = 0;
    while later.last().is_none_or(|last| last != "1") {
        let (peer, asked) = message(&mut server).await;
        later.push(text(&asked));
        server.emit(peer, "r", &()).await.unwrap();
        while !matches!(count_lost(client.next().await, &mut reported), Some(Event::Message(_))) {}
    }
    client.disconnect();
    while count_lost(client.next().await, &mut reported).is_some() {}
    (later, reported)
}

fn count_lost(event: Option<Event>, lost: &mut usize) -> Option<Event> {
    *lost += usize::from(matches!(event, Some(Event::Undelivered(_))));
    event
}

pub(crate) async fn a_lost_connection_does_not_wedge_the_queue<H: Host>(stage: Stage<H>) {
    let (later, reported) = after_a_lost_answer(&stage, SyncLoss::Report).await;
    assert_eq!((later, reported), (vec!["1".to_owned()], 1));
    let (later, reported) = after_a_lost_answer(&stage, SyncLoss::Resend).await;
    assert_eq!((later, reported), (vec!["0".to_owned(), "1".to_owned()], 0));
}

pub(crate) async fn answers_that_do_not_come_do_not_wedge_the_queue<H: Host>(stage: Stage<H>) {
    let mut config = stage.config().sync(true);
    config.sync_timeout = Some(Duration::from_millis(10));
    let mut server = stage.serve(stage.config()).await;
    let mut client = stage.connect(config, &server);
    for n in 0..3 {
        client.emit("q", &n).await.unwrap();
    }
    for n in 0..3 {
        assert_eq!(text(&message(&mut server).await.1), n.to_string());
    }
    let mut reported = 0;
    while reported < 3 {
        count_lost(client.next().await, &mut reported).expect("it goes on");
    }
}
