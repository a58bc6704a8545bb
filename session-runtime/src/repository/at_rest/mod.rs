//! Records that are sealed or signed at rest: a store around the application's own that seals what
//! goes in and opens what comes out, so that ops are applied to readable records. It owns the form
//! of a sealed record and the parts of a record that the seal is bound to; it decides about neither
//! sessions nor commits.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{
    clock::Timestamp,
    event::{self, Reason},
    key::{push_part, watch::KeyWatch},
    store::{
        Cursor, Facts, FieldValue, KeyId, Meta, Namespace, Notice, Order, Page, PoolUse,
        PrincipalKey, Properties, Record, Store, StoreError, StoreFuture, StoreKey, SweepCursor,
        Swept, Watch, Written,
        encoding::{fields, fields_len, put_fields, put_meta},
        layout::Input,
    },
    token::{Plain, RecordSealer, RecordSigner},
};

/// The only field of a sealed record. No field of a struct has a name with a colon.
const SEALED: &str = ":sealed";
/// The field of a signed record that no session has.
const SIGNED: &str = ":signed";
/// The format of the content. A seal is bound to it.
const FORMAT: &str = "1";

/// The protection of records at rest.
#[derive(Debug)]
pub(crate) enum Method {
    /// The fields become one blob.
    Seal(RecordSealer),
    /// The fields stay readable, and get a signature.
    Sign(RecordSigner),
}

/// A store whose records are sealed or signed.
///
/// **A record that does not open counts as missing**, with an event that says why: nobody is logged
/// in by it, no commit changes it, and no insert writes over it. It goes when it is expired, or with
/// all sessions of its principal.
pub(crate) struct AtRest {
    store: Arc<dyn Store>,
    method: Method,
    watch: Option<Arc<KeyWatch>>,
}

/// The content of a record: its fields.
struct Content<'a>(&'a Record);

impl Plain for Content<'_> {
    fn size(&self) -> usize {
        fields_len(self.0)
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_fields(out, self.0);
    }
}

impl AtRest {
    pub(crate) fn new(store: Arc<dyn Store>, method: Method) -> Self {
        Self { store, method, watch: None }
    }

    /// Answers a record under an unknown key with an error for as long as `watch` says that this process
    /// may be behind: another process has the key, so the record is not missing.
    pub(crate) fn watched(self, watch: Arc<KeyWatch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Returns a record as the store keeps it.
    fn close(&self, key: &StoreKey, record: &Record) -> Result<Arc<Record>, StoreError> {
        let (place, content) = (place_of(key, &record.meta), Content(record));
        // A process that can verify the session's token can then open the record, too, also if the
        // process does not have the newest key yet.
        let under = record.meta.key_id;
        Ok(Arc::new(match &self.method {
            Method::Seal(codec) => {
                let sealed = codec.seal(under, &place, &content).map_err(|_| {
                    StoreError::new("no record was sealed: the system gave no random bytes")
                })?;
                let mut closed = record.bare();
                closed.set(SEALED, FieldValue::Bytes(sealed));
                closed
            }
            Method::Sign(codec) => {
                let signature = codec.sign(under, &place, &bytes(&content));
                let mut closed = record.clone();
                closed.set(SIGNED, FieldValue::Bytes(signature));
                closed
            }
        }))
    }

    /// Returns a record as it was before [`close`](Self::close), or the reason why it is none.
    fn open(&self, key: &StoreKey, stored: &Record) -> Result<Record, Reason> {
        let place = place_of(key, &stored.meta);
        match &self.method {
            Method::Seal(codec) => {
                // What lies beside the blob is not sealed.
                let is_whole = stored.fields().len() == 1;
                let Some(FieldValue::Bytes(sealed)) = stored.get(SEALED).filter(|_| is_whole)
                else {
                    return Err(Reason::Malformed);
                };
                let content = codec.open(&place, sealed)?;
                let mut opened = stored.bare();
                let read = fields(&mut Input::sharing(&content), &mut opened);
                read.map(|()| opened).ok_or(Reason::Malformed)
            }
            Method::Sign(codec) => {
                let Some(FieldValue::Bytes(signature)) = stored.get(SIGNED) else {
                    return Err(Reason::Malformed);
                };
                let mut opened = stored.clone();
                opened.remove(SIGNED);
                codec.verify(&place, &bytes(&Content(&opened)), signature)?;
                Ok(opened)
            }
        }
    }

    /// Returns a record as it was before [`close`](Self::close); `None`, with an event, if it does
    /// not open.
    fn opened(&self, key: &StoreKey, stored: &Record) -> Result<Option<Arc<Record>>, StoreError> {
        match self.open(key, stored) {
            Ok(opened) => Ok(Some(Arc::new(opened))),
            Err(Reason::UnknownKey(id))
                if self.watch.as_ref().is_some_and(|watch| watch.may_be_behind(KeyId(id))) =>
            {
                let id = KeyId(id);
                Err(StoreError::new(format!(
                    "the record is sealed or signed under the key {id}, which this process does not \
                     know yet"
                )))
            }
            Err(reason) => {
                event::unopened(key.namespace.as_str(), key.selector, reason);
                Ok(None)
            }
        }
    }
}

/// Returns true if a record is as [`Method::Seal`] makes it.
pub(crate) fn is_sealed(record: &Record) -> bool {
    record.get(SEALED).is_some()
}

/// Returns what a seal is bound to: the key, and the record's fixed part. Only the time of the last
/// use is not in it, because a store keeps the later of two by itself.
fn place_of(key: &StoreKey, meta: &Meta) -> Vec<u8> {
    let mut place = Vec::with_capacity(256);
    push_part(&mut place, FORMAT.as_bytes());
    push_part(&mut place, key.namespace.as_str().as_bytes());
    push_part(&mut place, key.selector.as_bytes());
    put_meta(&mut place, meta, Timestamp::default());
    place
}

fn bytes(content: &Content<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.size());
    content.put(&mut bytes);
    bytes
}

