//! The cell of a field that is one value, whose policy is last, largest, first, compared as a
//! group, or read once.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

use super::{
    Cell, Context, DecodeError, Emission, Encoding, Sealing, Stored,
    claim::{Claim, Exchanged, note},
    emit_set, emit_unset,
    history::{Emitted, History, Step, Steps},
    read_back, twin,
};
use crate::{
    codec::CodecError,
    error::{Error, Kind},
    event,
    schema::{FieldSpec, Policy, principal::Principal},
    store::{Again, Change, FieldValue, Op, PrincipalKey, Refusal},
};

/// One value, with everything that this request makes of it.
///
/// The cell holds functions for its values and has no bounds on `T`: the compiler would prove
/// bounds again in each accessor of each field. `F` are those that only some types have.
pub struct ValueCell<T: 'static, F: 'static = ()> {
    pub(super) spec: &'static FieldSpec,
    default: fn() -> T,
    pub(super) functions: &'static Functions<T, F>,
    base: OnceLock<T>,
    pub(super) history: History<T>,
}

/// The functions for values of a type: to clone, encode and decode them, and others.
pub(super) struct Functions<T, F: 'static> {
    pub(super) values: Values<T>,
    pub(super) more: &'static F,
}

/// The functions that all types have.
pub(super) struct Values<T> {
    pub(super) clone: fn(&T) -> T,
    pub(super) encode: fn(&T) -> Result<FieldValue, CodecError>,
    encode_but: EncodeBut<T>,
    pub(super) decode: fn(&FieldValue) -> Result<T, DecodeError>,
}

type EncodeBut<T> = fn(&T, &T, &mut Vec<u8>) -> Result<Option<FieldValue>, CodecError>;

/// The functions that values of some types have beside those of all.
#[doc(hidden)]
pub trait FunctionsFor<T>: Sized + 'static {
    const MORE: &'static Self;
}

impl<T> FunctionsFor<T> for () {
    const MORE: &'static Self = &();
}

impl<T> Clone for Values<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Values<T> {}

impl<T> Values<T> {
    /// Returns a value's stored form, or `None` if the default has the same form. `scratch` is a buffer.
    fn written(
        &self,
        value: &T,
        default: &T,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<FieldValue>, CodecError> {
        let written = (self.encode_but)(value, default, scratch)?;
        if let Some(written) = &written {
            read_back::check(written, || {
                let read = (self.decode)(written)
                    .map_err(|error| CodecError::new(format!("it does not read back: {error}")))?;
                (self.encode)(&read)
            })?;
        }
        Ok(written)
    }
}

impl<T: Clone> Values<T> {
    const fn encoded<C: Encoding<T>>() -> Self {
        Self { clone: T::clone, encode: C::encode, encode_but: C::encode_but, decode: C::decode }
    }
}

impl<T: Clone, F: FunctionsFor<T>> ValueCell<T, F> {
    /// Creates an untouched cell.
    pub(super) const fn new<C: Encoding<T>>(spec: &'static FieldSpec, default: fn() -> T) -> Self {
        let functions = const { &Functions { values: Values::encoded::<C>(), more: F::MORE } };
        Self { spec, default, functions, base: OnceLock::new(), history: History::new() }
    }
}

impl<T, F> ValueCell<T, F> {
    /// Returns the present value: the newest one of this request, else the loaded value, else the
    /// default.
    pub fn get(&self, context: &Context) -> &T {
        self.history.newest().unwrap_or_else(|| self.base(context))
    }

    /// Calls `read` with the present value. Unlike a reference from [`get`](Self::get), that leaves the
    /// value free to change in place.
    pub fn read<R>(&self, context: &Context, read: impl FnOnce(&T) -> R) -> R {
        self.history.read(|value| read(value.unwrap_or_else(|| self.base(context))))
    }

    /// Returns a clone of the present value.
    pub fn cloned(&self, context: &Context) -> T {
        self.read(context, self.functions.values.clone)
    }

    pub(super) fn base(&self, context: &Context) -> &T {
        self.base.get_or_init(|| self.decoded(context))
    }

    /// Returns the stored value, else the default.
    pub(super) fn decoded(&self, context: &Context) -> T {
        self.decode(context, context.stored(self.spec))
    }

