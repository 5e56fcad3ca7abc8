//! The JSON grammar, checked without recursion and without building anything.
//!
//! Accepts what JavaScript's `JSON.parse` accepts: whitespace is space, tab, line feed and carriage return; numbers
//! have any size, nesting any depth, and `\u` escapes need not form surrogate pairs. The input is valid UTF-8, which
//! the caller has seen to, so only ASCII bytes are looked at.

use alloc::vec::Vec;
use core::ops::Range;

mod ends;
mod rewrite;
mod wide;

pub(crate) use rewrite::{compact_into, replace_lone, unescape};
pub(crate) use wide::{Makeup, Quotes, is_plain, makeup, plain_prefix};

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
    scanner.skip_space()?;
    let value = scanner.value()?;
    scanner.skip_space().is_none().then_some(value)
}

/// A position in JSON text. Every method that fails leaves the position undefined.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    traits: Traits,
    /// Of bytes that are [plain](Self::plain).
    quotes: Option<&'a Quotes>,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, traits: Traits(0), quotes: None }
    }

    /// Of bytes which are [plain](Makeup::Plain) except for what `quotes` finds as well: there a string ends at the next one.
    pub(crate) const fn plain(bytes: &'a [u8], quotes: &'a Quotes) -> Self {
        Self { bytes, at: 0, traits: Traits(0), quotes: Some(quotes) }
    }

    /// How far it has come.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.byte(self.at)
    }

    /// Steps over `text`, or fails when something else is there.
    #[inline(always)]
    pub(crate) fn eat<const LEN: usize>(&mut self, text: &[u8; LEN]) -> Option<()> {
        self.at = self.behind(text, self.at)?;
        Some(())
    }

    /// Steps to the next byte that is no whitespace, and says which it is.
    fn skip_space(&mut self) -> Option<u8> {
        let (byte, at) = self.next(self.at)?;
        self.at = at;
        Some(byte)
    }

    /// The members of the object that begins here, in order, up to behind its closing brace.
    pub(crate) fn members(&mut self, mut each: impl FnMut(Member)) -> Option<()> {
        self.eat(b"{")?;
        if self.skip_space()? == b'}' {
            return self.eat(b"}");
        }
        loop {
            each(self.member()?);
            if self.skip_space()? != b',' {
                return self.eat(b"}");
            }
            self.at += 1;
            self.skip_space()?;
        }
    }

    fn member(&mut self) -> Option<Member> {
        let key = self.string()?;
        self.skip_space()?;
        self.eat(b":")?;
        self.skip_space()?;
        let value = self.value()?;
        Some(Member { key, value })
    }

    /// The string that begins here.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<Token> {
        self.token(Self::string_end_here)
    }

    /// The value that begins here, without whitespace around it.
    #[inline]
    pub(crate) fn value(&mut self) -> Option<Token> {
        self.token(|scanner, at| match scanner.byte(at)? {
            first @ (b'{' | b'[') => scanner.container_end(first, at),
            b'"' => scanner.string_end_here(at),
            first => scanner.scalar_end(first, at),
        })
    }

    /// What `end_of` finds the end of.
    #[inline]
    fn token(&mut self, end_of: impl FnOnce(&mut Self, usize) -> Option<usize>) -> Option<Token> {
        let start = self.at;
        self.traits = Traits(0);
        self.at = end_of(self, start)?;
        Some(Token { start, end: self.at, traits: self.traits })
    }
}

/// Which containers are open, one bit each below the first one that is set: set for an object.
struct Nesting {
    top: u64,
    full: Vec<u64>,
}

impl Default for Nesting {
    fn default() -> Self {
        Self { top: 1, full: Vec::new() }
    }
}

impl Nesting {
    #[inline]
    fn push(&mut self, object: bool) {
        if self.top >> 63 == 1 {
            self.full.push(self.top);
            self.top = 1;
        }
        self.top = self.top << 1 | u64::from(object);
    }

    #[inline]
    fn pop(&mut self) {
        self.top >>= 1;
        if self.top == 1 {
            self.top = self.full.pop().unwrap_or(1);
        }
    }

    #[inline]
    const fn is_empty(&self) -> bool {
        self.top == 1
    }

    /// Of the innermost.
    #[inline]
    const fn is_object(&self) -> bool {
        self.top & 1 == 1
    }

    #[inline]
    const fn closes_with(&self) -> u8 {
        if self.is_object() { b'}' } else { b']' }
    }
}

#[cfg(test)]
mod tests;
