//! The cell of a field marked `counter`. It keeps the number that this request adds, and leaves the
//! sum to the store.

use std::{
    borrow::Cow,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Cell, Context, DecodeError, Emission, Encoding, Int, twin};
use crate::{
    error::Kind,
    schema::{FieldSpec, Integer},
    store::{FieldValue, Op},
};

/// A number that parallel requests add to. Has no bounds on `T`, like
/// [`ValueCell`](super::ValueCell).
pub struct CounterCell<T: 'static> {
    pub(super) spec: &'static FieldSpec,
    numbers: &'static Numbers<T>,
    state: Mutex<State>,
}

/// The functions and bounds of a number type.
struct Numbers<T> {
    min: i64,
    max: i64,
    to_i64: fn(T) -> i64,
    from_i64: fn(i64) -> T,
}

#[derive(Default)]
struct State {
    /// The start of the pending additions, if it differs from the loaded number.
    start: Option<i64>,
    /// True if the field is removed before anything is added.
    cleared: bool,
    added: i64,
    /// The number that the last emission saw.
    emitted: i64,
    emitted_clear: bool,
}

impl<T: Integer> CounterCell<T> {
    /// Creates an untouched cell.
    pub(super) const fn new(spec: &'static FieldSpec) -> Self {
        let numbers = const {
            &Numbers { min: T::MIN, max: T::MAX, to_i64: T::to_i64, from_i64: T::from_i64 }
        };
        Self {
            spec,
            numbers,
            state: Mutex::new(State {
                start: None,
                cleared: false,
                added: 0,
                emitted: 0,
                emitted_clear: false,
            }),
        }
    }
}

impl<T> CounterCell<T> {
    /// Returns the loaded number plus this request's additions, within the range of the type.
    pub fn get(&self, context: &Context) -> T {
        let state = self.lock();
        (self.numbers.from_i64)(self.start(&state, context).saturating_add(state.added))
    }

    /// Adds a number, which may be negative.
    pub fn add(&self, context: &Context, by: i64) {
        {
            let mut state = self.lock();
            state.added = state.added.saturating_add(by);
        }
        context.wrote(self.spec);
    }

    /// Writes zero, which supersedes what this request and others have added before.
    pub fn reset(&self, context: &Context) {
        *self.lock() = State { start: Some(0), cleared: true, ..State::default() };
        context.wrote(self.spec);
    }

    /// Adds the difference between the sum, as this request sees it, and `value`.
    pub fn replace(&self, context: &Context, value: T) {
        let to_i64 = self.numbers.to_i64;
        let by = to_i64(value).saturating_sub(to_i64(self.get(context)));
        if by != 0 {
            self.add(context, by);
        }
    }

