//! The collection of sessions: its options, its indexes, and one call for each operation. The form
//! of a document is elsewhere, and so is who waits for a call.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Collection, Database, IndexModel,
    bson::{Document, doc},
    error::{Error, ErrorKind},
    options::{
        Acknowledgment, CollectionOptions, IndexOptions, ReadConcern, ReadPreference,
        SelectionCriteria, WriteConcern,
    },
};
use tokio::sync::OnceCell;

use super::{
    document::{
        EXPIRES, ID, PLACE, PURGE, Places, SEEN, damaged, expires, has_expired, later, log_in, new,
        place, seen, this, to_record, update,
    },
    failure::{failed, is_duplicate},
};
use crate::{
    clock::Timestamp,
    store::{
        Cursor, Facts, Namespace, Order, Page, PrincipalKey, Record, StoreError, StoreKey,
        SweepCursor, Swept, Written,
    },
};

/// The most sessions of a principal that a log-in counts.
const COUNTED: u64 = 10_000;
/// The error code of a server that is asked to make a collection while another caller makes it.
const NAMESPACE_EXISTS: i32 = 48;

/// The collection of a store.
pub(super) struct Sessions {
    collection: Collection<Document>,
    prepared: OnceCell<()>,
}

impl Sessions {
    pub(super) fn of(database: &Database, name: &str) -> Self {
        let concern = database.write_concern().cloned().unwrap_or_else(|| {
            WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
        });
        let options = CollectionOptions::builder()
            .write_concern(concern)
            // A secondary may not know yet that a session has ended.
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            // Whoever was overtaken must then read the document of the one that was first.
            .read_concern(ReadConcern::local())
            .build();
        let collection = database.collection_with_options(name, options);
        Self { collection, prepared: OnceCell::new() }
    }

