//! The same errors in the same words, whatever the runtime.

use ipc_conformance::host::Host;
use ipc_proto::{
    Config, Event, IoError, Retry,
    endpoint::Endpoint,
    facade::{Error, Ipc},
};

use crate::{stage::Stage, wire::Wire};

/// Codes and words of what fails, with a scenario's own names taken out.
struct Words<'s, H> {
    stage: &'s Stage<H>,
    said: Vec<(String, String)>,
}

impl<'s, H: Host> Words<'s, H> {
    const fn new(stage: &'s Stage<H>) -> Self {
        Self { stage, said: Vec::new() }
    }

    fn ipc(&self, change: impl FnOnce(Config) -> Config) -> Ipc<H> {
        self.stage.ipc(change(self.stage.config()))
    }

    fn note<T>(&mut self, result: Result<T, Error>) {
        let Err(error) = result else { panic!("it has to fail, as the {}th", self.said.len()) };
        self.push(error.code().unwrap_or("-"), &error.to_string());
    }

    fn push(&mut self, code: &str, text: &str) {
        let text = text.replace(self.stage.dir.path().to_str().unwrap(), "DIR");
        let text = ADAPTERS.iter().fold(text, |text, name| text.replace(name, "ADAPTER"));
        self.said.push((code.to_owned(), text));
    }

    fn check(self, expected: &[(&str, &str)]) {
        let said: Vec<_> = self.said.iter().map(|(code, text)| (code.as_str(), text.as_str())).collect();
        assert_eq!(said, expected);
    }
}

/// An adapter says its own name, and what it can do instead.
const PIPE: &str = "endpoint cannot be \"pipe:name\": ADAPTER speaks over Unix sockets (unix:PATH, abstract:NAME), TCP \
                    (tcp:HOST:PORT) and TLS (tls:HOST:PORT) here";

const ADAPTERS: [&str; 3] = ["ipc-tokio", "ipc-async-std", "ipc-mio"];

fn at(text: &str) -> Endpoint {
    text.parse().unwrap()
}

pub(crate) async fn of_options<H: Host>(stage: Stage<H>) {
    let mut words = Words::new(&stage);
    let ipc = words.ipc(|config| config);
    words.note(ipc.connect_to("a/b"));
    words.note(ipc.connect_to(""));
    words.note(ipc.connect_to_path("a", "x".repeat(120)));
    words.note(ipc.serve_at("x".repeat(120)).await);
    words.note(ipc.connect_to_net("a", "host:port"));
    words.note(words.ipc(|config| config.delimiter("")).connect_to("a"));
    words.note(words.ipc(|config| config.max_connections(0)).serve().await);
    words.note(words.ipc(|config| config.reuse_port(true)).serve().await);
    let _first = ipc.connect_to("world").unwrap();
    words.note(ipc.connect_to("world"));
    let limit = "it has 120 bytes, and the limit for sockets is 107; use a shorter socket_root, appspace or id";
    let long = format!("path cannot be \"{}\": {limit}", "x".repeat(120));
    words.check(&[
        ("-", "id cannot be \"a/b\": an id has no slash; write unix:a/b to name a path"),
        ("-", "id cannot be \"\": write at least one character"),
        ("-", &long),
        ("-", &long),
        ("-", "port cannot be \"port\": write a number from 0 to 65535"),
        ("-", "delimiter cannot be \"\": use at least one character; node-ipc's default is \"\\f\""),
        ("-", "max_connections cannot be \"0\": use a positive number"),
        ("-", "reuse_port cannot be \"unix:DIR/sockets/app.world\": only TCP ports can be shared; for other endpoints, bind once and pass the listener on"),
        ("-", "id cannot be \"world\": it is connected already: emit with of(id), or disconnect(id) first"),
    ]);
}

/// What an endpoint is not for is an error that names the way out.
pub(crate) async fn of_endpoints<H: Host>(stage: Stage<H>) {
    let mut words = Words::new(&stage);
    let ipc = words.ipc(|config| config);
    for endpoint in ["udp4:127.0.0.1:1", "pipe:name", "tls:127.0.0.1:0"] {
        words.note(ipc.listen(at(endpoint)).await);
    }
    for endpoint in ["udp6:[::1]:1", "pipe:name"] {
        words.note(ipc.connect_to_endpoint("a", at(endpoint)));
    }
    words.note(ipc.serve_endpoints(vec![at("pipe:name")]).await);
    words.check(&[
        ("-", "endpoint cannot be \"udp4:127.0.0.1:1\": UDP has no clients and no connections: serve it on both sides, and speak first with Server::udp_peer"),
        ("-", PIPE),
        ("ERR_IPC_TLS_CONFIGURATION", "tls.private cannot be \"\": a server needs a key: name its PEM file here, or give it in tls.key"),
        ("-", "endpoint cannot be \"udp6:[::1]:1\": UDP has no clients and no connections: serve it on both sides, and speak first with Server::udp_peer"),
        ("-", PIPE),
        ("-", PIPE),
    ]);
}

