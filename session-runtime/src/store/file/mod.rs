//! Sessions in files: a directory on a disk of one machine, shared by its processes. This file owns
//! the promises of the store and the threads that do its work; the work itself is in the modules
//! below, none of which knows of futures.

#[cfg(not(unix))]
compile_error!(
    "the feature `file` of session-runtime needs a Unix system (file locks, permissions, and \
     directories that can be synced); use the feature `embedded` or `sqlite` here"
);

mod directory;
mod disk;
mod frame;
mod index;
mod lock;
mod name;
mod open;
mod part;
mod sweep;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError, TryLockError},
};

use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore},
};

use self::{
    disk::Disk,
    name::{Owner, SHARDS, shard_of},
    sweep::Place,
};
use super::{
    Cursor, Facts, Namespace, Order, Page, PrincipalKey, Properties, Record, Store, StoreError,
    StoreFuture, StoreKey, SweepCursor, Swept, Written,
};
use crate::clock::Timestamp;

/// The number of threads that may read at once, and of those that may write: enough to keep a disk
/// busy, few enough to leave blocking threads of the runtime to others.
const THREADS: usize = 64;

/// Sessions in files: one machine, no server, any number of processes.
///
/// ```no_run
/// use session_runtime::store::FileStore;
///
/// let store = FileStore::open("/var/lib/shop/sessions")?;
/// # Ok::<(), session_runtime::store::StoreError>(())
/// ```
///
/// Clones share the open directory. The store works inside a Tokio runtime, on its blocking
/// threads.
///
/// **The files and their backups can be read by whoever may read the directory:** they hold the
/// values of the sessions, though nothing that opens a session. Directories are created for their
/// owner only (0700), and so are files (0600). `open` refuses a directory that is a symbolic link,
/// that belongs to another user than this process's or root, or that others can write to. Below the
/// directory, no symbolic link is ever followed.
///
/// **Use a local file system** (ext4, XFS, Btrfs, ZFS, APFS). On NFS, `flock` is only as good as
/// the lock service: with `nolock`, or in an old version, two machines do not see each other's
/// locks, and commits are lost. A load on NFS may also return a record that is a few seconds old.
/// For several machines, use a store with a server.
///
/// **Durability.** A write is acknowledged when it is on the disk: the store writes and syncs a new
/// file beside the old one, renames the new file over the old one, and syncs the directory. So:
///
/// - *If the process is killed* at any moment, every session is as it was before or after each
///   commit, never in between, and every acknowledged change is there. A half-written temporary
///   file or an index entry without its session may be left; [`open`](Self::open) and
///   [`sweep`](Store::sweep) remove them, and no operation takes them for a session.
/// - *If the machine stops or loses power*, the same holds, provided that the disk keeps what it
///   reports as written. A session that the sweep had removed may be there again; that session is
///   expired, and is removed again.
/// - *If the disk damages a file*, the checksum does not match, and every use of that session is an
///   error that names the file. The store never treats the session as empty, and the sweep leaves
///   the file alone: restore the file, or remove it to end the session. Deleting the session, or
///   all sessions of its principal, removes the file.
///
/// **Processes.** Writes and removals of one session wait for each other across processes, by
/// `flock`. There is one lock file for each of the 256 parts of the sessions; lock files are never
/// removed. A process that is stopped while it holds a lock keeps
/// the others from that part; they give up after 10 seconds, with an error.
///
/// **Size.** A session takes about one inode and one block (4 KiB), and each principal as much
/// again. The sessions are spread over 256 directories: a million sessions make 4,000 files in
/// each. A session of more than 256 MiB is refused.
///
/// **Speed.** A commit writes the whole session and waits for the disk twice, a log-in four times,
/// a delete once: one after the other, most disks manage some tens to hundreds a second; in
/// parallel, operations share the disk's flushes and reach thousands. A load is two opens and a
/// read, and takes no lock: tens of thousands a second while the files are in memory. The sweep
/// looks at eight files for each that it may remove: at a thousand removals a minute, a round
/// through a million sessions takes two hours. Until then an expired session takes up room and
/// nothing else.
#[derive(Clone)]
pub struct FileStore(Arc<Shared>);

