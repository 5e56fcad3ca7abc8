//! `JSON.stringify(JSON.parse(text))`, so that a received text can be compared with what node-ipc published of it.

use core::iter::Peekable;
use core::str::CharIndices;

/// What JavaScript makes of a JSON text when it reads and writes it again.
///
/// Numbers become doubles in their shortest form, members with integer names come first, a repeated member keeps its
/// first place and its last value, whitespace goes, and strings have the escapes that `JSON.stringify` gives them.
///
/// `text` must be JSON; of anything else the result is of no use. Nesting is followed by recursion.
pub fn restringified(text: &str) -> String {
    let mut reader = Reader { text, chars: text.char_indices().peekable() };
    let mut out = String::with_capacity(text.len());
    reader.value(&mut out);
    out
}

struct Reader<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl Reader<'_> {
    fn value(&mut self, out: &mut String) {
        match self.peek() {
            '{' => self.object(out),
            '[' => self.array(out),
            '"' => quote(&self.string(), out),
            '-' | '0'..='9' => out.push_str(&number(self.word())),
            _ => out.push_str(self.word()),
        }
    }

    /// The next character that is no whitespace; NUL at the end.
    fn peek(&mut self) -> char {
        while self.chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        self.chars.peek().map_or('\0', |(_, c)| *c)
    }

    fn skip(&mut self) {
        self.chars.next();
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> &str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let start = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        while self.chars.next_if(|(_, c)| is_part(*c)).is_some() {}
        let end = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        &self.text[start..end]
    }

    fn array(&mut self, out: &mut String) {
        out.push('[');
        self.skip();
        while !matches!(self.peek(), ']' | '\0') {
            if self.peek() == ',' {
                self.skip();
                out.push(',');
            } else {
                self.value(out);
            }
        }
        self.skip();
        out.push(']');
    }

    fn object(&mut self, out: &mut String) {
        let mut members: Vec<(Vec<u16>, String)> = Vec::new();
        self.skip();
        while !matches!(self.peek(), '}' | '\0') {
            if self.peek() == ',' {
                self.skip();
                continue;
            }
            let (name, value) = self.member();
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => members.push((name, value)),
            }
        }
        self.skip();
        write_members(members, out);
    }

    fn member(&mut self) -> (Vec<u16>, String) {
        let name = self.string();
        self.peek();
        self.skip();
        let mut value = String::new();
        self.peek();
        self.value(&mut value);
        (name, value)
    }

    /// A string in UTF-16, which can hold what JavaScript's strings hold.
    fn string(&mut self) -> Vec<u16> {
        let mut units = Vec::new();
        self.skip();
        while let Some((_, c)) = self.chars.next() {
            match c {
                '"' => break,
                '\\' => units.push(self.escape()),
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
        units
    }

    fn escape(&mut self) -> u16 {
        match self.chars.next().map_or('\0', |(_, c)| c) {
            'b' => 8,
            't' => 9,
            'n' => 10,
            'f' => 12,
            'r' => 13,
            'u' => self.hex_unit(),
            c => u16::try_from(u32::from(c)).unwrap_or(0),
        }
    }

    fn hex_unit(&mut self) -> u16 {
        let digits = (0..4).filter_map(|_| self.chars.next()?.1.to_digit(16));
        digits.fold(0, |unit, digit| unit << 4 | u16::try_from(digit).unwrap_or(0))
    }
}

fn write_members(mut members: Vec<(Vec<u16>, String)>, out: &mut String) {
    // A stable sort: the others stay in their order.
    members.sort_by_key(|(name, _)| array_index(name).map_or(u64::MAX, u64::from));
    out.push('{');
    for (n, (name, value)) in members.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        quote(name, out);
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
}

/// The integer that a member's name is, where JavaScript orders by it.
fn array_index(name: &[u16]) -> Option<u32> {
    let text = String::from_utf16(name).ok()?;
    let index: u32 = text.parse().ok()?;
    (index < u32::MAX && index.to_string() == text).then_some(index)
}

fn quote(units: &[u16], out: &mut String) {
    out.push('"');
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok('"') => out.push_str("\\\""),
            Ok('\\') => out.push_str("\\\\"),
            Ok('\u{8}') => out.push_str("\\b"),
            Ok('\t') => out.push_str("\\t"),
            Ok('\n') => out.push_str("\\n"),
            Ok('\u{c}') => out.push_str("\\f"),
            Ok('\r') => out.push_str("\\r"),
            Ok(c) if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            Ok(c) => out.push(c),
            Err(lone) => out.push_str(&format!("\\u{:04x}", lone.unpaired_surrogate())),
        }
    }
    out.push('"');
}

/// A number as `Number.prototype.toString` writes it; what no double can be is `null`.
fn number(token: &str) -> String {
    let value: f64 = token.parse().unwrap_or(f64::NAN);
    if !value.is_finite() {
        return "null".to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    // Rust's digits are the shortest that read back as the same double, as JavaScript's are.
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    format!("{sign}{}", positional(&mantissa.replace('.', ""), exponent.parse().unwrap_or(0)))
}

/// Digits with the decimal point after the first one, times ten to the `exponent`.
fn positional(digits: &str, exponent: i32) -> String {
    let len = i32::try_from(digits.len()).unwrap_or(0);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    match exponent {
        21.. | ..=-7 => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{first}{point}{rest}e{exponent:+}")
        }
        0.. if exponent >= len - 1 => format!("{digits}{}", zeros(exponent - len + 1)),
        0.. => {
            let (whole, part) = digits.split_at(usize::try_from(exponent).unwrap_or(0) + 1);
            format!("{whole}.{part}")
        }
        _ => format!("0.{}{digits}", zeros(-exponent - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_node_writes_them() {
        for (text, written) in [
            ("1.0", "1"),
            ("-1.5e+3", "-1500"),
            ("-0", "0"),
            ("1e21", "1e+21"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
            ("1.25e-5", "0.0000125"),
            ("123.456", "123.456"),
            ("1E400", "null"),
            ("1e-400", "0"),
            ("9007199254740993", "9007199254740992"),
            ("123456789012345678901234567890", "1.2345678901234568e+29"),
            ("100000000000000000000", "100000000000000000000"),
            (r#" [ 1 , "a" , { } , null ] "#, r#"[1,"a",{},null]"#),
            (r#"{"b":1,"2":2,"10":3,"a":4,"1":5,"b":6}"#, r#"{"1":5,"2":2,"10":3,"b":6,"a":4}"#),
            (r#"{"01":1,"4294967295":2,"0":3}"#, r#"{"0":3,"01":1,"4294967295":2}"#),
            (r#""\u0041\/\u001F\u000c\ud83d\ude00\ud83d""#, "\"A/\\u001f\\f\u{1f600}\\ud83d\""),
            ("\"\u{2028}\u{7f}é\"", "\"\u{2028}\u{7f}é\""),
            (r#"{"__proto__":{"x":[true,false]}}"#, r#"{"__proto__":{"x":[true,false]}}"#),
        ] {
            assert_eq!(restringified(text), written, "{text}");
        }
    }
}
