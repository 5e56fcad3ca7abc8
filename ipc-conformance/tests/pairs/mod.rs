//! Which halves belong together, and what each says when they meet.

/// One half: an example with its first words, or a stock script.
#[derive(Clone, Copy)]
pub(crate) enum Half {
    Rust(&'static [&'static str]),
    Stock(&'static str),
}

/// Who shows a certificate.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Keys {
    Nobody,
    Server,
    Both,
}

/// A server, the client that is run against it, and what comes after the endpoint on both command lines.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) wire: &'static str,
    pub(crate) server: Half,
    pub(crate) client: Half,
    pub(crate) more: &'static [&'static str],
    /// Unless nobody does, both sides get a file with their options.
    pub(crate) keys: Keys,
    /// What the server says of it, in this order.
    pub(crate) heard: &'static [&'static str],
    /// All that the client prints, but for its lifecycle. Where several clients print, by their names.
    pub(crate) said: &'static [&'static str],
}

use Half::{Rust, Stock};

pub(crate) const NEWS: &[&str] = &[
    "one: welcome, one",
    "one: to everybody",
    "three: welcome, three",
    "three: to everybody",
    "two: welcome, two",
    "two: to everybody",
];

const ANSWERED: &[&str] = &[
    "client 0 was answered",
    "client 1 was answered",
    "client 2 was answered",
    "client 3 was answered",
    "client 4 was answered",
    "client 5 was answered",
    "client 6 was answered",
    "client 7 was answered",
    "client 8 was answered",
];

/// Two halves at a Unix socket.
const fn pair(name: &'static str, server: Half, client: Half) -> Pair {
    Pair { name, wire: "unix", server, client, more: &[], keys: Keys::Nobody, heard: &[], said: &[] }
}

/// Hello and hello world.
const fn hello(name: &'static str, wire: &'static str, server: Half, client: Half) -> Pair {
    Pair { wire, heard: &["message: hello"], said: &["message: hello world!"], ..pair(name, server, client) }
}

/// The first server that there is, with a stock client.
const fn echo(name: &'static str) -> Pair {
    let echo = pair(name, Rust(&["echo_server"]), Stock("hello_client"));
    Pair { heard: &["hello"], said: &["message: hello"], ..echo }
}

const fn raw(name: &'static str, server: Half, client: Half) -> Pair {
    Pair { more: &["utf8"], heard: &["héllo"], said: &["héllo"], ..pair(name, server, client) }
}

const fn hex(name: &'static str, server: Half, client: Half) -> Pair {
    Pair { more: &["hex"], heard: &["68c3a96c6c6f"], said: &["68c3a96c6c6f"], ..pair(name, server, client) }
}

const fn news(name: &'static str, server: Half, client: Half) -> Pair {
    Pair { said: NEWS, ..pair(name, server, client) }
}

const fn sync_server(name: &'static str) -> Pair {
    Pair {
        heard: &["first", "second", "third"],
        said: &["answer: first", "answer: second", "answer: third"],
        ..pair(name, Rust(&["echo_server"]), Stock("sync_client"))
    }
}

const fn sync_client(name: &'static str) -> Pair {
    Pair {
        heard: &["ask: first", "ask: second", "ask: third"],
        said: &[
            "answer: first asked",
            r#"no answer to Some(Message { name: "ask", data: Some(Json("second")) })"#,
            "answer: third asked",
        ],
        ..pair(name, Stock("sync_server"), Rust(&["sync_mode"]))
    }
}

const fn requests(name: &'static str, server: Half, client: Half) -> Pair {
    Pair { said: &["1 + 2 = 3", "1 / 0: division by zero"], ..pair(name, server, client) }
}

const fn cluster(name: &'static str, server: Half, client: Half) -> Pair {
    Pair { said: ANSWERED, ..pair(name, server, client) }
}

const fn udp(wire: &'static str, pair: Pair) -> Pair {
    Pair { wire, ..pair }
}

/// The server is verified.
const fn tls(pair: Pair) -> Pair {
    Pair { wire: "tls", keys: Keys::Server, ..pair }
}

