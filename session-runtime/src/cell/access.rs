//! What generated code calls to use a cell: one trait a kind of cell, each with the message for a
//! type that does not fit. Generated code writes `<FieldType as …>::get(…)`, so every mention of a
//! wrong type fails with the same message at the same place, and the compiler prints it once.
//! Holds no logic: each function forwards to its cell.

use super::{Cell, Context, CounterCell, Int, LocalCell, ValueCell};
use crate::schema::{FieldSpec, Integer, LocalField, SessionField};

/// Cells of one stored value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a session field",
    label = "not storable",
    note = "add `#[derive(Clone, serde::Serialize, serde::Deserialize)]` to it; it must also be `Send + Sync + 'static`",
    note = "if the field is for this request only, mark it `#[session(skip)]`"
)]
pub trait ValueAccess: Sized {
    fn cell(spec: &'static FieldSpec, default: fn() -> Self) -> ValueCell<Self>;
    fn get<'a>(cell: &'a ValueCell<Self>, context: &Context) -> &'a Self;
    fn copied(cell: &ValueCell<Self>, context: &Context) -> Self;
    fn set(cell: &ValueCell<Self>, context: &Context, value: Self);
    fn update<R>(
        cell: &ValueCell<Self>,
        context: &Context,
        change: impl FnOnce(&mut Self) -> R,
    ) -> R;
    fn reset(cell: &ValueCell<Self>, context: &Context);
    fn take<V>(
        cell: &ValueCell<Self>,
        context: &Context,
        take: fn(&mut Self) -> Option<V>,
    ) -> Option<V>;
    fn adopt(cell: &ValueCell<Self>, other: &ValueCell<Self>);
    fn erased(cell: &ValueCell<Self>) -> &dyn Cell;
}

#[diagnostic::do_not_recommend]
impl<T: SessionField> ValueAccess for T {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T> {
        ValueCell::new(spec, default)
    }

    fn get<'a>(cell: &'a ValueCell<T>, context: &Context) -> &'a T {
        cell.get(context)
    }

    fn copied(cell: &ValueCell<T>, context: &Context) -> T {
        cell.get(context).clone()
    }

    fn set(cell: &ValueCell<T>, context: &Context, value: T) {
        cell.set(context, value);
    }

    fn update<R>(cell: &ValueCell<T>, context: &Context, change: impl FnOnce(&mut T) -> R) -> R {
        cell.update(context, change)
    }

    fn reset(cell: &ValueCell<T>, context: &Context) {
        cell.reset(context);
    }

    fn take<V>(cell: &ValueCell<T>, context: &Context, take: fn(&mut T) -> Option<V>) -> Option<V> {
        cell.take(context, take)
    }

    fn adopt(cell: &ValueCell<T>, other: &ValueCell<T>) {
        cell.adopt(other);
    }

    fn erased(cell: &ValueCell<T>) -> &dyn Cell {
        cell
    }
}

/// Cells of one request-local value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a request-local session field",
    label = "not usable here",
    note = "it must be `Clone + Send + Sync + 'static`"
)]
pub trait LocalAccess: Sized {
    fn cell(spec: &'static FieldSpec, default: fn() -> Self) -> LocalCell<Self>;
    fn get<'a>(cell: &'a LocalCell<Self>, context: &Context) -> &'a Self;
    fn copied(cell: &LocalCell<Self>, context: &Context) -> Self;
    fn set(cell: &LocalCell<Self>, context: &Context, value: Self);
    fn update<R>(
        cell: &LocalCell<Self>,
        context: &Context,
        change: impl FnOnce(&mut Self) -> R,
    ) -> R;
    fn reset(cell: &LocalCell<Self>, context: &Context);
    fn take<V>(
        cell: &LocalCell<Self>,
        context: &Context,
        take: fn(&mut Self) -> Option<V>,
    ) -> Option<V>;
    fn adopt(cell: &LocalCell<Self>, other: &LocalCell<Self>);
    fn erased(cell: &LocalCell<Self>) -> &dyn Cell;
}

#[diagnostic::do_not_recommend]
impl<T: LocalField> LocalAccess for T {
    fn cell(spec: &'static FieldSpec, default: fn() -> T) -> LocalCell<T> {
        LocalCell::new(spec, default)
    }

