//! Every kind of data, compared as text.

use std::collections::BTreeMap;

use ipc_conformance::host::Host;
use ipc_proto::{Event, Frame, Json};
use serde::Deserialize;
use serde_json::json;

use crate::peer::Peer;
use crate::scene::{Events, Scene, accepted};

const PAYLOADS: &str = include_str!("../../node/payloads.json");

/// A row of `node/payloads.json`: what JavaScript emits, and the text that each generation writes for it.
#[derive(Deserialize)]
struct Row {
    name: String,
    classic: Option<String>,
    modern: Option<String>,
    #[serde(default)]
    throws: Option<serde_json::Value>,
}

impl Row {
    fn text<H: Host>(&self, scene: &Scene<H>) -> Option<&str> {
        if scene.version.is_classic() { self.classic.as_deref() } else { self.modern.as_deref() }
    }
}

/// The rows that emit does not throw for.
fn rows() -> Vec<Row> {
    let rows: Vec<Row> = serde_json::from_str(PAYLOADS).expect("the file is well-formed");
    let rows: Vec<Row> = rows.into_iter().filter(|row| row.throws.is_none()).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    rows
}

pub(crate) async fn payloads_from_a_node_server<H: Host>(scene: Scene<H>) {
    let (_peer, endpoint) = scene.node_server(&["--script", "payloads"]).await;
    let client = scene.rust_client(scene.config(), &endpoint).await;
    all_arrive(client, &scene).await;
}

pub(crate) async fn payloads_from_a_node_client<H: Host>(scene: Scene<H>) {
    let server = scene.rust_server(scene.config()).await;
    let _peer = scene.node_client(&server, &["--script", "payloads"]);
    all_arrive(server, &scene).await;
}

async fn all_arrive<H: Host>(mut receiver: impl Events, scene: &Scene<H>) {
    for row in rows() {
        let (name, data) = receiver.texts().await;
        assert_eq!((&*name, data.as_deref()), ("p", row.text(scene)), "{}", row.name);
    }
}

pub(crate) async fn payloads_to_a_node_server<H: Host>(scene: Scene<H>) {
    let (peer, endpoint) = scene.node_server(&[]).await;
    let client = scene.rust_client(scene.config(), &endpoint).await;
    let emitted = Emitted::new(&scene);
    for frame in &emitted.frames {
        client.send(frame.clone()).await.expect("there is room");
    }
    emitted.arrives(peer).await;
}

pub(crate) async fn payloads_to_a_node_client<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let peer = scene.node_client(&server, &[]);
    let id = accepted(&mut server).await;
    let emitted = Emitted::new(&scene);
    for frame in &emitted.frames {
        server.send(id, frame.clone()).await.expect("there is room");
    }
    emitted.arrives(peer).await;
}

/// What is emitted here, and how JavaScript's JSON.stringify shows it there.
struct Emitted {
    frames: Vec<Frame>,
    shown: Vec<String>,
}

impl Emitted {
    fn new<H: Host>(scene: &Scene<H>) -> Self {
        let mut emitted = Self { frames: Vec::new(), shown: Vec::new() };
        emitted.texts_of_node(scene);
        emitted.values_of_rust(scene);
        emitted
    }

    fn push(&mut self, frame: Frame, shown: &str) {
        self.frames.push(frame);
        self.shown.push(shown.to_owned());
    }

    /// The texts that node-ipc itself writes.
    fn texts_of_node<H: Host>(&mut self, scene: &Scene<H>) {
        for row in rows() {
            let Some(text) = row.text(scene) else { continue };
            let json: Json = text.parse().unwrap_or_else(|error| panic!("{}: {error}", row.name));
            // Classic tells null from no data when it reads, not when it writes.
            let blank = scene.version.is_classic() && text == "null";
            self.push(Frame::encode("p", &json).expect("JSON"), if blank { "{}" } else { text });
        }
    }

    fn values_of_rust<H: Host>(&mut self, scene: &Scene<H>) {
        #[derive(serde::Serialize)]
        struct Point {
            y: f64,
            x: Option<i8>,
        }
        let encode = |value: &serde_json::Value| Frame::encode("p", value).expect("JSON");
        self.push(Frame::event("p"), "{}");
        self.push(Frame::encode("p", &()).expect("JSON"), scene.text("{}", "null"));
        self.push(Frame::encode("p", &None::<u8>).expect("JSON"), scene.text("{}", "null"));
        self.push(Frame::encode("p", "").expect("JSON"), scene.text("{}", "\"\""));
        self.push(Frame::encode("p", &f64::NAN).expect("JSON"), scene.text("{}", "null"));
        self.push(Frame::encode("p", &Point { y: 1e21, x: None }).expect("JSON"), r#"{"y":1e+21,"x":null}"#);
        // A double has no more digits, whatever the wire carries.
        self.push(Frame::encode("p", &u64::MAX).expect("JSON"), "18446744073709552000");
        self.push(Frame::encode("p", &BTreeMap::from([(2, "b"), (10, "a")])).expect("JSON"), r#"{"2":"b","10":"a"}"#);
        self.push(encode(&json!(-0.0)), "0");
        self.push(encode(&json!([1e-7, 5e-324, f64::MAX])), "[1e-7,5e-324,1.7976931348623157e+308]");
        self.push(encode(&json!("\u{c}\u{0}\u{7f}\u{2028}\"\\/é😀")), "\"\\f\\u0000\u{7f}\u{2028}\\\"\\\\/é😀\"");
        self.push(encode(&json!({"type": "x", "data": {"__proto__": 1}})), r#"{"type":"x","data":{"__proto__":1}}"#);
        self.push(encode(&json!("x".repeat(300_000))), &format!("\"{}\"", "x".repeat(300_000)));
    }

    async fn arrives(&self, mut peer: Peer) {
        for shown in &self.shown {
            let line = peer.until("message").await;
            assert_eq!(line.texts(), ("\"p\"", Some(&**shown)));
        }
    }
}

/// What an echo server sends back is what a JavaScript one would, but for an event without data.
pub(crate) async fn payloads_echoed_to_a_node_client<H: Host>(scene: Scene<H>) {
    let mut server = scene.rust_server(scene.config()).await;
    let mut peer = scene.node_client(&server, &["--script", "payloads"]);
    let id = accepted(&mut server).await;
    for row in rows() {
        let message = server.message().await;
        server.send(id, message.to_frame()).await.expect("there is room");
        let line = peer.until("message").await;
        // Nothing comes back as nothing (E8), and null in Classic as `{}` (D2).
        let text = row.text(&scene).map(|text| if scene.version.is_classic() && text == "null" { "{}" } else { text });
        assert_eq!(line.texts(), ("\"p\"", text), "{}", row.name);
    }
    drop(peer);
    assert!(matches!(server.event().await, Event::Disconnected { .. } | Event::Error(_)));
}
