//! The cell of a request-local field, which no store has.

use std::sync::OnceLock;

use super::{Cell, Context, DecodeError, Emission, history::History, twin};
use crate::schema::FieldSpec;

/// A field that lives for this request only. Has no bounds on `T`, like [`ValueCell`](super::ValueCell).
pub struct LocalCell<T: 'static> {
    pub(super) spec: &'static FieldSpec,
    default: fn() -> T,
    clone: fn(&T) -> T,
    base: OnceLock<T>,
    history: History<T>,
}

impl<T: Clone> LocalCell<T> {
    /// Creates an untouched cell.
    pub(super) const fn new(spec: &'static FieldSpec, default: fn() -> T) -> Self {
        Self { spec, default, clone: T::clone, base: OnceLock::new(), history: History::new() }
    }
}

impl<T> LocalCell<T> {
    /// Returns the present value.
    pub fn get(&self, _: &Context) -> &T {
        self.history.newest().unwrap_or_else(|| self.base())
    }

    /// Returns a clone of the present value.
    pub fn cloned(&self, _: &Context) -> T {
        self.history.read(|value| (self.clone)(value.unwrap_or_else(|| self.base())))
    }

    fn base(&self) -> &T {
        self.base.get_or_init(self.default)
    }

    /// Writes a value.
    pub fn set(&self, _: &Context, value: T) {
        self.history.set(value);
    }

    /// Changes the present value.
    pub fn update(&self, _: &Context, change: impl FnOnce(&mut T)) {
        self.history.change_once(self.clone, || (self.clone)(self.base()), change);
    }

    /// Writes the default.
    pub fn reset(&self, _: &Context) {
        self.history.set((self.default)());
    }
}

impl<V> LocalCell<Option<V>> {
    /// Returns the present value, if there is one.
    pub fn get_some(&self, context: &Context) -> Option<&V> {
        self.get(context).as_ref()
    }

    /// Takes the present value.
    pub fn take(&self, _: &Context) -> Option<V> {
        let none = |value: &Option<V>| value.is_some().then_some(None);
        self.history.exchange(self.clone, || (self.clone)(self.base()), false, none)?
    }
}

impl<T: 'static> Cell for LocalCell<T> {
    fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    fn emit_changes(&self, _: &Context, _: &mut Emission) {}

    fn emit_value(&self, _: &Context, _: &mut Emission) {}

    fn mark_saved(&self, _: &Context) {}

    fn adopt(&self, other: &dyn Cell, _: &Context) {
        let other = twin::<Self>(other);
        if !other.history.is_empty() {
            self.history.set((self.clone)(other.history.newest().unwrap_or_else(|| other.base())));
        }
    }

    fn clear(&self, context: &Context) {
        self.reset(context);
    }

    fn is_compared(&self, _: bool) -> bool {
        false
    }

    fn start_anew(&self) {}

    fn verify(&self, _: &Context) -> Result<(), DecodeError> {
        Ok(())
    }
}
