//! What others do with the same bytes.

use std::{borrow::Cow, hint::black_box};

use memchr::memchr_iter;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::cases::{Data, Envelope};

/// The frames of one read.
fn frames(read: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr_iter(0x0c, read).map(move |at| &read[std::mem::replace(&mut from, at + 1)..at])
}

#[derive(Deserialize)]
struct Borrowed<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The least that serde_json can do: the name, and the data's text, borrowed.
pub(crate) fn raw_values(read: &[u8]) {
    for frame in frames(read) {
        let parts: Borrowed<'_> = serde_json::from_slice(frame).expect("a frame");
        black_box((parts.r#type, parts.data));
    }
}

/// Each frame straight into a type.
pub(crate) fn into_type<T: DeserializeOwned>(read: &[u8]) {
    frames(read).for_each(|frame| drop(black_box(serde_json::from_slice::<T>(frame).expect("a frame"))));
}

/// The event that is encoded.
pub(crate) fn event(size: usize) -> Envelope<Data> {
    Envelope { r#type: "message".to_owned(), data: Data::of(size) }
}

/// Encodes one event `count` times into a buffer that is used again and again.
pub(crate) fn to_writer(out: &mut Vec<u8>, event: &impl Serialize, count: usize) {
    out.clear();
    for _ in 0..count {
        serde_json::to_writer(&mut *out, black_box(event)).expect("it has a JSON form");
        out.push(0x0c);
    }
    black_box(out);
}
