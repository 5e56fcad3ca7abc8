//! The ready-made loop, and the handles on it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use futures_util::future;
use ipc_mio::{
    EventLoop,
    facade::{Client, Config, Endpoint, Event, Ipc, RequestError, Retry, Router, Sender, Server},
};

/// Longer than anything takes on the slowest machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

async fn serve(ipc: &Ipc) -> Server {
    ipc.serve_net("127.0.0.1:0").await.unwrap()
}

fn connect(ipc: &Ipc, id: &str, server: &Server) -> Client {
    ipc.connect_to_endpoint(id, server.endpoints()[0].clone()).unwrap()
}

async fn said(server: &mut Server) -> String {
    loop {
        if let Some((_, Event::Message(message))) = server.next().await {
            return message.decode().unwrap();
        }
    }
}

async fn heard(client: &mut Client) -> String {
    loop {
        if let Some(Event::Message(message)) = client.next().await {
            return message.decode().unwrap();
        }
    }
}

#[test]
fn handles_talk() {
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default());
    event_loop
        .block_on(async {
            let mut server = serve(&ipc).await;
            let mut clients: Vec<Client> = (0..20).map(|n| connect(&ipc, &n.to_string(), &server)).collect();
            future::join_all(clients.iter_mut().map(Client::ready))
                .await
                .into_iter()
                .collect::<Result<(), _>>()
                .unwrap();
            for client in &mut clients {
                client.emit("message", "hello").await.unwrap();
                assert_eq!(said(&mut server).await, "hello");
            }
            assert_eq!(server.broadcast("message", "world").await.unwrap(), 20);
            for client in &mut clients {
                assert_eq!(heard(client).await, "world");
            }
            let (_, undelivered) = future::join(server.stop(), clients[0].close()).await;
            assert!(undelivered.is_empty());
        })
        .unwrap();
}

#[test]
fn questions_and_their_time() {
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default());
    event_loop
        .block_on(async {
            let endpoint: Endpoint = "tcp:127.0.0.1:0".parse().unwrap();
            let router = Router::new().on_request("add", |_, (a, b): (i32, i32)| Ok::<_, &str>(a + b));
            let server = ipc.serve_routed(vec![endpoint], router, |_| ()).await.unwrap();
            let client = connect(&ipc, "world", &server);
            assert_eq!(client.request("add", &(1, 2)).await.unwrap().decode::<i32>().unwrap(), 3);
            let answer = client.request_within(Duration::from_millis(20), "nobody", &()).await;
            assert!(matches!(answer, Err(RequestError::Timeout)), "{answer:?}");
        })
        .unwrap();
    assert_eq!(event_loop.timers(), 0);
}

#[test]
fn a_connection_that_its_owner_polls() {
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default());
    event_loop
        .block_on(async {
            let mut listener = ipc.listen("tcp:127.0.0.1:0".parse().unwrap()).await.unwrap();
            let mut client = ipc.connect_to_endpoint("world", listener.endpoint().clone()).unwrap();
            let text = "x".repeat(3 << 20);
            client.emit("message", &text).await.unwrap();
            let mut connection = listener.accept().await.unwrap();
            let answered = async {
                while let Some(event) = connection.next().await {
                    if let Event::Message(message) = event {
                        let _ = connection.relay(&message).unwrap();
                        connection.flush_to(0).await;
                        break;
                    }
                }
            };
            let (_, answer) = future::join(answered, heard(&mut client)).await;
            assert!(answer == text);
        })
        .unwrap();
}

#[test]
fn other_threads_wake_the_loop() {
    const ROUNDS: usize = 200;
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default());
    let (tell, told) = mpsc::channel();
    event_loop
        .block_on(async {
            let mut server = serve(&ipc).await;
            let mut client = connect(&ipc, "world", &server);
            client.ready().await.unwrap();
            let sender = client.sender();
            let thread = thread::spawn(move || {
                for round in 0..ROUNDS {
                    let _ = sender.try_emit("message", &round.to_string()).unwrap();
                    told.recv_timeout(PATIENCE).unwrap();
                }
            });
            for round in 0..ROUNDS {
                assert_eq!(said(&mut server).await, round.to_string());
                tell.send(()).unwrap();
            }
            thread.join().unwrap();
            drop(client.next().await);
        })
        .unwrap();
}

/// A flag that a thread raises, for a future to wait for.
#[derive(Default)]
struct Flag {
    up: AtomicBool,
    waker: std::sync::Mutex<Option<Waker>>,
}

