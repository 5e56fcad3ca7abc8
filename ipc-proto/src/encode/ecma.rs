//! Numbers as ECMAScript writes them, over any serializer of serde_json's.
//!
//! serde_json writes `1.0`, `-0.0` and `1e21` where `JSON.stringify` writes `1`, `0` and `1e+21`. Its `Formatter`
//! cannot be implemented without `std`, so the difference is made one level up, where most floats turn out to be
//! ones that serde_json writes just so when they are handed to it as an integer or as they are.

use alloc::{format, string::String};
use core::fmt::{Display, LowerExp};

use serde::{
    Serialize, Serializer,
    ser::{self, Error},
};
use serde_json::value::RawValue;

use crate::scan::plain_prefix;

/// Wraps a serializer, one of its compound serializers, or a value for one of those.
///
/// `KEY` is for the keys of maps, which are numbers in quotes.
pub(super) struct Ecma<S, const KEY: bool = false>(pub(super) S);

impl<T: Serialize + ?Sized, const KEY: bool> Serialize for Ecma<&T, KEY> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Ecma::<_, KEY>(serializer))
    }
}

/// How one float is written.
enum Written<F> {
    /// As this integer.
    Integer(i64),
    /// As serde_json does.
    Alike(F),
    /// Like this.
    Text(String),
}

const TWO_POW_53: f64 = 9_007_199_254_740_992.0;

/// `float` has the digits, `wide` the same value.
#[inline]
fn written<F: LowerExp>(float: F, wide: f64) -> Written<F> {
    // Saturates, and makes NaN 0.
    #[expect(clippy::cast_possible_truncation, reason = "a float that loses anything is not written as an integer")]
    let integer = wide as i64;
    #[expect(clippy::cast_precision_loss, reason = "the comparison is what finds the loss")]
    let exact = integer as f64 == wide && wide.abs() < TWO_POW_53;
    match wide.abs() {
        _ if exact => Written::Integer(integer),
        size if size < 1e-4 || (TWO_POW_53..f64::INFINITY).contains(&size) => Written::Text(ecma_text(&float)),
        _ => Written::Alike(float),
    }
}

/// ECMAScript's Number::toString, from the shortest digits that Rust finds.
#[cold]
fn ecma_text(float: &impl LowerExp) -> String {
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    match exponent.parse::<i32>().unwrap_or(0) {
        // All digits stand before the point: only floats beyond 2^53 come here, and those have none behind it.
        places @ 0..=20 => format!("{sign}{first}{rest:0<width$}", width = usize::try_from(places).unwrap_or(0)),
        places @ -6..0 => format!("{sign}0.{}{first}{rest}", &"00000"[..usize::try_from(-places - 1).unwrap_or(0)]),
        places if places < 0 => format!("{sign}{mantissa}e{places}"),
        places => format!("{sign}{mantissa}e+{places}"),
    }
}

/// From how many bytes on a string is better quoted here: serde_json checks a raw value in half the time in which it looks
/// for characters to escape.
const LONG: usize = 256;
/// What is shorter between two escapes is no gain.
const SPARSE: usize = 64;

/// A JSON string of a text with few characters to escape.
fn quoted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + text.len() / SPARSE + 8);
    out.push('"');
    let (mut rest, mut spare) = (text, text.len() / SPARSE);
    loop {
        let (plain, behind) = rest.split_at(plain_prefix(rest.as_bytes()));
        out.push_str(plain);
        let mut chars = behind.chars();
        let Some(special) = chars.next() else { break };
        spare = spare.checked_sub(1)?;
        escape(&mut out, special);
        rest = chars.as_str();
    }
    out.push('"');
    Some(out)
}

/// As `JSON.stringify` does it.
fn escape(out: &mut String, special: char) {
    let short = match special {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        control => return out.push_str(&format!("\\u{:04x}", u32::from(control))),
    };
    out.push_str(short);
}

fn verbatim<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<&RawValue>(text).map_err(S::Error::custom)?.serialize(serializer)
}

macro_rules! floats {
    ($($method:ident: $ty:ty)*) => { $(
        #[inline]
        fn $method(self, value: $ty) -> Result<S::Ok, S::Error> {
            match written(value, value.into()) {
                Written::Integer(integer) => self.0.serialize_i64(integer),
                Written::Alike(float) => self.0.$method(float),
                Written::Text(text) if KEY => self.0.serialize_str(&text),
                Written::Text(text) => verbatim(&text, self.0),
            }
        }
    )* };
}

