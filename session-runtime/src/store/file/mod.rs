//! Sessions in files: a directory on a disk of one machine, shared by its processes. Here is what
//! the store promises, and on which threads its work is done; the work itself is in the modules
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
    sweep::Cursor,
};
use super::{
    Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Properties, Record,
    Selector, Store, StoreError, StoreFuture, StoreKey,
};
use crate::clock::Timestamp;

/// How many threads read at once, and how many write: enough to keep a disk busy, few enough to
/// leave the runtime's blocking threads to others.
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
/// Clones share what is open. The store works inside a Tokio runtime, on its blocking threads.
///
/// **What survives.** A write is acknowledged when it is on the disk: a new file is written and
/// synced beside the old one, takes its place in one step, and the directory is synced. So, after
///
/// - *the process is killed*, at whatever moment: every session is as it was before or after each
///   commit, never in between. What was acknowledged is there. A half-written temporary file or an
///   entry of the index without its session may be left; [`open`](Self::open) and
///   [`sweep`](Store::sweep) collect them, and nobody ever takes them for a session.
/// - *the machine stops or loses power*: the same, as far as the disk keeps what it says it has
///   written. A session that the sweep had removed may be there again; it is over, and goes again.
/// - *a log-in under a cap is killed* between letting the new session in and ending the one that
///   gives way: there is one too many, until that principal's next log-in.
/// - *the disk damages a file*: the checksum does not hold, and every use of that session is an
///   error that names the file. It is never taken for an empty session, and the sweep leaves it
///   alone: restore the file, or remove it to end the session. Deleting the session, or all those
///   of its principal, removes it.
///
/// **Permissions.** Directories are made for their owner only (0700), files too (0600). `open`
/// refuses a directory that is a symbolic link, belongs to somebody else but root, or can be
/// written to by others. Below it, no symbolic link is ever followed. The files hold what the
/// sessions hold: whoever can read them, the backup too, reads that, but nothing that opens a
/// session.
///
/// **Processes.** Commits, inserts and deletes of one session wait for each other, in whatever
/// process, by `flock`: one lock file for each of 256 parts of the sessions and of the principals,
/// never removed. A process that is stopped while it holds one keeps the others from that part;
/// they give up after 10 seconds, with an error.
///
/// **Size.** About one inode and one block (4 KiB) a session, and as much again for each principal.
/// The sessions are spread over 256 directories: a million makes 4,000 files in each. A commit
/// writes the whole session and waits for the disk twice, a log-in four times, a delete once: some
/// tens to hundreds a second, one after the other, on most disks; parallel ones share the disk's
/// flushes and reach thousands. A load is two opens and a read, and takes no lock: tens of
/// thousands a second while the files are in memory. The sweep looks at eight files for each that
/// it may remove: at a thousand a minute, once around a million sessions takes two hours, in which
/// those that are over take up room and nothing else. A session of more than 256 MiB is refused.
///
/// **File systems.** Local ones (ext4, XFS, Btrfs, ZFS, APFS). On NFS, `flock` is as good as its
/// lock service: with `nolock`, or in an old version, two machines do not see each other's locks,
/// and commits are lost. A session may also be seen a few seconds late there. Several machines are
/// what the stores with a server are for.
#[derive(Clone)]
pub struct FileStore(Arc<Shared>);

struct Shared {
    disk: Disk,
    /// Those of one process wait for each other here, in order and without a thread, before they
    /// wait for other processes by the locks of files. Taken in the same order as those.
    sessions: Box<[Arc<AsyncMutex<()>>]>,
    principals: Box<[Arc<AsyncMutex<()>>]>,
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    cursor: Mutex<Cursor>,
}

/// What an operation waits for before it gets a thread.
#[derive(Default)]
struct Waits {
    principal: Option<Arc<AsyncMutex<()>>>,
    session: Option<Arc<AsyncMutex<()>>>,
}