impl Store for AtRest {
    fn properties(&self) -> Properties {
        // A record that is changed has been opened already; its load here would open it again.
        Properties { wants_loaded: true, ..self.store.properties() }
    }

    fn name(&self) -> &'static str {
        self.store.name()
    }

    fn pool(&self) -> Option<PoolUse> {
        self.store.pool()
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.store.load(key).and_then(move |found| {
            let Some(found) = found else { return StoreFuture::ready(Ok(None)) };
            let opened = self.opened(key, &found);
            // A cache's copy may be damaged, which must log nobody out.
            let latest = if matches!(opened, Ok(None)) { self.reload(key) } else { None };
            latest.unwrap_or_else(|| StoreFuture::ready(opened))
        })
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        let latest = self.store.reload(key)?;
        Some(latest.and_then(|found| {
            StoreFuture::ready(found.map_or(Ok(None), |found| self.opened(key, &found)))
        }))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        match self.close(key, &record) {
            Ok(closed) => self.store.insert(key, closed),
            Err(error) => StoreFuture::ready(Err(error)),
        }
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        match self.close(key, &record) {
            Ok(closed) => self.store.replace(key, version, closed),
            Err(error) => StoreFuture::ready(Err(error)),
        }
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        self.store.touch(key, last_seen, clean_after)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        self.store.remove(key, version)
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        self.store.list(namespace, principal, order, after, limit).map(move |mut page| {
            for (selector, stored) in std::mem::take(&mut page.sessions) {
                let key = StoreKey { namespace: namespace.clone(), selector };
                match self.opened(&key, &stored) {
                    Ok(Some(opened)) => page.sessions.push((selector, opened)),
                    // Counted, and ended, by its fixed part. Who wants to read the record sees by the
                    // key's id that this process cannot.
                    Err(_) => page.sessions.push((selector, stored)),
                    Ok(None) => page.unreadable.push(selector),
                }
            }
            page
        })
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.store.count(namespace, principal)
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        self.store.sweep(before, after, limit)
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        self.store.probe()
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        self.store.publish(notice)
    }

    fn watch(&self) -> Option<Watch> {
        self.store.watch()
    }
}
