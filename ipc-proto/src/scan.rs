//! The JSON grammar, checked without recursion and without building anything.
//!
//! Accepts what JavaScript's `JSON.parse` accepts: whitespace is space, tab, line feed and carriage return; numbers
//! have any size, nesting any depth, and `\u` escapes need not form surrogate pairs. The input is valid UTF-8, which
//! the caller has seen to, so only ASCII bytes are looked at.

use alloc::vec::Vec;
use core::ops::Range;

mod rewrite;
mod wide;

pub(crate) use rewrite::{compact_into, replace_lone, unescape};
pub(crate) use wide::{Makeup, makeup, plain_prefix};

/// A JSON token or value within the scanned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) traits: Traits,
}

/// What was noticed while a token was scanned.
///
/// One word and no booleans: a message is made of these, and copying bytes in larger pieces than they were just
/// written in costs more than all else that is done to a small message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits(u32);

impl Traits {
    const SPACED: u32 = 1;
    const ESCAPED: u32 = 2;
    const LONE: u32 = 4;

    /// No whitespace stands between the tokens.
    pub(crate) const fn is_compact(self) -> bool {
        self.0 & Self::SPACED == 0
    }

    /// A backslash occurs.
    pub(crate) const fn is_escaped(self) -> bool {
        self.0 & Self::ESCAPED != 0
    }

    /// An escape is half a surrogate pair, which no Rust string can hold.
    pub(crate) const fn has_lone(self) -> bool {
        self.0 & Self::LONE != 0
    }

    const fn note(&mut self, what: u32) {
        self.0 |= what;
    }
}

impl Token {
    pub(crate) const fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether this string token says `name`, written plainly or with escapes.
    pub(crate) fn says(&self, bytes: &[u8], name: &str) -> bool {
        let inner = &bytes[self.start + 1..self.end - 1];
        inner == name.as_bytes() || (self.traits.is_escaped() && unescape(&bytes[self.range()]) == name)
    }
}

/// One `"key":value` of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) key: Token,
    pub(crate) value: Token,
}

/// The only value in `bytes`, whitespace around it allowed; `None` when that is not JSON.
pub(crate) fn document(bytes: &[u8]) -> Option<Token> {
    let mut scanner = Scanner::new(bytes, 0);
    scanner.skip_space();
    let value = scanner.value()?;
    scanner.skip_space();
    scanner.is_at_end().then_some(value)
}