macro_rules! forward {
    ($($method:ident($($arg:ident: $ty:ty),*) $(-> $out:ident)?;)*) => { $(
        forward! { @one $method($($arg: $ty),*) $($out)? }
    )* };
    (@one $method:ident($($arg:ident: $ty:ty),*)) => {
        #[inline]
        fn $method(self, $($arg: $ty),*) -> Result<S::Ok, S::Error> {
            self.0.$method($($arg),*)
        }
    };
    (@one $method:ident($($arg:ident: $ty:ty),*) $out:ident) => {
        #[inline]
        fn $method(self, $($arg: $ty),*) -> Result<Self::$out, S::Error> {
            self.0.$method($($arg),*).map(Ecma::<_, false>)
        }
    };
}

impl<S: Serializer, const KEY: bool> Serializer for Ecma<S, KEY> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Ecma<S::SerializeSeq>;
    type SerializeTuple = Ecma<S::SerializeTuple>;
    type SerializeTupleStruct = Ecma<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Ecma<S::SerializeTupleVariant>;
    type SerializeMap = Ecma<S::SerializeMap>;
    type SerializeStruct = Ecma<S::SerializeStruct>;
    type SerializeStructVariant = Ecma<S::SerializeStructVariant>;

    forward! {
        serialize_bool(v: bool);
        serialize_i8(v: i8);
        serialize_i16(v: i16);
        serialize_i32(v: i32);
        serialize_i64(v: i64);
        serialize_i128(v: i128);
        serialize_u8(v: u8);
        serialize_u16(v: u16);
        serialize_u32(v: u32);
        serialize_u64(v: u64);
        serialize_u128(v: u128);
        serialize_char(v: char);
        serialize_bytes(v: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
        serialize_seq(len: Option<usize>) -> SerializeSeq;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant;
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &Ecma::<&T>(value))
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    floats! { serialize_f32: f32 serialize_f64: f64 }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<S::Ok, S::Error> {
        match (!KEY && text.len() >= LONG).then(|| quoted(text)).flatten() {
            Some(quoted) => verbatim(&quoted, self.0),
            None => self.0.serialize_str(text),
        }
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Ecma::<_, KEY>(value))
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Ecma::<_, KEY>(value))
    }
}

macro_rules! elements {
    ($($compound:ident::$method:ident)*) => { $(
        impl<S: ser::$compound> ser::$compound for Ecma<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.0.$method(&Ecma::<&T>(value))
            }

            #[inline]
            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )* };
}

elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

/// How serde_json's raw values, and its numbers of any length, name their only field: their text goes out as it is.
const PRIVATE: &str = "$serde_json::private::";

macro_rules! fields {
    ($($compound:ident)*) => { $(
        impl<S: ser::$compound> ser::$compound for Ecma<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), S::Error> {
                if key.starts_with(PRIVATE) {
                    return self.0.serialize_field(key, value);
                }
                self.0.serialize_field(key, &Ecma::<&T>(value))
            }

            #[inline]
            fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
                self.0.skip_field(key)
            }

            #[inline]
            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )* };
}

fields! { SerializeStruct SerializeStructVariant }

impl<S: ser::SerializeMap> ser::SerializeMap for Ecma<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(&Ecma::<_, true>(key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Ecma::<&T>(value))
    }

    #[inline]
    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), S::Error> {
        self.0.serialize_entry(&Ecma::<_, true>(key), &Ecma::<&V>(value))
    }

    #[inline]
    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod properties {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        let plain = "[ -!#-\\[\\]-~\u{7f}é\u{2028}😀]{40,200}";
        let special = "[\u{0}-\u{1f}\"\\\\]";
        let pieces = prop_oneof![8 => plain, 3 => special, 1 => "[\u{0}-\u{1f}\"\\\\]{3}"];
        prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// Whoever escapes a text, it is escaped in the same way.
        #[test]
        fn texts_are_quoted_as_by_serde_json(text in text()) {
            let expected = serde_json::to_string(&text).expect("JSON");
            let mut out = BytesMut::new();
            crate::encode::value(&mut out, &text).expect("JSON");
            prop_assert_eq!(&out[..], expected.as_bytes());
            if let Some(quoted) = quoted(&text) {
                prop_assert_eq!(quoted, expected);
            }
        }
    }

    #[test]
    fn a_raw_value_is_written_as_it_is_however_long_it_is() {
        let texts = [format!("[{}1]", "1.0,".repeat(LONG)), format!("\"{}\"", "x\\n\u{e9}".repeat(LONG)), "1e5".into()];
        for text in texts {
            let raw: &RawValue = serde_json::from_str(&text).expect("JSON");
            let mut out = BytesMut::new();
            crate::encode::value(&mut out, &(raw, Some(raw))).expect("JSON");
            assert_eq!(out, format!("[{text},{text}]"));
        }
    }

    #[test]
    fn a_text_with_few_escapes_is_quoted_here_and_one_with_many_is_not() {
        let few = format!("{}\n", "x".repeat(LONG));
        assert_eq!(quoted(&few), Some(format!("\"{}\\n\"", "x".repeat(LONG))));
        assert_eq!(quoted(&"\n".repeat(LONG)), None);
    }
}