impl Flag {
    async fn wait(&self) {
        poll_fn(|cx| {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            if self.up.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn raise(&self) {
        self.up.store(true, Ordering::SeqCst);
        self.waker.lock().unwrap().take().expect("it is waited for").wake();
    }
}

#[test]
fn idle_connections_cost_no_turns() {
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default());
    let (server, clients) = event_loop
        .block_on(async {
            let mut server = serve(&ipc).await;
            let clients: Vec<Client> = (0..20).map(|n| connect(&ipc, &n.to_string(), &server)).collect();
            for client in &clients {
                client.emit("message", "hello").await.unwrap();
                assert_eq!(said(&mut server).await, "hello");
            }
            (server, clients)
        })
        .unwrap();
    // What is still on its way.
    for _ in 0..10 {
        event_loop.turn(Some(Duration::ZERO)).unwrap();
    }
    assert_eq!((event_loop.timers(), event_loop.sockets()), (0, 41));
    let flag = Arc::new(Flag::default());
    let raise = {
        let flag = Arc::clone(&flag);
        // However long this is: it is the only thing that can wake the loop.
        move || {
            thread::sleep(Duration::from_millis(100));
            flag.raise();
        }
    };
    let before = event_loop.turns();
    let mut thread = None;
    event_loop
        .block_on(async {
            let mut wait = pin!(flag.wait());
            // The flag is waited for before the thread that raises it begins.
            let _ = future::poll_immediate(wait.as_mut()).await;
            thread = Some(thread::spawn(raise));
            wait.await;
        })
        .unwrap();
    thread.unwrap().join().unwrap();
    assert_eq!(event_loop.turns() - before, 1);
    drop((server, clients));
}

#[test]
fn what_is_dropped_leaves_the_loop() {
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default().retry(Retry::every(Duration::from_secs(3600))));
    let gone = event_loop
        .block_on(async {
            let server = serve(&ipc).await;
            let clients: Vec<Client> = (0..5).map(|n| connect(&ipc, &n.to_string(), &server)).collect();
            let mut lost = ipc.connect_to_path("nobody", "/nowhere/at/all").unwrap();
            assert!(matches!(lost.next().await, Some(Event::Error(_))));
            for client in clients.iter().map(Client::sender) {
                client.emit("message", "hello").await.unwrap();
            }
            clients.iter().map(Client::sender).collect::<Vec<_>>()
        })
        .unwrap();
    while event_loop.tasks() > 0 {
        event_loop.turn(Some(PATIENCE)).unwrap();
    }
    assert_eq!((event_loop.sockets(), event_loop.timers()), (0, 0));
    assert!(gone.iter().all(Sender::is_closed));
}

#[test]
fn a_loop_that_goes_takes_everything_with_it() {
    let mut event_loop = EventLoop::new().unwrap();
    let ipc = event_loop.ipc(Config::default());
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    event_loop.spawn(async move {
        pending::<()>().await;
        drop(held);
    });
    let (mut server, mut client) = event_loop
        .block_on(async {
            let server = serve(&ipc).await;
            let mut client = connect(&ipc, "world", &server);
            client.ready().await.unwrap();
            (server, client)
        })
        .unwrap();
    drop(event_loop);
    assert_eq!(Arc::strong_count(&alive), 1);
    // Whoever waits hears of it.
    let mut other = EventLoop::new().unwrap();
    other
        .block_on(async {
            while client.next().await.is_some() {}
            while server.next().await.is_some() {}
            assert!(client.emit("message", "late").await.is_err());
            let mut late = ipc.connect_to_endpoint("late", server.endpoints()[0].clone()).unwrap();
            assert!(late.next().await.is_none());
        })
        .unwrap();
}

#[test]
fn a_handle_can_be_polled_on_another_loop() {
    let (mut one, mut other) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let ipc = one.ipc(Config::default());
    let (server, mut client) = one
        .block_on(async {
            let server = serve(&ipc).await;
            let client = connect(&ipc, "world", &server);
            (server, client)
        })
        .unwrap();
    // The first loop slept for a while: the time of a question runs from when it is asked all the same.
    let runs = thread::spawn(move || {
        one.block_on(async move {
            let mut server = server;
            while let Some((peer, event)) = server.next().await {
                match event {
                    Event::Message(message) => drop(server.send(peer, message.to_frame()).await.unwrap()),
                    Event::Disconnected { .. } => break,
                    _ => {}
                }
            }
        })
        .unwrap();
    });
    other
        .block_on(async {
            client.emit("message", "hello").await.unwrap();
            assert_eq!(heard(&mut client).await, "hello");
            assert!(client.close().await.is_empty());
        })
        .unwrap();
    runs.join().unwrap();
}
