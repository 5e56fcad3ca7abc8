//! A client that only moves bytes: it knows what it will get, and counts it.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream as Blocking,
    path::Path,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::UnixStream};

use crate::{
    lab::{Result, Server},
    result::median,
};

/// What one read takes at most.
const READ: usize = 256 << 10;

/// Any number of connections, each with as many messages in flight as the window allows.
#[derive(Debug)]
pub(crate) struct Load {
    poll: Poll,
    flows: Vec<Flow>,
    tape: Tape,
}

/// What is sent, and room for what comes back.
#[derive(Debug)]
struct Tape {
    frame: usize,
    /// In bytes.
    window: usize,
    bytes: Vec<u8>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Flow {
    stream: UnixStream,
    sent: usize,
    got: usize,
    goal: usize,
}

/// The frame that is echoed, with `size` bytes of payload.
pub(crate) fn frame(size: usize) -> Vec<u8> {
    let mut frame = br#"{"type":"message","data":""#.to_vec();
    frame.resize(frame.len() + size, b'x');
    frame.extend_from_slice(b"\"}\x0c");
    frame
}

impl Load {
    pub(crate) fn connect(path: &Path, connections: usize, frame: &[u8], window: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let flow = |n| {
            let stream = Blocking::connect(path)?;
            stream.set_nonblocking(true)?;
            let mut stream = UnixStream::from_std(stream);
            poll.registry().register(&mut stream, Token(n), Interest::READABLE | Interest::WRITABLE)?;
            Ok(Flow { stream, sent: 0, got: 0, goal: 0 })
        };
        let flows = (0..connections).map(flow).collect::<Result<_>>()?;
        let bytes = frame.repeat(window);
        let tape = Tape { frame: frame.len(), window: bytes.len(), bytes, buffer: vec![0; READ] };
        Ok(Self { poll, flows, tape })
    }

    /// Sends `each` messages on every connection and waits until they are back.
    pub(crate) fn run(&mut self, each: usize) -> Result<()> {
        let mut busy = 0;
        for flow in &mut self.flows {
            (flow.sent, flow.got, flow.goal) = (0, 0, each * self.tape.frame);
            busy += usize::from(!flow.pump(&mut self.tape)?);
        }
        let mut events = Events::with_capacity(4096);
        while busy > 0 {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                let flow = &mut self.flows[event.token().0];
                if flow.got < flow.goal {
                    busy -= usize::from(flow.pump(&mut self.tape)?);
                }
            }
        }
        Ok(())
    }

    /// How many messages on each connection take about so long; to find out warms the server up.
    fn paced(&mut self, seconds: f64) -> Result<usize> {
        let mut each = (1000 / self.flows.len()).max(2);
        loop {
            let began = Instant::now();
            self.run(each)?;
            let took = began.elapsed().as_secs_f64();
            if took * 8.0 > seconds {
                return Ok(((each as f64 * seconds / took) as usize).max(2));
            }
            each *= 4;
        }
    }

    /// The server's CPU time in nanoseconds for each message, under this load for about so long.
    pub(crate) fn cost(&mut self, server: &Server, seconds: f64) -> Result<f64> {
        let each = self.paced(seconds)?;
        let before = server.cpu()?;
        self.run(each)?;
        let spent = server.cpu()?.saturating_sub(before);
        Ok(spent.as_nanos() as f64 / (each * self.flows.len()) as f64)
    }

    /// Messages in a second, on all connections together.
    pub(crate) fn rate(&mut self, seconds: f64) -> Result<f64> {
        let each = self.paced(seconds)?;
        let began = Instant::now();
        self.run(each)?;
        Ok((each * self.flows.len()) as f64 / began.elapsed().as_secs_f64())
    }
}

impl Flow {
    /// Moves what can be moved. Says whether all is back.
    fn pump(&mut self, tape: &mut Tape) -> Result<bool> {
        loop {
            let stuck = !self.send(tape)?;
            let more = self.receive(tape)?;
            if self.got == self.goal || (stuck && !more) || (!more && self.may(tape) == 0) {
                return Ok(self.got == self.goal);
            }
        }
    }

    /// How many bytes may leave now: whole frames of the window behind those that are back.
    fn may(&self, tape: &Tape) -> usize {
        let back = self.got / tape.frame * tape.frame;
        (back + tape.window).min(self.goal) - self.sent
    }

    /// Says whether all that may leave has left.
    fn send(&mut self, tape: &Tape) -> Result<bool> {
        while self.may(tape) > 0 {
            let from = self.sent % tape.frame;
            let until = tape.bytes.len().min(from + self.may(tape));
            match self.stream.write(&tape.bytes[from..until]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Reads until nothing is left. Says whether anything came.
    fn receive(&mut self, tape: &mut Tape) -> Result<bool> {
        let before = self.got;
        loop {
            match self.stream.read(&mut tape.buffer) {
                Ok(0) => return Err("the server has closed the connection".into()),
                Ok(len) => self.took(&tape.buffer[..len])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(self.got > before),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn took(&mut self, bytes: &[u8]) -> Result<()> {
        self.got += bytes.len();
        let wrong = self.got > self.goal || (self.got == self.goal && bytes.last() != Some(&0x0c));
        if wrong { Err("what comes back is not what was sent".into()) } else { Ok(()) }
    }
}

/// The median time of a message there and back, in nanoseconds, with nothing else under way.
pub(crate) fn round_trip(path: &Path, frame: &[u8], long: Duration) -> Result<f64> {
    let mut stream = Blocking::connect(path)?;
    let mut back = vec![0; frame.len()];
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < long {
        let sent = Instant::now();
        stream.write_all(frame)?;
        stream.read_exact(&mut back)?;
        times.push(sent.elapsed().as_nanos() as f64);
    }
    median(times).ok_or_else(|| "no time to measure".into())
}
