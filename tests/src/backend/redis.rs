//! Redis: one server, a cluster of six, a master with a replica-set watched by Sentinels; and Valkey,
//! one server. It owns how they are started, killed and started again; what is kept in them is not its business.

mod cluster;
mod sentinel;

use std::{
    env, fmt, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{Once, OnceLock},
};

use tempfile::TempDir;

pub use self::{cluster::Cluster, sentinel::Sentinels};
use super::{
    Process, User, find, find_tool, free_port,
    kind::{Backend, Remote, Written, collect},
    run,
};

/// A server process.
pub struct Redis {
    process: Process,
    port: u16,
    program: PathBuf,
    arguments: Vec<String>,
    directory: TempDir,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Redis {
    /// A server that forgets everything when it ends.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn volatile() -> Self {
        Self::start(&["--appendonly", "no"])
    }

    /// A server that writes each change to its disk before it answers.
    #[must_use]
    pub fn durable() -> Self {
        Self::start(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// A server with these settings.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        Self::of(find("redis-server", "redis-server"), settings)
    }

    /// A server of Valkey that forgets everything when it ends.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn valkey() -> Self {
        Self::of(find_tool("valkey-server"), &["--appendonly", "no"])
    }

    fn of(program: PathBuf, settings: &[&str]) -> Self {
        let port = free_port();
        let directory = directory();
        let words = ["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"];
        let mut arguments: Vec<String> = words.map(str::to_owned).to_vec();
        arguments.push(directory.path().display().to_string());
        arguments.extend(settings.iter().map(|&word| word.to_owned()));
        let process = spawn(&program, &arguments, directory.path());
        let mut redis = Self { process, port, program, arguments, directory };
        redis.wait();
        redis
    }

    /// One server without a disk, for all tests of this process.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Redis> = OnceLock::new();
        SERVER.get_or_init(Self::volatile)
    }

    /// The same of Valkey.
    pub fn shared_valkey() -> &'static Self {
        static SERVER: OnceLock<Redis> = OnceLock::new();
        SERVER.get_or_init(Self::valkey)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The directory of its files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal: `-STOP`, `-CONT`.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data and port.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(&self.program, &self.arguments, self.directory.path());
        self.wait();
    }

    /// What it answers to a command.
    ///
    /// # Panics
    ///
    /// If it does not, or if that is an error.
    #[must_use]
    pub fn ask(&self, command: &[&str]) -> redis::Value {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// The same, as text.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn text(&self, command: &[&str]) -> String {
        redis::from_redis_value(self.ask(command)).expect("text")
    }

    /// The same, or why it does not.
    ///
    /// # Errors
    ///
    /// What the server, or the connection to it, says.
    ///
    /// # Panics
    ///
    /// If there is no command.
    pub fn try_ask(&self, command: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_connection()?;
        let (name, arguments) = command.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query(&mut connection)
    }

    fn wait(&mut self) {
        wait(&mut self.process, self.port);
    }
}

/// A directory that says whose it is: those of servers that all tests share are still there when
/// their process ends, and go when the next one begins.
fn directory() -> TempDir {
    static LEFT: Once = Once::new();
    LEFT.call_once(|| {
        for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let rest = name.to_str().and_then(|name| name.strip_prefix("redis-of-"));
            let owner = rest.and_then(|rest| rest.split_once('-'));
            if owner.is_some_and(|(id, _)| !Path::new("/proc").join(id).exists()) {
                // Another process may do the same at this moment.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
    let prefix = format!("redis-of-{}-", process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary directory")
}

/// Waits until this very process answers: another server may have got hold of the port.
fn wait(process: &mut Process, port: u16) {
    let own = format!("process_id:{}\r", process.id());
    process.wait_until("answers", || {
        let client = redis::Client::open(("127.0.0.1", port)).expect("an address");
        let Ok(mut connection) = client.get_connection() else { return false };
        let facts = redis::cmd("INFO").arg("server").query::<String>(&mut connection);
        // A server that still loads its data says who it is, but nothing else.
        let is_ready = redis::cmd("INFO").arg("persistence").query::<String>(&mut connection);
        facts.is_ok_and(|facts| facts.contains(&own))
            && is_ready.is_ok_and(|facts| !facts.contains("\nloading:1"))
    });
}

fn spawn(program: &Path, arguments: &[String], directory: &Path) -> Process {
    Process::start("redis-server", User::Same, program, arguments, &directory.join("log"))
}

fn cli(arguments: &[&str]) -> String {
    run(Command::new(find("redis-cli", "redis-tools")).args(arguments))
}

impl Backend for Redis {
    fn url(&self) -> String {
        self.url()
    }

    fn crash(&mut self) {
        self.restart();
    }
}

impl Written for Redis {
    fn dump(&self) -> Vec<u8> {
        let _ = self.ask(&["SAVE"]);
        let mut all = Vec::new();
        collect(self.directory.path(), &mut all);
        all
    }
}

impl Remote for Redis {
    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn url_at(&self, address: SocketAddr) -> String {
        format!("redis://{address}")
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn restart(&mut self) {
        self.restart();
    }
}
