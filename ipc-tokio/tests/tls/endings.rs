//! How a session ends.

use ipc_tokio::{Event, Reason};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::{TlsConnector, rustls};

use super::*;

/// A client that can be cut off at any time.
async fn stream(authority: &Authority, server: &Server) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("it is PEM")).expect("it is trusted");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring has them").with_root_certificates(roots).with_no_client_auth();
    let tcp = soon(TcpStream::connect(address(server))).await.expect("it listens");
    let name = ServerName::try_from("localhost").expect("a name");
    soon(TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp)).await.expect("it is trusted")
}

/// The codes of the errors of a server's only peer, and why it is gone.
async fn last_words(server: &mut Server) -> (Vec<String>, Reason) {
    let mut codes = Vec::new();
    loop {
        match soon(server.next()).await.expect("the server goes on").1 {
            Event::Error(error) => codes.push(error.code().to_owned()),
            Event::Disconnected { reason, .. } => return (codes, reason),
            _ => {}
        }
    }
}

/// PROTOCOL.md, rule X13.
#[tokio::test]
async fn an_end_without_a_word_is_an_error() {
    let ours = Authority::new("ours");
    let mut server = serve(config(with(&ours.sign(LOCAL)))).await;
    for says_goodbye in [true, false] {
        let mut stream = stream(&ours, &server).await;
        soon(stream.write_all(b"{\"type\":\"m\",\"data\":1}\x0c")).await.expect("there is room");
        soon(stream.flush()).await.expect("there is room");
        assert_eq!(next_message(&mut server).await.1, "m");
        let end = async {
            // The session says goodbye, the TCP stream beneath it just ends.
            if says_goodbye { stream.shutdown().await } else { stream.get_mut().0.shutdown().await }
        };
        soon(end).await.expect("the server listens");
        let (codes, reason) = last_words(&mut server).await;
        if says_goodbye {
            assert_eq!((codes, reason), (vec![], Reason::Peer));
        } else {
            assert_eq!((codes, reason), (vec!["ERR_SSL_UNEXPECTED_EOF_WHILE_READING".to_owned()], Reason::Io));
        }
    }
}