pub(crate) async fn of_places<H: Host>(stage: Stage<H>) {
    let mut words = Words::new(&stage);
    let ipc = words.ipc(|config| config);
    let _server = stage.serve(stage.config()).await;
    words.note(ipc.serve_endpoints(vec![stage.endpoint()]).await);
    words.note(ipc.listen(stage.endpoint()).await);
    std::fs::write(stage.path("file"), "").unwrap();
    words.note(ipc.serve_at(stage.path("file")).await);
    words.note(ipc.serve_at(stage.path("missing/s.sock")).await);
    words.check(&[
        ("EADDRINUSE", "unix:DIR/s.sock is in use; stop the server there, or listen under another name"),
        ("EADDRINUSE", "unix:DIR/s.sock is in use; stop the server there, or listen under another name"),
        (
            "ERR_IPC_UNLINK_NOT_SOCKET",
            "DIR/file is no socket and is left alone; move it away, or listen on another path",
        ),
        ("ENOENT", "no socket can be made at DIR/missing/s.sock: there is no folder DIR/missing; create it first"),
    ]);
}

/// A port in use says where and what.
pub(crate) async fn of_a_port_in_use<H: Host>(stage: Stage<H>) {
    let server = stage.serve(stage.config()).await;
    let at = server.endpoints()[0].clone();
    let error = stage.ipc(stage.config()).serve_endpoints(vec![at.clone()]).await.unwrap_err();
    assert_eq!(error.code(), Some("EADDRINUSE"));
    assert_eq!(error.to_string(), format!("{at} is in use; stop the server there, or listen under another name"));
}

/// On Windows an id is a named pipe, and one adapter has none.
#[cfg(windows)]
pub(crate) async fn of_pipes_where_there_are_none<H: Host>(stage: Stage<H>) {
    let ipc = stage.ipc(stage.config());
    let errors = [ipc.connect_to("world").err(), ipc.serve().await.err()];
    if ["tokio", "mio"].contains(&H::NAME) {
        return assert!(errors.iter().all(Option::is_none), "{errors:?}");
    }
    for error in errors {
        let Some(Error::Config(error)) = error else { panic!("{error:?}") };
        assert!(error.to_string().contains("ipc-tokio and ipc-mio have them"), "{error}");
    }
}

/// What an attempt fails with where nobody listens: the code is Node's, the words are the system's.
pub(crate) async fn of_attempts<H: Host>(stage: Stage<H>) {
    let mut tries = vec![(
        stage.free_endpoint().await,
        if matches!(stage.wire, Wire::Unix | Wire::Pipe) { system_error("ENOENT") } else { refused() },
    )];
    if stage.wire == Wire::Unix {
        std::fs::write(stage.path("file"), "").unwrap();
        tries.push((Endpoint::Path(stage.path("file")), refused()));
    }
    for (endpoint, expected) in tries {
        let mut client = stage.connect_at(stage.config().retry(Retry::never()), &endpoint);
        let Some(Event::Error(error)) = client.next().await else { panic!("it has to fail") };
        assert_eq!((error.code(), error.to_string()), (expected.code(), expected.to_string()));
    }
}

fn refused() -> IoError {
    system_error("ECONNREFUSED")
}

/// An error as the standard library's own sockets give it.
#[cfg(windows)]
fn system_error(code: &str) -> IoError {
    let error = match code {
        "ENOENT" => std::fs::File::open("no-such-file").map(drop),
        _ => std::net::TcpStream::connect(own_free_port()).map(drop),
    };
    error.unwrap_err().into()
}

#[cfg(windows)]
fn own_free_port() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

/// An error as the standard library's own sockets give it.
#[cfg(unix)]
fn system_error(code: &str) -> IoError {
    use std::os::unix::net::UnixStream;
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = match code {
        "ENOENT" => UnixStream::connect("/no/such/socket"),
        _ => UnixStream::connect(file.path()),
    };
    error.unwrap_err().into()
}
