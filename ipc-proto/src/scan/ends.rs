//! Where tokens and values end. A position is handed on and not kept in the scanner, so that it stays in a register.

use super::{Nesting, Scanner, Traits, wide};

impl Scanner<'_> {
    #[inline]
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    #[inline(always)]
    pub(super) fn behind<const LEN: usize>(&self, text: &[u8; LEN], at: usize) -> Option<usize> {
        (self.bytes.get(at..)?.first_chunk() == Some(text)).then_some(at + LEN)
    }

    /// The first byte from `at` on that is no whitespace, and where it is.
    #[inline]
    pub(super) fn next(&mut self, at: usize) -> Option<(u8, usize)> {
        let byte = self.byte(at)?;
        if byte > b' ' { Some((byte, at)) } else { self.behind_space(at) }
    }

    #[inline(never)]
    fn behind_space(&mut self, mut at: usize) -> Option<(u8, usize)> {
        while let b' ' | b'\t' | b'\n' | b'\r' = self.byte(at)? {
            self.traits.note(Traits::SPACED);
            at += 1;
        }
        Some((self.byte(at)?, at))
    }

    /// The end of the object or array at `at`, which begins with `byte`.
    pub(super) fn container_end(&mut self, mut byte: u8, mut at: usize) -> Option<usize> {
        let mut open = Nesting::default();
        loop {
            if let b'{' | b'[' = byte {
                let (object, close) = (byte == b'{', if byte == b'{' { b'}' } else { b']' });
                (byte, at) = self.next(at + 1)?;
                if byte != close {
                    open.push(object);
                    if object {
                        (byte, at) = self.behind_key(at)?;
                    }
                    continue;
                }
                at += 1;
                if open.is_empty() {
                    return Some(at);
                }
            } else {
                at = self.scalar_end(byte, at)?;
            }
            match self.behind_value(at, &mut open)? {
                (b',', next) => (byte, at) = self.next_item(next, &open)?,
                (_, end) => return Some(end),
            }
        }
    }

    /// Closes what ends behind a value. Gives the comma that is there then, and what is behind it, or where all is closed.
    #[inline]
    fn behind_value(&mut self, mut at: usize, open: &mut Nesting) -> Option<(u8, usize)> {
        loop {
            let (byte, place) = self.next(at)?;
            at = place + 1;
            if byte == b',' {
                return Some((byte, at));
            }
            if byte != open.closes_with() {
                return None;
            }
            open.pop();
            if open.is_empty() {
                return Some((byte, at));
            }
        }
    }

    /// Behind a comma: the first byte of the next value, and where it is.
    #[inline]
    fn next_item(&mut self, at: usize, open: &Nesting) -> Option<(u8, usize)> {
        let (byte, at) = self.next(at)?;
        if open.is_object() { self.behind_key(at) } else { Some((byte, at)) }
    }

    /// The first byte of a member's value, and where it is.
    #[inline]
    fn behind_key(&mut self, at: usize) -> Option<(u8, usize)> {
        let at = self.string_end(at)?;
        let (colon, at) = self.next(at)?;
        if colon == b':' { self.next(at + 1) } else { None }
    }

    /// The end of the string, number or literal at `at`, which begins with `first`.
    #[inline]
    pub(super) fn scalar_end(&mut self, first: u8, at: usize) -> Option<usize> {
        match first {
            b'"' => self.string_end(at),
            b't' => self.behind(b"true", at),
            b'f' => self.behind(b"false", at),
            b'n' => self.behind(b"null", at),
            _ => self.number_end(first, at),
        }
    }

    #[inline]
    fn number_end(&self, first: u8, at: usize) -> Option<usize> {
        let (first, at) = if first == b'-' { (self.byte(at + 1)?, at + 1) } else { (first, at) };
        let at = match first {
            b'0' => at + 1,
            b'1'..=b'9' => self.digits_end(at + 1),
            _ => return None,
        };
        match self.byte(at) {
            Some(b'.') => self.exponent_end(self.some_digits_end(at + 1)?),
            Some(b'e' | b'E') => self.exponent_end(at),
            _ => Some(at),
        }
    }

    #[inline]
    fn exponent_end(&self, at: usize) -> Option<usize> {
        let Some(b'e' | b'E') = self.byte(at) else { return Some(at) };
        let signed = matches!(self.byte(at + 1), Some(b'+' | b'-'));
        self.some_digits_end(at + 1 + usize::from(signed))
    }

    #[inline]
    fn some_digits_end(&self, at: usize) -> Option<usize> {
        let end = self.digits_end(at);
        (end > at).then_some(end)
    }

    #[inline]
    fn digits_end(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|byte| byte.is_ascii_digit()) {
            at += 1;
        }
        at
    }

    /// The end of the string at `at`.
    #[inline]
    pub(super) fn string_end(&mut self, at: usize) -> Option<usize> {
        if self.byte(at)? != b'"' {
            return None;
        }
        if self.quotes.is_some() { self.plain_string_end_apart(at) } else { self.any_string_end(at + 1) }
    }

    /// As [`string_end`](Self::string_end), without a call where all is plain.
    #[inline(always)]
    pub(super) fn string_end_here(&mut self, at: usize) -> Option<usize> {
        if self.quotes.is_some() && self.byte(at)? == b'"' { self.plain_string_end(at) } else { self.string_end(at) }
    }

    /// Not within the loop over what containers hold, which needs the registers.
    #[inline(never)]
    fn plain_string_end_apart(&self, at: usize) -> Option<usize> {
        self.plain_string_end(at)
    }

    /// The end of the string whose opening quote is at `at`, where all is plain.
    #[inline(always)]
    fn plain_string_end(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at + 1..)?;
        let len = self.quotes?.until(rest);
        (*rest.get(len)? == b'"').then_some(at + len + 2)
    }

    #[inline]
    fn any_string_end(&mut self, mut at: usize) -> Option<usize> {
        loop {
            at += wide::plain_prefix(self.bytes.get(at..)?);
            at = match self.byte(at)? {
                b'"' => return Some(at + 1),
                b'\\' => self.escape_end(at + 1)?,
                _ => return None,
            }
        }
    }

    /// The end of the escape whose backslash is before `at`.
    pub(super) fn escape_end(&mut self, at: usize) -> Option<usize> {
        self.traits.note(Traits::ESCAPED);
        match self.byte(at)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
            b'u' => Some(self.pair_end(self.unit(at + 1)?, at + 5)),
            _ => None,
        }
    }

    /// Steps over the second half of a surrogate pair when `unit`, which ends at `at`, is the first half.
    fn pair_end(&mut self, unit: u16, at: usize) -> usize {
        let is_second = |unit| (0xDC00..=0xDFFF).contains(&unit);
        if (0xD800..=0xDBFF).contains(&unit) {
            let second = self.behind(b"\\u", at).and_then(|at| self.unit(at));
            if second.is_some_and(is_second) {
                return at + 6;
            }
            self.traits.note(Traits::LONE);
        } else if is_second(unit) {
            self.traits.note(Traits::LONE);
        }
        at
    }

    /// The four hexadecimal digits at `at`.
    fn unit(&self, at: usize) -> Option<u16> {
        self.bytes.get(at..at + 4)?.iter().try_fold(0, |unit, &digit| {
            let digit = char::from(digit).to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
    }
}
