//! An open directory and the few operations in it: each by the descriptor and one plain name, never
//! following a symbolic link. It owns permissions, durability and the messages of failures; it does
//! not know what the files are.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, Stat},
    io::Errno,
};

use crate::store::StoreError;

/// The name of the file that is written before it replaces another one. There is one in a
/// directory, and only the holder of the directory's lock may touch it: without a holder, it is a
/// leftover.
pub(super) const TEMPORARY: &str = "tmp";
/// The largest file that is written or read. A session of that size is a mistake, and reading it
/// must not exhaust the memory of the process.
const LARGEST: u64 = 256 << 20;
const DIRECTORY_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Makes a directory from its descriptor and the path that errors name.
    pub(super) const fn new(fd: OwnedFd, path: PathBuf) -> Self {
        Self { fd, path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn stat(&self) -> Result<Stat, StoreError> {
        rustix::fs::fstat(&self.fd).map_err(|errno| failed("look at", &self.path, errno))
    }

    /// Returns the directory `name` in this one, if it is there.
    pub(super) fn below(&self, name: &str) -> Result<Option<Self>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self::new(fd, self.path.join(name)))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("open the directory", name, errno)),
        }
    }

    /// Returns the directory `name` in this one. Creates it durably if it is missing.
    pub(super) fn below_or_new(&self, name: &str) -> Result<Self, StoreError> {
        loop {
            if let Some(directory) = self.below(name)? {
                return Ok(directory);
            }
            self.make_below(name)?;
            self.sync()?;
        }
    }

    /// Creates the directory `name` unless it is there. Durable only after a [`sync`](Self::sync).
    pub(super) fn make_below(&self, name: &str) -> Result<(), StoreError> {
        match rustix::fs::mkdirat(&self.fd, name, DIRECTORY_MODE) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.failed("make the directory", name, errno)),
        }
    }

    /// Opens the file `name` for reading, if it is there.
    pub(super) fn file(&self, name: &str) -> Result<Option<File>, StoreError> {
        // Opening a planted pipe must not wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("open", name, errno)),
        }
    }

    /// Returns the content of the file `name`, if it is there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut file) = self.file(name)? else {
            return Ok(None);
        };
        let failed = |error| failed("read", &self.path.join(name), error);
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(self.refused(name, "is no file of this store; move it away"));
        }
        // A file never grows or shrinks: a new file replaces it.
        let mut bytes = vec![0; usize::try_from(metadata.len()).unwrap_or(0)];
        file.read_exact(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Opens the lock file `name` of this directory. Creates it if it is missing.
    pub(super) fn lock_file(&self, name: &str) -> Result<OwnedFd, StoreError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        rustix::fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, FILE_MODE)
            .map_err(|errno| self.failed("open", name, errno))
    }

    /// Returns the status of the file that is called `name` now, if there is one.
    pub(super) fn stat_of(&self, name: &str) -> Result<Option<Stat>, StoreError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed("look at", name, errno)),
        }
    }

    /// Creates an empty file durably. Returns false if this directory itself is gone.
    pub(super) fn mark(&self, name: &str) -> Result<bool, StoreError> {
        match rustix::fs::openat(&self.fd, name, new_file(), FILE_MODE) {
            // A file that is there already may be a moment old, and not on the disk yet.
            Ok(_) | Err(Errno::EXIST) => self.sync().map(|()| true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.failed("make", name, errno)),
        }
    }

    /// Writes a new temporary file and syncs it. Only under the directory's lock.
    pub(super) fn write_temporary(&self, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() as u64 > LARGEST {
            return Err(StoreError::new(format!(
                "a session of {} bytes is not stored in {}: the most is {LARGEST}; keep large \
                 data elsewhere and its name in the session",
                bytes.len(),
                self.path.display()
            )));
        }
        self.remove(TEMPORARY)?;
        let written = rustix::fs::openat(&self.fd, TEMPORARY, new_file(), FILE_MODE)
            .map_err(std::io::Error::from)
            .and_then(|fd| {
                let mut file = File::from(fd);
                file.write_all(bytes)?;
                file.sync_all()
            });
        written.map_err(|error| {
            // Half a file takes room on a full disk; if it stays, nothing else goes wrong.
            let _ = self.remove(TEMPORARY);
            failed("write", &self.path.join(TEMPORARY), error)
        })
    }

    /// Renames the temporary file to `name`, durably.
    pub(super) fn rename_temporary(&self, name: &str) -> Result<(), StoreError> {
        rustix::fs::renameat(&self.fd, TEMPORARY, &self.fd, name)
            .map_err(|errno| self.failed("replace", name, errno))?;
        self.sync()
    }

    /// Removes a file. Returns whether there was one. Durable only after a [`sync`](Self::sync).
    pub(super) fn remove(&self, name: &str) -> Result<bool, StoreError> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.failed("remove", name, errno)),
        }
    }

    /// Removes the directory `name` if it is empty.
    pub(super) fn remove_if_empty(&self, name: &str) -> Result<(), StoreError> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(errno) => Err(self.failed("remove", name, errno)),
        }
    }

    /// Waits until the changes of names in this directory are on the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        rustix::fs::fsync(&self.fd).map_err(|errno| failed("write", &self.path, errno))
    }

    /// Returns the names in this directory, in order. Names that are no text are not this store's.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |errno| failed("list", &self.path, errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_str();
            names.extend(name.ok().filter(|name| !matches!(*name, "." | "..")).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes the error that `name` in this directory is not as it must be.
    pub(super) fn refused(&self, name: &str, why: &str) -> StoreError {
        StoreError::new(format!("{} {why}", self.path.join(name).display()))
    }

    fn failed(&self, what: &str, name: &str, errno: Errno) -> StoreError {
        failed(what, &self.path.join(name), errno)
    }
}

/// Returns the flags to create a file, which fail if anything is there, even a symbolic link.
fn new_file() -> OFlags {
    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Returns whether two statuses are of the same file.
pub(super) fn same_file(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// Makes the error that says what the system refused, where, and what to do about it.
pub(super) fn failed(what: &str, path: &Path, error: impl Into<std::io::Error>) -> StoreError {
    let error = error.into();
    let advice = error.raw_os_error().map_or("", |code| match Errno::from_raw_os_error(code) {
        Errno::NOSPC | Errno::DQUOT => "; make room on the disk",
        Errno::ACCESS | Errno::PERM => "; give the user of this process access to it",
        Errno::ROFS => "; mount it writable",
        Errno::LOOP | Errno::NOTDIR => "; a symbolic link is never followed here: remove it",
        Errno::MFILE | Errno::NFILE => "; raise the limit of open files",
        Errno::NOLCK | Errno::OPNOTSUPP => "; use a file system that has locks",
        Errno::NOENT => "; if the store's directory was removed, restart to make it anew",
        Errno::IO => "; the disk may be broken",
        _ => "",
    });
    StoreError::with_source(format!("cannot {what} {}: {error}{advice}", path.display()), error)
}
