//! The cell of a field that is one value, whose policy is last, largest, first, compared as a
//! group, or read once. Also the cell of a request-local field.

use std::{borrow::Cow, sync::OnceLock};

use super::{
    Cell, Context, DecodeError, Emission, Encoding, chain::Chain, emit_set, emit_unset, twin,
};
use crate::{
    codec::CodecError,
    error::Kind,
    event,
    schema::{FieldSpec, Policy},
    store::{FieldValue, Op},
};

/// One value, with all its versions of this request.
///
/// The cell holds functions for its values and has no bounds on `T`: the compiler would prove
/// bounds again in each accessor of each field.
pub struct ValueCell<T: 'static> {
    pub(super) spec: &'static FieldSpec,
    default: fn() -> T,
    values: &'static Values<T>,
    base: OnceLock<T>,
    versions: Chain<T>,
}

/// The functions that clone, encode and decode values of a type.
struct Values<T> {
    clone: fn(&T) -> T,
    encode: fn(&T) -> Result<FieldValue, CodecError>,
    encode_but: EncodeBut<T>,
    decode: fn(&FieldValue) -> Result<T, DecodeError>,
}

type EncodeBut<T> = fn(&T, &T, &mut Vec<u8>) -> Result<Option<FieldValue>, CodecError>;

impl<T: Clone> Values<T> {
    const fn encoded<C: Encoding<T>>() -> Self {
        Self { clone: T::clone, encode: C::encode, encode_but: C::encode_but, decode: C::decode }
    }
}

impl<T: Clone> ValueCell<T> {
    /// Creates an untouched cell.
    pub(super) const fn new<C: Encoding<T>>(spec: &'static FieldSpec, default: fn() -> T) -> Self {
        let values = const { &Values::encoded::<C>() };
        Self { spec, default, values, base: OnceLock::new(), versions: Chain::new() }
    }
}

impl<T> ValueCell<T> {
    /// Returns the present value: the newest version, else the loaded value, else the default.
    pub fn get(&self, context: &Context) -> &T {
        self.versions.newest().1.unwrap_or_else(|| self.base(context))
    }

    /// Returns a clone of the present value.
    pub fn cloned(&self, context: &Context) -> T {
        (self.values.clone)(self.get(context))
    }

    fn base(&self, context: &Context) -> &T {
        self.base.get_or_init(|| match context.stored(self.spec) {
            None => (self.default)(),
            Some(stored) => stored
                .and_then(|stored| (self.values.decode)(stored.value()))
                .unwrap_or_else(|error| {
                    context.decode_failed(self.spec, &error);
                    (self.default)()
                }),
        })
    }

    /// Writes a value. `merge = "max"` keeps the larger one, `"once"` the first.
    pub fn set(&self, context: &Context, value: T) {
        if !self.loses(context, &value) {
            self.versions.push(value);
        }
        context.wrote(self.spec);
    }

    /// Returns true if the merge policy keeps the present value instead.
    fn loses(&self, context: &Context, value: &T) -> bool {
        if !matches!(self.spec.policy, Policy::Max | Policy::Once) {
            return false;
        }
        if !context.is_settled() && self.versions.is_empty() {
            // An unknown stored value is at least as large as the default, or came before this one.
            let encoded =
                ((self.values.encode)(value).ok(), (self.values.encode)(&(self.default)()).ok());
            return encoded.0.is_some() && encoded.0 == encoded.1;
        }
        let Ok(present) = (self.values.encode)(self.get(context)) else { return false };
        match (self.spec.policy, &present, (self.values.encode)(value)) {
            (Policy::Max, FieldValue::Int(present), Ok(FieldValue::Int(new))) => new <= *present,
            (Policy::Once, present, _) => {
                (self.values.encode)(&(self.default)()).ok().as_ref() != Some(present)
            }
            _ => false,
        }
    }

    /// Changes a clone of the present value and writes it. A value that another task writes to the
    /// same field meanwhile is lost, and an event reports it.
    pub fn update<R>(&self, context: &Context, change: impl FnOnce(&mut T) -> R) -> R {
        let (length, _) = self.versions.newest();
        let mut value = self.cloned(context);
        let result = change(&mut value);
        if !self.loses(context, &value) && self.versions.push(value) != length {
            event::overlapping_update(context.session(), self.spec.name);
        }
        context.wrote(self.spec);
        result
    }

    /// Writes the default.
    pub fn reset(&self, context: &Context) {
        self.versions.push((self.default)());
        context.wrote(self.spec);
    }

    /// Returns the form that a store must hold for the value, or `None` if the value does not
    /// encode.
    fn target(&self, value: &T, out: &mut Emission) -> Option<Target> {
        match (self.values.encode_but)(value, &(self.default)(), &mut out.scratch) {
            Ok(Some(value)) => Some(Target::Value(value)),
            Ok(None) => Some(Target::Nothing),
            Err(error) => {
                // The message of the user's own type may quote the value.
                let message = if self.spec.secret {
                    "not said, since the field is secret".to_owned()
                } else {
                    error.to_string()
                };
                out.fail(Kind::Encode { field: self.spec.name, message });
                None
            }
        }
    }

    /// Returns true if the store already holds this form, as far as the request knows.
    fn is_known(
        &self,
        target: &Target,
        context: &Context,
        saved: usize,
        out: &mut Emission,
    ) -> bool {
        if let Some(last) = saved.checked_sub(1).and_then(|last| self.versions.iter().nth(last)) {
            return self.target(last, out).as_ref() == Some(target);
        }
        match (context.stored(self.spec), target) {
            (None, Target::Nothing) => context.is_settled(),
            (Some(Ok(stored)), Target::Value(value)) => stored.value() == value,
            _ => false,
        }
    }
}

