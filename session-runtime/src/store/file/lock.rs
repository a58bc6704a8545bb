//! Locks between processes, one for each directory: a lock file beside the files that it guards,
//! locked with `flock`. The system releases the lock when the process that holds it dies. This file
//! does not know what is guarded.

use std::{
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use rustix::{fs::FlockOperation, io::Errno};

use super::directory::{Directory, failed, same_file};
use crate::store::StoreError;

const NAME: &str = "lock";
/// The longest wait for a lock. The holder of a lock writes one session; if that takes this long,
/// the holding process is stopped.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pauses between two tries. Blocking in `flock` instead would leave no way to give up.
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// The lock of a directory, released when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    fd: OwnedFd,
}

/// The outcome of an attempt to lock a file.
#[derive(Debug)]
pub(super) enum Tried {
    Taken(Lock),
    /// Another holder has the lock.
    Held,
    /// The file is no longer the directory's lock file: since it was opened, another file has taken
    /// its place, which somebody else may have locked.
    Replaced,
}

impl Lock {
    /// Waits for the lock of `directory`, up to a limit.
    pub(super) fn take(directory: &Directory) -> Result<Self, StoreError> {
        Self::take_within(directory, PATIENCE)
    }

    pub(super) fn take_within(
        directory: &Directory,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let start = Instant::now();
        let mut pause = SHORTEST_PAUSE;
        loop {
            if let Some(lock) = Self::take_if_free(directory)? {
                return Ok(lock);
            }
            if start.elapsed() > patience {
                let why = format!(
                    "has been locked by somebody else for {patience:?}; end the process that has \
                     it if that is stopped"
                );
                return Err(directory.refused(NAME, &why));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Takes the lock of `directory` if it is free. Returns `None` if somebody has it.
    pub(super) fn take_if_free(directory: &Directory) -> Result<Option<Self>, StoreError> {
        match Self::take_file(directory, directory.lock_file(NAME)?)? {
            Tried::Taken(lock) => Ok(Some(lock)),
            Tried::Held | Tried::Replaced => Ok(None),
        }
    }

    /// Tries to lock this very file, without waiting.
    pub(super) fn take_file(directory: &Directory, fd: OwnedFd) -> Result<Tried, StoreError> {
        match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(Tried::Held),
            Err(errno) => return Err(failed("lock", &directory.path().join(NAME), errno)),
        }
        let lock = Self { fd };
        let current = lock.is_current(directory)?;
        Ok(if current { Tried::Taken(lock) } else { Tried::Replaced })
    }

    /// Returns whether this is still the lock file that other processes find in the directory. If a
    /// cleaner of old files has removed it, the lock no longer keeps anybody out.
    pub(super) fn is_current(&self, directory: &Directory) -> Result<bool, StoreError> {
        let held = rustix::fs::fstat(&self.fd)
            .map_err(|errno| failed("look at", &directory.path().join(NAME), errno))?;
        let named = directory.stat_of(NAME)?;
        Ok(named.is_some_and(|named| same_file(&held, &named)))
    }
}
