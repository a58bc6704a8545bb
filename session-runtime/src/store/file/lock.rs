//! Locks between processes, one a directory: a file beside what it guards, locked with `flock`,
//! which the system releases when its holder dies. It does not know what is guarded.

use std::{
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use rustix::{fs::FlockOperation, io::Errno};

use super::directory::{Directory, failed, same_file};
use crate::store::StoreError;

const NAME: &str = "lock";
/// How long a lock is waited for. A holder writes one session; one that takes this long is stopped.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries. A thread that slept in the system instead could not give up.
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// The lock of a directory, released when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    fd: OwnedFd,
}

/// What came of trying to lock a file.
#[derive(Debug)]
pub(super) enum Tried {
    Taken(Lock),
    /// Somebody has it.
    Held,
    /// It is no longer the directory's: another was put in its place since it was opened, and may
    /// be locked by somebody else.
    Replaced,
}

impl Lock {
    /// Waits for the lock of `directory`, but not for ever.
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

    /// The lock of `directory`, unless somebody has it.
    pub(super) fn take_if_free(directory: &Directory) -> Result<Option<Self>, StoreError> {
        match Self::take_file(directory, directory.lock_file(NAME)?)? {
            Tried::Taken(lock) => Ok(Some(lock)),
            Tried::Held | Tried::Replaced => Ok(None),
        }
    }

    /// Tries to lock this very file.
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

    /// Whether this is the lock that the others wait for. It is not once a cleaner of old files has
    /// removed it; what is done under it then is no longer alone.
    pub(super) fn is_current(&self, directory: &Directory) -> Result<bool, StoreError> {
        let held = rustix::fs::fstat(&self.fd)
            .map_err(|errno| failed("look at", &directory.path().join(NAME), errno))?;
        let named = directory.stat_of(NAME)?;
        Ok(named.is_some_and(|named| same_file(&held, &named)))
    }
}