    fn start(&self, state: &State, context: &Context) -> i64 {
        state.start.unwrap_or_else(|| match context.stored(self.spec) {
            Some(Ok(stored)) => {
                <Int as Encoding<i64>>::decode(stored.value()).unwrap_or_else(|error| {
                    context.decode_failed(self.spec, &error);
                    0
                })
            }
            _ => 0,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is a few numbers and flags, each valid on its own. So a panic elsewhere, while
        // the lock was held, leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Cell for CounterCell<T> {
    fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    fn emit_changes(&self, _: &Context, out: &mut Emission) {
        let mut state = self.lock();
        (state.emitted, state.emitted_clear) = (state.added, state.cleared);
        let field = Cow::Borrowed(self.spec.name);
        if state.cleared {
            out.push(self.spec, Op::Unset { field: field.clone() });
        }
        if state.added != 0 {
            let Numbers { min, max, .. } = *self.numbers;
            let add = Op::Add { field, by: state.added, min, max };
            out.push(self.spec, add);
        }
    }

    fn emit_value(&self, context: &Context, out: &mut Emission) {
        let mut state = self.lock();
        (state.emitted, state.emitted_clear) = (state.added, state.cleared);
        let value = self.start(&state, context).saturating_add(state.added);
        if state.added != 0 && !(self.numbers.min..=self.numbers.max).contains(&value) {
            out.fail(Kind::OutOfRange { field: self.spec.name.to_owned() });
        } else if value != 0 {
            let value = FieldValue::Int(value);
            out.push(self.spec, Op::Set { field: Cow::Borrowed(self.spec.name), value });
        }
    }

    fn mark_saved(&self, context: &Context) {
        let mut state = self.lock();
        let emitted = std::mem::take(&mut state.emitted);
        state.start = Some(self.start(&state, context).saturating_add(emitted));
        state.added = state.added.saturating_sub(emitted);
        // A clear after the emission is still unsaved.
        if std::mem::take(&mut state.emitted_clear) {
            state.cleared = false;
        }
    }

    fn adopt(&self, other: &dyn Cell, context: &Context) {
        let other = twin::<Self>(other);
        let start = other.start(&other.lock(), context);
        let mut state = self.lock();
        if !state.cleared {
            state.start = Some(start);
        }
    }

    fn clear(&self, context: &Context) {
        self.reset(context);
    }

    fn is_compared(&self, _: bool) -> bool {
        false
    }

    fn start_anew(&self) {
        let mut state = self.lock();
        (state.start, state.cleared) = (Some(0), false);
    }

    fn verify(&self, context: &Context) -> Result<(), DecodeError> {
        match context.stored(self.spec) {
            None => Ok(()),
            Some(stored) => <Int as Encoding<i64>>::decode(stored?.value()).map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::Pin, sync::Arc};

    use cookie::SameSite;

    use super::{Cell, Context, CounterCell, Emission, Op};
    use crate::cell::claim::{Claims, Exchanged};
    use crate::error::Error;
    use crate::schema::{
        CookieSpec, FieldSpec, Payload, Policy, Spec, Transport,
        options::{CommitOn, Create, OnEnd, OnLost, OnStale, OnStoreError, Resend},
    };
    use crate::store::{Expected, Record, Selector};

    struct NoStore;

    impl Claims for NoStore {
        fn note_undecodable(&self, _: &'static str) {}

        fn exchange<'a>(
            &'a self,
            _: Selector,
            _: &'a Arc<Record>,
            _: Vec<Expected>,
            _: Vec<Op>,
        ) -> Pin<Box<dyn Future<Output = Result<Exchanged, Error>> + Send + 'a>> {
            Box::pin(async { Ok(Exchanged::Changed(None)) })
        }
    }

    const HITS: FieldSpec =
        FieldSpec { policy: Policy::Counter, clear_on_login: true, ..FieldSpec::new("hits") };

    static SPEC: Spec = Spec {
        type_name: "Test",
        name: "test",
        prefix: crate::schema::Prefix::Strongest,
        namespace: "test",
        transport: Transport::Cookie,
        payload: Payload::Server,
        idle: None,
        absolute: None,
        cookie: CookieSpec {
            path: "/",
            domain: None,
            same_site: SameSite::Lax,
            secure: true,
            http_only: true,
            partitioned: false,
            persistent: false,
        },
        create: Create::OnWrite,
        resend: Resend::OnChange,
        on_stale: OnStale::ClearToken,
        on_store_error: OnStoreError::Fail,
        commit_on: CommitOn::Not5xx,
        on_end: OnEnd::ExpireToken,
        on_lost: OnLost::Keep,
        fields: &[HITS],
    };

    #[test]
    fn what_changes_while_a_commit_is_on_its_way_is_in_the_next_one() {
        let context = Context::new(&SPEC, None, Arc::new(NoStore));
        let cell = CounterCell::<i64>::new(&HITS);
        let emit = || {
            let mut out = Emission::default();
            cell.emit_changes(&context, &mut out);
            out.ops
        };
        let add = |by| Op::Add { field: "hits".into(), by, min: i64::MIN, max: i64::MAX };
        cell.add(&context, 5);
        assert_eq!(emit(), [add(5)]);
        cell.add(&context, 1);
        cell.mark_saved(&context);
        assert_eq!((cell.get(&context), emit()), (6, vec![add(1)]));
        cell.clear(&context);
        cell.add(&context, 2);
        cell.mark_saved(&context);
        assert_eq!(cell.get(&context), 2);
        assert_eq!(emit(), [Op::Unset { field: "hits".into() }, add(2)]);
        cell.mark_saved(&context);
        assert_eq!((cell.get(&context), emit()), (2, vec![]));
    }
}
