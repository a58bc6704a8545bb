//! Taking a value out of the store at once: the steps between a cell and the store of its session.
//! Does not know values.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{Base, Context, DecodeError, Stored, expected};
use crate::{
    error::{Error, Kind},
    schema::FieldSpec,
    store::{Expected, Op, Record, Selector},
};

/// The value that a caller claims, or `None` if there is none, or another caller got it.
pub type Claim<'a, V> = Pin<Box<dyn Future<Output = Result<Option<V>, Error>> + Send + 'a>>;

/// The engine of a session, as cells see it: its store, and its observer.
pub(crate) trait Claims: Send + Sync {
    /// Notes that a stored field does not decode.
    fn note_undecodable(&self, field: &'static str);

    /// Applies ops at once if the fields still hold what is expected. `loaded` is the record that
    /// the request has loaded, whose credential is the client's.
    fn exchange<'a>(
        &'a self,
        selector: Selector,
        loaded: &'a Arc<Record>,
        expected: Vec<Expected>,
        ops: Vec<Op>,
    ) -> Pin<Box<dyn Future<Output = Result<Exchanged, Error>> + Send + 'a>>;
}

/// The outcome of an exchange.
pub(crate) enum Exchanged {
    Done,
    /// Another request was first. There is the record as it is now, or the session is over.
    Changed(Option<Arc<Record>>),
}

/// A claim that is under way.
pub(super) struct Claiming(Base);

impl Context {
    /// Begins a claim, or returns `None` if there is no stored session.
    pub(super) fn begin_claim(&self) -> Result<Option<Claiming>, Error> {
        if self.is_closed() {
            return Err(Error::new(Kind::Closed));
        }
        Ok(self.base().clone().map(Claiming))
    }
}

impl Claiming {
    pub(super) const fn loaded(&self) -> &Arc<Record> {
        &self.0.record
    }

    /// Returns the value of a field in a record of the session.
    pub(super) fn stored(
        &self,
        context: &Context,
        record: &Arc<Record>,
        field: &FieldSpec,
    ) -> Option<Result<Stored, DecodeError>> {
        let base = Base { record: Arc::clone(record), selector: self.0.selector };
        context.stored_in(base, field)
    }

    /// Writes to the store at once, if the field is still as in `record`.
    pub(super) async fn exchange(
        &self,
        context: &Context,
        record: &Record,
        field: &'static FieldSpec,
        mut ops: Vec<Op>,
    ) -> Result<Exchanged, Error> {
        let selector = self.0.selector;
        let key_id = record.meta.key_id;
        let sealed = context.seal(std::slice::from_ref(field), key_id, selector, &mut ops);
        sealed.map_err(|_| Error::new(Kind::Random))?;
        let expected = vec![expected(field, Some(record))];
        let exchanged =
            context.claims.exchange(selector, &self.0.record, expected, ops.clone()).await?;
        if let Exchanged::Done = exchanged {
            note(context, &ops);
        }
        Ok(exchanged)
    }
}

/// Notes what the store holds now.
pub(super) fn note(context: &Context, ops: &[Op]) {
    context.rebase(|record| record.note(ops));
}