    /// Waits for the answer of a server.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let database = self.collection.client().database(&self.collection.namespace().db);
        let answer = database.run_command(doc! { "ping": 1 }).await;
        answer.map(drop).map_err(self.failed("connect"))
    }

    /// Makes the missing indexes, once.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.prepared.get_or_try_init(|| self.make_indexes()).await.copied()
    }

    async fn make_indexes(&self) -> Result<(), StoreError> {
        let index = |field: &str, options: IndexOptions| {
            IndexModel::builder().keys(doc! { field: 1 }).options(options).build()
        };
        let indexes = [
            index(PURGE, IndexOptions::builder().expire_after(Duration::ZERO).build()),
            index(EXPIRES, IndexOptions::default()),
            index(PLACE, IndexOptions::builder().sparse(true).build()),
        ];
        while let Err(error) = self.collection.create_indexes(indexes.clone()).await {
            let is_new = matches!(
                &*error.kind,
                ErrorKind::Command(error) if error.code == NAMESPACE_EXISTS
            );
            if !is_new {
                return Err(self.failed("make indexes")(error));
            }
        }
        Ok(())
    }

    /// Returns the collection's name, with that of its database.
    pub(super) fn name(&self) -> String {
        self.collection.namespace().to_string()
    }

    /// Returns a function that words an error of doing `what` with sessions.
    pub(super) fn failed(&self, what: &'static str) -> impl Fn(Error) -> StoreError {
        let place = self.collection.namespace();
        move |error| failed(what, &place, &error)
    }

    pub(super) async fn load(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, StoreError> {
        let found = self.collection.find_one(this(key, None)).await;
        let found = found.map_err(self.failed("load a session"))?;
        found.map(|it| to_record(&it).map(Arc::new).ok_or_else(damaged)).transpose()
    }

    pub(super) async fn insert(
        &self,
        key: &StoreKey,
        record: &Record,
    ) -> Result<Written, StoreError> {
        match self.collection.insert_one(new(key, record)).await {
            Ok(_) => {}
            Err(error) if is_duplicate(&error) => return Ok(Written::Not),
            Err(error) => return Err(self.failed("store a new session")(error)),
        }
        let of_principal = self.of_principal(key, record).await?;
        Ok(Written::Stored { of_principal })
    }

    pub(super) async fn replace(
        &self,
        key: &StoreKey,
        version: u64,
        record: &Record,
    ) -> Result<Written, StoreError> {
        let failed = self.failed("commit a session");
        let before = self
            .collection
            .find_one_and_update(this(key, Some(version)), update(key, record))
            .projection(doc! { ID: 0, PLACE: 1, SEEN: 1 })
            .await
            .map_err(&failed)?;
        let Some(before) = before else { return Ok(Written::Not) };
        if let Some(seen) = seen(&before)
            && seen > record.meta.last_seen
        {
            // The end of the session is later than the record by itself says.
            let mut later = record.clone();
            later.meta.last_seen = seen;
            let now = this(key, Some(record.meta.revision));
            self.collection.update_one(now, update(key, &later)).await.map_err(&failed)?;
        }
        // Another place in the lists: another principal, or another log-in.
        let has_moved = place(key, record).as_ref() != before.get(PLACE);
        let of_principal = if has_moved { self.of_principal(key, record).await? } else { 0 };
        Ok(Written::Stored { of_principal })
    }

    /// Returns the number of sessions that a record's principal has, up to a limit. Whoever asks
    /// after the record was acknowledged counts what was acknowledged before.
    async fn of_principal(&self, key: &StoreKey, record: &Record) -> Result<u64, StoreError> {
        let Some(principal) = &record.meta.principal else { return Ok(0) };
        let count = self.collection.count_documents(theirs(&key.namespace, principal));
        count.limit(COUNTED).await.map_err(self.failed("count the sessions of a principal"))
    }

    pub(super) async fn count(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
    ) -> Result<u64, StoreError> {
        let count = self.collection.count_documents(theirs(namespace, principal));
        count.await.map_err(self.failed("count the sessions of a principal"))
    }

    pub(super) async fn touch(
        &self,
        key: &StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> Result<bool, StoreError> {
        let touched = self.collection.update_one(this(key, None), later(last_seen, clean_after));
        Ok(touched.await.map_err(self.failed("touch a session"))?.matched_count > 0)
    }

    pub(super) async fn remove(
        &self,
        key: &StoreKey,
        version: Option<u64>,
    ) -> Result<bool, StoreError> {
        let removed = self.collection.delete_one(this(key, version)).await;
        Ok(removed.map_err(self.failed("end a session"))?.deleted_count > 0)
    }

    pub(super) async fn list(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let failed = self.failed("list the sessions of a principal");
        let mut page = Page::default();
        let Some(at_most) = at_most(limit) else { return Ok(page) };
        let places = Places::of(namespace, principal);
        let (first, last) = places.ends();
        let (theirs, direction) = match (order, after.map(|after| places.at(after))) {
            (Order::Oldest, None) => (doc! { "$gte": first, "$lte": last }, 1),
            (Order::Oldest, Some(after)) => (doc! { "$gt": after, "$lte": last }, 1),
            (Order::Newest, None) => (doc! { "$gte": first, "$lte": last }, -1),
            (Order::Newest, Some(after)) => (doc! { "$gte": first, "$lt": after }, -1),
        };
        let found = self.collection.find(doc! { PLACE: theirs });
        let found = found.sort(doc! { PLACE: direction }).limit(at_most);
        let mut found = found.await.map_err(&failed)?;
        let mut number = 0;
        while found.advance().await.map_err(&failed)? {
            let document = found.deserialize_current().map_err(&failed)?;
            number += 1;
            let Some(log_in) = log_in(&document) else { continue };
            page.next = Some(log_in);
            match to_record(&document) {
                Some(record) => page.sessions.push((log_in.selector, Arc::new(record))),
                None => page.unreadable.push(log_in.selector),
            }
        }
        if number < limit {
            page.next = None;
        }
        Ok(page)
    }

    pub(super) async fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> Result<Swept, StoreError> {
        let failed = self.failed("sweep sessions");
        let Some(at_most) = at_most(limit) else { return Ok(Swept::default()) };
        let expired = has_expired(before, after);
        let found = self.collection.find(expired.clone()).projection(doc! { ID: 1, EXPIRES: 1 });
        let found = found.sort(doc! { EXPIRES: 1 }).limit(at_most);
        let mut found = found.await.map_err(&failed)?;
        let (mut ids, mut last) = (Vec::new(), None);
        while found.advance().await.map_err(&failed)? {
            let mut document = found.deserialize_current().map_err(&failed)?;
            last = expires(&document);
            ids.extend(document.remove(ID));
        }
        if ids.is_empty() {
            return Ok(Swept::default());
        }
        let next = last.filter(|_| ids.len() == limit).map(SweepCursor::new);
        // Some of the sessions may have been used meanwhile.
        let mut still = expired;
        still.insert(ID, doc! { "$in": ids });
        let deleted = self.collection.delete_many(still).await.map_err(&failed)?.deleted_count;
        Ok(Swept::new(deleted, next))
    }

    /// Returns what a server says of itself. Its answer needs no right.
    pub(super) async fn facts(&self) -> Result<Facts, StoreError> {
        let database = self.collection.client().database(&self.collection.namespace().db);
        let answer = database.run_command(doc! { "hello": 1 }).await;
        let answer = answer.map_err(self.failed("ask for the time"))?;
        let time = answer.get_datetime("localTime").ok().map(|time| time.timestamp_millis());
        let time = time.and_then(|time| u64::try_from(time).ok()).map(Timestamp::from_millis);
        Ok(time.map_or(Facts::HERE, Facts::at))
    }
}

/// Returns the condition that a session is a principal's.
fn theirs(namespace: &Namespace, principal: &PrincipalKey) -> Document {
    let (first, last) = Places::of(namespace, principal).ends();
    doc! { PLACE: { "$gte": first, "$lte": last } }
}

/// Returns a limit as the server takes it, which reads zero as no limit: `None` for zero.
fn at_most(limit: usize) -> Option<i64> {
    (limit > 0).then(|| i64::try_from(limit).unwrap_or(i64::MAX))
}