/// Each verifies the other.
const fn mutual(pair: Pair) -> Pair {
    Pair { wire: "tls", keys: Keys::Both, ..pair }
}

pub(crate) const PAIRS: &[Pair] = &[
    echo("unix_server"),
    hello("unix_client", "unix", Stock("hello_server"), Rust(&["echo_client"])),
    hello("tcp_server", "tcp", Rust(&["tcp_server"]), Stock("hello_client")),
    hello("tcp_client", "tcp", Stock("hello_server"), Rust(&["tcp_client"])),
    raw("raw_server_utf8", Rust(&["raw_server"]), Stock("raw_client")),
    raw("raw_client_utf8", Stock("raw_server"), Rust(&["raw_client"])),
    hex("raw_server_hex", Rust(&["raw_server"]), Stock("raw_client")),
    hex("raw_client_hex", Stock("raw_server"), Rust(&["raw_client"])),
    news("broadcast_server", Rust(&["broadcast", "server"]), Stock("broadcast_clients")),
    news("broadcast_clients", Stock("broadcast_server"), Rust(&["broadcast", "clients"])),
    sync_server("sync_server"),
    sync_client("sync_client"),
    requests("request_answered", Rust(&["request", "answer"]), Stock("ask")),
    requests("request_asked", Stock("answer"), Rust(&["request", "ask"])),
    cluster("cluster_server", Rust(&["workers", "serve"]), Stock("cluster_clients")),
    cluster("cluster_clients", Stock("cluster_server"), Rust(&["workers", "ask"])),
    tls(hello("tls_server", "tls", Rust(&["tls", "server"]), Stock("hello_client"))),
    tls(hello("tls_client", "tls", Stock("hello_server"), Rust(&["tls", "client"]))),
    tls(echo("tls_echo_server")),
    tls(hello("tls_echo_client", "tls", Stock("hello_server"), Rust(&["echo_client"]))),
    mutual(hello("tls_mutual_server", "tls", Rust(&["tls", "server"]), Stock("hello_client"))),
    mutual(hello("tls_mutual_client", "tls", Stock("hello_server"), Rust(&["tls", "client"]))),
    mutual(raw("tls_raw_server", Rust(&["raw_server"]), Stock("raw_client"))),
    mutual(raw("tls_raw_client", Stock("raw_server"), Rust(&["raw_client"]))),
    tls(news("tls_broadcast_server", Rust(&["broadcast", "server"]), Stock("broadcast_clients"))),
    tls(news("tls_broadcast_clients", Stock("broadcast_server"), Rust(&["broadcast", "clients"]))),
    tls(sync_server("tls_sync_server")),
    tls(sync_client("tls_sync_client")),
    hello("udp4_server", "udp4", Rust(&["udp", "server"]), Stock("hello_client")),
    hello("udp4_client", "udp4", Stock("hello_server"), Rust(&["udp", "client"])),
    udp("udp4", raw("udp4_raw_server", Rust(&["udp_raw", "server"]), Stock("raw_client"))),
    udp("udp4", raw("udp4_raw_client", Stock("raw_server"), Rust(&["udp_raw", "client"]))),
    udp("udp4", news("udp4_broadcast_server", Rust(&["udp_broadcast", "server"]), Stock("broadcast_clients"))),
    udp("udp4", news("udp4_broadcast_clients", Stock("broadcast_server"), Rust(&["udp_broadcast", "clients"]))),
    hello("udp6_server", "udp6", Rust(&["udp", "server"]), Stock("hello_client")),
    hello("udp6_client", "udp6", Stock("hello_server"), Rust(&["udp", "client"])),
    udp("udp6", raw("udp6_raw_server", Rust(&["udp_raw", "server"]), Stock("raw_client"))),
    udp("udp6", raw("udp6_raw_client", Stock("raw_server"), Rust(&["udp_raw", "client"]))),
    udp("udp6", news("udp6_broadcast_server", Rust(&["udp_broadcast", "server"]), Stock("broadcast_clients"))),
    udp("udp6", news("udp6_broadcast_clients", Stock("broadcast_server"), Rust(&["udp_broadcast", "clients"]))),
];
