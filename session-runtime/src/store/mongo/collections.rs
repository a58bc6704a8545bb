//! The collections of the store: their options, their indexes, and the calls on single sessions.
//! This file knows no principal and no cap.

use std::time::Duration;

use mongodb::{
    Collection, Database, IndexModel,
    bson::{Bson, Document, doc},
    error::{Error, ErrorKind},
    options::{
        Acknowledgment, CollectionOptions, IndexOptions, ReadConcern, ReadPreference,
        ReturnDocument, SelectionCriteria, WriteConcern,
    },
};

use super::{
    document::{
        CHECK, CREATED, EXPIRES, ID, OWNER, PURGE, REVISION, TICKET, damaged, from_record, is_over,
        to_number, to_record,
    },
    failure::{failed, is_duplicate},
    update::Update,
};
use crate::{
    clock::Timestamp,
    store::{Commit, CommitOutcome, InsertOutcome, Record, StoreError, StoreKey},
};

/// The time when a register of log-ins, or a note in it, was written, by the server's clock.
pub(super) const AT: &str = "at";
/// The indexed field by which registers with notes are found.
pub(super) const OPEN_TICKET: &str = "open.ticket";
/// The time without a log-in after which a principal's register is removed.
const REGISTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// The error code of a server that is asked to make a collection while another caller makes it.
const NAMESPACE_EXISTS: i32 = 48;

/// The collections of a store.
pub(super) struct Collections {
    pub(super) sessions: Collection<Document>,
    /// A register for each principal that has logged in under a cap.
    pub(super) log_ins: Collection<Document>,
}

impl Collections {
    pub(super) fn of(database: &Database, name: &str) -> Self {
        let concern = database.write_concern().cloned().unwrap_or_else(|| {
            WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
        });
        let options = CollectionOptions::builder()
            .write_concern(concern)
            // A secondary may not know yet that a session has ended.
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            // A commit that did not match must then read the document that did not match.
            .read_concern(ReadConcern::local())
            .build();
        let named = |name: &str| database.collection_with_options(name, options.clone());
        Self { sessions: named(name), log_ins: named(&format!("{name}_log_ins")) }
    }

    pub(super) async fn make_indexes(&self) -> Result<(), StoreError> {
        let index = |field: &str, options: IndexOptions| {
            IndexModel::builder().keys(doc! { field: 1 }).options(options).build()
        };
        let after = |time: Duration| IndexOptions::builder().expire_after(time).build();
        let sparse = || IndexOptions::builder().sparse(true).build();
        let of_sessions = vec![
            index(PURGE, after(Duration::ZERO)),
            index(EXPIRES, IndexOptions::default()),
            index(OWNER, sparse()),
        ];
        let of_log_ins = vec![index(AT, after(REGISTER)), index(OPEN_TICKET, sparse())];
        for (collection, indexes) in [(&self.sessions, of_sessions), (&self.log_ins, of_log_ins)] {
            while let Err(error) = collection.create_indexes(indexes.clone()).await {
                let is_new = matches!(
                    &*error.kind,
                    ErrorKind::Command(error) if error.code == NAMESPACE_EXISTS
                );
                if !is_new {
                    return Err(failed("make indexes", &collection.namespace(), &error));
                }
            }
        }
        Ok(())
    }

    /// Returns a function that words an error of doing `what` with sessions.
    pub(super) fn failed(&self, what: &'static str) -> impl Fn(Error) -> StoreError {
        let place = self.sessions.namespace();
        move |error| failed(what, &place, &error)
    }

    pub(super) async fn find(&self, key: &StoreKey) -> Result<Option<Document>, StoreError> {
        let found = self.sessions.find_one(doc! { ID: key.to_string() }).await;
        found.map_err(self.failed("load a session"))
    }

    /// Inserts a session. `ticket` is the log-in's, if it is one under a cap.
    pub(super) async fn insert(
        &self,
        key: &StoreKey,
        record: &Record,
        ticket: Option<i64>,
    ) -> Result<InsertOutcome, StoreError> {
        let document = from_record(&key.to_string(), record, ticket, record.meta.last_seen);
        match self.sessions.insert_one(document).await {
            Ok(_) => Ok(InsertOutcome::inserted()),
            Err(error) if is_duplicate(&error) => Ok(InsertOutcome::Exists),
            Err(error) => Err(self.failed("store a new session")(error)),
        }
    }

    /// Carries out a commit. `ticket` is the log-in's, if it is one under a cap.
    pub(super) async fn commit(
        &self,
        key: &StoreKey,
        commit: &Commit,
        ticket: Option<i64>,
    ) -> Result<CommitOutcome, StoreError> {
        if let Some(Update { filter, pipeline }) = Update::of(key, commit, ticket) {
            let after = self
                .sessions
                .find_one_and_update(filter, pipeline)
                .return_document(ReturnDocument::After)
                .projection(doc! { ID: 0, REVISION: 1 })
                .await
                .map_err(self.failed("commit a session"))?;
            if let Some(mut after) = after {
                let revision = after.remove(REVISION).and_then(to_number);
                let revision = revision.ok_or_else(|| damaged(REVISION))?;
                return Ok(CommitOutcome::committed(revision, commit.rotation.is_some()));
            }
        }
        self.commit_as_seen(key, commit, ticket).await
    }

    /// Finds out why a commit did not apply. If it should have applied, applies it to the document
    /// as it was read, and only to that.
    async fn commit_as_seen(
        &self,
        key: &StoreKey,
        commit: &Commit,
        ticket: Option<i64>,
    ) -> Result<CommitOutcome, StoreError> {
        loop {
            let Some(document) = self.find(key).await? else { return Ok(CommitOutcome::Gone) };
            let value = |name: &str| document.get(name).cloned().unwrap_or(Bson::Null);
            let seen = doc! {
                ID: key.to_string(),
                REVISION: value(REVISION),
                CHECK: value(CHECK),
                CREATED: value(CREATED),
            };
            let ticket = match commit.principal {
                Some(_) => ticket,
                None => document.get_i64(TICKET).ok(),
            };
            let mut record = to_record(document)?;
            let outcome = record.apply(commit);
            if !matches!(outcome, CommitOutcome::Committed { .. }) {
                return Ok(outcome);
            }
            let document = from_record(&key.to_string(), &record, ticket, commit.now);
            let replaced = self.sessions.replace_one(seen, document).await;
            if replaced.map_err(self.failed("commit a session"))?.matched_count > 0 {
                return Ok(outcome);
            }
        }
    }

    pub(super) async fn sweep(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let failed = self.failed("sweep sessions");
        // The server takes zero for no limit.
        let Some(limit) = i64::try_from(limit).ok().filter(|limit| *limit > 0) else {
            return Ok(0);
        };
        let found = self.sessions.find(is_over(now)).projection(doc! { ID: 1 }).limit(limit);
        let mut found = found.await.map_err(&failed)?;
        let mut ids = Vec::new();
        while found.advance().await.map_err(&failed)? {
            let mut document = found.deserialize_current().map_err(&failed)?;
            ids.extend(document.remove(ID));
        }
        if ids.is_empty() {
            return Ok(0);
        }
        // Some of the sessions may have been used meanwhile.
        let mut over = is_over(now);
        over.insert(ID, doc! { "$in": ids });
        Ok(self.sessions.delete_many(over).await.map_err(&failed)?.deleted_count)
    }
}
