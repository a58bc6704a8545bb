//! What generated code calls to use the cell of a field with a codec of its own; as `access`, which
//! has those without. Holds no logic.

use super::{Cell, Coded, Context, ValueCell};
use crate::{
    codec::Codec,
    schema::{FieldSpec, LocalField},
};

/// Cells of one stored value, with a codec of their own, which this is implemented for. The type
/// need not be serde's.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no codec for the session field type `{T}`",
    label = "no codec for `{T}`",
    note = "it must implement `session_runtime::codec::Codec<{T}>`",
    note = "the field's type must be `Clone + Send + Sync + 'static`"
)]
pub trait CodecAccess<T>: Sized {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T, Coded<Self>>;
    fn get<'a>(cell: &'a ValueCell<T, Coded<Self>>, context: &Context) -> &'a T;
    fn copied(cell: &ValueCell<T, Coded<Self>>, context: &Context) -> T;
    fn set(cell: &ValueCell<T, Coded<Self>>, context: &Context, value: T);
    fn update<R>(
        cell: &ValueCell<T, Coded<Self>>,
        context: &Context,
        change: impl FnOnce(&mut T) -> R,
    ) -> R;
    fn reset(cell: &ValueCell<T, Coded<Self>>, context: &Context);
    fn take<V>(
        cell: &ValueCell<T, Coded<Self>>,
        context: &Context,
        take: fn(&mut T) -> Option<V>,
    ) -> Option<V>;
    fn adopt(cell: &ValueCell<T, Coded<Self>>, other: &ValueCell<T, Coded<Self>>);
    fn erased(cell: &ValueCell<T, Coded<Self>>) -> &dyn Cell;
}

#[diagnostic::do_not_recommend]
impl<T: LocalField, C: Codec<T>> CodecAccess<T> for C {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T, Coded<C>> {
        ValueCell::new(spec, default)
    }

    fn get<'a>(cell: &'a ValueCell<T, Coded<C>>, context: &Context) -> &'a T {
        cell.get(context)
    }

    fn copied(cell: &ValueCell<T, Coded<C>>, context: &Context) -> T {
        cell.get(context).clone()
    }

    fn set(cell: &ValueCell<T, Coded<C>>, context: &Context, value: T) {
        cell.set(context, value);
    }

    fn update<R>(
        cell: &ValueCell<T, Coded<C>>,
        context: &Context,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        cell.update(context, change)
    }

    fn reset(cell: &ValueCell<T, Coded<C>>, context: &Context) {
        cell.reset(context);
    }

    fn take<V>(
        cell: &ValueCell<T, Coded<C>>,
        context: &Context,
        take: fn(&mut T) -> Option<V>,
    ) -> Option<V> {
        cell.take(context, take)
    }

    fn adopt(cell: &ValueCell<T, Coded<C>>, other: &ValueCell<T, Coded<C>>) {
        cell.adopt(other);
    }

    fn erased(cell: &ValueCell<T, Coded<C>>) -> &dyn Cell {
        cell
    }
}
