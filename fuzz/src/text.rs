//! Text decoding against the decoder of the WHATWG's encoding standard, byte by byte (PROTOCOL.md, rules T1 and R2).

use ipc_proto::{
    Encoding,
    text::{Reencoder, Utf8Decoder, replace_invalid},
};

const ENCODINGS: [Encoding; 7] = [
    Encoding::Utf8,
    Encoding::Ascii,
    Encoding::Latin1,
    Encoding::Utf16Le,
    Encoding::Base64,
    Encoding::Base64Url,
    Encoding::Hex,
];

/// The first byte is the size of the chunks; the rest is the stream.
pub fn text(input: &[u8]) {
    let [chunk, stream @ ..] = input else { return };
    let chunk = usize::from(*chunk).max(1);
    let expected = slow(stream);
    assert_eq!(replace_invalid(stream.to_vec().into()), expected.as_bytes());
    let mut decoder = Utf8Decoder::default();
    let mut decoded: String = stream.chunks(chunk).map(|bytes| decoder.decode(bytes).into_owned()).collect();
    decoded.push_str(decoder.finish());
    assert_eq!(decoded, expected);
    for encoding in ENCODINGS {
        assert_eq!(reencoded(encoding, stream, chunk), through(encoding, stream), "{encoding:?}");
    }
}

fn reencoded(encoding: Encoding, stream: &[u8], chunk: usize) -> Vec<u8> {
    let mut reencoder = Reencoder::new(encoding);
    let mut all: Vec<u8> = stream.chunks(chunk).flat_map(|bytes| reencoder.feed(bytes.to_vec().into())).collect();
    all.extend_from_slice(&reencoder.finish());
    all
}

/// What is left of bytes that were a string in between.
fn through(encoding: Encoding, stream: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => slow(stream).into_bytes(),
        Encoding::Ascii => stream.iter().map(|byte| byte & 0x7F).collect(),
        Encoding::Utf16Le => stream[..stream.len() & !1].to_vec(),
        _ => stream.to_vec(),
    }
}

/// The standard's UTF-8 decoder, step by step.
fn slow(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut code, mut needed, mut lower, mut upper) = (0_u32, 0, 0x80, 0xBF);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if needed == 0 {
            (code, needed, lower, upper) = match byte {
                0..=0x7F => (0, 0, 0x80, 0xBF),
                0xC2..=0xDF => (u32::from(byte & 0x1F), 1, 0x80, 0xBF),
                0xE0..=0xEF => {
                    let (lower, upper) =
                        (if byte == 0xE0 { 0xA0 } else { 0x80 }, if byte == 0xED { 0x9F } else { 0xBF });
                    (u32::from(byte & 0xF), 2, lower, upper)
                }
                0xF0..=0xF4 => {
                    let (lower, upper) =
                        (if byte == 0xF0 { 0x90 } else { 0x80 }, if byte == 0xF4 { 0x8F } else { 0xBF });
                    (u32::from(byte & 7), 3, lower, upper)
                }
                _ => {
                    text.push('\u{FFFD}');
                    continue;
                }
            };
            if needed == 0 {
                text.push(char::from(byte));
            }
        } else if (lower..=upper).contains(&byte) {
            (lower, upper) = (0x80, 0xBF);
            code = (code << 6) | u32::from(byte & 0x3F);
            needed -= 1;
            if needed == 0 {
                text.push(char::from_u32(code).expect("the bounds leave no surrogate and nothing too large"));
            }
        } else {
            // It may begin the next character.
            (needed, lower, upper) = (0, 0x80, 0xBF);
            text.push('\u{FFFD}');
            at -= 1;
        }
    }
    if needed > 0 {
        text.push('\u{FFFD}');
    }
    text
}
