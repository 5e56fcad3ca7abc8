//! A thread for each client.

use std::io::Result;
use std::net::{TcpListener, TcpStream};
use std::{sync::Arc, thread};

use ipc_proto::{Config, Connection, Side};

use crate::link::Link;
use crate::work::{self, Clock};

pub(crate) fn run(at: &str) -> Result<()> {
    let listener = TcpListener::bind(at)?;
    println!("listening at tcp:{}", listener.local_addr()?);
    let config = work::config();
    for socket in listener.incoming() {
        let (socket, config) = (socket?, Arc::clone(&config));
        thread::spawn(move || serve(socket, config));
    }
    Ok(())
}

fn serve(socket: TcpStream, config: Arc<Config>) -> Result<()> {
    let clock = Clock::start();
    let mut link = Link::new(socket)?;
    let mut conn = Connection::new(config, Side::Server);
    let mut turns = 0;
    loop {
        turns += 1;
        work::answer_all(&mut conn, turns);
        if conn.is_closed() {
            return Ok(());
        }
        link.turn(&mut conn, &clock)?;
    }
}
