//! Recorded scenarios whose events are a client's.

use std::path::Path;

use ipc_conformance::host::Host;
use ipc_proto::{Config, Profile};

use crate::{
    raw::RawListener,
    recorded::{Scene, Story},
};

pub(crate) async fn perform<H: Host>(scene: &Scene<H>, name: &str) -> Option<Story> {
    let path = scene.stage.path("s.sock");
    let names_a_value = ["maxRetries_", "stopRetrying_before_"].iter().any(|prefix| name.starts_with(prefix));
    if names_a_value && Config::from_json(option(name)).is_err() {
        return None;
    }
    Some(match name {
        "down_default_retry" | "down_tcp_refused" => down(scene, scene.config()).await,
        "down_regular_file" => {
            std::fs::write(path, "").unwrap();
            down(scene, scene.config()).await
        }
        "retry_zero" => down_to_end(scene, r#"{"retry":0,"maxRetries":5}"#).await,
        name if name.starts_with("stopRetrying_before_") => match &*option(name) {
            json if is_falsy(json) => down(scene, with(scene, json)).await,
            json => down_to_end(scene, json).await,
        },
        "stopRetrying_while_connected" => gone(scene, r#"{"stopRetrying":true}"#).await,
        name if name.starts_with("maxRetries_down_") => down_to_end(scene, &option(name)).await,
        name if name.starts_with("maxRetries_after_connect_") => gone(scene, &option(name)).await,
        "down_then_up" => down_then_up(scene).await,
        "disconnect_connected" => disconnect(scene, true).await,
        "disconnect_connecting" | "disconnect_connecting_tcp" => disconnect(scene, false).await,
        "disconnect_retrying" => disconnect_retrying(scene).await,
        "emit_after_disconnect" => emit_after_disconnect(scene).await,
        "emit_before_connect_live" => emit_before_connect(scene).await,
        "emit_after_server_drop" => emit_after_server_drop(scene).await,
        "connectTo_twice_connected" => twice_connected(scene).await,
        "connectTo_twice_retrying" => twice_retrying(scene).await,
        "partial_frame_across_reconnect" => partial_frame(scene).await,
        "server_killed" => server_killed(scene).await,
        "server_restart" => server_restart(scene).await,
        "server_rst" => server_rst(scene).await,
        "v14_protocol_error_client_no_retry" => protocol_error(scene).await,
        "v14_backpressure_client" => backpressure(scene).await,
        "disconnect_unknown" => {
            scene.stage.ipc(scene.config()).disconnect("nope");
            Story::default()
        }
        _ => return None,
    })
}

/// node-ipc's option, from a scenario's name: its value is the last word, and a string between two letters s.
fn option(name: &str) -> String {
    let [key, value] = [name.split('_').next(), name.rsplit('_').next()].map(Option::unwrap_or_default);
    match value.strip_prefix('s').and_then(|text| text.strip_suffix('s')) {
        Some(text) => format!("{{\"{key}\":\"{text}\"}}"),
        None => format!("{{\"{key}\":{value}}}"),
    }
}

/// Whether JavaScript takes the option for unset.
fn is_falsy(json: &str) -> bool {
    [":0}", ":false}", ":null}", ":\"\"}"].iter().any(|end| json.ends_with(end))
}

/// Options by node-ipc's names, beside those of the scene.
fn with<H: Host>(scene: &Scene<H>, json: &str) -> Config {
    let mut retry = Config::from_json(json).expect("node-ipc takes it").config.retry;
    if !json.contains("\"retry\"") {
        retry.delay = scene.config().retry.delay;
    }
    scene.config().retry(retry)
}

/// Nobody listens, and attempts go on.
async fn down<H: Host>(scene: &Scene<H>, config: Config) -> Story {
    let endpoint = if Path::new(&scene.stage.path("s.sock")).exists() {
        scene.stage.endpoint()
    } else {
        scene.stage.free_endpoint().await
    };
    let mut watch = scene.watch(config, &endpoint);
    watch.some(4).await;
    watch.story
}

async fn down_to_end<H: Host>(scene: &Scene<H>, json: &str) -> Story {
    scene.watch(with(scene, json), &scene.stage.endpoint()).ending().await
}

/// A bare server that takes one connection and then is gone for good.
async fn gone<H: Host>(scene: &Scene<H>, json: &str) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(with(scene, json), &listener.endpoint);
    let raw = listener.accept().await;
    watch.until("connect").await;
    listener.remove();
    drop(raw);
    watch.ending().await
}

async fn down_then_up<H: Host>(scene: &Scene<H>) -> Story {
    let mut watch = scene.watch(scene.config(), &scene.stage.endpoint());
    watch.some(6).await;
    let _server = scene.stage.serve(scene.config()).await;
    watch.until("connect").await;
    watch.story
}

async fn disconnect<H: Host>(scene: &Scene<H>, connected: bool) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(scene.config(), &listener.endpoint);
    if connected {
        watch.until("connect").await;
    }
    watch.client.disconnect();
    let mut story = watch.ending().await;
    if !connected {
        // The client's task may have been quicker than this one, which cannot be in Node.
        story.client.retain(|word| word != "connect");
    }
    story
}