    /// Returns a stored value, else the default.
    fn decode(&self, context: &Context, stored: Option<Result<Stored, DecodeError>>) -> T {
        match stored {
            None => (self.default)(),
            Some(stored) => stored
                .and_then(|stored| (self.functions.values.decode)(stored.value()))
                .unwrap_or_else(|error| {
                    context.decode_failed(self.spec, &error);
                    (self.default)()
                }),
        }
    }

    /// Writes a value. `merge = "max"` keeps the larger one, `"once"` the first.
    pub fn set(&self, context: &Context, value: T) {
        if self.loses(context, &value) {
            self.history.compare();
        } else {
            self.history.set(value);
        }
        context.wrote(self.spec);
    }

    /// Drops the principal of a value whose other fields are written, since a log-in alone changes the
    /// principal. Only a test that writes a whole session writes the principal here.
    #[inline]
    pub fn leave(&self, context: &Context, value: T) {
        #[cfg(feature = "testing")]
        if context.begins.load(std::sync::atomic::Ordering::Relaxed) {
            return self.set(context, value);
        }
        let _ = (context, value);
    }

    /// Returns true if the merge policy needs no comparison with what the request has loaded.
    const fn merges(&self) -> bool {
        matches!(self.spec.policy, Policy::Flash | Policy::Max | Policy::Once)
    }

    /// Returns true if the merge policy keeps the present value instead.
    fn loses(&self, context: &Context, value: &T) -> bool {
        if !matches!(self.spec.policy, Policy::Max | Policy::Once) {
            return false;
        }
        let encode = self.functions.values.encode;
        let Ok(present) = encode(self.get(context)) else { return false };
        match (self.spec.policy, &present, encode(value)) {
            (Policy::Max, FieldValue::Int(present), Ok(FieldValue::Int(new))) => new <= *present,
            (Policy::Once, present, _) => encode(&(self.default)()).ok().as_ref() != Some(present),
            _ => false,
        }
    }

    /// Changes the present value. The change runs again, at the commit, if another request has
    /// written another value meanwhile.
    pub fn update(&self, context: &Context, mut change: impl FnMut(&mut T) + Send + 'static) {
        let change = move |value: &mut T| {
            change(value);
            Ok(())
        };
        self.change(context, Box::new(change));
    }

    pub(super) fn change(&self, context: &Context, step: Step<T>) {
        let clone = self.functions.values.clone;
        self.history.change(clone, || clone(self.base(context)), step);
        context.wrote(self.spec);
    }

    /// Writes the default.
    pub fn reset(&self, context: &Context) {
        self.history.set((self.default)());
        context.wrote(self.spec);
    }

    /// Returns the form that a store must hold for the value, or `None` if the value does not
    /// encode.
    fn target(&self, value: &T, out: &mut Emission) -> Option<Target> {
        match self.functions.values.written(value, &(self.default)(), &mut out.scratch) {
            Ok(Some(value)) => Some(Target::Value(value)),
            Ok(None) => Some(Target::Nothing),
            Err(error) => {
                out.fail(encode_error(self.spec, &error));
                None
            }
        }
    }

    /// Emits what was written, if the store does not hold it already.
    fn emit(&self, emitted: Emitted<'_, T>, context: &Context, out: &mut Emission) {
        let Some(target) = self.target(emitted.value, out) else { return };
        let stored = context.stored(self.spec);
        let is_known = match (&stored, &target) {
            (None, Target::Nothing) => true,
            (Some(Ok(stored)), Target::Value(value)) => stored.value() == value,
            _ => false,
        };
        if is_known {
            return;
        }
        // The store itself compares the others.
        if emitted.compared && !self.merges() {
            out.compare(self.spec);
        }
        let field = Cow::Borrowed(self.spec.name);
        match (self.spec.policy, emitted.steps, target) {
            (Policy::Max, _, Target::Value(FieldValue::Int(value))) => {
                out.push(self.spec, Op::Max { field, value });
            }
            (Policy::Once, _, Target::Value(value)) => {
                out.push(self.spec, Op::Once { field, value });
            }
            // What is compared is still there.
            (_, Some(steps), target) if self.spec.group.is_none() && !emitted.compared => {
                let found = stored.and_then(Result::ok);
                self.emit_update(steps, target, found.as_ref(), context, out);
            }
            (_, _, Target::Value(value)) => emit_set(context, self.spec, value, out),
            (policy, _, Target::Nothing) => match context.stored_raw(self.spec.name) {
                Some(seen) if policy == Policy::Flash => {
                    out.push(self.spec, Op::Take { field, seen });
                }
                _ => emit_unset(self.spec, out),
            },
        }
    }

