//! A master with two replicas, watched by three Sentinels.

use std::{
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use tempfile::TempDir;

use super::{Redis, directory, spawn, wait};
use crate::{
    backend::{Process, find, free_port},
    eventually_blocking,
};

/// The group.
#[derive(Debug)]
pub struct Sentinels {
    servers: Mutex<Vec<Redis>>,
    ports: Vec<u16>,
    _watchers: Vec<(Process, TempDir)>,
}

impl Sentinels {
    /// One group for all tests of this process.
    pub fn shared() -> &'static Self {
        static GROUP: OnceLock<Sentinels> = OnceLock::new();
        GROUP.get_or_init(Self::start)
    }

    /// Starts one, and waits until each Sentinel knows all others and both replicas. That takes
    /// ten seconds: so often Sentinels ask a master for its replicas.
    #[must_use]
    pub fn start() -> Self {
        // They keep what they have: a server that came back empty could be made master once more.
        let settings = ["--repl-diskless-sync-delay", "0", "--appendonly", "yes"];
        let master = Redis::start(&settings);
        let port = master.port().to_string();
        let replica =
            || Redis::start(&[&settings[..], &["--replicaof", "127.0.0.1", &port]].concat());
        let servers = vec![replica(), replica(), master];
        let (sentinels, ports): (Vec<_>, Vec<_>) = (0..3)
            .map(|_| {
                let (process, directory, port) = sentinel(&port);
                ((process, directory), port)
            })
            .unzip();
        let group = Self { servers: Mutex::new(servers), ports, _watchers: sentinels };
        group.wait_until_whole();
        group
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/mymaster", hosts.join(","))
    }

    /// The master and its replicas.
    pub fn servers(&self) -> MutexGuard<'_, Vec<Redis>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which server is the master.
    ///
    /// # Panics
    ///
    /// If none says so.
    #[must_use]
    pub fn master(&self) -> usize {
        let is_master =
            |server: &Redis| server.text(&["INFO", "replication"]).contains("role:master");
        self.servers().iter().position(is_master).expect("a master")
    }

    /// Waits until every Sentinel names another master than this server.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub fn wait_until_replaced(&self, server: usize) {
        let former = self.servers()[server].port().to_string();
        let names_it = |port: &u16| master_by(*port).is_none_or(|(_, named)| named == former);
        eventually_blocking("no Sentinel names the old master", || {
            !self.ports.iter().any(names_it)
        });
    }

    /// Waits until every Sentinel sees a master that answers, two replicas, and both others.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub fn wait_until_whole(&self) {
        eventually_blocking("the Sentinels agree", || {
            self.ports.iter().all(|port| is_whole(*port))
        });
    }
}

fn sentinel(master: &str) -> (Process, TempDir, u16) {
    let directory = directory();
    let port = free_port();
    let path = directory.path().join("sentinel.conf");
    let settings = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor mymaster 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds mymaster 1500\n\
         sentinel failover-timeout mymaster 3000\n",
        directory.path().display()
    );
    fs::write(&path, settings).expect("a settings file");
    let process = start_sentinel(&path, directory.path(), port);
    (process, directory, port)
}

fn start_sentinel(settings: &Path, directory: &Path, port: u16) -> Process {
    let arguments = [settings.display().to_string(), "--sentinel".to_owned()];
    let mut process = spawn(&find("redis-server", "redis-server"), &arguments, directory);
    wait(&mut process, port);
    process
}

/// The host and port of the master that a Sentinel names.
fn master_by(port: u16) -> Option<(String, String)> {
    let client = redis::Client::open(("127.0.0.1", port)).ok()?;
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg("mymaster");
    command.query(&mut client.get_connection().ok()?).ok()
}

fn is_whole(port: u16) -> bool {
    let Ok(client) = redis::Client::open(("127.0.0.1", port)) else { return false };
    let Ok(mut connection) = client.get_connection() else { return false };
    let mut command = redis::cmd("SENTINEL");
    command.arg("MASTER").arg("mymaster");
    let Ok(facts) = command.query::<std::collections::HashMap<String, String>>(&mut connection)
    else {
        return false;
    };
    let is = |name: &str, value: &str| facts.get(name).is_some_and(|found| found == value);
    let mut replicas = redis::cmd("SENTINEL");
    replicas.arg("REPLICAS").arg("mymaster");
    let replicas =
        replicas.query::<Vec<std::collections::HashMap<String, String>>>(&mut connection);
    let linked = replicas.unwrap_or_default().into_iter().filter(|replica| {
        replica.get("flags").is_some_and(|flags| flags == "slave")
            && replica.get("master-link-status").is_some_and(|status| status == "ok")
    });
    is("flags", "master")
        && is("num-slaves", "2")
        && is("num-other-sentinels", "2")
        && linked.count() == 2
}
