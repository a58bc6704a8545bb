//! A MariaDB server of the tests' own: how it is set up, started, ended and asked through its own
//! tools. It knows nothing of what the tests keep in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Process, User, command, find, free_port, lasting::lasting_directory, run};

const PACKAGE: &str = "mariadb-server";

/// A running server, with a user `root` that needs no password.
#[derive(Debug)]
pub struct MariaDb {
    process: Process,
    directory: PathBuf,
    port: u16,
    is_durable: bool,
}

impl MariaDb {
    /// Sets up and starts a server that loses what it was told last if the machine fails, not if
    /// only the server does: fast.
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
        let directory = lasting_directory("mariadb", User::Unprivileged);
        let data = format!("--datadir={}", directory.join("data").display());
        let mut install = command(User::Unprivileged, &find("mariadb-install-db", PACKAGE));
        // A server that starts removes what others have in the directory for temporary tables.
        install.env("TMPDIR", &directory);
        run(install.args([
            "--no-defaults",
            &data,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]));
        let port = free_port();
        let process = launch(&directory, port, is_durable);
        Self { process, directory, port, is_durable }
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data and port.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = launch(&self.directory, self.port, self.is_durable);
    }

    /// Creates an empty database, and returns its URL.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        self.sql("mysql", &format!("CREATE DATABASE {name}"));
        self.url("root", name)
    }

    /// The URL of a database for a user.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("mysql://{user}@127.0.0.1:{}/{database}", self.port)
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
        run(self.client("mariadb").args(["-N", "-B", "-r", database, "-e", statements]))
    }

    /// All of a database as statements, binary columns in hex.
    ///
    /// # Panics
    ///
    /// If it cannot be dumped.
    #[must_use]
    pub fn dump(&self, database: &str) -> String {
        run(self.client("mariadb-dump").args(["--hex-blob", database]))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(find(program, "mariadb-client"));
        let port = self.port.to_string();
        command.args(["--no-defaults", "-h", "127.0.0.1", "-P", &port, "-u", "root"]);
        command.arg("--default-character-set=utf8mb4");
        command
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.process.kill();
        // What is left is removed by the next process.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn launch(directory: &Path, port: u16, is_durable: bool) -> Process {
    let file = |name: &str| directory.join(name).display().to_string();
    let mut arguments = vec![
        "--no-defaults".to_owned(),
        format!("--datadir={}", file("data")),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--socket={}", file("s.sock")),
        format!("--pid-file={}", file("p.pid")),
        format!("--tmpdir={}", directory.display()),
        "--skip-log-bin".to_owned(),
        "--max-connections=300".to_owned(),
    ];
    if !is_durable {
        arguments.push("--innodb-flush-log-at-trx-commit=0".to_owned());
    }
    let program = find("mariadbd", PACKAGE);
    let mut process = Process::start(
        "mariadbd",
        User::Unprivileged,
        &program,
        &arguments,
        &directory.join("log"),
    );
    process.wait_for_port(port);
    process
}
