//! Claims: changes of single fields that go to the store at once, in the middle of a request.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{Engine, backend::Backend};
use crate::{
    cell::claim::{Claims, Exchanged},
    error::{Error, Kind},
    event,
    store::{Commit, CommitOutcome, Expected, Op, Record, Selector, Unpresented},
};

/// The claims of a session that is opened without a request.
pub(crate) struct DetachedClaims(pub(crate) Arc<Engine>);

impl Claims for DetachedClaims {
    fn note_undecodable(&self, field: &'static str) {
        self.0.note_undecodable(field);
    }

    fn exchange<'a>(
        &'a self,
        selector: Selector,
        loaded: &'a Arc<Record>,
        expected: Vec<Expected>,
        ops: Vec<Op>,
    ) -> Pin<Box<dyn Future<Output = Result<Exchanged, Error>> + Send + 'a>> {
        let unpresented = Unpresented::new(loaded.meta.principal.clone(), false);
        Box::pin(self.0.exchange_by(Some(unpresented), selector, loaded, expected, ops))
    }
}

impl Claims for Engine {
    fn note_undecodable(&self, field: &'static str) {
        if let Some(watcher) = &self.watcher {
            watcher.undecodable(field);
        }
    }

    fn exchange<'a>(
        &'a self,
        selector: Selector,
        loaded: &'a Arc<Record>,
        expected: Vec<Expected>,
        ops: Vec<Op>,
    ) -> Pin<Box<dyn Future<Output = Result<Exchanged, Error>> + Send + 'a>> {
        Box::pin(self.exchange_by(None, selector, loaded, expected, ops))
    }
}

impl Engine {
    async fn exchange_by(
        &self,
        unpresented: Option<Unpresented>,
        selector: Selector,
        loaded: &Arc<Record>,
        expected: Vec<Expected>,
        ops: Vec<Op>,
    ) -> Result<Exchanged, Error> {
        // The derive makes no claims on payloads in tokens.
        let Backend::Stored(stored) = &self.backend else {
            return Ok(Exchanged::Changed(None));
        };
        let key = self.key(selector);
        let mut commit = Commit::touch(self.now(), loaded.meta.check, loaded.meta.key_id);
        (commit.expected, commit.ops, commit.unpresented) = (expected, ops, unpresented);
        match stored.store.commit(&key, &commit).await? {
            CommitOutcome::Committed { .. } => {
                event::committed(self.name(), selector);
                Ok(Exchanged::Done)
            }
            CommitOutcome::Conflict { .. } => {
                Ok(Exchanged::Changed(stored.store.load_latest(&key).await?))
            }
            CommitOutcome::Refused { field, why } => Err(Error::new(Kind::refused(field, why))),
            CommitOutcome::TooLarge { size, fields } => {
                let limit = commit.max_bytes.unwrap_or_default();
                Err(Error::session_too_large(size, limit, fields))
            }
            CommitOutcome::Full => Err(Error::new(Kind::TooManySessions)),
            CommitOutcome::Gone | CommitOutcome::Superseded => Ok(Exchanged::Changed(None)),
        }
    }
}
