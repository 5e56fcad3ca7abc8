//! What a message remembers of its frame, in whole words.
//!
//! A message is copied on its way from the parser to whoever takes it. A copy moves whole words, and one that reads
//! a word which was just written in halves has to wait for those: that costs more than all else that is done to a
//! small message.

use core::ops::Range;

use crate::scan::Token;

/// A range of the frame; where it is empty, there is none.
#[derive(Clone, Copy, Default)]
pub(super) struct Span(u64);

impl Span {
    /// Of a token in a frame of less than 4 GiB.
    pub(super) const fn of(token: Token) -> Self {
        Self((token.end as u64) << 32 | token.start as u64)
    }

    pub(super) const fn start(self) -> usize {
        self.range().start
    }

    pub(super) const fn range(self) -> Range<usize> {
        (self.0 & u32::MAX as u64) as usize..(self.0 >> 32) as usize
    }

    pub(super) const fn is_empty(self) -> bool {
        self.range().start == self.range().end
    }
}

/// How a frame is written, and how large the buffer is that it keeps alive, at least.
#[derive(Clone, Copy)]
pub(super) struct Form(u64);

impl Form {
    const COMPACT: u64 = 1 << 62;
    const CANONICAL: u64 = 1 << 63;

    pub(super) const fn new(backing: usize, as_written_by_us: bool, compact: bool) -> Self {
        let canonical = if as_written_by_us && compact { Self::CANONICAL } else { 0 };
        let compact = if compact { Self::COMPACT } else { 0 };
        Self(backing as u64 & !(Self::CANONICAL | Self::COMPACT) | canonical | compact)
    }

    pub(super) const fn backing(self) -> usize {
        (self.0 & !(Self::CANONICAL | Self::COMPACT)) as usize
    }

    pub(super) const fn with_backing(self, backing: usize) -> Self {
        Self::new(backing, self.is_canonical(), self.is_compact())
    }

    /// There is no whitespace between the tokens of the data.
    pub(super) const fn is_compact(self) -> bool {
        self.0 & Self::COMPACT != 0
    }

    /// The frame is what [`Message::to_frame`](super::Message::to_frame) would build.
    pub(super) const fn is_canonical(self) -> bool {
        self.0 & Self::CANONICAL != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_what_it_is_given() {
        for (ours, compact) in [(true, true), (true, false), (false, true), (false, false)] {
            let form = Form::new(70_000, ours, compact);
            assert_eq!((form.backing(), form.is_compact(), form.is_canonical()), (70_000, compact, ours && compact));
            let other = form.with_backing(5);
            assert_eq!((other.backing(), other.is_compact(), other.is_canonical()), (5, compact, ours && compact));
        }
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::scan::Traits;

    proptest! {
        #[test]
        fn ranges_and_forms_are_kept(start: u32, end: u32, backing in 0..1_u64 << 62, ours: bool, compact: bool, other: u32) {
            let (start, end) = (start.min(end) as usize, start.max(end) as usize);
            let span = Span::of(Token { start, end, traits: Traits::default() });
            prop_assert_eq!((span.range(), span.start(), span.is_empty()), (start..end, start, start == end));
            let form = Form::new(backing as usize, ours, compact);
            prop_assert_eq!((form.backing(), form.is_compact(), form.is_canonical()), (backing as usize, compact, ours && compact));
            let form = form.with_backing(other as usize);
            prop_assert_eq!((form.backing(), form.is_compact(), form.is_canonical()), (other as usize, compact, ours && compact));
        }
    }
}
