//! The typed slots of one request's fields. Generated accessors call them, and the plan collects
//! their changes. Cells are append-only, so a getter returns `&T` without a lock, and the reference
//! stays valid and unchanged until the request ends. Knows nothing of tokens or stores' I/O; values
//! come from a loaded [`Record`] and go into an [`Emission`].

mod access;
mod chain;
mod codec;
mod collection;
mod counter;
pub(crate) mod model;
mod value;

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

pub use access::{CodecAccess, CopyAccess, LocalAccess, NumberAccess, ValueAccess};
pub use codec::{Coded, DecodeError, Encoding, Int};
pub use collection::{Collection, CollectionCell, MapField, SetField};
pub use counter::CounterCell;
pub use value::{LocalCell, ValueCell};

use crate::{
    error::{Error, Kind},
    event,
    schema::{FieldSpec, Spec},
    store::{FieldName, FieldValue, Op, Record, Selector},
};

/// Seals fields, each on its own, bound to session and field.
pub(crate) trait FieldSealer: Send + Sync {
    /// Returns true if this field's values are sealed.
    fn seals(&self, field: &FieldSpec) -> bool;
    fn seal(&self, selector: Selector, field: &str, plain: &[u8]) -> Result<Bytes, SealError>;
    fn open(&self, selector: Selector, field: &str, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// The error of an operating system that gave no random bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealError;

/// The state that the cells of one request share.
pub struct Context {
    spec: &'static Spec,
    /// The record that the cells start from, if there is one.
    base: Mutex<Option<Base>>,
    /// True once `base` is known.
    settled: AtomicBool,
    /// True once nobody will read the cells any more.
    released: AtomicBool,
    /// True once any cell was written to. Most requests only read, and then no cell need be
    /// visited.
    written: AtomicBool,
    closed: AtomicBool,
    sealer: Option<Arc<dyn FieldSealer>>,
}

#[derive(Clone)]
struct Base {
    record: Arc<Record>,
    selector: Selector,
}

impl Context {
    pub(crate) fn new(spec: &'static Spec, sealer: Option<Arc<dyn FieldSealer>>) -> Self {
        let no = || AtomicBool::new(false);
        let (settled, released, written, closed) = (no(), no(), no(), no());
        Self { spec, base: Mutex::new(None), settled, released, written, closed, sealer }
    }

    fn session(&self) -> &'static str {
        self.spec.bare_name()
    }

    fn base(&self) -> MutexGuard<'_, Option<Base>> {
        // No code under this lock can panic half-way.
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles the record that the cells start from, or that there is none. Only the first call
    /// counts.
    pub(crate) fn settle(&self, record: Option<(Arc<Record>, Selector)>) {
        let mut base = self.base();
        if !self.settled.swap(true, Ordering::SeqCst) {
            *base = record.map(|(record, selector)| Base { record, selector });
        }
    }

    /// Returns true once the fields' values before this request are known.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::SeqCst)
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

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Returns true if any cell was written to.
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::SeqCst)
    }

    /// Notes a write. A write sets `written` and then reads `closed`; the commit sets `closed` and
    /// then reads `written`. So every write is either committed or reported as late.
    fn wrote(&self, field: &FieldSpec) {
        self.written.store(true, Ordering::SeqCst);
        if self.is_closed() {
            event::late_write(self.session(), field.name);
        }
    }

    /// Returns the stored value of a field, opened if it is sealed, and the name it was found
    /// under.
    fn stored(&self, field: &FieldSpec) -> Option<Result<Stored, DecodeError>> {
        let Base { record, selector } = self.base().clone()?;
        let find = |name: &'static str| record.position(name).map(|at| (name, at));
        let other = || field.aliases.iter().find_map(|alias| find(alias));
        let (name, at) = find(field.name).or_else(other)?;
        let opened = self.open(selector, field, name, record.at(at));
        Some(opened.map(|opened| Stored { name, record, at, opened }))
    }

    /// Visits each dynamic key of a field with its value, opened if the value is sealed.
    fn each_stored_key(
        &self,
        field: &FieldSpec,
        mut visit: impl FnMut(&str, &FieldValue) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let Some(Base { record, selector }) = self.base().clone() else { return Ok(()) };
        for (name, value) in record.fields() {
            if let Some(key) = field.dynamic_key(name) {
                let opened = self.open(selector, field, name, value)?;
                visit(key, opened.as_ref().unwrap_or(value))?;
            }
        }
        Ok(())
    }

    /// Opens a sealed value. Returns `None` for a value that is not sealed.
    fn open(
        &self,
        selector: Selector,
        field: &FieldSpec,
        name: &str,
        value: &FieldValue,
    ) -> Result<Option<FieldValue>, DecodeError> {
        let Some(sealer) = self.sealer.as_ref().filter(|sealer| sealer.seals(field)) else {
            return Ok(None);
        };
        let FieldValue::Bytes(blob) = value else { return Err(DecodeError::Unsealable) };
        let plain = sealer.open(selector, name, blob).ok_or(DecodeError::Unsealable)?;
        Ok(Some(FieldValue::Bytes(plain.into())))
    }

    /// Seals the values that ops write to sealed fields, for the session of this selector.
    pub(crate) fn seal(
        &self,
        fields: &[FieldSpec],
        selector: Selector,
        ops: &mut [Op],
    ) -> Result<(), SealError> {
        let Some(sealer) = &self.sealer else { return Ok(()) };
        for op in ops {
            let (Op::Set { field: name, value } | Op::Once { field: name, value }) = op else {
                continue;
            };
            let is_sealed = |field: &FieldSpec| sealer.seals(field) && field.owns(name);
            if let FieldValue::Bytes(plain) = value
                && fields.iter().any(is_sealed)
            {
                *plain = sealer.seal(selector, name, plain)?;
            }
        }
        Ok(())
    }

    /// Returns the value as the record holds it, sealed or not.
    fn stored_raw(&self, name: &str) -> Option<FieldValue> {
        self.record()?.get(name).cloned()
    }

    fn decode_failed(&self, field: &FieldSpec, error: &DecodeError) {
        event::decode_failure(self.session(), field.name, error);
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
    ($(impl<$($parameter:ident $(: $bound:path)?),*> $cell:ident;)*) => {$(
        impl<$($parameter $(: $bound)?),*> fmt::Debug for $cell<$($parameter),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($cell)).field("field", &self.spec.name).finish_non_exhaustive()
            }
        }
    )*};
}

redacted_debug! {
    impl<C: Collection> CollectionCell;
    impl<T> CounterCell;
    impl<T> LocalCell;
    impl<T> ValueCell;
}

/// The changes that cells emit for a commit.
#[derive(Default)]
pub struct Emission {
    /// The changes so far, not sealed yet.
    pub(crate) ops: Vec<Op>,
    /// The groups of the changed fields.
    pub(crate) groups: Vec<&'static str>,
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

    /// Adopts the changes that the same field's cell in another handle of the session has saved.
    #[doc(hidden)]
    fn adopt(&self, other: &dyn Cell);

    /// Writes the default.
    #[doc(hidden)]
    fn clear(&self, context: &Context);

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
