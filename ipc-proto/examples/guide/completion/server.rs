//! A task for each client, all in one thread.

use std::{io::Result, sync::Arc};

use compio::net::{UnixListener, UnixStream};
use ipc_proto::{Config, Connection, Side};

use crate::ring::Ring;
use crate::work::{self, Clock};

pub(crate) async fn run(at: &str) -> Result<()> {
    let listener = UnixListener::bind(at).await?;
    println!("listening at unix:{at}");
    let config = work::config();
    loop {
        let (socket, _) = listener.accept().await?;
        compio::runtime::spawn(serve(socket, Arc::clone(&config))).detach();
    }
}

async fn serve(socket: UnixStream, config: Arc<Config>) {
    let clock = Clock::start();
    let mut ring = Ring::new(socket);
    let mut conn = Connection::new(config, Side::Server);
    let mut turns = 0;
    loop {
        turns += 1;
        work::answer_all(&mut conn, turns);
        if conn.is_closed() {
            return;
        }
        ring.submit(&mut conn);
        let done = ring.wait(clock.left(conn.poll_timeout())).await;
        ring.complete(done, &mut conn, clock.now());
    }
}
