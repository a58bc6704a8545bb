//! What the tests of the whole application need to know of a place that keeps sessions, whatever
//! it is. This file owns the traits, and the places without a server; what has one implements them
//! beside its fixture.

use std::{fs, net::SocketAddr, path::Path};

use tempfile::TempDir;

use super::{User, directory};

/// A place that keeps sessions; empty when it was made.
pub trait Backend: Send + Sync {
    /// What [`store::open`](session_runtime::store::open) takes.
    fn url(&self) -> String;

    /// Ends the server, if there is one, as a crash would, and starts it again on the same data.
    fn crash(&mut self) {}
}

impl<B: Backend> Backend for &B {
    fn url(&self) -> String {
        (**self).url()
    }
}

/// A place that outlives its process, so that it can be looked at.
pub trait Written: Backend {
    /// Everything that is written down, in any order.
    fn dump(&self) -> Vec<u8>;
}

/// A server that can be killed and started again, and is reached by one address.
pub trait Remote: Backend {
    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// The URL that finds it at another address: a proxy's.
    fn url_at(&self, address: SocketAddr) -> String;

    /// Ends it as a crash would.
    fn kill(&mut self);

    /// Starts it again on the same data, and waits until it answers.
    fn restart(&mut self);
}

/// Servers that go on without one of them.
pub trait Group: Backend {
    /// Ends one that writes, as a crash would, and leaves it so.
    fn kill_a_primary(&mut self);
}

/// The memory of the application's own process.
#[derive(Debug)]
pub struct Memory;

impl Backend for Memory {
    fn url(&self) -> String {
        "memory:".to_owned()
    }
}

/// A directory for a store that needs no server.
#[derive(Debug)]
pub struct Folder {
    scheme: &'static str,
    directory: TempDir,
}

impl Folder {
    /// An empty place for the store of this URL scheme.
    #[must_use]
    pub fn new(scheme: &'static str) -> Self {
        Self { scheme, directory: directory(User::Same) }
    }
}

impl Backend for Folder {
    fn url(&self) -> String {
        format!("{}:{}", self.scheme, self.directory.path().join("sessions").display())
    }
}

impl Written for Folder {
    fn dump(&self) -> Vec<u8> {
        let mut all = Vec::new();
        collect(self.directory.path(), &mut all);
        all
    }
}

/// Every name and every file below `path`.
pub(crate) fn collect(path: &Path, all: &mut Vec<u8>) {
    all.extend_from_slice(path.as_os_str().as_encoded_bytes());
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a directory of the test's own");
        for entry in entries {
            collect(&entry.expect("a readable directory").path(), all);
        }
    } else {
        // A store tidies up whenever it likes.
        all.extend(fs::read(path).unwrap_or_default());
    }
}