struct Shared {
    disk: Disk,
    /// The operations of one process wait for each other here, in order and without a thread,
    /// before they wait for other processes at the lock files.
    sessions: Box<[Arc<AsyncMutex<()>>]>,
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    place: Mutex<Place>,
}

impl FileStore {
    /// Opens the store in `directory`. Creates the directory if it is missing, with those above it,
    /// and removes leftovers of a crash. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory is a symbolic link, belongs to another user than this
    /// process's or root, can be written to by others than its owner, or cannot be created or read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let disk = Disk::open(directory.as_ref())?;
        sweep::collect_leftovers(&disk)?;
        Ok(Self(Arc::new(Shared {
            disk,
            sessions: (0..SHARDS).map(|_| Arc::default()).collect(),
            readers: Arc::new(Semaphore::new(THREADS)),
            writers: Arc::new(Semaphore::new(THREADS)),
            place: Mutex::default(),
        })))
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(None, &self.0.readers, job).await
    }

    /// Does `job` on a session, one at a time.
    async fn write<T: Send + 'static>(
        &self,
        key: &StoreKey,
        job: impl FnOnce(&Shared, &StoreKey) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lock = Arc::clone(&self.0.sessions[shard_of(key.selector)]);
        let key = key.clone();
        self.work(Some(lock), &self.0.writers, move |it| job(it, &key)).await
    }

    /// Does `job` on a thread that may block. Once begun, the job runs to completion and keeps its
    /// locks until then, even if this future is dropped.
    async fn work<T: Send + 'static>(
        &self,
        session: Option<Arc<AsyncMutex<()>>>,
        threads: &Arc<Semaphore>,
        job: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let session = lock(session).await;
        let thread = Arc::clone(threads).acquire_owned().await;
        let runtime = Handle::try_current().map_err(|error| {
            StoreError::with_source("the file store works inside a Tokio runtime only", error)
        })?;
        let shared = Arc::clone(&self.0);
        let done = runtime.spawn_blocking(move || {
            let _held = (session, thread);
            job(&shared)
        });
        done.await.unwrap_or_else(|error| {
            let path = self.0.disk.path().display();
            let message = format!("work on the file store in {path} was not finished");
            Err(StoreError::with_source(message, error))
        })
    }
}

async fn lock(mutex: Option<Arc<AsyncMutex<()>>>) -> Option<OwnedMutexGuard<()>> {
    Some(mutex?.lock_owned().await)
}

impl fmt::Debug for FileStore {
    /// Prints the path of the directory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("path", &self.0.disk.path()).finish_non_exhaustive()
    }
}

impl Store for FileStore {
    fn properties(&self) -> Properties {
        Properties::SHARED
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(async move {
            let key = key.clone();
            self.read(move |it| Ok(it.disk.load(&key)?.map(Arc::from))).await
        })
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::new(self.write(key, move |it, key| it.disk.insert(key, &record)))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::new(self.write(key, move |it, key| it.disk.replace(key, version, record)))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        StoreFuture::new(self.write(key, move |it, key| it.disk.remove(key, version)))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        let owner = Owner::of(namespace, principal);
        StoreFuture::new(self.read(move |it| it.disk.list(owner, order, after, limit)))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        let owner = Owner::of(namespace, principal);
        StoreFuture::new(self.read(move |it| it.disk.count(&owner)))
    }

    fn sweep(
        &self,
        before: Timestamp,
        _after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        StoreFuture::new(self.work(None, &self.0.writers, move |it| {
            let mut place = match it.place.try_lock() {
                Ok(place) => place,
                Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
                // Another call of this process is sweeping already.
                Err(TryLockError::WouldBlock) => return Ok(Swept::default()),
            };
            let removed = sweep::sweep(&it.disk, &mut place, before, limit)?;
            // The walk goes on where it has stopped, by itself: at once while it finds much.
            let next = (removed == limit as u64).then_some(SweepCursor::default());
            Ok(Swept::new(removed, next))
        }))
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        StoreFuture::ready(Ok(Facts::HERE))
    }
}