/// A position in JSON text. Every method that fails leaves the position undefined.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    traits: Traits,
    /// All of `bytes` is [plain](Self::plain) but for this one.
    stop: Option<u8>,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, traits: Traits(0), stop: None }
    }

    /// Of bytes which are [plain](Makeup::Plain) except for `stop`: there a string ends at the next quote.
    pub(crate) const fn plain(bytes: &'a [u8], stop: u8) -> Self {
        Self { bytes, at: 0, traits: Traits(0), stop: Some(stop) }
    }

    /// How far it has come.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    const fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Steps over `text`, or fails when something else is there.
    #[inline]
    pub(crate) fn eat(&mut self, text: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(text).then(|| self.at += text.len())
    }

    #[inline]
    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
            self.traits.note(Traits::SPACED);
        }
    }

    /// The members of the object that begins here, in order, up to behind its closing brace.
    pub(crate) fn members(&mut self, mut each: impl FnMut(Member)) -> Option<()> {
        self.eat(b"{")?;
        self.skip_space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            each(self.member()?);
            self.skip_space();
            match self.bump()? {
                b',' => self.skip_space(),
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn member(&mut self) -> Option<Member> {
        let key = self.string()?;
        self.skip_space();
        self.eat(b":")?;
        self.skip_space();
        let value = self.value()?;
        Some(Member { key, value })
    }

    /// The string that begins here.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<Token> {
        self.token(|scanner| {
            scanner.eat(b"\"")?;
            scanner.string_rest()
        })
    }

    /// The value that begins here, without whitespace around it.
    #[inline]
    pub(crate) fn value(&mut self) -> Option<Token> {
        self.token(|scanner| match scanner.peek()? {
            b'{' | b'[' => scanner.container(),
            first => scanner.scalar(first),
        })
    }

    #[inline]
    fn token(&mut self, scan: impl FnOnce(&mut Self) -> Option<()>) -> Option<Token> {
        let start = self.at;
        self.traits = Traits(0);
        scan(self)?;
        Some(Token { start, end: self.at, traits: self.traits })
    }

    fn container(&mut self) -> Option<()> {
        let mut open = Nesting::default();
        loop {
            match self.peek()? {
                b'{' => {
                    if !self.open(b'}')? {
                        open.push(true);
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    if !self.open(b']')? {
                        open.push(false);
                        continue;
                    }
                }
                first => self.scalar(first)?,
            }
            if !self.follow(&mut open)? {
                return Some(());
            }
        }
    }

    /// Steps over an opening bracket, and over the closing one when nothing is between them.
    #[inline]
    fn open(&mut self, close: u8) -> Option<bool> {
        self.at += 1;
        self.skip_space();
        let empty = self.peek()? == close;
        self.at += usize::from(empty);
        Some(empty)
    }

    /// Steps from behind a value to the next one, closing what ends in between; `false` when all is closed.
    #[inline]
    fn follow(&mut self, open: &mut Nesting) -> Option<bool> {
        while let Some(in_object) = open.top() {
            self.skip_space();
            match (self.bump()?, in_object) {
                (b',', true) => {
                    self.skip_space();
                    self.key()?;
                    return Some(true);
                }
                (b',', false) => {
                    self.skip_space();
                    return Some(true);
                }
                (b'}', true) | (b']', false) => open.pop(),
                _ => return None,
            }
        }
        Some(false)
    }

    #[inline]
    fn key(&mut self) -> Option<()> {
        self.eat(b"\"")?;
        self.string_rest()?;
        self.skip_space();
        self.eat(b":")?;
        self.skip_space();
        Some(())
    }

    #[inline]
    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => {
                self.at += 1;
                self.string_rest()
            }
            b't' => self.eat(b"true"),
            b'f' => self.eat(b"false"),
            b'n' => self.eat(b"null"),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        self.exponent()
    }

    fn exponent(&mut self) -> Option<()> {
        let Some(b'e' | b'E') = self.peek() else { return Some(()) };
        self.at += 1;
        if let Some(b'+' | b'-') = self.peek() {
            self.at += 1;
        }
        self.digits()
    }

    fn digits(&mut self) -> Option<()> {
        let rest = &self.bytes[self.at..];
        let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        (count > 0).then_some(())
    }

    /// From behind the opening quote to behind the closing one.
    #[inline]
    fn string_rest(&mut self) -> Option<()> {
        let Some(stop) = self.stop else { return self.any_string_rest() };
        let rest = self.bytes.get(self.at..)?;
        let len = wide::until_quote(rest, stop);
        self.at += len + 1;
        (*rest.get(len)? == b'"').then_some(())
    }

    #[inline]
    fn any_string_rest(&mut self) -> Option<()> {
        loop {
            self.at += plain_prefix(&self.bytes[self.at..]);
            match self.bump()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.traits.note(Traits::ESCAPED);
        match self.bump()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let unit = self.hex4()?;
                self.pair(unit);
                Some(())
            }
            _ => None,
        }
    }

    /// Steps over the second half of a surrogate pair when `unit` is the first half.
    fn pair(&mut self, unit: u16) {
        match unit {
            0xD800..=0xDBFF => {
                let behind = self.at;
                let paired =
                    self.eat(b"\\u").and_then(|()| self.hex4()).is_some_and(|u| (0xDC00..=0xDFFF).contains(&u));
                if !paired {
                    self.at = behind;
                    self.traits.note(Traits::LONE);
                }
            }
            0xDC00..=0xDFFF => self.traits.note(Traits::LONE),
            _ => {}
        }
    }

    fn hex4(&mut self) -> Option<u16> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, &digit| {
            let digit = char::from(digit).to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
    }
}

/// Which containers are open, one bit each: set for an object.
#[derive(Default)]
struct Nesting {
    top: u64,
    depth: usize,
    full: Vec<u64>,
}

impl Nesting {
    #[inline]
    fn push(&mut self, object: bool) {
        if self.depth % 64 == 0 && self.depth > 0 {
            self.full.push(self.top);
        }
        self.top = self.top << 1 | u64::from(object);
        self.depth += 1;
    }

    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        self.top >>= 1;
        if self.depth % 64 == 0 && self.depth > 0 {
            self.top = self.full.pop().unwrap_or_default();
        }
    }

    #[inline]
    fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.top & 1 == 1)
    }
}

#[cfg(test)]
mod tests;
