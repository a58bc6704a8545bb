//! A PgBouncer of the tests' own in front of a PostgreSQL server. It owns how the pooler is set up and
//! started; which clients come is not its business.

use std::fs;

use tempfile::TempDir;

use super::{Process, User, directory, find, free_port, postgres::Postgres};

/// A running pooler.
#[derive(Debug)]
pub struct PgBouncer {
    _process: Process,
    _directory: TempDir,
    port: u16,
}

impl PgBouncer {
    /// Starts one in this mode: `transaction` or `session`.
    ///
    /// # Panics
    ///
    /// If PgBouncer is not installed, or does not start.
    #[must_use]
    pub fn start(server: &Postgres, mode: &str) -> Self {
        let (directory, port) = (directory(User::Unprivileged), free_port());
        let file = |name: &str| directory.path().join(name);
        fs::write(file("users"), "\"postgres\" \"\"\n").expect("a file");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             pool_mode = {mode}\n",
            server.port(),
            file("users").display(),
        );
        fs::write(file("settings"), settings).expect("a file");
        let arguments = [file("settings").display().to_string()];
        let program = find("pgbouncer", "pgbouncer");
        let log = file("log");
        let mut process =
            Process::start("pgbouncer", User::Unprivileged, &program, &arguments, &log);
        process.wait_for_port(port);
        Self { _process: process, _directory: directory, port }
    }

    /// The URL of a database by way of the pooler.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}