    fn get<'a>(cell: &'a LocalCell<T>, context: &Context) -> &'a T {
        cell.get(context)
    }

    fn copied(cell: &LocalCell<T>, context: &Context) -> T {
        cell.get(context).clone()
    }

    fn set(cell: &LocalCell<T>, context: &Context, value: T) {
        cell.set(context, value);
    }

    fn update<R>(cell: &LocalCell<T>, context: &Context, change: impl FnOnce(&mut T) -> R) -> R {
        cell.update(context, change)
    }

    fn reset(cell: &LocalCell<T>, context: &Context) {
        cell.reset(context);
    }

    fn take<V>(cell: &LocalCell<T>, context: &Context, take: fn(&mut T) -> Option<V>) -> Option<V> {
        cell.update(context, take)
    }

    fn adopt(cell: &LocalCell<T>, other: &LocalCell<T>) {
        cell.adopt(other);
    }

    fn erased(cell: &LocalCell<T>) -> &dyn Cell {
        cell
    }
}

/// Cells of one number that the store adds to (`counter`) or compares (`merge = "max"`).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be counted or compared by the store",
    label = "not an integer of at most 64 bits with sign",
    note = "use `i64`, `u32` or a smaller integer"
)]
pub trait NumberAccess: Sized {
    fn counter(spec: &'static FieldSpec) -> CounterCell<Self>;
    fn count(cell: &CounterCell<Self>, context: &Context) -> Self;
    fn add(cell: &CounterCell<Self>, context: &Context, by: i64);
    fn replace(cell: &CounterCell<Self>, context: &Context, value: Self);
    fn adopt(cell: &CounterCell<Self>, other: &CounterCell<Self>);
    fn erased(cell: &CounterCell<Self>) -> &dyn Cell;

    fn max_cell(spec: &'static FieldSpec, default: fn() -> Self) -> ValueCell<Self, Int>;
    fn max(cell: &ValueCell<Self, Int>, context: &Context) -> Self;
    fn set_max(cell: &ValueCell<Self, Int>, context: &Context, value: Self);
    fn adopt_max(cell: &ValueCell<Self, Int>, other: &ValueCell<Self, Int>);
    fn erased_max(cell: &ValueCell<Self, Int>) -> &dyn Cell;
}

#[diagnostic::do_not_recommend]
impl<T: Integer> NumberAccess for T {
    fn counter(spec: &'static FieldSpec) -> CounterCell<T> {
        CounterCell::new(spec)
    }

    fn count(cell: &CounterCell<T>, context: &Context) -> T {
        cell.get(context)
    }

    fn add(cell: &CounterCell<T>, context: &Context, by: i64) {
        cell.add(context, by);
    }

    fn replace(cell: &CounterCell<T>, context: &Context, value: T) {
        cell.replace(context, value);
    }

    fn adopt(cell: &CounterCell<T>, other: &CounterCell<T>) {
        cell.adopt(other);
    }

    fn erased(cell: &CounterCell<T>) -> &dyn Cell {
        cell
    }

    fn max_cell(spec: &'static FieldSpec, default: fn() -> T) -> ValueCell<T, Int> {
        ValueCell::new(spec, default)
    }

    fn max(cell: &ValueCell<T, Int>, context: &Context) -> T {
        *cell.get(context)
    }

    fn set_max(cell: &ValueCell<T, Int>, context: &Context, value: T) {
        cell.set(context, value);
    }

    fn adopt_max(cell: &ValueCell<T, Int>, other: &ValueCell<T, Int>) {
        cell.adopt(other);
    }

    fn erased_max(cell: &ValueCell<T, Int>) -> &dyn Cell {
        cell
    }
}

/// Types whose getter returns by value (`copy`).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Copy`, so its getter cannot return it by value",
    label = "not `Copy`",
    note = "drop `#[session(copy)]`: the getter then returns a reference"
)]
pub trait CopyAccess: Sized {
    fn check() {}
}

#[diagnostic::do_not_recommend]
impl<T: Copy> CopyAccess for T {}
