//! Sessions in an embedded database: one file on this machine, durable, and quick because commits
//! that arrive together share one sync. This file owns the promises of the store and the way of a
//! caller's request to the writer; it knows neither tables nor the database's interface.

mod apply;
mod create;
mod database;
mod failure;
mod read;
mod recent;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    thread::JoinHandle,
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
};

use self::{
    database::Database,
    read::Read,
    recent::Recent,
    tables::Tables,
    writer::{Ask, Job, Worked},
};
use super::{
    Bus, Cursor, Facts, Namespace, Notice, Order, Page, PrincipalKey, Properties, Record, Store,
    StoreError, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written,
};
use crate::clock::Timestamp;

/// The number of changes that may wait for the writer. Later callers wait in the runtime.
const QUEUE: usize = 1024;
/// The most reads of the file at once: enough to keep a disk busy, few enough to leave blocking threads
/// of the runtime to others.
const READERS: usize = 32;

/// Sessions in one file on this machine: durable, fast, and without a server. The store to start
/// with where one process serves the sessions.
///
/// ```no_run
/// # use session_runtime::{KeyRing, Session, SessionLayer};
/// use session_runtime::store::EmbeddedStore;
/// # #[derive(Session)]
/// # struct Shop { cart: Vec<u32> }
/// # fn start(keys: KeyRing) -> Result<(), Box<dyn std::error::Error>> {
/// let store = EmbeddedStore::open("/var/lib/shop/sessions.redb")?;
/// let layer = SessionLayer::<Shop>::new(store, keys)?;
/// # Ok(()) }
/// ```
///
/// **One process.** The file is locked; a second process that opens it gets an error. Clones share
/// the store. Dropping the last clone finishes the queued changes, and closes the file before the
/// drop returns.
///
/// **Durability.** A change is answered when it is synced to the disk. Changes that wait at the
/// same time are written together and share one sync: the more changes there are, the less each of
/// them costs. No request reads a change before the change is durable, so a crash takes nothing
/// away that a request has seen. After a crash, the next [`open`](Self::open) reads the file once
/// to check it, which takes a second or two for each gigabyte if the disk keeps up, and finds every
/// change that was answered.
///
/// **Reads** bypass the writer and wait for nobody. A session that this process has used lately is read
/// on the caller's thread at once: from the store's cache (64 MiB at most) or the operating system's. Any
/// other session, whose pages may be on the disk only, and a list are read on a blocking thread of the
/// runtime, so that a slow disk holds up nobody else. 65,536 sessions are kept in mind as used lately.
///
/// **Errors.** When a write fails (the disk is full, say), every change of that moment gets the
/// error. Each of these changes was made whole or not at all; the error does not say which. The
/// store then reopens its file, so that it works again by itself once the cause is gone.
///
/// **Expiry.** Expired records are removed by [`sweep`](Store::sweep), which the runtime calls
/// about once a minute, and which looks only at records that are due. Their space is used again,
/// and the file shrinks when its end is free.
#[derive(Clone)]
pub struct EmbeddedStore(Arc<Shared>);

struct Shared {
    database: Arc<Database>,
    /// The queue of the writer. Both this and the writer are there until the drop takes them.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    writer: Option<JoinHandle<()>>,
    recent: Recent,
    bus: Bus,
    readers: Arc<Semaphore>,
    /// False once the store is dropped. Reads on other threads hold the lock, so that the drop waits for
    /// those that have begun.
    is_open: Arc<RwLock<bool>>,
}

