//! Standard input, line by line, on any runtime.

use std::{
    io::{self, ErrorKind, Read},
    mem, thread,
};

use async_channel::{Receiver, Sender, bounded};
use bytes::{Buf, BytesMut};
use memchr::memchr;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// How many chunks may wait to be taken.
const AHEAD: usize = 2;

/// Lines that a thread reads; a runtime could not wait for a terminal, a pipe and a file alike.
pub(crate) struct Input {
    chunks: Receiver<io::Result<Vec<u8>>>,
    held: BytesMut,
    /// No line ends in so many of the held bytes.
    searched: usize,
}

impl Input {
    /// Begins to read.
    pub(crate) fn open() -> Self {
        let (chunks, input) = bounded(AHEAD);
        thread::spawn(move || pump(&mut io::stdin().lock(), &chunks));
        Self::of(input)
    }

    fn of(chunks: Receiver<io::Result<Vec<u8>>>) -> Self {
        Self { chunks, held: BytesMut::new(), searched: 0 }
    }

    /// The next line, without its end, which the last one need not have; `None` at the end of input.
    pub(crate) async fn next(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(line) = self.line() {
                return Ok(Some(line));
            }
            match self.chunks.recv().await {
                Ok(chunk) => self.held.extend_from_slice(&chunk?),
                Err(_) => return Ok(self.rest()),
            }
        }
    }

    fn line(&mut self) -> Option<BytesMut> {
        let Some(at) = memchr(b'\n', &self.held[self.searched..]) else {
            self.searched = self.held.len();
            return None;
        };
        let line = self.held.split_to(mem::take(&mut self.searched) + at);
        self.held.advance(1);
        Some(line)
    }

    fn rest(&mut self) -> Option<BytesMut> {
        self.searched = 0;
        Some(mem::take(&mut self.held)).filter(|rest| !rest.is_empty())
    }
}

/// Reads until the end, or until nobody takes any more.
fn pump(input: &mut impl Read, chunks: &Sender<io::Result<Vec<u8>>>) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => Ok(chunk[..read].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let over = read.is_err();
        if chunks.send_blocking(read).is_err() || over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// The lines of input that comes in these chunks.
    fn lines(chunks: &[&str]) -> Vec<String> {
        let (send, receive) = bounded(chunks.len().max(1));
        for chunk in chunks {
            send.try_send(Ok(chunk.as_bytes().to_vec())).expect("there is room");
        }
        drop(send);
        let mut input = Input::of(receive);
        let mut lines = Vec::new();
        while let Some(line) = input.next().now_or_never().expect("all is there").expect("no errors") {
            lines.push(String::from_utf8(line.to_vec()).expect("text"));
        }
        lines
    }

    #[test]
    fn lines_end_where_they_end() {
        let none: [&str; 0] = [];
        assert_eq!(lines(&[]), none);
        assert_eq!(lines(&["a\nb\n"]), ["a", "b"]);
        assert_eq!(lines(&["a\n\nb"]), ["a", "", "b"]);
        assert_eq!(lines(&["a", "b", "\n", "c\nd", "\n"]), ["ab", "c", "d"]);
        assert_eq!(lines(&["\n"]), [""]);
    }

    #[test]
    fn an_error_is_told_after_what_was_read() {
        struct Broken(bool);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("torn"));
                }
                buffer[..4].copy_from_slice(b"a\nbc");
                Ok(4)
            }
        }
        let (send, receive) = bounded(AHEAD);
        pump(&mut Broken(false), &send);
        let mut input = Input::of(receive);
        let first = input.next().now_or_never().expect("it is there").expect("no error yet");
        assert_eq!(first.expect("a line"), b"a"[..]);
        let second = input.next().now_or_never().expect("it is there");
        assert_eq!(second.expect_err("torn").to_string(), "torn");
    }
}
