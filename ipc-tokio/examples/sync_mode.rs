//! Sync mode: one message at a time, each after the answer to the one before.
//!
//! Any message from the server is the answer, whatever its name, as in node-ipc. What node-ipc cannot do: when no
//! answer comes, the message is reported after `sync_timeout` and the next one goes.
//!
//! ```sh
//! cargo run -p ipc-tokio --example sync_mode [ENDPOINT [CONFIG.json]]    # of a server to ask; without, it brings its own
//! ```

use std::{env, fs, time::Duration};

use ipc_tokio::{Config, Event, Ipc, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = match env::args().nth(1) {
        Some(endpoint) => endpoint.parse()?,
        None => {
            let server = Ipc::new(Config::default()).serve_net("127.0.0.1:0").await?;
            let address = server.endpoints()[0].clone();
            tokio::spawn(answer_but_the_second(server));
            address
        }
    };

    let options = env::args().nth(2).map_or_else(|| Ok("{}".into()), fs::read_to_string)?;
    let config = Config::from_json(options)?.config.sync(true).sync_timeout(Duration::from_secs(2));
    let mut client = Ipc::new(config).connect_to_endpoint("server", address)?;
    // Emitting does not wait for answers: the three queue up, and leave one by one.
    for question in ["first", "second", "third"] {
        client.emit("ask", question).await?;
    }

    let mut settled = 0;
    while settled < 3 {
        match client.next().await.ok_or("the client has given up")? {
            Event::Message(answer) => println!("answer: {}", answer.decode::<String>()?),
            Event::Undelivered(lost) => println!("no answer to {:?}", lost.frame.message()),
            _ => continue,
        }
        settled += 1;
    }
    client.close().await;
    Ok(())
}

async fn answer_but_the_second(mut server: Server) {
    while let Some((peer, event)) = server.next().await {
        match event {
            Event::Message(message) if message.decode::<&str>().is_ok_and(|text| text == "second") => {}
            Event::Message(message) => {
                let answer = format!("{} asked", message.decode::<&str>().unwrap_or_default());
                if server.emit(peer, "answer", &answer).await.is_err() {
                    return;
                }
            }
            _ => {}
        }
    }
}