impl FileStore {
    /// Opens the store in `directory`, which is made if it is missing, with those above it. Blocks
    /// on the disk; collects what a crash has left behind.
    ///
    /// # Errors
    ///
    /// If the directory is a symbolic link, is another user's (and not root's), can be written to
    /// by others than its owner, or cannot be made or read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let disk = Disk::open(directory.as_ref())?;
        sweep::collect_leftovers(&disk)?;
        let locks = || (0..SHARDS).map(|_| Arc::default()).collect();
        Ok(Self(Arc::new(Shared {
            disk,
            sessions: locks(),
            principals: locks(),
            readers: Arc::new(Semaphore::new(THREADS)),
            writers: Arc::new(Semaphore::new(THREADS)),
            cursor: Mutex::default(),
        })))
    }

    fn session_lock(&self, selector: Selector) -> Arc<AsyncMutex<()>> {
        Arc::clone(&self.0.sessions[shard_of(selector)])
    }

    /// The lock of a principal, if it logs in under a cap.
    fn principal_lock(
        &self,
        namespace: &Namespace,
        principal: Option<&PrincipalKey>,
        cap: Option<Cap>,
    ) -> Option<Arc<AsyncMutex<()>>> {
        let owner = Owner::of(namespace, principal.filter(|_| cap.is_some())?);
        Some(Arc::clone(&self.0.principals[owner.shard()]))
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(Waits::default(), &self.0.readers, job).await
    }

    async fn write<T: Send + 'static>(
        &self,
        waits: Waits,
        job: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(waits, &self.0.writers, job).await
    }

    /// Does `job` on a thread that may block. Once it has begun, it goes to its end, and keeps what
    /// it waited for until then, whatever becomes of this future.
    async fn work<T: Send + 'static>(
        &self,
        waits: Waits,
        threads: &Arc<Semaphore>,
        job: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let principal = lock(waits.principal).await;
        let session = lock(waits.session).await;
        let thread = Arc::clone(threads).acquire_owned().await;
        let runtime = Handle::try_current().map_err(|error| {
            StoreError::with_source("the file store works inside a Tokio runtime only", error)
        })?;
        let shared = Arc::clone(&self.0);
        let done = runtime.spawn_blocking(move || {
            let _held = (principal, session, thread);
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
    /// Prints where it is.
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

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        StoreFuture::new(async move {
            let principal = record.meta.principal.as_ref();
            let waits = Waits {
                principal: self.principal_lock(&key.namespace, principal, cap),
                session: Some(self.session_lock(key.selector)),
            };
            let key = key.clone();
            self.write(waits, move |it| it.disk.insert(&key, &record, cap)).await
        })
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        StoreFuture::new(async move {
            let principal = commit.principal.as_ref().and_then(Option::as_ref);
            let waits = Waits {
                principal: self.principal_lock(&key.namespace, principal, commit.cap),
                session: Some(self.session_lock(key.selector)),
            };
            let (key, commit) = (key.clone(), commit.clone());
            self.write(waits, move |it| it.disk.commit(&key, &commit)).await
        })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        StoreFuture::new(async move {
            let waits = Waits { principal: None, session: Some(self.session_lock(key.selector)) };
            let key = key.clone();
            self.write(waits, move |it| it.disk.delete(&key)).await
        })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        StoreFuture::new(async move {
            let owner = Owner::of(namespace, principal);
            let live = self.read(move |it| it.disk.live(&owner, now)).await?;
            let mut listed: Vec<Listed> = live.into_iter().map(|(_, listed)| listed).collect();
            listed.sort_by_key(|session| std::cmp::Reverse(session.created));
            Ok(listed)
        })
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        StoreFuture::new(async move {
            let owner = Owner::of(namespace, principal);
            self.write(Waits::default(), move |it| it.disk.delete_all(&owner, except)).await
        })
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        StoreFuture::new(self.write(Waits::default(), move |it| {
            let mut cursor = match it.cursor.try_lock() {
                Ok(cursor) => cursor,
                Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
                // Another call of this process is walking already.
                Err(TryLockError::WouldBlock) => return Ok(0),
            };
            sweep::sweep(&it.disk, &mut cursor, now, limit)
        }))
    }
}
