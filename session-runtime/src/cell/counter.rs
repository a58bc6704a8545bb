//! The cell of a field marked `counter`: it keeps what this request adds, and leaves the sum to
//! the store.

use std::{
    borrow::Cow,
    marker::PhantomData,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Cell, Codec, Context, DecodeError, Emission, Int};
use crate::{
    schema::{FieldSpec, Integer},
    store::{FieldValue, Op},
};

/// A number that parallel requests add to.
pub struct CounterCell<T> {
    pub(super) spec: &'static FieldSpec,
    state: Mutex<State>,
    integer: PhantomData<T>,
}

#[derive(Default)]
struct State {
    /// What the pending additions start from, once it differs from what was loaded.
    start: Option<i64>,
    /// Removed first, before anything is added.
    cleared: bool,
    added: i64,
    emitted: i64,
}

impl<T: Integer> CounterCell<T> {
    /// An untouched cell.
    pub const fn new(spec: &'static FieldSpec) -> Self {
        Self {
            spec,
            state: Mutex::new(State { start: None, cleared: false, added: 0, emitted: 0 }),
            integer: PhantomData,
        }
    }

    /// What was loaded plus what this request has added, within the type's range.
    pub fn get(&self, context: &Context) -> T {
        let state = self.lock();
        T::from_i64(self.start(&state, context).saturating_add(state.added))
    }

    /// Adds a number, which may be negative.
    pub fn add(&self, context: &Context, by: i64) {
        {
            let mut state = self.lock();
            state.added = state.added.saturating_add(by);
        }
        context.wrote(self.spec);
    }

    /// Brings the sum, as this request sees it, to `value`.
    pub fn replace(&self, context: &Context, value: T) {
        let by = value.to_i64().saturating_sub(self.get(context).to_i64());
        if by != 0 {
            self.add(context, by);
        }
    }

    /// Takes over what another handle of the same session has saved.
    pub fn adopt(&self, other: &Self) {
        if let Some(start) = other.lock().start {
            self.lock().start = Some(start);
        }
    }

    fn start(&self, state: &State, context: &Context) -> i64 {
        state.start.unwrap_or_else(|| match context.stored(self.spec) {
            Some(Ok(stored)) => {
                <Int as Codec<i64>>::decode(&stored.value).unwrap_or_else(|error| {
                    context.decode_failed(self.spec, &error);
                    0
                })
            }
            _ => 0,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is two numbers and a flag, each valid on its own: a panic elsewhere while it
        // was held leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Integer> Cell for CounterCell<T> {
    fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    fn emit_changes(&self, _: &Context, out: &mut Emission<'_>) {
        let mut state = self.lock();
        state.emitted = state.added;
        let field = Cow::Borrowed(self.spec.name);
        if state.cleared {
            out.push(self.spec, Op::Unset { field: field.clone() });
        }
        if state.added != 0 {
            let add = Op::Add { field, by: state.added, min: T::MIN, max: T::MAX };
            out.push(self.spec, add);
        }
    }

    fn emit_value(&self, context: &Context, out: &mut Emission<'_>) {
        let mut state = self.lock();
        state.emitted = state.added;
        let value = self.start(&state, context).saturating_add(state.added);
        if value != 0 {
            let value = FieldValue::Int(value);
            out.push(self.spec, Op::Set { field: Cow::Borrowed(self.spec.name), value });
        }
    }

    fn mark_saved(&self, context: &Context) {
        let mut state = self.lock();
        let emitted = std::mem::take(&mut state.emitted);
        state.start = Some(self.start(&state, context).saturating_add(emitted));
        state.added = state.added.saturating_sub(emitted);
        state.cleared = false;
    }

    fn clear(&self, context: &Context) {
        *self.lock() = State { start: Some(0), cleared: true, ..State::default() };
        context.wrote(self.spec);
    }

    fn verify(&self, context: &Context) -> Result<(), DecodeError> {
        match context.stored(self.spec) {
            None => Ok(()),
            Some(stored) => <Int as Codec<i64>>::decode(&stored?.value).map(drop),
        }
    }
}
