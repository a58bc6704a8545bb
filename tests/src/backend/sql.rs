//! SQL servers as the tests of the whole application take them: a database of a server that all
//! tests of a process share, or a server of a test's own to kill. How a server is run is the
//! business of its own file.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
};

use super::kind::{Backend, Remote, Written};

/// A server with databases.
pub trait Server: Send + Sync + Sized + 'static {
    /// One for all tests of this process.
    fn shared() -> &'static Self;
    /// One that keeps what it acknowledged when it is killed.
    fn durable() -> Self;
    /// Creates an empty database.
    fn create(&self, name: &str);
    /// The URL of a database, where the server is found at this address.
    fn url_at(&self, database: &str, address: SocketAddr) -> String;
    /// All of a database as statements.
    fn dump(&self, database: &str) -> String;
    /// Where it listens.
    fn port(&self) -> u16;
    /// Ends it as a crash would.
    fn kill(&mut self);
    /// Starts it again on the same data and port.
    fn restart(&mut self);

    /// Where it listens.
    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }
}

/// An empty database of the server that all tests of this process share.
#[derive(Debug)]
pub struct Database<S: 'static> {
    server: &'static S,
    name: String,
}

impl<S: Server> Database<S> {
    /// One that nobody else has.
    #[must_use]
    pub fn new() -> Self {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let server = S::shared();
        let name = format!("sessions_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.create(&name);
        Self { server, name }
    }
}

impl<S: Server> Default for Database<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Server> Backend for Database<S> {
    fn url(&self) -> String {
        self.server.url_at(&self.name, self.server.address())
    }
}

impl<S: Server> Written for Database<S> {
    fn dump(&self) -> Vec<u8> {
        self.server.dump(&self.name).into_bytes()
    }
}

/// A server of the test's own, with one database.
#[derive(Debug)]
pub struct Alone<S> {
    server: S,
}

impl<S: Server> Alone<S> {
    const DATABASE: &str = "sessions";

    /// Starts one.
    #[must_use]
    pub fn new() -> Self {
        let server = S::durable();
        server.create(Self::DATABASE);
        Self { server }
    }
}

impl<S: Server> Default for Alone<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Server> Backend for Alone<S> {
    fn url(&self) -> String {
        self.url_at(self.address())
    }

    fn crash(&mut self) {
        self.server.restart();
    }
}

impl<S: Server> Remote for Alone<S> {
    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn url_at(&self, address: SocketAddr) -> String {
        self.server.url_at(Self::DATABASE, address)
    }

    fn kill(&mut self) {
        self.server.kill();
    }

    fn restart(&mut self) {
        self.server.restart();
    }
}

/// Says how a fixture is such a server.
#[allow(unused_macros, reason = "one of the two servers, or both")]
macro_rules! server {
    ($server:ty, $scheme:literal, $user:literal) => {
        impl Server for $server {
            fn shared() -> &'static Self {
                static SERVER: std::sync::OnceLock<$server> = std::sync::OnceLock::new();
                SERVER.get_or_init(Self::start)
            }

            fn durable() -> Self {
                Self::durable()
            }

            fn create(&self, name: &str) {
                let _ = self.database(name);
            }

            fn url_at(&self, database: &str, address: SocketAddr) -> String {
                format!("{}://{}@{address}/{database}", $scheme, $user)
            }

            fn dump(&self, database: &str) -> String {
                self.dump(database)
            }

            fn port(&self) -> u16 {
                self.port()
            }

            fn kill(&mut self) {
                self.kill();
            }

            fn restart(&mut self) {
                self.restart();
            }
        }
    };
}

#[cfg(feature = "mysql")]
server!(super::mariadb::MariaDb, "mysql", "root");
#[cfg(feature = "postgres")]
server!(super::postgres::Postgres, "postgres", "postgres");
