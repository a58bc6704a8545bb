//! Refuses, while a value is written, what the format has no form for and would read back as another
//! value: a number that is not finite, and `Some` of a value that is written as nothing. Passes all
//! else on to the format's own serializer. Knows no fields.

use std::fmt::Display;

use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
        SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    },
};

/// The forms that a format has.
#[derive(Clone, Copy)]
pub(super) struct Forms {
    /// There is a form for NaN and for infinite numbers.
    pub(super) not_finite: bool,
}

/// Writes a value strictly.
pub(super) fn write<T: Serialize + ?Sized, S: Serializer>(
    value: &T,
    serializer: S,
    forms: Forms,
) -> Result<S::Ok, S::Error> {
    value.serialize(Strict { inner: serializer, forms, in_some: false })
}

/// A serializer that refuses.
struct Strict<S> {
    inner: S,
    forms: Forms,
    /// The value is the one of a `Some`, which has no mark of its own.
    in_some: bool,
}

/// A value that is written strictly as a part of another.
struct Part<'a, T: ?Sized> {
    value: &'a T,
    forms: Forms,
    in_some: bool,
}

impl<T: Serialize + ?Sized> Serialize for Part<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { value, forms, in_some } = *self;
        value.serialize(Strict { inner: serializer, forms, in_some })
    }
}

impl<S: Serializer> Strict<S> {
    /// Returns an error for a value that is written as nothing inside of a `Some`.
    #[inline]
    fn nothing(&self) -> Result<(), S::Error> {
        if self.in_some {
            return Err(S::Error::custom("`Some` of an empty value reads back as `None`"));
        }
        Ok(())
    }

    #[inline]
    fn number(&self, is_finite: bool) -> Result<(), S::Error> {
        if !is_finite && !self.forms.not_finite {
            return Err(S::Error::custom(
                "a number that is not finite reads back as another value",
            ));
        }
        Ok(())
    }

    #[inline]
    fn part<'a, T: ?Sized>(&self, value: &'a T) -> Part<'a, T> {
        Part { value, forms: self.forms, in_some: false }
    }
}

/// Passes scalars on.
macro_rules! pass {
    ($($method:ident: $scalar:ty),*) => {$(
        #[inline]
        fn $method(self, value: $scalar) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

/// A serializer of the parts of a value.
struct Parts<C> {
    inner: C,
    forms: Forms,
}

/// Begins a value that has parts.
macro_rules! begin {
    ($($method:ident -> $parts:ident ($($name:ident: $of:ty),*);)*) => {$(
        #[inline]
        fn $method(self, $($name: $of),*) -> Result<Self::$parts, S::Error> {
            let forms = self.forms;
            self.inner.$method($($name),*).map(|inner| Parts { inner, forms })
        }
    )*};
}

impl<S: Serializer> Serializer for Strict<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<S::SerializeSeq>;
    type SerializeTuple = Parts<S::SerializeTuple>;
    type SerializeTupleStruct = Parts<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<S::SerializeTupleVariant>;
    type SerializeMap = Parts<S::SerializeMap>;
    type SerializeStruct = Parts<S::SerializeStruct>;
    type SerializeStructVariant = Parts<S::SerializeStructVariant>;

    pass! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_i128: i128, serialize_u8: u8, serialize_u16: u16,
        serialize_u32: u32, serialize_u64: u64, serialize_u128: u128, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8]
    }

    begin! {
        serialize_seq -> SerializeSeq(len: Option<usize>);
        serialize_tuple -> SerializeTuple(len: usize);
        serialize_tuple_struct -> SerializeTupleStruct(name: &'static str, len: usize);
        serialize_tuple_variant -> SerializeTupleVariant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        );
        serialize_map -> SerializeMap(len: Option<usize>);
        serialize_struct -> SerializeStruct(name: &'static str, len: usize);
        serialize_struct_variant -> SerializeStructVariant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        );
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.number(value.is_finite())?;
        self.inner.serialize_f32(value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.number(value.is_finite())?;
        self.inner.serialize_f64(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.nothing()?;
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let part = Part { in_some: true, ..self.part(value) };
        self.inner.serialize_some(&part)
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.nothing()?;
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.nothing()?;
        self.inner.serialize_unit_struct(name)
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        // Has no form of its own either.
        let part = Part { in_some: self.in_some, ..self.part(value) };
        self.inner.serialize_newtype_struct(name, &part)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let part = self.part(value);
        self.inner.serialize_newtype_variant(name, index, variant, &part)
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Writes the parts of a value that are in a row.
macro_rules! in_a_row {
    ($($parts:ident: $method:ident;)*) => {$(
        impl<C: $parts> $parts for Parts<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.inner.$method(&Part { value, forms: self.forms, in_some: false })
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

in_a_row! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

/// Writes the parts of a value that have names.
macro_rules! with_names {
    ($($parts:ident;)*) => {$(
        impl<C: $parts> $parts for Parts<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.inner.serialize_field(name, &Part { value, forms: self.forms, in_some: false })
            }

            #[inline]
            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

with_names! {
    SerializeStruct;
    SerializeStructVariant;
}

impl<C: SerializeMap> SerializeMap for Parts<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    /// Writes a key. Formats refuse by themselves the keys that they have no form for.
    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.inner.serialize_value(&Part { value, forms: self.forms, in_some: false })
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn written<T: Serialize>(value: T, not_finite: bool) -> Result<String, String> {
        let mut out = Vec::new();
        let forms = Forms { not_finite };
        write(&value, &mut serde_json::Serializer::new(&mut out), forms)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).expect("JSON is text"))
    }

    /// Whatever the build asserts besides.
    #[test]
    fn numbers_that_are_not_finite_are_refused_wherever_they_are() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for refused in [
                written(number, false),
                written(vec![1.0, number], false),
                written(Some((1, number)), false),
                written(BTreeMap::from([("a", number)]), false),
            ] {
                assert!(refused.expect_err("not finite").contains("not finite"));
            }
            assert!(written(number, true).is_ok(), "a format that has a form for the number");
        }
        assert_eq!(written((1.5, [2.5_f32]), false), Ok("[1.5,[2.5]]".to_owned()));
    }

    #[test]
    fn some_of_nothing_is_refused_and_nothing_elsewhere_is_not() {
        for refused in [
            written(Some(None::<u8>), false),
            written(Some(()), false),
            written(vec![Some(None::<u8>)], false),
        ] {
            assert!(refused.expect_err("reads back as `None`").contains("reads back as `None`"));
        }
        assert_eq!(written((None::<u8>, Some(1), [()]), false), Ok("[null,1,[null]]".to_owned()));
    }
}
