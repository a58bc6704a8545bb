//! The traits that `#[derive(Session)]` implements for a struct: the link between the user's type,
//! its static facts and the cells of one request.

use std::{any::TypeId, fmt};

use crate::{
    cell::{Cell, Context, ValueCell},
    schema::{SessionField, Spec, principal::Principal},
};

/// A struct with `#[derive(Session)]`. Only the derive implements this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session type",
    note = "add `#[derive(session_runtime::Session)]` to the struct",
    note = "handlers extract `Session<YourStruct>`, not the generated fields"
)]
pub trait SessionType: Sized + Send + Sync + 'static {
    /// The generated accessors that `Session<Self>` dereferences to.
    type Fields: FieldSet;
    /// The generated struct of the fields marked `listed`, which lists of sessions show; `()` if
    /// there are none.
    type Listed: Clone + fmt::Debug + Send + Sync + 'static;

    /// Returns the static facts.
    fn spec() -> &'static Spec;
    /// Creates fresh cells for one request.
    fn fields(context: Context) -> Self::Fields;
    /// Returns clones of the fields' present values.
    fn snapshot(fields: &Self::Fields) -> Self;
    /// Returns clones of the present values of the fields marked `listed`.
    fn listed(fields: &Self::Fields) -> Self::Listed;
    /// Writes every field but the principal.
    fn replace(fields: &Self::Fields, value: Self);

    /// Returns the JSON text of the principal's id, from the stored form of the principal. `None`: the
    /// stored form is that text.
    #[doc(hidden)]
    fn identity(_stored: &[u8]) -> Option<String> {
        None
    }
}

/// A session type with a field marked `principal`. Only the derive implements this trait.
#[diagnostic::on_unimplemented(
    message = "the session type `{Self}` has no principal",
    note = "mark the field that says who is logged in with `#[session(principal)]`"
)]
pub trait PrincipalType: SessionType {
    /// The type of the principal: the type inside the `Option`.
    type Principal: SessionField + Principal;
    /// Returns the cell of the principal.
    fn principal(fields: &Self::Fields) -> &ValueCell<Option<Self::Principal>>;
}

/// Returns the JSON text of the id in the stored form of a principal, or `None` if the stored form is that
/// text.
#[doc(hidden)]
#[must_use]
pub fn identity<T: PrincipalType>(stored: &[u8]) -> Option<String> {
    if TypeId::of::<T::Principal>() == TypeId::of::<<T::Principal as Principal>::Id>() {
        return None;
    }
    let principal: Option<T::Principal> = serde_json::from_slice(stored).ok()?;
    serde_json::to_string(principal?.id()).ok()
}

/// The generated struct of field cells.
pub trait FieldSet: Send + Sync + 'static {
    /// Returns the state that the cells share.
    fn context(&self) -> &Context;
    /// Calls `visit` with all cells, in the struct's order.
    fn cells(&self, visit: &mut dyn FnMut(&[&dyn Cell]));

    /// Calls `visit` for each cell, in the struct's order.
    fn each(&self, visit: &mut dyn FnMut(&dyn Cell)) {
        self.cells(&mut |cells| cells.iter().for_each(|cell| visit(*cell)));
    }

    /// Adopts the values of another handle of the same session, which has saved them, and the
    /// record that it starts from.
    fn adopt(&self, other: &Self)
    where
        Self: Sized,
    {
        let context = other.context();
        self.cells(&mut |cells| {
            other.cells(&mut |others| {
                cells.iter().zip(others).for_each(|(cell, other)| cell.adopt(*other, context));
            });
        });
        self.context().settle_like(context);
    }
}
