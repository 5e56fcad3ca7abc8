//! The keys of maps, which are strings or are put in quotes.

use core::fmt::Display;

use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible},
};
use serde_json::Error;

use super::{Text, json::Json};

/// Writes one key to a text.
pub(super) struct Key<'t, 'o>(pub(super) &'t mut Text<'o>);

type Done = Result<(), Error>;
type Never = Impossible<(), Error>;

fn no_string<T>() -> Result<T, Error> {
    Err(Error::custom("key must be a string"))
}

impl Key<'_, '_> {
    fn quoted(self, write: impl FnOnce(&mut Text<'_>) -> Done) -> Done {
        self.0.put(b"\"");
        write(self.0)?;
        self.0.put(b"\"");
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident: $ty:ty)*) => { $(
        fn $method(self, value: $ty) -> Done {
            self.quoted(|text| text.number(&value))
        }
    )* };
}

macro_rules! floats {
    ($($method:ident: $ty:ty)*) => { $(
        fn $method(self, value: $ty) -> Done {
            if !value.is_finite() {
                return Err(Error::custom("float key must be finite (got NaN or +/-inf)"));
            }
            self.quoted(|text| text.float(value))
        }
    )* };
}

impl Serializer for Key<'_, '_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    numbers! {
        serialize_i8: i8 serialize_i16: i16 serialize_i32: i32 serialize_i64: i64 serialize_i128: i128
        serialize_u8: u8 serialize_u16: u16 serialize_u32: u32 serialize_u64: u64 serialize_u128: u128
        serialize_bool: bool
    }

    floats! { serialize_f32: f32 serialize_f64: f64 }

    #[inline]
    fn serialize_str(self, value: &str) -> Done {
        Json(self.0).serialize_str(value)
    }

    fn serialize_char(self, value: char) -> Done {
        Json(self.0).serialize_char(value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Done {
        Json(self.0).collect_str(value)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_bytes(self, _value: &[u8]) -> Done {
        no_string()
    }

    fn serialize_none(self) -> Done {
        no_string()
    }

    fn serialize_unit(self) -> Done {
        no_string()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        no_string()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Done {
        no_string()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Never, Error> {
        no_string()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Never, Error> {
        no_string()
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Never, Error> {
        no_string()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Never, Error> {
        no_string()
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Never, Error> {
        no_string()
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Never, Error> {
        no_string()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Never, Error> {
        no_string()
    }
}
