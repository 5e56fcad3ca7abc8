//! Recorded scenarios whose events are a server's.

use std::{fs, time::Duration};

use ipc_conformance::host::Host;
use ipc_proto::{
    Frame, Profile,
    facade::{Error, Server},
};

use crate::{
    raw::Raw,
    recorded::{Scene, Story, watch_server, word_of},
    stage::{accepted, message},
};

pub(crate) async fn perform<H: Host>(scene: &Scene<H>, name: &str) -> Option<Story> {
    Some(match name {
        "client_killed" => client_killed(scene).await,
        "maxConnections_1" => max_connections(scene).await,
        "server_emit_to_closed" => emit_to_closed(scene).await,
        "two_clients_close_same_tick" => two_close(scene).await,
        "server_stop_with_clients" => stop_with_clients(scene).await,
        "serve_missing_dir" => failed(scene, "missing/s.sock", true).await,
        "serve_missing_dir_in_socketRoot" => missing_root(scene).await,
        "tcp_eaddrinuse" => port_in_use(scene).await,
        "unlink_false_directory" => on_a_folder(scene, false).await,
        "unlink_true_directory" => on_a_folder(scene, true).await,
        "unlink_true_regular_file" => on_a_file(scene).await,
        "unlink_true_stale_socket" => on_a_stale_socket(scene).await,
        "unlink_false_live_server" => on_a_live_server(scene).await,
        "v14_message_timeout_complete_and_partial" => message_timeout(scene).await,
        "v14_guarded_reserved_emit" => guarded_emits(scene),
        _ => return None,
    })
}

async fn serve<H: Host>(scene: &Scene<H>) -> Server<H> {
    scene.stage.serve(scene.config()).await
}

fn of_server(server: Vec<String>) -> Story {
    Story { server, ..Story::default() }
}

/// Where a server cannot listen, what would be its event is an error here.
fn refused<T>(result: Result<T, Error>) -> Vec<String> {
    let Err(error) = result else { return Vec::new() };
    vec![format!("error({})", error.code().unwrap_or("-"))]
}

async fn client_killed<H: Host>(scene: &Scene<H>) -> Story {
    let mut server = serve(scene).await;
    let mut raw = Raw::connect(&server.endpoints()[0]).await;
    raw.write("{\"type\":\"m\",\"data\":{\"id\":\"K\"}}\x0c").await;
    drop(raw);
    of_server(watch_server(&mut server, 1).await)
}

async fn max_connections<H: Host>(scene: &Scene<H>) -> Story {
    let mut server = scene.stage.serve(scene.config().max_connections(1)).await;
    let first = Raw::connect(&server.endpoints()[0]).await;
    let mut words = vec![word_of(&server.next().await.expect("it goes on").1).expect("connect")];
    let mut watch = scene.watch(scene.config(), &server.endpoints()[0]);
    // Refused again and again, until there is room.
    for _ in 0..3 {
        watch.until("disconnect").await;
    }
    drop(first);
    words.extend(watch_server(&mut server, 1).await);
    accepted(&mut server).await;
    words.push("connect".to_owned());
    let mut client = watch.story.client;
    client.retain(|word| !word.starts_with("error("));
    client.truncate(6);
    client.push("connect".to_owned());
    Story { client, ..of_server(words) }
}

async fn emit_to_closed<H: Host>(scene: &Scene<H>) -> Story {
    let mut server = serve(scene).await;
    let raw = Raw::connect(&server.endpoints()[0]).await;
    let peer = accepted(&mut server).await;
    let sender = server.sender(peer).expect("it is there");
    drop(raw);
    let words = watch_server(&mut server, 1).await;
    scene.stage.until(|| sender.is_closed()).await;
    assert!(sender.try_emit("m", &1).is_err());
    assert_eq!(server.broadcast("m", &1).await.expect("a number has a JSON form"), 0);
    of_server([vec!["connect".to_owned()], words].concat())
}

async fn two_close<H: Host>(scene: &Scene<H>) -> Story {
    let mut server = serve(scene).await;
    let mut raws = Vec::new();
    for _ in 0..3 {
        raws.push(scene.stage.stranger(&mut server).await.0);
    }
    let last = raws.remove(1);
    drop(raws);
    let mut words = vec!["connect".to_owned(); 3];
    words.extend(watch_server(&mut server, 2).await);
    scene.stage.until(|| server.peers().len() == 1).await;
    drop(last);
    words.extend(watch_server(&mut server, 1).await);
    of_server(words)
}