    /// Emits the result of changes, with the changes themselves.
    fn emit_update(
        &self,
        steps: Vec<Arc<Steps<T>>>,
        target: Target,
        found: Option<&Stored>,
        context: &Context,
        out: &mut Emission,
    ) {
        let name = found.map_or(self.spec.name, |stored| stored.name);
        let value = match target {
            Target::Nothing => None,
            Target::Value(value) => Some(value),
        };
        let again = self.again(steps, context.sealing(self.spec, name), context.session());
        let (field, base) = (Cow::Borrowed(name), context.stored_raw(name));
        let change = Box::new(Change { base, value, again });
        out.push(self.spec, Op::Update { field, change });
        for other in self.spec.names().filter(|other| *other != name) {
            out.push(self.spec, Op::Unset { field: Cow::Borrowed(other) });
        }
    }

    /// Returns changes as the store runs them, on stored forms.
    fn again(
        &self,
        steps: Vec<Arc<Steps<T>>>,
        sealing: Option<Sealing>,
        session: &'static str,
    ) -> Again {
        let Self { spec, default, .. } = *self;
        let values = self.functions.values;
        Again::new(move |there| {
            let opened = match &sealing {
                Some(sealing) => there.map(|there| sealing.open(there)).transpose(),
                None => Ok(there.cloned()),
            };
            let decoded = opened.and_then(|there| there.as_ref().map(values.decode).transpose());
            let mut value = decoded
                .unwrap_or_else(|error| {
                    event::decode_failure(session, spec.name, &error);
                    None
                })
                .unwrap_or_else(default);
            // A panic must not end a store that runs this half-way through a commit.
            let run = AssertUnwindSafe(|| steps.iter().try_for_each(|steps| steps.run(&mut value)));
            catch_unwind(run).unwrap_or(Err(Refusal::Panicked))?;
            let encoded = values
                .written(&value, &default(), &mut Vec::new())
                .map_err(|error| Refusal::Encode(told(spec, &error)))?;
            match (encoded, &sealing) {
                (Some(plain), Some(sealing)) => sealing.seal(plain).map(Some),
                (encoded, _) => Ok(encoded),
            }
        })
    }
}

/// Returns the message of a codec, unless the field is secret: the message of the user's own type
/// may quote the value.
fn told(field: &FieldSpec, error: &CodecError) -> String {
    if field.secret { "not said, since the field is secret".to_owned() } else { error.to_string() }
}

fn encode_error(field: &'static FieldSpec, error: &CodecError) -> Kind {
    Kind::Encode { field: field.name.to_owned(), message: told(field, error) }
}

impl<V, F> ValueCell<Option<V>, F> {
    /// Returns the present value, if there is one.
    pub fn get_some(&self, context: &Context) -> Option<&V> {
        self.get(context).as_ref()
    }

    /// Takes the present value. Writes nothing if there is none. The value must still be the one
    /// that the request has loaded at the commit, except for a flash.
    pub fn take(&self, context: &Context) -> Option<V> {
        let clone = self.functions.values.clone;
        let compare = self.spec.policy != Policy::Flash;
        let none = |value: &Option<V>| value.is_some().then_some(None);
        let taken = self.history.exchange(clone, || clone(self.base(context)), compare, none)?;
        context.wrote(self.spec);
        taken
    }
}

impl<V: Principal> ValueCell<Option<V>> {
    /// Changes what is known of the principal, if there is one. The id must stay.
    pub fn update_principal(
        &self,
        context: &Context,
        mut change: impl FnMut(&mut V) + Send + 'static,
    ) {
        let change = move |principal: &mut Option<V>| {
            let Some(principal) = principal else { return Ok(()) };
            let before = PrincipalKey::of(principal.id());
            change(principal);
            let is_same = before == PrincipalKey::of(principal.id());
            if is_same { Ok(()) } else { Err(Refusal::Identity) }
        };
        self.change(context, Box::new(change));
    }
}

impl<V: Send + Sync> ValueCell<Option<V>> {
    /// Takes the stored value out of the store at once. Of several callers, one gets the value.
    pub fn claim<'a>(&'a self, context: &'a Context) -> Claim<'a, V> {
        Box::pin(async move {
            if self.history.is_set() {
                // Written by this request: nobody else knows the value.
                return Ok(self.take(context));
            }
            let claimed = self.claimed(context).await?;
            self.history.settle(None);
            Ok(claimed)
        })
    }

