//! The typed slots of one request's fields: what the generated accessors call, and what the plan
//! asks for changes. Cells are append-only, so a getter hands out `&T` without a lock and a
//! reference stays valid and unchanged until the request ends. Knows nothing of tokens or stores'
//! I/O; values come from a loaded [`Record`] and go into an [`Emission`].

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
    /// Whether this field's values are sealed.
    fn seals(&self, field: &FieldSpec) -> bool;
    fn seal(&self, selector: Selector, field: &str, plain: &[u8]) -> Result<Bytes, SealError>;
    fn open(&self, selector: Selector, field: &str, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealError;

/// What the cells of one request share.
pub struct Context {
    spec: &'static Spec,
    /// What the cells start from, if there is anything.
    base: Mutex<Option<Base>>,
    /// Whether that is known.
    settled: AtomicBool,
    /// Whether nobody will look at the cells any more.
    released: AtomicBool,
    /// Whether any cell was written to; most requests only read, and need not look at each.
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
        // Nothing under this lock can panic half-way.
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles what the cells start from: a record, or nothing. Only the first call counts.
    pub(crate) fn settle(&self, record: Option<(Arc<Record>, Selector)>) {
        let mut base = self.base();
        if !self.settled.swap(true, Ordering::SeqCst) {
            *base = record.map(|(record, selector)| Base { record, selector });
        }
    }

    /// Whether it is known what the fields were before this request.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::SeqCst)
    }

    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        self.base().as_ref().map(|base| Arc::clone(&base.record))
    }

    /// Lets go of the record, before a last commit that nobody looks at the cells after: a store in
    /// memory may change it in place then.
    pub(crate) fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
        *self.base() = None;
    }

    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::SeqCst)
    }

    /// From now on writes come too late for this response.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Whether any cell was written to.
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::SeqCst)
    }

    /// Called after each write, so that a write either is in the commit or is reported here: the
    /// commit closes first and asks what was written then, which is the other way round.
    fn wrote(&self, field: &FieldSpec) {
        self.written.store(true, Ordering::SeqCst);
        if self.is_closed() {
            event::late_write(self.session(), field.name);
        }
    }

    /// The stored value of a field, opened if it is sealed, and the name it was found under.
    fn stored(&self, field: &FieldSpec) -> Option<Result<Stored, DecodeError>> {
        let Base { record, selector } = self.base().clone()?;
        let find = |name: &'static str| record.position(name).map(|at| (name, at));
        let other = || field.aliases.iter().find_map(|alias| find(alias));
        let (name, at) = find(field.name).or_else(other)?;
        let opened = self.open(selector, field, name, record.at(at));
        Some(opened.map(|opened| Stored { name, record, at, opened }))
    }

    /// Visits the values under the dynamic keys of a field: each key with its value, opened if it
    /// is sealed.
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

    /// What is in a sealed value; none for one that is not sealed.
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

    /// Seals what ops write to fields that are sealed, for the session of this selector.
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

    /// As it lies in the record, sealed or not.
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

/// Cells print the field's name only.
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

/// Where cells put what a commit needs.
#[derive(Default)]
pub struct Emission {
    /// The changes so far, nothing sealed yet.
    pub(crate) ops: Vec<Op>,
    /// The groups that the changes touch.
    pub(crate) groups: Vec<&'static str>,
    /// The first thing that went wrong.
    error: Option<Error>,
    /// Room for cells to write values in, one after the other.
    scratch: Vec<u8>,
}

impl fmt::Debug for Emission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emission").field("ops", &self.ops).finish_non_exhaustive()
    }
}

impl Emission {
    /// For about so many ops.
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

    /// Everything, or the first thing that went wrong.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        self.error.take().map_or(Ok(self), Err)
    }
}

/// A field cell as the plan sees it, whatever its type.
pub trait Cell: Any {
    /// The field's static facts.
    fn spec(&self) -> &'static FieldSpec;

    /// Adds what has changed since the load, or since the last save.
    #[doc(hidden)]
    fn emit_changes(&self, context: &Context, out: &mut Emission);

    /// Adds the whole value as `Set` ops, unless it is the default.
    #[doc(hidden)]
    fn emit_value(&self, context: &Context, out: &mut Emission);

    /// What was emitted last is saved.
    #[doc(hidden)]
    fn mark_saved(&self, context: &Context);

    /// Takes over what the same field's cell in another handle of the session has saved.
    #[doc(hidden)]
    fn adopt(&self, other: &dyn Cell);

    /// Back to the default.
    #[doc(hidden)]
    fn clear(&self, context: &Context);

    /// Whether the stored bytes, if any, decode.
    #[doc(hidden)]
    fn verify(&self, context: &Context) -> Result<(), DecodeError>;
}

/// A cell as what it is: that of the same field, hence of the same type, in another handle.
fn twin<C: Cell>(cell: &dyn Cell) -> &C {
    (cell as &dyn Any).downcast_ref().expect("a field's cells are of one type")
}

/// Adds `Set` for a field, under the name that the record has it under.
fn emit_set(context: &Context, field: &'static FieldSpec, value: FieldValue, out: &mut Emission) {
    if field.aliases.is_empty() {
        return out.push(field, Op::Set { field: Cow::Borrowed(field.name), value });
    }
    let found = context.stored(field).and_then(|stored| stored.ok().map(|stored| stored.name));
    let name = found.unwrap_or(field.name);
    out.push(field, Op::Set { field: Cow::Borrowed(name), value });
    // A name that is looked at before this one may be in use by now, and would hide it.
    for hiding in field.names().take_while(|hiding| *hiding != name) {
        out.push(field, Op::Unset { field: Cow::Borrowed(hiding) });
    }
}

/// Adds `Unset` for every name that a field may be under: an older program may have written an
/// alias meanwhile.
fn emit_unset(field: &'static FieldSpec, out: &mut Emission) {
    for name in field.names() {
        out.push(field, Op::Unset { field: Cow::Borrowed(name) });
    }
}

/// The fields of a record that the session type does not know: written by another version of the
/// program, and left alone.
pub(crate) fn unknown_fields<'r>(
    record: &'r Record,
    fields: &'static [FieldSpec],
) -> impl Iterator<Item = (FieldName, FieldValue)> + 'r {
    record
        .fields()
        .filter(move |(name, _)| !fields.iter().any(|field| field.owns(name)))
        .map(|(name, value)| (Cow::Owned(name.to_owned()), value.clone()))
}