/// The server stops with a client that is connected, and starts again.
async fn stop_with_clients<H: Host>(scene: &Scene<H>) -> Story {
    let mut server = serve(scene).await;
    let mut watch = scene.watch(scene.config(), &server.endpoints()[0]);
    watch.until("connect").await;
    accepted(&mut server).await;
    server.stop().await;
    let mut words = vec!["connect".to_owned()];
    words.extend(watch_server(&mut server, 1).await);
    watch.until("disconnect").await;
    watch.client.emit("after-stop", &1).await.expect("it is kept");
    watch.until("disconnect").await;
    let mut server = scene.stage.serve_at(scene.config(), &scene.stage.endpoint()).await;
    watch.until("connect").await;
    let (_, kept) = message(&mut server).await;
    words.extend(["connect".to_owned(), kept.name().to_owned()]);
    Story { server: words, ..watch.story }
}

async fn failed<H: Host>(scene: &Scene<H>, name: &str, unlink: bool) -> Story {
    let mut config = scene.config();
    config.unlink = unlink;
    of_server(refused(scene.stage.ipc(config).serve_at(scene.stage.path(name)).await))
}

async fn missing_root<H: Host>(scene: &Scene<H>) -> Story {
    let served = scene.stage.ipc(scene.config()).serve().await;
    of_server(refused(served))
}

async fn port_in_use<H: Host>(scene: &Scene<H>) -> Story {
    let server = serve(scene).await;
    of_server(refused(scene.stage.ipc(scene.config()).serve_endpoints(server.endpoints().to_vec()).await))
}

async fn on_a_folder<H: Host>(scene: &Scene<H>, unlink: bool) -> Story {
    fs::create_dir(scene.stage.path("s.sock")).expect("the folder is this scenario's own");
    failed(scene, "s.sock", unlink).await
}

async fn on_a_file<H: Host>(scene: &Scene<H>) -> Story {
    fs::write(scene.stage.path("s.sock"), "").expect("the folder is this scenario's own");
    let story = failed(scene, "s.sock", true).await;
    assert!(fs::metadata(scene.stage.path("s.sock")).expect("it is left alone").is_file());
    story
}

async fn on_a_stale_socket<H: Host>(scene: &Scene<H>) -> Story {
    drop(
        std::os::unix::net::UnixListener::bind(scene.stage.path("s.sock")).expect("the folder is this scenario's own"),
    );
    failed(scene, "s.sock", true).await
}

async fn on_a_live_server<H: Host>(scene: &Scene<H>) -> Story {
    let mut server = serve(scene).await;
    let (mut old, _) = scene.stage.stranger(&mut server).await;
    let mut words = vec!["connect".to_owned()];
    words.extend(failed(scene, "s.sock", false).await.server);
    let (mut new, _) = scene.stage.stranger(&mut server).await;
    words.push("connect".to_owned());
    old.write("{\"type\":\"old\",\"data\":1}\x0c").await;
    words.push(message(&mut server).await.1.name().to_owned());
    new.write("{\"type\":\"new\",\"data\":1}\x0c").await;
    words.push(message(&mut server).await.1.name().to_owned());
    drop((old, new));
    words.extend(watch_server(&mut server, 2).await);
    of_server(words)
}

/// Each frame is in time, so that the connection stays; in the end one is not.
async fn message_timeout<H: Host>(scene: &Scene<H>) -> Story {
    let config = scene.config().profile(Profile::Guarded).message_timeout(Duration::from_secs(2));
    let mut server = scene.stage.serve(config).await;
    let (mut raw, _) = scene.stage.stranger(&mut server).await;
    raw.write("{\"type\":\"m\",\"da").await;
    let mut words = vec!["connect".to_owned()];
    for _ in 0..3 {
        raw.write("ta\":1}\x0c{\"type\":\"m\",\"da").await;
        words.push(message(&mut server).await.1.name().to_owned());
    }
    words.extend(watch_server(&mut server, 1).await);
    of_server(words)
}

/// What Guarded does not emit is an error of the emit, with node-ipc's code.
fn guarded_emits<H: Host>(scene: &Scene<H>) -> Story {
    let config = scene.config().profile(Profile::Guarded);
    let client = scene.stage.connect_at(config, &scene.stage.endpoint());
    let code = |name: &str| client.try_emit(name, &1).expect_err("it is refused").code().map(str::to_owned);
    assert_eq!(code("").as_deref(), Some("ERR_IPC_INVALID_EVENT"));
    assert_eq!(code("connect").as_deref(), Some("ERR_IPC_RESERVED_EVENT"));
    assert_eq!(code(&"x".repeat(257)).as_deref(), Some("ERR_IPC_EVENT_TOO_LARGE"));
    let large =
        client.try_send(Frame::encode("m", &"x".repeat(2 << 20)).expect("a text")).expect_err("it is too large");
    assert_eq!(large.code(), Some("ERR_IPC_FRAME_TOO_LARGE"));
    Story::default()
}