    async fn claimed(&self, context: &Context) -> Result<Option<V>, Error> {
        let Some(claim) = context.begin_claim()? else { return Ok(self.take(context)) };
        let mut record = Arc::clone(claim.loaded());
        loop {
            let value = self.decode(context, claim.stored(context, &record, self.spec));
            let mut out = Emission::default();
            match self.target(&None, &mut out) {
                Some(Target::Value(value)) => emit_set(context, self.spec, value, &mut out),
                _ => emit_unset(self.spec, &mut out),
            }
            let ops = out.checked()?.ops;
            if value.is_none() {
                note(context, &ops);
                return Ok(None);
            }
            match claim.exchange(context, &record, self.spec, ops).await? {
                Exchanged::Done => return Ok(value),
                Exchanged::Changed(Some(latest)) => record = latest,
                Exchanged::Changed(None) => return Ok(None),
            }
        }
    }
}

/// The form that a store must hold for a value. Defaults are not stored.
#[derive(PartialEq)]
enum Target {
    Nothing,
    Value(FieldValue),
}

impl<T, F> Cell for ValueCell<T, F> {
    fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    fn emit_changes(&self, context: &Context, out: &mut Emission) {
        self.history.emit(false, |emitted| match emitted {
            Ok(emitted) => self.emit(emitted, context, out),
            Err(why) => out.fail(Kind::refused(self.spec.name, why)),
        });
    }

    fn emit_value(&self, context: &Context, out: &mut Emission) {
        let written = self.history.emit(true, |emitted| match emitted {
            Ok(emitted) => {
                let target = self.target(emitted.value, out);
                // What was taken before a clear was taken from the record as it was loaded.
                let is_known =
                    target == Some(Target::Nothing) && context.stored(self.spec).is_none();
                if emitted.compared && !self.merges() && !is_known {
                    out.compare(self.spec);
                }
                match target {
                    Some(Target::Value(value)) => Some(value),
                    _ => None,
                }
            }
            Err(why) => {
                out.fail(Kind::refused(self.spec.name, why));
                None
            }
        });
        let value = written.unwrap_or_else(|| match context.stored(self.spec) {
            Some(Ok(stored)) => Some(stored.value().clone()),
            _ => None,
        });
        if let Some(value) = value {
            out.push(self.spec, Op::Set { field: Cow::Borrowed(self.spec.name), value });
        }
    }

    fn mark_saved(&self, _: &Context) {
        self.history.mark_saved();
    }

    fn adopt(&self, other: &dyn Cell, context: &Context) {
        self.history.adopt(twin::<Self>(other).cloned(context));
    }

    fn clear(&self, context: &Context) {
        self.reset(context);
    }

    fn is_compared(&self, cleared: bool) -> bool {
        if self.history.is_compared() {
            return true;
        }
        if self.spec.group.is_none() || !self.history.is_unsaved() {
            return false;
        }
        let is_default = |value: Option<&T>| {
            let mut out = Emission::default();
            value.is_none_or(|value| self.target(value, &mut out) == Some(Target::Nothing))
        };
        !(cleared && self.history.read(is_default))
    }

    fn start_anew(&self) {
        if self.base.get().is_some() || !self.history.is_empty() {
            // A change that panics is told by the commit.
            let adopt = AssertUnwindSafe(|| self.history.adopt((self.default)()));
            let _ = catch_unwind(adopt);
        }
    }

    fn verify(&self, context: &Context) -> Result<(), DecodeError> {
        match context.stored(self.spec) {
            None => Ok(()),
            Some(stored) => {
                let value = (self.functions.values.decode)(stored?.value())?;
                let _ = self.base.set(value);
                Ok(())
            }
        }
    }
}
