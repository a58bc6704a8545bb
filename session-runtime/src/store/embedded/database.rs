//! The database in its file: opening, one transaction at a time, and reopening after a failure.
//! It owns the file; it does not know what is read or written.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::{DatabaseError, ReadTransaction, ReadableDatabase, TableError, backends::FileBackend};

use super::{
    create::create,
    failure::{Failure, Refusal},
    tables::{FORMAT, Tables},
};
use crate::store::StoreError;

/// The version of the layout that [`tables`](super::tables) describes. A change of the layout takes
/// a new number.
const VERSION: u64 = 2;
/// The most memory for pages of the file: the upper levels of a million sessions' tree and the
/// records in use; the operating system caches the rest.
const CACHE_BYTES: usize = 64 << 20;

/// A database that is open, or whose file could not be reopened after a failure.
pub(super) struct Database {
    path: PathBuf,
    /// The open database, or the reason why it is not open. Readers share the lock while they read;
    /// it is taken exclusively only to reopen the file.
    current: RwLock<Result<redb::Database, StoreError>>,
    syncs: AtomicU64,
}

impl Database {
    /// Opens the file. Creates it if it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // The working directory may have changed by the time the file is reopened.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let current = match open(&path) {
            Err(Refusal::Missing) => create(&path, fill)
                .and_then(|()| open(&path))
                .map_err(|refusal| refusal.into_error(&path))?,
            other => other.map_err(|refusal| refusal.into_error(&path))?,
        };
        Ok(Self { path, current: RwLock::new(Ok(current)), syncs: AtomicU64::new(0) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of transactions that were written and synced.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Makes an error that names this database.
    pub(super) fn error(&self, what: &str) -> StoreError {
        StoreError::new(format!("the session store {}: {what}", self.path.display()))
    }

    /// Reads from a snapshot of the durable state.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let current = match self.current.try_read() {
            Ok(current) => current,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(self.opened_anew());
            }
        };
        let database = current.as_ref().map_err(Clone::clone)?;
        let snapshot = || Ok::<_, Failure>(database.begin_read()?);
        snapshot().and_then(|transaction| read(&transaction)).map_err(|failure| {
            if failure.follows_another() {
                self.opened_anew()
            } else {
                failure.into_error(&self.path, "reading")
            }
        })
    }

    fn opened_anew(&self) -> StoreError {
        self.error("is being opened anew after a failed write; try again")
    }

    /// Does all of `work` in one transaction and syncs it, or does nothing. Readers see the changes
    /// once they are durable. Only the writer's thread calls this.
    pub(super) fn write(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Result<(), Failure>,
    ) -> Result<(), StoreError> {
        if self.current.read().unwrap_or_else(PoisonError::into_inner).is_err() {
            self.reopen();
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let database = current.as_ref().map_err(Clone::clone)?;
        let transact = || {
            let transaction = database.begin_write()?;
            let mut tables = Tables::open(&transaction)?;
            work(&mut tables)?;
            let changed = tables.changed();
            drop(tables);
            if changed {
                transaction.commit()?;
                self.syncs.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Failure>(())
        };
        transact().map_err(|failure| failure.into_error(&self.path, "writing"))
    }

    /// Closes the file and opens it again. After a failed write, the database no longer knows the
    /// state of the disk; only reading the file back can tell. If the file does not open, the next
    /// write tries again.
    pub(super) fn reopen(&self) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Dropping the old database releases its lock on the file.
        *current = Err(self.error("is closed"));
        *current = open(&self.path).map_err(|refusal| refusal.into_error(&self.path));
    }
}

/// Opens an existing file and checks that it is a session store of this version.
fn open(path: &Path) -> Result<redb::Database, Refusal> {
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Refusal::Missing),
        Err(error) => return Err(Refusal::failed("opening")(error)),
    };
    if file.metadata().map_err(Refusal::failed("opening"))?.len() == 0 {
        return Err(Refusal::Foreign("the file is empty; remove it to start anew".to_owned()));
    }
    let database = attach(file).map_err(Refusal::failed("opening"))?;
    match version(&database).map_err(Refusal::failed("opening"))? {
        Some(VERSION) => Ok(database),
        Some(other) => Err(Refusal::Foreign(format!(
            "its format is {other}, and this version of the library reads {VERSION}; run the \
             version that wrote it, or start with a new file"
        ))),
        None => Err(Refusal::Foreign(
            "it is a database of some other program; choose another path".to_owned(),
        )),
    }
}

/// Makes a database in a new file.
fn fill(file: File) -> Result<(), Refusal> {
    let database = attach(file).map_err(Refusal::failed("creating"))?;
    lay_out(&database).map_err(Refusal::failed("creating"))
}

/// Opens the database in a file. Creates the database if the file is empty.
pub(super) fn attach(file: File) -> Result<redb::Database, DatabaseError> {
    let backend = FileBackend::new(file)?;
    redb::Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)
}

/// Returns the version of the layout, or `None` if the database has none.
fn version(database: &redb::Database) -> Result<Option<u64>, Failure> {
    let formats = match database.begin_read()?.open_table(FORMAT) {
        Ok(formats) => formats,
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    Ok(formats.get("version")?.map(|version| version.value()))
}

/// Lays out a new database.
fn lay_out(database: &redb::Database) -> Result<(), Failure> {
    let transaction = database.begin_write()?;
    transaction.open_table(FORMAT)?.insert("version", VERSION)?;
    drop(Tables::open(&transaction)?);
    transaction.commit()?;
    Ok(())
}
