//! The typed slots of one request's fields. Generated accessors call them, and the plan collects
//! their changes. Cells are append-only, so a getter returns `&T` without a lock, and the reference
//! stays valid and unchanged until the request ends. Knows nothing of tokens or stores' I/O; values
//! come from a loaded [`Record`] and go into an [`Emission`].

mod access;
pub(crate) mod claim;
mod codec;
mod collection;
mod counter;
mod history;
mod local;
pub(crate) mod model;
mod read_back;
mod sealing;
mod shown;
mod sorted;
mod told;
mod value;

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

pub use access::{
    CodecAccess, CopyAccess, ListAccess, LocalAccess, MapAccess, NumberAccess, SetAccess,
    ValueAccess,
};
pub use claim::Claim;
pub use codec::{Coded, DecodeError, Encoding, Int};
pub use collection::{ListFunctions, MapFunctions, SetFunctions};
pub use counter::CounterCell;
pub use local::LocalCell;
pub(crate) use sealing::{FieldSealer, SealError};
pub use value::ValueCell;

use self::{claim::Claims, sealing::Sealing};

use crate::{
    error::{Error, Kind},
    event,
    schema::{FieldSpec, Spec},
    store::{Again, Change, Expected, FieldName, FieldValue, KeyId, Op, Record, Selector},
};

/// The state that the cells of one request share.
pub struct Context {
    spec: &'static Spec,
    /// The record that the cells start from, if there is one: as loaded, and after a save of this
    /// request as stored.
    base: Mutex<Option<Base>>,
    /// True once nobody will read the cells any more.
    released: AtomicBool,
    /// The writes so far: [`EVER`] and [`SINCE`]. Most requests only read, and then no cell need be
    /// visited.
    written: AtomicU8,
    closed: AtomicBool,
    /// A test writes the session that a request begins with: the principal, too.
    #[cfg(feature = "testing")]
    pub(crate) begins: AtomicBool,
    sealer: Option<Arc<dyn FieldSealer>>,
    claims: Arc<dyn Claims>,
}

/// Some cell was written to.
const EVER: u8 = 1;
/// Some cell was written to since somebody asked.
const SINCE: u8 = 2;

#[derive(Clone)]
struct Base {
    record: Arc<Record>,
    selector: Selector,
}

impl Context {
    pub(crate) fn new(
        spec: &'static Spec,
        sealer: Option<Arc<dyn FieldSealer>>,
        claims: Arc<dyn Claims>,
    ) -> Self {
        let no = || AtomicBool::new(false);
        let (released, written, closed) = (no(), AtomicU8::new(0), no());
        Self {
            spec,
            base: Mutex::new(None),
            released,
            written,
            closed,
            #[cfg(feature = "testing")]
            begins: no(),
            sealer,
            claims,
        }
    }

