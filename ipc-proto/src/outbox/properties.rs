//! The outbox against one long string and a list of where its frames end.

use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    Push(usize),
    PushWith(usize, bool),
    Advance(prop::sample::Index),
    TakeAndAck(usize),
    Confirm,
    Hold,
    DisownLast,
    NoteBegun,
    TakeUnsent,
    Shrink,
    /// Past it, where nothing waits.
    #[cfg(feature = "facade")]
    Bypass(usize),
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0..40_usize, 2 => 4000..4200_usize, 1 => 65_000..66_000_usize]
}

fn op() -> impl Strategy<Value = Op> {
    #[cfg(feature = "facade")]
    return prop_oneof![12 => op_within(), 1 => len().prop_map(Op::Bypass)];
    #[cfg(not(feature = "facade"))]
    op_within()
}

fn op_within() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => len().prop_map(Op::Push),
        4 => (len(), prop::bool::weighted(0.2)).prop_map(|(len, fails)| Op::PushWith(len, fails)),
        5 => any::<prop::sample::Index>().prop_map(Op::Advance),
        3 => (0..100_000_usize).prop_map(Op::TakeAndAck),
        2 => Just(Op::Confirm),
        1 => Just(Op::Hold),
        1 => Just(Op::DisownLast),
        1 => Just(Op::NoteBegun),
        1 => Just(Op::TakeUnsent),
        2 => Just(Op::Shrink),
    ]
}

#[derive(Debug)]
struct Entry {
    start: usize,
    end: usize,
    tag: Tag,
    begun: bool,
}

#[derive(Debug, Default)]
struct Model {
    /// All bytes ever queued, but those taken back.
    stream: Vec<u8>,
    written: usize,
    confirmed: usize,
    in_session: bool,
    entries: Vec<Entry>,
    flushed: Vec<u64>,
}

impl Model {
    fn queue(&mut self, bytes: &[u8], tag: Tag) {
        let start = self.stream.len();
        self.stream.extend_from_slice(bytes);
        let end = self.stream.len();
        match tag {
            Tag::Ticket(ticket) if bytes.is_empty() => self.flushed.push(ticket),
            _ if bytes.is_empty() => {}
            tag => self.entries.push(Entry { start, end, tag, begun: false }),
        }
    }

    fn write(&mut self, n: usize) {
        self.written += n;
        if n > 0 && !self.in_session {
            self.confirm();
        }
    }

    fn confirm(&mut self) {
        self.confirmed = self.written;
        let (done, waiting) = mem::take(&mut self.entries).into_iter().partition(|entry| entry.end <= self.confirmed);
        self.entries = waiting;
        self.flushed.extend(Vec::<Entry>::into_iter(done).filter_map(|entry| match entry.tag {
            Tag::Ticket(ticket) => Some(ticket),
            Tag::Plain | Tag::Greeting => None,
        }));
    }

    fn take_unsent(&mut self) -> Vec<(Vec<u8>, Tag, bool, bool)> {
        let entries = mem::take(&mut self.entries);
        let unsent = entries.into_iter().map(|entry| {
            let begun = entry.start < self.written;
            let bytes = self.stream[entry.start..entry.end].to_vec();
            (bytes, entry.tag, begun || entry.begun, begun && self.in_session)
        });
        let unsent = unsent.collect();
        self.stream.truncate(self.written);
        self.confirmed = self.written;
        unsent
    }

    fn rest(&self) -> &[u8] {
        &self.stream[self.written..]
    }
}

fn step(outbox: &mut Outbox, model: &mut Model, op: Op, delimiter: &[u8], number: u8) -> Result<(), TestCaseError> {
    let tag = [Tag::Plain, Tag::Greeting, Tag::Ticket(number.into())][usize::from(number % 3)];
    match op {
        Op::Push(len) => {
            let frame = Bytes::from(vec![number; len]);
            outbox.push(&frame, delimiter, tag);
            model.queue(&[&frame, delimiter].concat(), tag);
        }
        Op::PushWith(len, fails) => {
            let frame = vec![number; len];
            let result = outbox.push_with(delimiter, tag, |out| {
                out.extend_from_slice(&frame);
                if fails { Err(()) } else { Ok(()) }
            });
            prop_assert_eq!(result.is_err(), fails);
            if !fails {
                model.queue(&[&frame, delimiter].concat(), tag);
            }
        }
        Op::Advance(n) => {
            let n = n.index(outbox.remaining() + 1);
            outbox.advance(n);
            model.write(n);
        }
        Op::TakeAndAck(n) => {
            let chunk = outbox.take_chunk();
            prop_assert_eq!(chunk.is_some(), !model.rest().is_empty());
            prop_assert!(model.rest().starts_with(&chunk.unwrap_or_default()));
            outbox.ack(n);
            model.write(n.min(model.rest().len()));
        }
        Op::Confirm => {
            outbox.confirm();
            model.confirm();
        }
        Op::Hold => {
            outbox.hold_until_confirmed();
            model.in_session = true;
        }
        Op::DisownLast => {
            outbox.disown_last();
            model.entries.last_mut().into_iter().for_each(|entry| entry.tag = Tag::Greeting);
        }
        Op::NoteBegun => {
            outbox.note_begun();
            model.entries.last_mut().into_iter().for_each(|entry| entry.begun = true);
        }
        Op::TakeUnsent => {
            let unsent = outbox.take_unsent();
            let unsent = unsent.map(|frame| (frame.bytes.to_vec(), frame.tag, frame.begun, frame.doubtful));
            prop_assert!(unsent.collect::<Vec<_>>() == model.take_unsent());
        }
        Op::Shrink => outbox.shrink(),
        #[cfg(feature = "facade")]
        Op::Bypass(len) => {
            if outbox.pending() == 0 && !model.in_session {
                outbox.bypass(len);
                model.stream.extend(core::iter::repeat_n(number, len));
                model.write(len);
            }
        }
    }
    Ok(())
}

/// What the outbox shows is how the rest of the string begins, and its numbers are those of the list.
fn compare(outbox: &mut Outbox, model: &mut Model) -> Result<(), TestCaseError> {
    let rest = model.rest();
    prop_assert_eq!((outbox.remaining(), outbox.written()), (rest.len(), model.written as u64));
    prop_assert_eq!(outbox.unconfirmed(), model.written - model.confirmed);
    prop_assert_eq!(outbox.pending(), rest.len() + model.written - model.confirmed);
    prop_assert_eq!(outbox.frames(), model.entries.len());
    prop_assert!(rest.starts_with(outbox.chunk()) && outbox.chunk().is_empty() == rest.is_empty());
    #[cfg(feature = "std")]
    for room in [0, 2, 64] {
        let mut slices = vec![std::io::IoSlice::new(&[]); room];
        let count = outbox.chunks_vectored(&mut slices);
        let shown = slices[..count].iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        prop_assert!(rest.starts_with(&shown) && (count == room || shown == rest));
    }
    let flushed: Vec<_> = core::iter::from_fn(|| outbox.poll_flushed()).collect();
    prop_assert_eq!(flushed, mem::take(&mut model.flushed));
    Ok(())
}

proptest! {
    #[test]
    fn an_outbox_is_a_string(
        delimiter in prop::sample::select(vec![&b"\x0c"[..], b"||", b""]),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let (mut outbox, mut model) = (Outbox::default(), Model::default());
        for (number, op) in (0..).zip(ops) {
            step(&mut outbox, &mut model, op, delimiter, number)?;
            compare(&mut outbox, &mut model)?;
        }
    }
}
