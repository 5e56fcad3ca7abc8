//! Asking, and waiting for the answer that belongs to the question.
//!
//! ```sh
//! cargo run -p ipc-tokio --example request                   # both sides
//! cargo run -p ipc-tokio --example request answer ENDPOINT   # one of them; the other may be a node-ipc process
//! cargo run -p ipc-tokio --example request ask ENDPOINT
//! ```
//!
//! Requests are plain events with a number. This is all that a stock node-ipc server needs to answer them:
//!
//! ```js
//! ipc.server.on('add', ({ req, body: [a, b] }, socket) => {
//!   ipc.server.emit(socket, 'reply', { req, body: a + b });
//! });
//! ```

use ipc_tokio::{Config, Endpoint, Ipc, RequestError, Router, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [role, endpoint] if role == "ask" => ask(endpoint.parse()?).await,
        [role, endpoint] if role == "answer" => {
            let mut server = answering(endpoint.parse()?).await?;
            while server.next().await.is_some() {}
            Ok(())
        }
        _ => {
            let server = answering("tcp:127.0.0.1:0".parse()?).await?;
            ask(server.endpoints()[0].clone()).await
        }
    }
}

/// A server that answers in each connection's own task. What no handler takes comes out of `next()`.
async fn answering(endpoint: Endpoint) -> Result<Server> {
    let router = Router::new()
        .on_request("add", |_, (a, b): (f64, f64)| Ok::<_, &str>(a + b))
        .on_request("divide", |_, (a, b): (f64, f64)| if b == 0.0 { Err("division by zero") } else { Ok(a / b) });
    let server = Ipc::new(Config::default().id("world")).serve_routed(vec![endpoint], router, |_| ()).await?;
    println!("listening at {}", server.endpoints()[0]);
    Ok(server)
}

async fn ask(endpoint: Endpoint) -> Result<()> {
    let client = Ipc::new(Config::default().id("hello")).connect_to_endpoint("world", endpoint)?;
    // Many may be under way at once; each answer finds its question.
    let (sum, quotient) = tokio::join!(client.request("add", &(1, 2)), client.request("divide", &(1, 0)));
    println!("1 + 2 = {}", sum?.decode::<f64>()?);
    match quotient {
        Err(RequestError::Refused(why)) => println!("1 / 0: {}", why.decode::<String>()?),
        other => println!("1 / 0: {other:?}"),
    }
    Ok(())
}