async fn disconnect_retrying<H: Host>(scene: &Scene<H>) -> Story {
    let mut watch = scene.watch(scene.config(), &scene.stage.endpoint());
    watch.some(4).await;
    watch.client.disconnect();
    watch.ending().await
}

async fn emit_after_disconnect<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(scene.config(), &listener.endpoint);
    let mut raw = listener.accept().await;
    watch.until("connect").await;
    watch.client.emit("last", &1).await.expect("it is connected");
    watch.client.disconnect();
    let sender = watch.client.sender();
    let story = watch.ending().await;
    assert!(sender.emit("late", &1).await.is_err());
    Story { received: String::from_utf8(raw.read_to_end().await).expect("text"), ..story }
}

async fn emit_before_connect<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(scene.config(), &listener.endpoint);
    watch.client.emit("early", &1).await.expect("it is kept");
    let mut raw = listener.accept().await;
    watch.until("connect").await;
    let received = String::from_utf8(raw.frame().await).expect("text");
    Story { received, ..watch.story }
}

/// What is emitted without a server is kept; nothing of it is an event.
async fn emit_after_server_drop<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(scene.config(), &listener.endpoint);
    let raw = listener.accept().await;
    watch.until("connect").await;
    listener.remove();
    drop(raw);
    watch.until("disconnect").await;
    watch.client.emit("a", &1).await.expect("it is kept");
    watch.until("disconnect").await;
    watch.client.emit("b", &2).await.expect("it is kept");
    watch.story
}

async fn twice_connected<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let ipc = scene.stage.ipc(scene.config());
    let connect = || ipc.connect_to_endpoint("srv", listener.endpoint.clone());
    let mut client = connect().expect("the first");
    client.ready().await.expect("the server is there");
    assert!(connect().is_err(), "it is connected already");
    let first = client.next().await.expect("it goes on");
    Story { client: crate::recorded::word_of(&first).into_iter().collect(), ..Story::default() }
}

/// The second one is refused, so that there is one connection in the end.
async fn twice_retrying<H: Host>(scene: &Scene<H>) -> Story {
    let ipc = scene.stage.ipc(scene.config());
    let connect = || ipc.connect_to_endpoint("srv", scene.stage.endpoint());
    let mut watch = crate::recorded::Watch { client: connect().expect("the first"), story: Story::default() };
    watch.some(4).await;
    assert!(connect().is_err(), "it is connecting already");
    let _server = scene.stage.serve(scene.config()).await;
    watch.until("connect").await;
    watch.story
}

async fn partial_frame<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(scene.config(), &listener.endpoint);
    let mut raw = listener.accept().await;
    raw.write("{\"type\":\"f\",\"da").await;
    drop(raw);
    let mut raw = listener.accept().await;
    raw.write("ta\":1}\x0c{\"type\":\"g\",\"data\":2}\x0c").await;
    raw.finish().await;
    watch.until("connect").await;
    watch.until("connect").await;
    watch.until("disconnect").await;
    if watch.story.client.ends_with(&["g".to_owned(), "disconnect".to_owned()]) {
        return watch.story;
    }
    watch.ending().await
}

async fn server_killed<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(scene.config(), &listener.endpoint);
    let raw = listener.accept().await;
    watch.until("connect").await;
    // As in a process that is killed, the socket's file stays.
    drop((listener, raw));
    watch.some(5).await;
    watch.story
}

async fn server_restart<H: Host>(scene: &Scene<H>) -> Story {
    let endpoint = scene.stage.endpoint();
    let hello = scene.config().on_connect("hi", &1).expect("a number has a JSON form");
    let mut watch = scene.watch(hello, &endpoint);
    let mut received = Vec::new();
    watch.story.client.clear();
    for round in 0..2 {
        let listener = RawListener::bind(&endpoint);
        let mut raw = listener.accept().await;
        received.extend(raw.frame().await);
        watch.until("connect").await;
        if round == 0 {
            // Attempts before the first server are none of the scenario.
            watch.story.client = vec!["connect".to_owned()];
            listener.remove();
            drop(raw);
            watch.some(5).await;
        }
    }
    Story { received: String::from_utf8(received).expect("text"), ..watch.story }
}

async fn server_rst<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let mut watch = scene.watch(scene.config(), &listener.endpoint);
    let raw = listener.accept().await;
    watch.until("connect").await;
    raw.reset().await;
    let _raw = listener.accept().await;
    watch.until("connect").await;
    watch.story
}

async fn protocol_error<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let watch = scene.watch(scene.config(), &listener.endpoint);
    let mut raw = listener.accept().await;
    raw.write("bad\x0c").await;
    watch.ending().await
}

async fn backpressure<H: Host>(scene: &Scene<H>) -> Story {
    let listener = RawListener::bind(&scene.stage.endpoint());
    let guarded = scene.config().profile(Profile::Guarded).max_pending_bytes(100_000);
    let mut watch = scene.watch(guarded, &listener.endpoint);
    let _deaf = listener.accept().await;
    watch.until("connect").await;
    let text = "x".repeat(10_000);
    while watch.client.emit("m", &text).await.is_ok() {}
    watch.ending().await
}