impl EmbeddedStore {
    /// Opens the file at `path`. Creates the file if it is missing, with the directories above it,
    /// readable only by this process's user.
    ///
    /// Blocks while it reads the file, which takes long only after a crash: see above.
    ///
    /// # Errors
    ///
    /// Returns an error if another process (or this one) has the file open, if the file is no
    /// session store or one of a newer version, if the file is damaged, or if the operating system
    /// refuses. Each message names the path.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let database = Arc::new(Database::open(path.as_ref())?);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let writer = writer::start(Arc::clone(&database), queue)?;
        Ok(Self(Arc::new(Shared {
            database,
            jobs: Some(jobs),
            writer: Some(writer),
            recent: Recent::new(),
            bus: Bus::new(),
            readers: Arc::new(Semaphore::new(READERS)),
            is_open: Arc::new(RwLock::new(true)),
        })))
    }

    /// Returns the number of syncs so far, for tests of how changes share a sync.
    #[doc(hidden)]
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.0.database.syncs()
    }

    /// Has the writer do `work`, and waits until the work is durable. Queued work is done even if
    /// nobody waits for it any more.
    async fn ask<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Tables<'_>) -> Worked<T> + Send + 'static,
    {
        let ended = || self.0.database.error("its writer has ended; restart the program");
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Ask::new(work, caller));
        let jobs = self.0.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Reads on a thread that may wait for the disk; outside of a Tokio runtime on this one.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Ok(runtime) = Handle::try_current() else { return read(&self.0.database) };
        let thread = Arc::clone(&self.0.readers).acquire_owned().await;
        // Not the database itself, which would stay open for as long as nobody has a thread for this.
        let (database, is_open) = (Arc::downgrade(&self.0.database), Arc::clone(&self.0.is_open));
        let done = runtime.spawn_blocking(move || {
            let _thread = thread;
            let is_open = is_open.read().unwrap_or_else(PoisonError::into_inner);
            // Dropped before the lock.
            let database = database.upgrade().filter(|_| *is_open);
            database.map(|database| read(&database))
        });
        let ended = || self.0.database.error("a read was not finished; its runtime has ended");
        done.await.ok().flatten().unwrap_or_else(|| Err(ended()))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Without a sender left, the writer finishes the queue and ends.
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            // An error means that the writer panicked; callers that waited have got an error.
            let _ = writer.join();
        }
        *self.is_open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl fmt::Debug for EmbeddedStore {
    /// Prints the path only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("path", &self.0.database.path())
            .finish_non_exhaustive()
    }
}

impl Store for EmbeddedStore {
    fn properties(&self) -> Properties {
        Properties::DURABLE
    }

    fn name(&self) -> &'static str {
        "embedded"
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        if self.0.recent.has(key) {
            return StoreFuture::ready(read::load(&self.0.database, key));
        }
        StoreFuture::new(async move {
            let wanted = key.clone();
            let loaded = self.read(move |database| read::load(database, &wanted)).await?;
            self.0.recent.note(key);
            Ok(loaded)
        })
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            let inserted = key.clone();
            let written = self.ask(move |tables| apply::insert(tables, &inserted, &record)).await?;
            self.0.recent.note(key);
            Ok(written)
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            let key = key.clone();
            self.ask(move |tables| apply::replace(tables, &key, version, record)).await
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        StoreFuture::new(async move {
            let key = key.clone();
            self.ask(move |tables| apply::remove(tables, &key, version)).await
        })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        StoreFuture::new(async move {
            let (of, whose) = (namespace.clone(), principal.clone());
            let read = self
                .read(move |database| read::list(database, &of, &whose, order, after, limit))
                .await?;
            let Read { page, stale } = read;
            if !stale.is_empty() {
                let namespace = namespace.clone();
                self.ask(move |tables| {
                    for entry in &stale {
                        tables.prune(&namespace, entry)?;
                    }
                    Ok(Ok(()))
                })
                .await?;
            }
            Ok(page)
        })
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        let (of, whose) = (namespace.clone(), principal.clone());
        StoreFuture::new(self.read(move |database| read::count(database, &of, &whose)))
    }

    fn sweep(
        &self,
        before: Timestamp,
        _after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        StoreFuture::new(async move {
            let mut removed = 0;
            // In slices, so that requests' changes get their turn in between.
            while removed < limit {
                let left = limit - removed;
                let slice = self.ask(move |tables| apply::sweep(tables, before, left)).await?;
                removed += slice.removed;
                if slice.done {
                    return Ok(Swept::new(removed as u64, None));
                }
            }
            Ok(Swept::new(removed as u64, Some(SweepCursor::default())))
        })
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        StoreFuture::ready(Ok(Facts::HERE))
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        self.0.bus.publish(notice);
        StoreFuture::ready(Ok(()))
    }

    fn watch(&self) -> Option<Watch> {
        Some(self.0.bus.watch())
    }
}
