use alloc::{vec, vec::Vec};

use super::*;

fn filled(sizes: &[usize]) -> (Outbox, Vec<u8>) {
    let mut outbox = Outbox::default();
    let mut all = Vec::new();
    for (n, size) in sizes.iter().enumerate() {
        let frame = Bytes::from(vec![n as u8 + 1; *size]);
        outbox.push(&frame, b"\x0c", Tag::Ticket(n as u64));
        all.extend_from_slice(&frame);
        all.push(0x0c);
    }
    (outbox, all)
}

const SIZES: [usize; 7] = [3, 5000, 1, 70_000, 9, 100_000, 0];

#[test]
fn bytes_leave_in_order_whatever_the_steps() {
    for step in [1, 7, 4096, 1 << 20] {
        let (mut outbox, all) = filled(&SIZES);
        let mut seen = Vec::new();
        while outbox.has_remaining() {
            let n = outbox.chunk().len().min(step);
            seen.extend_from_slice(&outbox.chunk()[..n]);
            outbox.advance(n);
        }
        assert!(seen == all, "step {step}");
        let tickets: Vec<u64> = core::iter::from_fn(|| outbox.poll_flushed()).collect();
        assert_eq!(tickets, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!((outbox.frames(), outbox.written()), (0, all.len() as u64));
    }
}

#[cfg(feature = "std")]
#[test]
fn vectored_and_owned_chunks_show_the_same_bytes() {
    let (mut outbox, all) = filled(&SIZES);
    outbox.advance(2);
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let count = outbox.chunks_vectored(&mut slices);
    let joined: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
    assert!(joined == all[2..]);
    let mut seen = Vec::new();
    while let Some(chunk) = outbox.take_chunk() {
        seen.extend_from_slice(&chunk);
        outbox.ack(chunk.len());
    }
    assert!(seen == all[2..]);
}

#[test]
fn frames_are_taken_back_whole_at_every_cut() {
    let sizes = [2, 4100, 3, 4100];
    let total: usize = sizes.iter().map(|size| size + 1).sum();
    for cut in (0..=total).filter(|cut| cut % 97 < 8 || *cut > total - 5) {
        let (mut outbox, all) = filled(&sizes);
        outbox.advance(cut);
        let unsent: Vec<Unsent> = outbox.take_unsent().collect();
        let bytes: Vec<u8> = unsent.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        assert!(all.ends_with(&bytes), "cut {cut}");
        assert!(bytes.len() >= total - cut, "cut {cut}");
        let begun = unsent.iter().filter(|frame| frame.begun).count();
        assert_eq!(begun, usize::from(bytes.len() > total - cut), "cut {cut}");
        assert!(unsent.iter().all(|frame| frame.bytes.ends_with(b"\x0c")));
        assert_eq!((outbox.pending(), outbox.frames()), (0, 0));
        outbox.push(&Bytes::from("again"), b"\x0c", Tag::Plain);
        assert_eq!(outbox.chunk(), b"again\x0c");
    }
}

#[test]
fn a_failed_encode_leaves_nothing() {
    let mut outbox = Outbox::default();
    let result = outbox.push_with(b"\x0c", Tag::Plain, |out| {
        out.extend_from_slice(b"half");
        Err(())
    });
    assert_eq!(result, Err(()));
    assert_eq!((outbox.pending(), outbox.chunk().len()), (0, 0));
}

#[test]
fn an_idle_outbox_holds_no_large_buffer() {
    let (mut outbox, all) = filled(&[3000, 3000]);
    outbox.advance(all.len());
    outbox.shrink();
    assert_eq!(outbox.tail.capacity(), 0);
}

#[test]
fn a_buffer_that_is_full_to_its_end_is_given_up_too() {
    let mut outbox = Outbox { tail: BytesMut::with_capacity(4), ..Outbox::default() };
    outbox.push(&Bytes::from_static(b"abc"), b"|", Tag::Plain);
    let chunk = outbox.take_chunk().unwrap();
    outbox.ack(4);
    outbox.shrink();
    assert!(chunk.is_unique());
}
