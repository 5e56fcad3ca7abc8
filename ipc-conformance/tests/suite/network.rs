//! What the config says about network addresses.

use ipc_conformance::host::Host;
use ipc_proto::{Config, Event, Family, Interface, Retry, endpoint::Endpoint, facade::Server};

use crate::stage::Stage;

fn port<H: Host>(server: &Server<H>) -> u16 {
    match &server.endpoints()[0] {
        Endpoint::Tcp { port, .. } => *port,
        other => panic!("{other} is not TCP"),
    }
}

/// Whether a client of `config` gets through, at its first attempt.
async fn connects<H: Host>(stage: &Stage<H>, config: Config, address: &str) -> bool {
    let ipc = stage.ipc(config.retry(Retry::never()));
    let mut client = ipc.connect_to_net("world", address).expect("a good config");
    let first = client.next().await.expect("something happens");
    assert!(matches!(first, Event::Connected | Event::Error(_)), "{first:?}");
    matches!(first, Event::Connected)
}

pub(crate) async fn what_an_address_leaves_out_the_config_says<H: Host>(stage: Stage<H>) {
    let config = Config::default().id("world").network_port(0_u16);
    let server = stage.ipc(config.clone()).serve_net("").await.unwrap();
    let config = config.network_port(port(&server));
    assert!(connects(&stage, config.clone(), "").await);
    assert!(connects(&stage, config.clone(), "127.0.0.1").await);
    assert!(!connects(&stage, config.network_host("::1"), "").await);
}

pub(crate) async fn a_name_is_tried_by_family<H: Host>(stage: Stage<H>) {
    let server = stage.ipc(Config::default()).serve_net("127.0.0.1:0").await.unwrap();
    let (name, number) = (format!("localhost:{}", port(&server)), format!("127.0.0.1:{}", port(&server)));
    let of = |family| {
        let mut interface = Interface::default();
        interface.family = Some(family);
        Config::default().interface(interface)
    };
    assert!(connects(&stage, of(Family::V4), &name).await);
    assert!(!connects(&stage, of(Family::V6), &name).await);
    assert!(connects(&stage, of(Family::V6), &number).await, "an address is no name, as in Node");
}

/// Other systems have one loopback address only.
#[cfg(target_os = "linux")]
pub(crate) async fn a_client_dials_from_its_own_address_and_port<H: Host>(stage: Stage<H>) {
    let free = std::net::TcpListener::bind((stage.host_name.as_str(), 0)).unwrap().local_addr().unwrap();
    let mut listener = stage.listen(Config::default()).await;
    for local_port in [None, Some(free.port())] {
        let mut interface = Interface::default();
        interface.local_address = Some(free.ip());
        interface.local_port = local_port;
        let client = stage.connect_at(Config::default().interface(interface), listener.endpoint());
        let from = listener.accept().await.unwrap().peer_info().address.unwrap();
        assert_eq!(from.ip(), free.ip());
        assert!(local_port.is_none_or(|port| port == from.port()));
        drop(client);
    }
}
