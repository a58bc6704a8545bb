//! The traits that generated code requires of a field's type, once a field, where it makes the
//! cell. There is one trait for each kind of cell, with the compiler's message for a type that does
//! not fit. The accessors require nothing more, so that each mistake is reported once. Holds no
//! logic.

use super::{
    Coded, CounterCell, Int, LocalCell, ValueCell,
    collection::{List, ListFunctions, Map, MapFunctions, Set, SetFunctions},
    value::FunctionsFor,
};
use crate::{
    codec::Codec,
    schema::{FieldSpec, Integer, LocalField, SessionField},
};

/// The cells of one stored value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a session field",
    label = "not storable",
    note = "add `#[derive(Clone, serde::Serialize, serde::Deserialize)]` to it; it must also be `Send + Sync + 'static`",
    note = "if the field is for this request only, mark it `#[session(skip)]`"
)]
pub trait ValueAccess: Sized + 'static {
    fn cell(spec: &'static FieldSpec, default: fn() -> Self) -> ValueCell<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: SessionField> ValueAccess for T {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T> {
        ValueCell::new::<Coded>(spec, default)
    }
}

/// The cells of a list of `T`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a session field",
    label = "not storable",
    note = "add `#[derive(Clone, serde::Serialize, serde::Deserialize)]` to `{T}`; it must also be `Send + Sync + 'static`",
    note = "if the field is for this request only, mark it `#[session(skip)]`"
)]
pub trait ListAccess<T: 'static>: Sized + 'static {
    fn cell(
        spec: &'static FieldSpec,
        default: fn() -> Self,
    ) -> ValueCell<Self, ListFunctions<Self, T>>;
}

#[diagnostic::do_not_recommend]
impl<T: SessionField, L: SessionField + List<T>> ListAccess<T> for L {
    fn cell(spec: &'static FieldSpec, default: fn() -> L) -> ValueCell<L, ListFunctions<L, T>> {
        ValueCell::new::<Coded>(spec, default)
    }
}

/// The cells of a map from `K` to `V`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a session field",
    label = "not storable",
    note = "`{K}` and `{V}` must be `Clone + serde::Serialize + serde::Deserialize + Send + Sync + 'static`, and `{K}` a key of such a map",
    note = "if the field is for this request only, mark it `#[session(skip)]`"
)]
pub trait MapAccess<K: 'static, V: 'static>: Sized + 'static {
    fn cell(
        spec: &'static FieldSpec,
        default: fn() -> Self,
    ) -> ValueCell<Self, MapFunctions<Self, K, V>>;
}

#[diagnostic::do_not_recommend]
impl<K: SessionField, V: SessionField, M: SessionField + Map<K, V>> MapAccess<K, V> for M {
    fn cell(spec: &'static FieldSpec, default: fn() -> M) -> ValueCell<M, MapFunctions<M, K, V>> {
        ValueCell::new::<M::Form>(spec, default)
    }
}

/// The cells of a set of `M`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a session field",
    label = "not storable",
    note = "`{M}` must be `Clone + serde::Serialize + serde::Deserialize + Send + Sync + 'static`, and a member of such a set",
    note = "if the field is for this request only, mark it `#[session(skip)]`"
)]
pub trait SetAccess<M: 'static>: Sized + 'static {
    fn cell(
        spec: &'static FieldSpec,
        default: fn() -> Self,
    ) -> ValueCell<Self, SetFunctions<Self, M>>;
}

#[diagnostic::do_not_recommend]
impl<M: SessionField, S: SessionField + Set<M>> SetAccess<M> for S {
    fn cell(spec: &'static FieldSpec, default: fn() -> S) -> ValueCell<S, SetFunctions<S, M>> {
        ValueCell::new::<S::Form>(spec, default)
    }
}

/// The cells of one stored value with a codec of its own, and the functions `F` of the value's type.
/// Implemented for the codec; the value's type need not be serde's.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no codec for the session field type `{T}`",
    label = "no codec for `{T}`",
    note = "it must implement `session_runtime::codec::Codec<{T}>`",
    note = "the field's type must be `Clone + Send + Sync + 'static`"
)]
pub trait CodecAccess<T: 'static, F: 'static = ()>: Sized {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T, F>;
}

#[diagnostic::do_not_recommend]
impl<T: LocalField, C: Codec<T>, F: FunctionsFor<T>> CodecAccess<T, F> for C {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T, F> {
        ValueCell::new::<Coded<C>>(spec, default)
    }
}

/// The cells of one request-local value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a request-local session field",
    label = "not usable here",
    note = "it must be `Clone + Send + Sync + 'static`"
)]
pub trait LocalAccess: Sized {
    fn cell(spec: &'static FieldSpec, default: fn() -> Self) -> LocalCell<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: LocalField> LocalAccess for T {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> LocalCell<T> {
        LocalCell::new(spec, default)
    }
}

/// The cells of one number that is added to (`counter`) or compared (`merge = "max"`).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be counted or compared",
    label = "not an integer of at most 64 bits with sign",
    note = "use `i64`, `u32` or a smaller integer"
)]
pub trait NumberAccess: Sized + 'static {
    fn counter(spec: &'static FieldSpec) -> CounterCell<Self>;
    fn max(spec: &'static FieldSpec, default: fn() -> Self) -> ValueCell<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Integer> NumberAccess for T {
    fn counter(spec: &'static FieldSpec) -> CounterCell<T> {
        CounterCell::new(spec)
    }

    fn max(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T> {
        ValueCell::new::<Int>(spec, default)
    }
}

/// A type whose getter returns by value (`copy`, and numbers, `bool` and `char` without it).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Copy`, so its getter cannot return it by value",
    label = "not `Copy`",
    note = "drop `#[session(copy)]`: the getter then returns a reference"
)]
pub trait CopyAccess: Sized {
    fn copied(value: &Self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Copy> CopyAccess for T {
    fn copied(value: &T) -> T {
        *value
    }
}
