//! The deframer against a split of the whole input (PROTOCOL.md, rules F1–F4 and B1).

use ipc_proto::{Code, Deframer, Delimiter};
use memchr::memmem;

const DELIMITERS: [&str; 8] = ["\u{c}", "\n", "\0", "||", "\r\n", "\u{e9}", "\u{1f600}", "aba"];

/// Two bytes choose the delimiter and the limit, the third the size of the chunks; the rest is the stream.
pub fn deframer(input: &[u8]) {
    let [choice, limit, chunk, stream @ ..] = input else { return };
    let delimiter = DELIMITERS[usize::from(*choice) % DELIMITERS.len()];
    let limit = usize::from(*limit);
    let expected = split(stream, delimiter.as_bytes(), limit);
    assert_eq!(cut(stream, delimiter, limit, usize::from(*chunk).max(1)), expected);
    assert_eq!(cut(stream, delimiter, limit, stream.len().max(1)), expected);
}

/// The frames, and whether one over the limit came after them.
type Cut = (Vec<Vec<u8>>, bool);

fn split(stream: &[u8], delimiter: &[u8], limit: usize) -> Cut {
    let (mut frames, mut rest) = (Vec::new(), stream);
    while let Some(at) = memmem::find(rest, delimiter) {
        if at > limit {
            return (frames, true);
        }
        frames.push(rest[..at].to_vec());
        rest = &rest[at + delimiter.len()..];
    }
    // The last bytes may be the beginning of a delimiter, which does not count.
    (frames, rest.len() >= limit + delimiter.len())
}

fn cut(stream: &[u8], delimiter: &str, limit: usize, chunk: usize) -> Cut {
    let mut deframer = Deframer::new(Delimiter::from(delimiter), limit);
    let mut frames = Vec::new();
    for bytes in stream.chunks(chunk) {
        deframer.push(bytes);
        loop {
            match deframer.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(error.code(), Code::FrameTooLarge);
                    return (frames, true);
                }
            }
        }
        assert!(deframer.held() == deframer.partial_len());
    }
    (frames, false)
}
