//! A server that speaks MongoDB's wire protocol and keeps what it acknowledges. It owns how the
//! server is found, started, killed and started again; what is kept in it is not its business.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use mongodb::{Client, bson::doc};
use tempfile::TempDir;

use super::{
    Process, User, find_tool, free_port,
    kind::{Backend, Remote, Written, collect},
};

/// The database in its URL.
const DATABASE: &str = "shop";

/// A server process.
pub struct Mongo {
    process: Process,
    port: u16,
    directory: TempDir,
    kind: Kind,
}

/// What a server is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Does not wait for its disk.
    Volatile,
    /// Writes each change to its disk before it answers.
    Durable,
    /// Says that it is a replica set. Does not wait for its disk.
    ReplicaSet,
    /// The same, and fails when a client tells it to.
    FailPoints,
    /// Durable, and asks clients who they are.
    Users,
}

impl fmt::Debug for Mongo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mongo").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Mongo {
    /// A standalone server of this test's own, which writes each change to its disk before it
    /// answers.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::set_up(Kind::Durable)
    }

    /// A server of this test's own that says that it is a replica set of one, so that a driver
    /// numbers its writes and repeats those that were not answered. It tells the address that it
    /// listens at, so a client behind a proxy wants `directConnection=true`.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn replica_set() -> Self {
        Self::set_up(Kind::ReplicaSet)
    }

    /// A server of this test's own that says that it is a replica set, and fails when a client tells
    /// it to.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn with_fail_points() -> Self {
        Self::set_up(Kind::FailPoints)
    }

    /// Starts it again on the same data and port, and as one that asks clients who they are.
    pub fn restart_with_users(&mut self) {
        self.kind = Kind::Users;
        self.restart();
    }

    fn set_up(kind: Kind) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let process = spawn(port, directory.path(), kind);
        let mut mongo = Self { process, port, directory, kind };
        mongo.wait();
        mongo
    }

    /// One server for all tests of this process, which does not wait for its disk.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Mongo> = OnceLock::new();
        SERVER.get_or_init(|| Self::set_up(Kind::Volatile))
    }

    /// One of two servers for all tests of this process, by turns: a server works on one core only,
    /// and takes most of the time of tests that say little to it at once.
    pub fn by_turns() -> &'static Self {
        static OTHER: OnceLock<Mongo> = OnceLock::new();
        static TURN: AtomicU32 = AtomicU32::new(0);
        match TURN.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => Self::shared(),
            _ => OTHER.get_or_init(|| Self::set_up(Kind::Volatile)),
        }
    }

    /// Its URL, with a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// A client of the test's own, on the database of the URL.
    ///
    /// # Panics
    ///
    /// If the URL is not valid.
    pub async fn database(&self) -> mongodb::Database {
        Client::with_uri_str(self.url()).await.expect("a valid URL").database(DATABASE)
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data and port.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(self.port, self.directory.path(), self.kind);
        self.wait();
    }

    fn wait(&mut self) {
        let url = self.url();
        self.process.wait_until("answers", || answers(&url));
    }
}

/// Whether a server answers at `url`; asked from a thread of its own, since the caller may be in a
/// runtime already.
fn answers(url: &str) -> bool {
    std::thread::scope(|scope| {
        let ask = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let url = format!("{url}?serverSelectionTimeoutMS=200&connectTimeoutMS=200");
                let client = Client::with_uri_str(url).await.expect("a valid URL");
                client.database(DATABASE).run_command(doc! { "ping": 1 }).await.is_ok()
            })
        };
        scope.spawn(ask).join().expect("a client that does not panic")
    })
}

fn spawn(port: u16, directory: &Path, kind: Kind) -> Process {
    let data = directory.join("data");
    std::fs::create_dir_all(&data).expect("a directory of the test's own");
    let data = data.display().to_string();
    let words = ["--port", &port.to_string(), "--storage-path", &data];
    let mut arguments: Vec<String> = words.map(str::to_owned).to_vec();
    let (is_set, is_durable) = (
        matches!(kind, Kind::ReplicaSet | Kind::FailPoints),
        matches!(kind, Kind::Durable | Kind::Users),
    );
    let options = [
        (!is_set, "--standalone"),
        (is_durable, "--sync-on-commit"),
        (kind == Kind::FailPoints, "--enable-test-commands"),
        (kind == Kind::Users, "--auth"),
    ];
    let chosen = options.into_iter().filter(|(is_chosen, _)| *is_chosen);
    arguments.extend(chosen.map(|(_, option)| option.to_owned()));
    let server = find_tool("secantusd-py");
    Process::start("secantusd-py", User::Same, &server, &arguments, &directory.join("log"))
}

impl Backend for Mongo {
    fn url(&self) -> String {
        self.url()
    }

    fn crash(&mut self) {
        self.restart();
    }
}

impl Written for Mongo {
    fn dump(&self) -> Vec<u8> {
        let mut all = Vec::new();
        collect(self.directory.path(), &mut all);
        all
    }
}

impl Remote for Mongo {
    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn url_at(&self, address: SocketAddr) -> String {
        format!("mongodb://{address}/{DATABASE}")
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) {
        self.restart();
    }
}