    fn session(&self) -> &'static str {
        self.spec.namespace
    }

    fn base(&self) -> MutexGuard<'_, Option<Base>> {
        // No code under this lock can panic half-way.
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the record that the cells start from: the one that was loaded, or that this request
    /// has saved.
    pub(crate) fn settle(&self, record: Arc<Record>, selector: Selector) {
        *self.base() = Some(Base { record, selector });
    }

    /// Forgets the record: the cells start from nothing.
    pub(crate) fn forget(&self) {
        *self.base() = None;
    }

    /// Starts from the same record as the cells of another handle.
    pub(crate) fn settle_like(&self, other: &Self) {
        let base = other.base().clone();
        *self.base() = base;
    }

    /// Changes the record that the cells start from as this request has changed the stored one.
    pub(crate) fn rebase(&self, change: impl FnOnce(&mut Record)) {
        if let Some(base) = &mut *self.base() {
            change(Arc::make_mut(&mut base.record));
        }
    }

    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        self.base().as_ref().map(|base| Arc::clone(&base.record))
    }

    /// Drops the record, before a last commit after which nobody reads the cells. A store in memory
    /// may then change the record in place.
    pub(crate) fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
        *self.base() = None;
    }

    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::SeqCst)
    }

    /// Closes the cells: later writes are too late for this response.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Returns true if any cell was written to.
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::SeqCst) != 0
    }

    /// Returns true if any cell was written to since the last call.
    pub(crate) fn take_written(&self) -> bool {
        self.written.fetch_and(!SINCE, Ordering::SeqCst) & SINCE != 0
    }

    /// Notes a write. A write sets `written` and then reads `closed`; the commit sets `closed` and
    /// then reads `written`. So every write is either committed or reported as late.
    #[inline]
    fn wrote(&self, field: &FieldSpec) {
        self.written.store(EVER | SINCE, Ordering::SeqCst);
        if self.is_closed() {
            self.wrote_late(field);
        }
    }

    #[cold]
    fn wrote_late(&self, field: &FieldSpec) {
        event::late_write(self.session(), field.name);
    }

    /// Returns the stored value of a field, opened if it is sealed, and the name it was found
    /// under.
    fn stored(&self, field: &FieldSpec) -> Option<Result<Stored, DecodeError>> {
        let base = self.base().clone()?;
        self.stored_in(base, field)
    }

    /// Returns the value of a field in a record of the session.
    fn stored_in(&self, base: Base, field: &FieldSpec) -> Option<Result<Stored, DecodeError>> {
        let Base { record, selector } = base;
        let find = |name: &'static str| record.position(name).map(|at| (name, at));
        let other = || field.aliases.iter().find_map(|alias| find(alias));
        let (name, at) = find(field.name).or_else(other)?;
        let opened = match &self.sealer {
            Some(sealer) if sealer.seals(field) => {
                Some(sealing::open(&**sealer, selector, name, record.at(at))).transpose()
            }
            _ => Ok(None),
        };
        Some(opened.map(|opened| Stored { name, record, at, opened }))
    }

    /// Returns what seals and opens the values of a field, if they are sealed.
    fn sealing(&self, field: &FieldSpec, name: &'static str) -> Option<Sealing> {
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.seals(field))?;
        let base = self.base();
        let Base { record, selector } = base.as_ref()?;
        let (sealer, key_id) = (Arc::clone(sealer), record.meta.key_id);
        Some(Sealing { sealer, selector: *selector, key_id, name })
    }

    /// Seals the values that ops write to sealed fields, for the session of this selector, whose token
    /// is made under the key with this id.
    pub(crate) fn seal(
        &self,
        fields: &[FieldSpec],
        key_id: KeyId,
        selector: Selector,
        ops: &mut [Op],
    ) -> Result<(), SealError> {
        let Some(sealer) = &self.sealer else { return Ok(()) };
        for op in ops {
            let (name, value) = match op {
                Op::Set { field, value } | Op::Once { field, value } => (field, value),
                Op::Update { field, change } => match &mut change.value {
                    Some(value) => (field, value),
                    None => continue,
                },
                _ => continue,
            };
            let is_sealed = |field: &FieldSpec| sealer.seals(field) && field.owns(name);
            if let FieldValue::Bytes(plain) = value
                && fields.iter().any(is_sealed)
            {
                *plain = sealer.seal(key_id, selector, name, plain)?;
            }
        }
        Ok(())
    }

    /// Returns updates that change nothing but the seals of the sealed fields that `ops` do not touch:
    /// from now on they are under the key with this id. They run again on what others have written.
    /// A value that does not open stays as it is.
    pub(crate) fn reseal(&self, fields: &[FieldSpec], key_id: KeyId, ops: &[Op]) -> Vec<Op> {
        let (Some(sealer), Some(base)) = (&self.sealer, self.base().clone()) else {
            return Vec::new();
        };
        let touches = |op: &Op, name: &str| match op {
            Op::Once { .. } => false,
            op => op.field().is_none_or(|field| field == name),
        };
        let secrets = fields.iter().filter(|field| sealer.seals(field));
        let updates = secrets.filter_map(|field| {
            let stored = self.stored(field)?.ok()?;
            let name = Cow::Borrowed(stored.name);
            if ops.iter().any(|op| touches(op, &name)) {
                return None;
            }
            let (sealer, selector) = (Arc::clone(sealer), base.selector);
            let sealing = Sealing { sealer, selector, key_id, name: stored.name };
            let again = Again::new(move |there| {
                let Some(there) = there else { return Ok(None) };
                match sealing.open(there) {
                    Ok(plain) => sealing.seal(plain).map(Some),
                    Err(_) => Ok(Some(there.clone())),
                }
            });
            let base = self.stored_raw(stored.name);
            let change = Box::new(Change { base, value: stored.opened, again });
            Some(Op::Update { field: name, change })
        });
        updates.collect()
    }

    /// Returns the value as the record holds it, sealed or not.
    fn stored_raw(&self, name: &str) -> Option<FieldValue> {
        self.record()?.get(name).cloned()
    }

    /// Logs that a field does not decode, once a session.
    fn decode_failed(&self, field: &FieldSpec, error: &DecodeError) {
        let selector = self.base().as_ref().map(|base| base.selector);
        if selector.is_none_or(|selector| told::is_news(selector, field.name, &error.to_string())) {
            event::decode_failure(self.session(), field.name, error);
            self.claims.note_undecodable(field.name);
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("session", &self.session()).finish_non_exhaustive()
    }
}

struct Stored {
    name: &'static str,
    record: Arc<Record>,
    at: usize,
    opened: Option<FieldValue>,
}

impl Stored {
    fn value(&self) -> &FieldValue {
        self.opened.as_ref().unwrap_or_else(|| self.record.at(self.at))
    }
}

/// Implements `Debug` for cells: it prints only the field's name.
macro_rules! redacted_debug {
    ($(impl<$($parameter:ident),*> $cell:ident;)*) => {$(
        impl<$($parameter),*> fmt::Debug for $cell<$($parameter),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($cell)).field("field", &self.spec.name).finish_non_exhaustive()
            }
        }
    )*};
}

redacted_debug! {
    impl<T> CounterCell;
    impl<T> LocalCell;
    impl<T, F> ValueCell;
}

