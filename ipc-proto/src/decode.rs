//! Data on its way to a Rust type: serde_json, but for what "nothing" is.

use core::fmt::{self, Write};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, Expected, MapAccess, Visitor, value::BorrowedStrDeserializer},
    forward_to_deserialize_any,
};
use serde_json::Error;

use crate::error::DecodeError;

/// Decodes a message's data; `None` when it has none.
pub(crate) fn data<'de, T: Deserialize<'de>>(text: Option<&'de [u8]>) -> Result<T, DecodeError> {
    Ok(T::deserialize(Data { text })?)
}

/// Decodes the envelope: `type`, then `data`.
pub(crate) fn event<'de, T: Deserialize<'de>>(name: &'de str, text: Option<&'de [u8]>) -> Result<T, DecodeError> {
    Ok(T::deserialize(Event { name, data: Data { text } })?)
}

/// Validated JSON, or nothing.
#[derive(Clone, Copy)]
struct Data<'de> {
    text: Option<&'de [u8]>,
}

impl<'de> Data<'de> {
    fn json(self) -> &'de [u8] {
        self.text.unwrap_or(b"null")
    }

    /// What Node sends for nothing: `{}`, `null`, no data.
    fn is_nothing(self) -> bool {
        match self.json() {
            b"null" | b"{}" => true,
            [b'{', inner @ .., b'}'] => inner.trim_ascii().is_empty(),
            _ => false,
        }
    }

    /// Runs `read` on serde_json's own deserializer, and insists that it reads all of the text.
    #[inline]
    fn read<T>(self, read: impl FnOnce(&mut SliceDeserializer<'de>) -> Result<T, Error>) -> Result<T, Error> {
        let mut json = serde_json::Deserializer::from_slice(self.json());
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }
}

type SliceDeserializer<'de> = serde_json::Deserializer<serde_json::de::SliceRead<'de>>;

macro_rules! forward {
    ($($method:ident($($arg:ident: $ty:ty),*))*) => { $(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, Error> {
            self.read(|json| json.$method($($arg,)* visitor))
        }
    )* };
}

impl<'de> Deserializer<'de> for Data<'de> {
    type Error = Error;

    forward! {
        deserialize_ignored_any() deserialize_identifier()
        deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_bytes() deserialize_byte_buf() deserialize_seq() deserialize_map()
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if wants_unit_variant(&visitor) {
            visitor.visit_unit()
        } else {
            self.read(|json| json.deserialize_any(visitor))
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_nothing() { visitor.visit_unit() } else { self.read(|json| json.deserialize_unit(visitor)) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        // RawValue is a newtype struct that serde_json knows by its name, so those go to serde_json first.
        if name.starts_with('$') {
            return self.read(|json| json.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.json() == b"null" { visitor.visit_none() } else { visitor.visit_some(self) }
    }
}

/// Whether `visitor` is what serde's derive hands to an adjacently tagged unit variant.
///
/// That visitor takes a unit and nothing else, while Node sends `{}`; only its description sets it apart from the
/// visitors of types that look at any data.
fn wants_unit_variant<'de, V: Visitor<'de>>(visitor: &V) -> bool {
    let mut prefix = Prefix(Some("unit variant "));
    // The error is how Prefix stops the formatting early.
    write!(prefix, "{}", visitor as &dyn Expected).is_err() && prefix.0.is_some_and(str::is_empty)
}

/// Eats the text it expects; fails once that is all eaten (`Some("")`), or at other text (`None`).
struct Prefix(Option<&'static str>);

impl Write for Prefix {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let expected = self.0.unwrap_or_default();
        let common = expected.len().min(text.len());
        self.0 = expected.strip_prefix(&text[..common]);
        if self.0.is_some_and(|rest| !rest.is_empty()) { Ok(()) } else { Err(fmt::Error) }
    }
}

/// The envelope as a map of two members.
struct Event<'de> {
    name: &'de str,
    data: Data<'de>,
}

impl<'de> Deserializer<'de> for Event<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Members { name: Some(self.name), data: Some(self.data) })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Members<'de> {
    name: Option<&'de str>,
    data: Option<Data<'de>>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let key = match (self.name, self.data) {
            (Some(_), _) => "type",
            (None, Some(_)) => "data",
            (None, None) => return Ok(None),
        };
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        if let Some(name) = self.name.take() {
            return seed.deserialize(BorrowedStrDeserializer::new(name));
        }
        let data = self.data.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        seed.deserialize(data)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties {
    use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

    use proptest::prelude::*;
    use serde_json::Value;

    use crate::message::Message;

    fn text() -> impl Strategy<Value = String> {
        let leaf = "null|true|false|0|-1|1[.]5e3|255|256|\"\"|\"a\"|\"\\\\n\"|\\[\\]|[{] ?[}]";
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
                inner.clone().prop_map(|value| format!("{{\"a\":{value}}}")),
                inner.prop_map(|value| format!("{{ \"b\" : {value}, \"a\": 1 }}")),
            ]
        })
    }

    macro_rules! same_as_serde_json {
        ($message:expr, $text:expr, $($ty:ty)+) => { $(
            let (ours, theirs) = ($message.decode::<$ty>().ok(), serde_json::from_str::<$ty>($text).ok());
            prop_assert_eq!(ours, theirs, "{} of {}", stringify!($ty), $text);
        )+ };
    }

    proptest! {
        /// Data is what serde_json makes of it, but that units are read from all that Node sends for nothing.
        #[test]
        fn data_is_decoded_as_by_serde_json(text in text()) {
            let message = Message::parse(format!("{{\"type\":\"m\",\"data\":{text}}}").into()).expect("an event");
            same_as_serde_json!(
                message, &text,
                Value bool u8 i64 f64 String char Option<u8> Option<Vec<u8>> Vec<Value> (u8, String)
                BTreeMap<String, Value> Option<BTreeMap<String, f64>> [Option<bool>; 2] Vec<()>
            );
            let nothing = matches!(serde_json::from_str(&text), Ok(Value::Null))
                || serde_json::from_str::<BTreeMap<String, Value>>(&text).is_ok_and(|members| members.is_empty());
            prop_assert_eq!(message.decode::<()>().is_ok(), nothing);
            let named = message.decode_event::<BTreeMap<String, Value>>().expect("the envelope is a map");
            prop_assert_eq!(&named["type"], "m");
            prop_assert_eq!(&named["data"], &serde_json::from_str::<Value>(&text).expect("JSON"));
        }
    }
}
