//! The typed slots of one request's fields: what the generated accessors call, and what the plan
//! asks for changes. Cells are append-only, so a getter hands out `&T` without a lock and a
//! reference stays valid and unchanged until the request ends. Knows nothing of tokens or stores'
//! I/O; values come from a loaded [`Record`] and go into an [`Emission`].

mod access;
mod chain;
mod codec;
mod coded;
mod collection;
mod counter;
mod value;

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

pub use access::{CopyAccess, LocalAccess, NumberAccess, ValueAccess};
pub use codec::{Coded, DecodeError, Encoding, Int};
pub use coded::CodecAccess;
pub use collection::{Collection, CollectionCell, MapField, SetField};
pub use counter::CounterCell;
pub use value::{LocalCell, ValueCell};

use crate::{
    event,
    schema::FieldSpec,
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
    session: &'static str,
    base: OnceLock<Option<Base>>,
    /// Whether any cell was written to; most requests only read, and need not look at each.
    written: AtomicBool,
    closed: AtomicBool,
    sealer: Option<Arc<dyn FieldSealer>>,
}

struct Base {
    record: Arc<Record>,
    selector: Selector,
}

impl Context {
    pub(crate) fn new(session: &'static str, sealer: Option<Arc<dyn FieldSealer>>) -> Self {
        let (written, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { session, base: OnceLock::new(), written, closed, sealer }
    }

    /// Settles what the cells start from: a record, or nothing. Only the first call counts.
    pub(crate) fn settle(&self, record: Option<(Arc<Record>, Selector)>) {
        let _ = self.base.set(record.map(|(record, selector)| Base { record, selector }));
    }

    /// Whether it is known what the fields were before this request.
    pub(crate) fn is_settled(&self) -> bool {
        self.base.get().is_some()
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.base.get()?.as_ref().map(|base| &base.record)
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
            event::late_write(self.session, field.name);
        }
    }

    /// The stored value of a field, opened if it is sealed, and the name it was found under.
    fn stored(&self, field: &FieldSpec) -> Option<Result<Stored<'_>, DecodeError>> {
        let base = self.base.get()?.as_ref()?;
        let (name, value) =
            field.names().find_map(|name| base.record.get(name).map(|value| (name, value)))?;
        let opened = self.open(base, field, name, value);
        Some(opened.map(|value| Stored { name, value }))
    }

    /// The values under the dynamic keys of a field: each key with its value, opened if it is
    /// sealed.
    fn stored_keys(
        &self,
        field: &FieldSpec,
    ) -> impl Iterator<Item = (&str, Result<Cow<'_, FieldValue>, DecodeError>)> {
        let base = self.base.get().and_then(Option::as_ref);
        base.into_iter().flat_map(move |base| {
            base.record.fields().filter_map(move |(name, value)| {
                Some((field.dynamic_key(name)?, self.open(base, field, name, value)))
            })
        })
    }

    fn open<'a>(
        &self,
        base: &Base,
        field: &FieldSpec,
        name: &str,
        value: &'a FieldValue,
    ) -> Result<Cow<'a, FieldValue>, DecodeError> {
        let Some(sealer) = self.sealer.as_ref().filter(|sealer| sealer.seals(field)) else {
            return Ok(Cow::Borrowed(value));
        };
        let FieldValue::Bytes(blob) = value else { return Err(DecodeError::Unsealable) };
        let plain = sealer.open(base.selector, name, blob).ok_or(DecodeError::Unsealable)?;
        Ok(Cow::Owned(FieldValue::Bytes(plain.into())))
    }

    /// Seals what ops write to fields that are sealed, for the session of this selector.
    pub(crate) fn seal(
        &self,
        fields: &[&FieldSpec],
        selector: Selector,
        ops: &mut [Op],
    ) -> Result<(), SealError> {
        let Some(sealer) = &self.sealer else { return Ok(()) };
        for op in ops {
            let (Op::Set { field: name, value } | Op::Once { field: name, value }) = op else {
                continue;
            };
            let is_sealed = |field: &&FieldSpec| sealer.seals(field) && field.owns(name);
            if let FieldValue::Bytes(plain) = value
                && fields.iter().any(is_sealed)
            {
                *plain = sealer.seal(selector, name, plain)?;
            }
        }
        Ok(())
    }

    /// As it lies in the record, sealed or not.
    fn stored_raw(&self, name: &str) -> Option<&FieldValue> {
        self.record()?.get(name)
    }

    fn decode_failed(&self, field: &FieldSpec, error: &DecodeError) {
        event::decode_failure(self.session, field.name, error);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("session", &self.session).finish_non_exhaustive()
    }
}

struct Stored<'a> {
    name: &'static str,
    value: Cow<'a, FieldValue>,
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
    impl<T, C> ValueCell;
}

/// Where cells put what a commit needs.
#[derive(Default)]
pub struct Emission {
    /// The changes so far, nothing sealed yet.
    pub(crate) ops: Vec<Op>,
    /// The groups that the changes touch.
    pub(crate) groups: Vec<&'static str>,
    /// The first thing that went wrong.
    pub(crate) error: Option<EmitError>,
    /// Room for cells to write values in, one after the other.
    scratch: Vec<u8>,
}

impl fmt::Debug for Emission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emission").field("ops", &self.ops).finish_non_exhaustive()
    }
}

/// Why a field could not be written.
#[derive(Clone, Debug)]
pub(crate) enum EmitError {
    Encode {
        field: &'static str,
        message: String,
    },
    /// A number of a session to be created is out of its type's range.
    Range {
        field: &'static str,
    },
}

impl Emission {
    fn push(&mut self, field: &FieldSpec, op: Op) {
        if let Some(group) = field.group
            && !self.groups.contains(&group)
        {
            self.groups.push(group);
        }
        self.ops.push(op);
    }

    fn fail(&mut self, error: EmitError) {
        self.error.get_or_insert(error);
    }
}

/// A field cell as the plan sees it, whatever its type.
pub trait Cell: Send + Sync {
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

    /// Back to the default.
    #[doc(hidden)]
    fn clear(&self, context: &Context);

    /// Whether the stored bytes, if any, decode.
    #[doc(hidden)]
    fn verify(&self, context: &Context) -> Result<(), DecodeError>;
}

/// Adds `Set` for a field, under the name that the record has it under.
fn emit_set(context: &Context, field: &'static FieldSpec, value: FieldValue, out: &mut Emission) {
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
    fields: &'static [&'static FieldSpec],
) -> impl Iterator<Item = (FieldName, FieldValue)> + 'r {
    record
        .fields()
        .filter(move |(name, _)| !fields.iter().any(|field| field.owns(name)))
        .map(|(name, value)| (Cow::Owned(name.to_owned()), value.clone()))
}