/// The changes that cells emit for a commit.
#[derive(Default)]
pub struct Emission {
    /// The changes so far, not sealed yet.
    pub(crate) ops: Vec<Op>,
    /// The groups of the changed fields.
    pub(crate) groups: Vec<&'static str>,
    /// The fields that must still hold what the request has loaded.
    pub(crate) compared: Vec<&'static FieldSpec>,
    /// The first error.
    error: Option<Error>,
    /// A buffer in which cells write their values, one after the other.
    scratch: Vec<u8>,
}

impl fmt::Debug for Emission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emission").field("ops", &self.ops).finish_non_exhaustive()
    }
}

impl Emission {
    /// Creates an emission with capacity for `ops` changes.
    pub(crate) fn with_room(ops: usize) -> Self {
        Self { ops: Vec::with_capacity(ops), ..Self::default() }
    }

    /// Compares a field with what the request has loaded.
    fn compare(&mut self, field: &'static FieldSpec) {
        self.compared.push(field);
    }

    fn push(&mut self, field: &FieldSpec, op: Op) {
        if let Some(group) = field.group
            && !self.groups.contains(&group)
        {
            self.groups.push(group);
        }
        self.ops.push(op);
    }

    fn fail(&mut self, kind: Kind) {
        self.error.get_or_insert_with(|| Error::new(kind));
    }

    /// Returns the emission, or its first error.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        self.error.take().map_or(Ok(self), Err)
    }
}

/// A field cell of any type, as the plan sees it.
pub trait Cell: Any {
    /// Returns the field's static facts.
    fn spec(&self) -> &'static FieldSpec;

    /// Emits the changes since the load, or since the last save.
    #[doc(hidden)]
    fn emit_changes(&self, context: &Context, out: &mut Emission);

    /// Emits the whole value as `Set` ops, unless it is the default.
    #[doc(hidden)]
    fn emit_value(&self, context: &Context, out: &mut Emission);

    /// Marks the changes of the last emission as saved.
    #[doc(hidden)]
    fn mark_saved(&self, context: &Context);

    /// Adopts the value of the same field's cell in another handle of the session, with the context
    /// of that handle.
    #[doc(hidden)]
    fn adopt(&self, other: &dyn Cell, context: &Context);

    /// Writes the default.
    #[doc(hidden)]
    fn clear(&self, context: &Context);

    /// Returns true if a change that is not saved was compared with the loaded record, so that no
    /// other record can take the change. `cleared`: the field is cleared with that change.
    #[doc(hidden)]
    fn is_compared(&self, cleared: bool) -> bool;

    /// Starts from the default instead of the loaded value. Changes that are not saved run again.
    #[doc(hidden)]
    fn start_anew(&self);

    /// Checks that the stored bytes, if any, decode.
    #[doc(hidden)]
    fn verify(&self, context: &Context) -> Result<(), DecodeError>;
}

/// Returns a cell with its concrete type. It belongs to the same field in another handle, so the
/// type is the same.
fn twin<C: Cell>(cell: &dyn Cell) -> &C {
    (cell as &dyn Any).downcast_ref().expect("a field's cells are of one type")
}

/// Emits `Set` for a field, under the name that the record uses.
fn emit_set(context: &Context, field: &'static FieldSpec, value: FieldValue, out: &mut Emission) {
    if field.aliases.is_empty() {
        return out.push(field, Op::Set { field: Cow::Borrowed(field.name), value });
    }
    let found = context.stored(field).and_then(|stored| stored.ok().map(|stored| stored.name));
    let name = found.unwrap_or(field.name);
    out.push(field, Op::Set { field: Cow::Borrowed(name), value });
    // A name that is looked up before this one may be in use by now, and would hide it.
    for hiding in field.names().take_while(|hiding| *hiding != name) {
        out.push(field, Op::Unset { field: Cow::Borrowed(hiding) });
    }
}

/// Returns what a field must still hold for a commit that rests on a record.
pub(crate) fn expected(field: &'static FieldSpec, record: Option<&Record>) -> Expected {
    let found = field.names().find_map(|name| Some((name, record?.get(name)?)));
    let (name, seen) = found.map_or((field.name, None), |(name, seen)| (name, Some(seen.clone())));
    Expected { field: Cow::Borrowed(name), seen }
}

/// Emits `Unset` for every name of a field, because an older program may have written an alias
/// meanwhile.
fn emit_unset(field: &'static FieldSpec, out: &mut Emission) {
    for name in field.names() {
        out.push(field, Op::Unset { field: Cow::Borrowed(name) });
    }
}

/// Returns the fields of a record that the session type does not know. Another version of the
/// program wrote them, and they stay as they are.
pub(crate) fn unknown_fields<'r>(
    record: &'r Record,
    fields: &'static [FieldSpec],
) -> impl Iterator<Item = (FieldName, FieldValue)> + 'r {
    record
        .fields()
        .filter(move |(name, _)| !fields.iter().any(|field| field.owns(name)))
        .map(|(name, value)| (Cow::Owned(name.to_owned()), value.clone()))
}
