//! Values as the JSON text that `JSON.stringify` makes of them.
//!
//! serde_json would do but for its [numbers](super::number), and it looks at each byte of a text. What is written here is
//! structure and texts; a number without a fraction, and what serde_json alone knows, it writes itself.

use core::fmt::{self, Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{self, Error as _, SerializeMap as _, SerializeStruct as _},
};
use serde_json::Error;

use super::{Text, key::Key};

/// Writes one value to a text.
pub(super) struct Json<'t, 'o>(pub(super) &'t mut Text<'o>);

/// How serde_json's raw values, and its numbers of any length, name themselves: it knows how they are written.
const PRIVATE: [&str; 2] = ["$serde_json::private::RawValue", "$serde_json::private::Number"];

type Done = Result<(), Error>;

macro_rules! numbers {
    ($($method:ident: $ty:ty)*) => { $(
        #[inline]
        fn $method(self, value: $ty) -> Done {
            self.0.number(&value)
        }
    )* };
}

impl<'t, 'o> Serializer for Json<'t, 'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'t, 'o>;
    type SerializeTuple = Members<'t, 'o>;
    type SerializeTupleStruct = Members<'t, 'o>;
    type SerializeTupleVariant = Members<'t, 'o>;
    type SerializeMap = Members<'t, 'o>;
    type SerializeStruct = Members<'t, 'o>;
    type SerializeStructVariant = Members<'t, 'o>;

    numbers! {
        serialize_i8: i8 serialize_i16: i16 serialize_i32: i32 serialize_i64: i64 serialize_i128: i128
        serialize_u8: u8 serialize_u16: u16 serialize_u32: u32 serialize_u64: u64 serialize_u128: u128
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Done {
        self.0.put(if value { b"true" } else { b"false" });
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Done {
        self.0.float(value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Done {
        self.0.float(value)
    }

    #[inline]
    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Done {
        self.0.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.collect_seq(value)
    }

    #[inline]
    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Done {
        self.0.put(b"null");
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        let mut members = self.serialize_map(Some(1))?;
        members.serialize_entry(variant, value)?;
        members.finish()
    }

    #[inline]
    fn serialize_seq(self, _len: Option<usize>) -> Result<Members<'t, 'o>, Error> {
        Ok(Members::open(self.0, b"[", b"]"))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Members<'t, 'o>, Error> {
        self.serialize_seq(Some(len))
    }

    #[inline]
    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Members<'t, 'o>, Error> {
        self.serialize_seq(Some(len))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'t, 'o>, Error> {
        Ok(Members::of_variant(self.0, variant, b"[", b"]}"))
    }

    #[inline]
    fn serialize_map(self, _len: Option<usize>) -> Result<Members<'t, 'o>, Error> {
        Ok(Members::open(self.0, b"{", b"}"))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Members<'t, 'o>, Error> {
        if PRIVATE.contains(&name) { Ok(Members::open(self.0, b"", b"")) } else { self.serialize_map(Some(len)) }
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'t, 'o>, Error> {
        Ok(Members::of_variant(self.0, variant, b"{", b"}}"))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Done {
        self.0.put(b"\"");
        write!(Escaping(self.0), "{value}").map_err(Error::custom)?;
        self.0.put(b"\"");
        Ok(())
    }
}

/// Puts what is displayed into a string.
struct Escaping<'t, 'o>(&'t mut Text<'o>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.escaped(text);
        Ok(())
    }
}

/// The members of an array or object that is open.
pub(super) struct Members<'t, 'o> {
    text: &'t mut Text<'o>,
    is_first: bool,
    close: &'static [u8],
}

impl<'t, 'o> Members<'t, 'o> {
    #[inline]
    fn open(text: &'t mut Text<'o>, open: &[u8], close: &'static [u8]) -> Self {
        text.put(open);
        Self { text, is_first: true, close }
    }

    /// In an object of its own, whose key is the variant.
    #[inline]
    fn of_variant(text: &'t mut Text<'o>, variant: &str, open: &[u8], close: &'static [u8]) -> Self {
        text.key(b"{\"", variant);
        Self::open(text, open, close)
    }

    #[inline]
    fn begin(&mut self) {
        if !core::mem::take(&mut self.is_first) {
            self.text.put(b",");
        }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.begin();
        value.serialize(Json(self.text))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Done {
        if self.close.is_empty() {
            return self.text.number(&Private { key, value });
        }
        self.text.key(if core::mem::take(&mut self.is_first) { b"\"" } else { b",\"" }, key);
        value.serialize(Json(self.text))
    }

    #[inline]
    fn finish(self) -> Done {
        self.text.put(self.close);
        Ok(())
    }
}

/// What serde_json writes in its own way, once more.
struct Private<'v, T: ?Sized> {
    key: &'static str,
    value: &'v T,
}

impl<T: Serialize + ?Sized> Serialize for Private<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(self.key, 1)?;
        fields.serialize_field(self.key, self.value)?;
        fields.end()
    }
}

macro_rules! members {
    ($($compound:ident::$method:ident($($key:ident)?) $by:ident;)*) => { $(
        impl ser::$compound for Members<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Done {
                self.$by($($key,)? value)
            }

            #[inline]
            fn end(self) -> Done {
                self.finish()
            }
        }
    )* };
}

members! {
    SerializeSeq::serialize_element() element;
    SerializeTuple::serialize_element() element;
    SerializeTupleStruct::serialize_field() element;
    SerializeTupleVariant::serialize_field() element;
    SerializeStruct::serialize_field(key) field;
    SerializeStructVariant::serialize_field(key) field;
}

impl ser::SerializeMap for Members<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.begin();
        key.serialize(Key(self.text))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.text.put(b":");
        value.serialize(Json(self.text))
    }

    #[inline]
    fn end(self) -> Done {
        self.finish()
    }
}