impl<V> ValueCell<Option<V>> {
    /// Returns the present value, if there is one.
    pub fn get_some(&self, context: &Context) -> Option<&V> {
        self.get(context).as_ref()
    }

    /// Takes the present value. Writes nothing if there is none.
    pub fn take(&self, context: &Context) -> Option<V> {
        let taken = self.cloned(context);
        if taken.is_some() {
            self.set(context, None);
        }
        taken
    }
}

/// The form that a store must hold for a value. Defaults are not stored.
#[derive(PartialEq)]
enum Target {
    Nothing,
    Value(FieldValue),
}

impl<T> Cell for ValueCell<T> {
    fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    fn emit_changes(&self, context: &Context, out: &mut Emission) {
        if self.versions.is_empty() {
            return;
        }
        let saved = self.versions.saved();
        let (length, newest) = self.versions.newest();
        self.versions.set_emitted(length);
        let (Some(newest), true) = (newest, length > saved) else { return };
        let Some(target) = self.target(newest, out) else { return };
        if self.is_known(&target, context, saved, out) {
            return;
        }
        let field = Cow::Borrowed(self.spec.name);
        match (self.spec.policy, target) {
            (Policy::Max, Target::Value(FieldValue::Int(value))) => {
                out.push(self.spec, Op::Max { field, value });
            }
            (Policy::Once, Target::Value(value)) => {
                out.push(self.spec, Op::Once { field, value });
            }
            (_, Target::Value(value)) => emit_set(context, self.spec, value, out),
            (policy, Target::Nothing) => match context.stored_raw(self.spec.name) {
                Some(seen) if policy == Policy::Flash && saved == 0 => {
                    out.push(self.spec, Op::Take { field, seen });
                }
                _ => emit_unset(self.spec, out),
            },
        }
    }

    fn emit_value(&self, context: &Context, out: &mut Emission) {
        let (length, newest) = self.versions.newest();
        self.versions.set_emitted(length);
        let value = match newest {
            Some(value) => match self.target(value, out) {
                Some(Target::Value(value)) => Some(value),
                _ => None,
            },
            None => match context.stored(self.spec) {
                Some(Ok(stored)) => Some(stored.value().clone()),
                _ => None,
            },
        };
        if let Some(value) = value {
            out.push(self.spec, Op::Set { field: Cow::Borrowed(self.spec.name), value });
        }
    }

    fn mark_saved(&self, _: &Context) {
        self.versions.mark_saved();
    }

    fn adopt(&self, other: &dyn Cell) {
        if let (_, Some(value)) = twin::<Self>(other).versions.newest() {
            self.versions.push_saved((self.values.clone)(value));
        }
    }

    fn clear(&self, context: &Context) {
        self.reset(context);
    }

    fn verify(&self, context: &Context) -> Result<(), DecodeError> {
        match context.stored(self.spec) {
            None => Ok(()),
            Some(stored) => {
                let value = (self.values.decode)(stored?.value())?;
                let _ = self.base.set(value);
                Ok(())
            }
        }
    }
}

/// A field that lives for this request only. Has no bounds on `T`, like [`ValueCell`].
pub struct LocalCell<T> {
    pub(super) spec: &'static FieldSpec,
    default: fn() -> T,
    clone: fn(&T) -> T,
    base: OnceLock<T>,
    versions: Chain<T>,
}

impl<T: Clone> LocalCell<T> {
    /// Creates an untouched cell.
    pub(super) const fn new(spec: &'static FieldSpec, default: fn() -> T) -> Self {
        Self { spec, default, clone: T::clone, base: OnceLock::new(), versions: Chain::new() }
    }
}

impl<T> LocalCell<T> {
    /// Returns the present value.
    pub fn get(&self, _: &Context) -> &T {
        self.versions.newest().1.unwrap_or_else(|| self.base.get_or_init(self.default))
    }

    /// Returns a clone of the present value.
    pub fn cloned(&self, context: &Context) -> T {
        (self.clone)(self.get(context))
    }

    /// Writes a value.
    pub fn set(&self, _: &Context, value: T) {
        self.versions.push(value);
    }

    /// Changes a clone of the present value and writes it.
    pub fn update<R>(&self, context: &Context, change: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.cloned(context);
        let result = change(&mut value);
        self.versions.push(value);
        result
    }

    /// Writes the default.
    pub fn reset(&self, _: &Context) {
        self.versions.push((self.default)());
    }
}

impl<V> LocalCell<Option<V>> {
    /// Returns the present value, if there is one.
    pub fn get_some(&self, context: &Context) -> Option<&V> {
        self.get(context).as_ref()
    }

    /// Takes the present value.
    pub fn take(&self, context: &Context) -> Option<V> {
        self.update(context, Option::take)
    }
}

impl<T: 'static> Cell for LocalCell<T> {
    fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    fn emit_changes(&self, _: &Context, _: &mut Emission) {}

    fn emit_value(&self, _: &Context, _: &mut Emission) {}

    fn mark_saved(&self, _: &Context) {}

    fn adopt(&self, other: &dyn Cell) {
        if let (_, Some(value)) = twin::<Self>(other).versions.newest() {
            self.versions.push((self.clone)(value));
        }
    }

    fn clear(&self, context: &Context) {
        self.reset(context);
    }

    fn verify(&self, _: &Context) -> Result<(), DecodeError> {
        Ok(())
    }
}
