//! Options that cannot be, and endpoints that TLS is not for.

use ipc_conformance::host::Host;
use ipc_os::Inherited;
use ipc_proto::{Config, Profile, TlsOptions, endpoint::Endpoint, facade::Error};

use crate::{
    certificates::Authority,
    secure::{config, connect},
    stage::{Stage, talk},
    tls::{LOCAL, trusting, with},
};

fn refused<T>(result: Result<T, Error>) -> (String, String) {
    let Err(Error::Config(error)) = result else { panic!("not refused") };
    (error.option().to_owned(), error.code().map_or_else(String::new, |code| code.to_string()))
}

pub(crate) async fn options_are_errors_at_once<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let identity = ours.sign(LOCAL);
    let code = "ERR_IPC_TLS_CONFIGURATION".to_owned();
    let servers = [
        (TlsOptions::default(), "tls.private"),
        (TlsOptions::default().private(identity.key.clone()), "tls.public"),
        (with(&identity).private("/no/such/file".to_owned()), "tls.private"),
        (with(&identity).request_cert(true), "tls.trustedConnections"),
        (with(&ours.sign(LOCAL)).private(identity.key.clone()), "tls.public"),
    ];
    for (options, option) in servers {
        let result = stage.ipc(config(&stage, options)).serve_net("127.0.0.1:0").await;
        assert_eq!(refused(result), (option.to_owned(), code.clone()));
    }
    let clients = [
        (trusting(&ours).reject_unauthorized(false), "tls.rejectUnauthorized"),
        (trusting(&ours).cert("C".to_owned()), "tls.private"),
        (trusting(&ours).trust("/no/such/file"), "tls.trustedConnections"),
        (trusting(&ours).server_name("a b".to_owned()), "tls.servername"),
    ];
    for (options, option) in clients {
        let result = stage.ipc(config(&stage, options)).connect_to_net("world", "127.0.0.1:1");
        assert_eq!(refused(result), (option.to_owned(), code.clone()));
    }
}

pub(crate) async fn assured_refuses_what_proves_nobody<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let assured = |config: Config| stage.ipc(config.profile(Profile::Assured).allow("message"));
    let plain = assured(Config::default());
    let transport = ("profile".to_owned(), "ERR_IPC_ASSURED_TRANSPORT".to_owned());
    assert_eq!(refused(plain.connect_to_net("world", "127.0.0.1:1")), transport);
    assert_eq!(refused(plain.serve_net("127.0.0.1:0").await), transport);
    let one_sided = assured(config(&stage, with(&ours.sign(LOCAL))));
    let tls = ("profile".to_owned(), "ERR_IPC_ASSURED_TLS".to_owned());
    assert_eq!(refused(one_sided.connect_to_net("world", "127.0.0.1:1")), tls);
    assert_eq!(refused(one_sided.serve_net("127.0.0.1:0").await), tls);
}

pub(crate) async fn local_sockets_and_explicit_tcp_stay_plain<H: Host>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let path = stage.path("s.sock");
    let ipc = stage.ipc(config(&stage, with(&ours.sign(LOCAL))));
    let mut server = ipc.serve_at(path.clone()).await.unwrap();
    let mut client = ipc.connect_to_path("path", path).unwrap();
    talk(&mut client, &mut server).await;
    let server = ipc.serve_endpoints(vec!["tcp:127.0.0.1:0".parse().unwrap()]).await.unwrap();
    assert!(matches!(server.endpoints(), [Endpoint::Tcp { .. }]));
    assert!(server.reload_tls().is_ok());
}

pub(crate) async fn an_inherited_port_speaks_tls_as_well<H: Host<Inherited = Inherited>>(stage: Stage<H>) {
    let ours = Authority::new("ours");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ipc = stage.ipc(config(&stage, with(&ours.sign(LOCAL))));
    let mut server = ipc.serve_listener(listener).unwrap();
    let mut client = connect(&stage, trusting(&ours), &server);
    talk(&mut client, &mut server).await;
    assert!(server.peer_info(server.peers()[0]).unwrap().address.is_some());
    ipc.reload_tls().unwrap();
}
