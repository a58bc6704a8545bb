//! A PostgreSQL server of the tests' own: how it is set up, started, ended and asked through its
//! own tools. It knows nothing of what the tests keep in it.

use std::{fs, path::PathBuf, process::Command};

use super::{Process, User, command, find, free_port, lasting::lasting_directory, run};
use crate::eventually_blocking;

const PACKAGE: &str = "postgresql";

/// A running server, with a user `postgres` that needs no password.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    directory: PathBuf,
    port: u16,
    is_durable: bool,
}

impl Postgres {
    /// Sets up and starts a server that loses what it was told if the machine fails, not if only
    /// the server does: fast.
    ///
    /// # Panics
    ///
    /// If the server is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::set_up(false)
    }

    /// The same with the durability of a default installation.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn durable() -> Self {
        Self::set_up(true)
    }

    fn set_up(is_durable: bool) -> Self {
        let directory = lasting_directory("postgres", User::Unprivileged);
        let data = directory.join("data");
        run(command(User::Unprivileged, &find("initdb", PACKAGE))
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data));
        let port = free_port();
        let process = launch(&directory, port, is_durable);
        let mut server = Self { process, directory, port, is_durable };
        server.wait();
        server
    }

    /// Ends it as a crash would, and waits until the processes that it had for its connections have
    /// found out: while one is left, no server starts on its data.
    pub fn kill(&mut self) {
        self.process.kill();
        let data = self.directory.join("data");
        let is_at_work = |process: fs::DirEntry| {
            fs::read_link(process.path().join("cwd")).is_ok_and(|directory| directory == data)
        };
        let is_left = || fs::read_dir("/proc").into_iter().flatten().flatten().any(is_at_work);
        eventually_blocking("they find out", || !is_left());
    }

    /// Starts it again on the same data and port.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.process = launch(&self.directory, self.port, self.is_durable);
        self.wait();
    }

    /// Creates an empty database, and returns its URL.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url("postgres", name)
    }

    /// The URL of a database for a user.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Where it listens, on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements in a database and returns what its client prints, without decoration.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        run(self
            .client("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"])
            .args([database, "-c", statements]))
    }

    /// All of a database as statements.
    ///
    /// # Panics
    ///
    /// If it cannot be dumped.
    #[must_use]
    pub fn dump(&self, database: &str) -> String {
        run(self.client("pg_dump").args(["--inserts", "-d", database]))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(find(program, PACKAGE));
        let port = self.port.to_string();
        command.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres"]);
        command
    }

    fn wait(&mut self) {
        // It accepts connections before it takes statements.
        let mut question = self.client("psql");
        question.args(["-X", "-q", "-c", "SELECT 1"]);
        self.process.wait_until("takes statements", || {
            question.output().is_ok_and(|it| it.status.success())
        });
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.process.kill();
        // What is left is removed by the next process.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn launch(directory: &std::path::Path, port: u16, is_durable: bool) -> Process {
    let mut arguments = vec![
        "-D".to_owned(),
        directory.join("data").display().to_string(),
        "-p".to_owned(),
        port.to_string(),
        "-h".to_owned(),
        "127.0.0.1".to_owned(),
        "-k".to_owned(),
        directory.display().to_string(),
        "-c".to_owned(),
        "max_connections=300".to_owned(),
    ];
    if !is_durable {
        arguments.extend(["-c".to_owned(), "fsync=off".to_owned()]);
    }
    let program = find("postgres", PACKAGE);
    let log = directory.join("log");
    let mut process = Process::start("postgres", User::Unprivileged, &program, &arguments, &log);
    process.wait_for_port(port);
    process
}
