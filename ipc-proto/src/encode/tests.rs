//! Against serde_json, in all that JavaScript does not write differently.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use bytes::BytesMut;
use proptest::prelude::*;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeStruct, SerializeStructVariant, SerializeTupleStruct, SerializeTupleVariant},
};
use serde_json::value::RawValue;

const WORDS: [&str; 5] = ["a", "name", "a \"quoted\" name", "two\nlines", "a name as long as few of them are, é"];

/// Whatever a type can say of itself, but for floats.
#[derive(Clone, Debug)]
enum Any {
    Unit,
    UnitStruct,
    None,
    Bool(bool),
    Small(i8),
    Signed(i64),
    Large(u128),
    Char(char),
    Text(String),
    Displayed(String),
    Bytes(Vec<u8>),
    UnitVariant(&'static str),
    Some(Box<Self>),
    NewtypeStruct(Box<Self>),
    NewtypeVariant(&'static str, Box<Self>),
    Seq(Vec<Self>),
    Tuple(Vec<Self>),
    TupleStruct(Vec<Self>),
    TupleVariant(&'static str, Vec<Self>),
    Map(Vec<(Self, Self)>),
    Struct(Vec<(&'static str, Self)>),
    StructVariant(&'static str, Vec<(&'static str, Self)>),
    Raw(i32),
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unit => s.serialize_unit(),
            Self::UnitStruct => s.serialize_unit_struct("n"),
            Self::None => s.serialize_none(),
            Self::Bool(value) => s.serialize_bool(*value),
            Self::Small(value) => s.serialize_i8(*value),
            Self::Signed(value) => s.serialize_i64(*value),
            Self::Large(value) => s.serialize_u128(*value),
            Self::Char(value) => s.serialize_char(*value),
            Self::Text(value) => s.serialize_str(value),
            Self::Displayed(value) => s.collect_str(&format_args!("{value}{}{value}", 5)),
            Self::Bytes(value) => s.serialize_bytes(value),
            Self::UnitVariant(variant) => s.serialize_unit_variant("n", 0, variant),
            Self::Some(value) => s.serialize_some(value),
            Self::NewtypeStruct(value) => s.serialize_newtype_struct("n", value),
            Self::NewtypeVariant(variant, value) => s.serialize_newtype_variant("n", 0, variant, value),
            Self::Seq(items) => s.collect_seq(items),
            Self::Tuple(items) => {
                let mut tuple = s.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| serde::ser::SerializeTuple::serialize_element(&mut tuple, item))?;
                serde::ser::SerializeTuple::end(tuple)
            }
            Self::TupleStruct(items) => {
                let mut tuple = s.serialize_tuple_struct("n", items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Self::TupleVariant(variant, items) => {
                let mut tuple = s.serialize_tuple_variant("n", 0, variant, items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Self::Map(entries) => {
                let mut map = s.serialize_map(None)?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Self::Struct(fields) => {
                let mut out = s.serialize_struct("n", fields.len())?;
                fields.iter().try_for_each(|(key, value)| out.serialize_field(key, value))?;
                out.end()
            }
            Self::StructVariant(variant, fields) => {
                let mut out = s.serialize_struct_variant("n", 0, variant, fields.len())?;
                fields.iter().try_for_each(|(key, value)| out.serialize_field(key, value))?;
                out.end()
            }
            Self::Raw(value) => {
                let raw = RawValue::from_string(format!("[ {value} ]")).expect("JSON");
                raw.serialize(s)
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let plain = "[ -!#-\\[\\]-~\u{7f}é\u{2028}😀]{40,200}";
    let special = "[\u{0}-\u{1f}\"\\\\]";
    let pieces = prop_oneof![8 => plain, 3 => special, 1 => "[\u{0}-\u{1f}\"\\\\]{3}", 4 => "[a-z]{0,12}"];
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&WORDS[..])
}

fn leaf() -> impl Strategy<Value = Any> {
    prop_oneof![
        Just(Any::Unit),
        Just(Any::UnitStruct),
        Just(Any::None),
        any::<bool>().prop_map(Any::Bool),
        any::<i8>().prop_map(Any::Small),
        any::<i64>().prop_map(Any::Signed),
        any::<u128>().prop_map(Any::Large),
        any::<char>().prop_map(Any::Char),
        text().prop_map(Any::Text),
        text().prop_map(Any::Displayed),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Any::Bytes),
        word().prop_map(Any::UnitVariant),
        any::<i32>().prop_map(Any::Raw),
    ]
}

/// Few of which cannot be one.
fn key() -> impl Strategy<Value = Any> {
    prop_oneof![30 => text().prop_map(Any::Text), 10 => any::<i64>().prop_map(Any::Signed), 1 => leaf()].prop_flat_map(
        |key| {
            let boxed = Box::new(key.clone());
            prop::sample::select(alloc::vec![key.clone(), key, Any::Some(boxed.clone()), Any::NewtypeStruct(boxed)])
        },
    )
}

fn anything() -> impl Strategy<Value = Any> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let items = || prop::collection::vec(inner.clone(), 0..4);
        let fields = || prop::collection::vec((word(), inner.clone()), 0..4);
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Any::Some),
            boxed().prop_map(Any::NewtypeStruct),
            (word(), boxed()).prop_map(|(variant, value)| Any::NewtypeVariant(variant, value)),
            items().prop_map(Any::Seq),
            items().prop_map(Any::Tuple),
            items().prop_map(Any::TupleStruct),
            (word(), items()).prop_map(|(variant, items)| Any::TupleVariant(variant, items)),
            prop::collection::vec((key(), inner.clone()), 0..4).prop_map(Any::Map),
            fields().prop_map(Any::Struct),
            (word(), fields()).prop_map(|(variant, fields)| Any::StructVariant(variant, fields)),
        ]
    })
}

/// The JSON of `value` here, behind what was there before.
fn encoded<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    let mut out = BytesMut::from("before");
    crate::encode::value(&mut out, value).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out[6..].to_vec()).expect("UTF-8"))
}

proptest! {
    #[test]
    fn values_are_written_as_by_serde_json(value in anything()) {
        let theirs = serde_json::to_string(&value);
        let ours = encoded(&value);
        match theirs {
            Ok(text) => prop_assert_eq!(ours, Ok(text)),
            Err(error) => prop_assert!(ours.is_err_and(|ours| ours.ends_with(&error.to_string()))),
        }
    }
}

#[test]
fn a_raw_value_is_written_as_it_is_however_long_it_is() {
    let texts = [format!("[{}1]", "1.0,".repeat(300)), format!("\"{}\"", "x\\n\u{e9}".repeat(300)), "1e5".into()];
    for text in texts {
        let raw: &RawValue = serde_json::from_str(&text).expect("JSON");
        assert_eq!(encoded(&(raw, Some(raw))), Ok(format!("[{text},{text}]")));
    }
}

#[test]
fn what_cannot_be_displayed_is_an_error() {
    struct Mute;

    impl core::fmt::Display for Mute {
        fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            Err(core::fmt::Error)
        }
    }

    impl Serialize for Mute {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    assert!(encoded(&Mute).is_err());
}
