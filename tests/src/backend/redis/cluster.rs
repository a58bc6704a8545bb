//! A cluster of three primaries, each with a replica.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{Redis, cli};
use crate::{backend::free_port, eventually_blocking};

const NODES: usize = 6;

/// The six nodes.
#[derive(Debug)]
pub struct Cluster {
    nodes: Mutex<Vec<Redis>>,
    ports: Vec<u16>,
}

impl Cluster {
    /// One cluster for all tests of this process.
    pub fn shared() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(Self::start)
    }

    /// Starts one, and waits until all nodes agree that it is whole.
    #[must_use]
    pub fn start() -> Self {
        let nodes: Vec<Redis> = (0..NODES)
            .map(|_| {
                let bus = free_port().to_string();
                Redis::start(&[
                    "--cluster-enabled",
                    "yes",
                    "--cluster-port",
                    &bus,
                    "--cluster-config-file",
                    "nodes.conf",
                    "--cluster-node-timeout",
                    "1000",
                    "--repl-diskless-sync-delay",
                    "0",
                ])
            })
            .collect();
        let addresses: Vec<String> =
            nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        let mut arguments = vec!["--cluster", "create"];
        arguments.extend(addresses.iter().map(String::as_str));
        arguments.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        cli(&arguments);
        let ports = nodes.iter().map(Redis::port).collect();
        let cluster = Self { nodes: Mutex::new(nodes), ports };
        cluster.wait_until_whole();
        cluster
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// The nodes.
    pub fn nodes(&self) -> MutexGuard<'_, Vec<Redis>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which node serves a key as its primary.
    ///
    /// # Panics
    ///
    /// If none does.
    #[must_use]
    pub fn primary_of(&self, key: &str) -> usize {
        let nodes = self.nodes();
        let ask = |node: &Redis| {
            let is_primary = node.text(&["INFO", "replication"]).contains("role:master");
            is_primary && node.try_ask(&["EXISTS", key]).is_ok()
        };
        nodes.iter().position(ask).expect("a primary for each key")
    }

    /// Waits until every node sees three primaries with a replica each, and no failure.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub fn wait_until_whole(&self) {
        eventually_blocking("the cluster is whole", || self.nodes().iter().all(is_whole));
    }
}

fn is_whole(node: &Redis) -> bool {
    let ask = |command: &[&str]| {
        let answer = node.try_ask(command).ok();
        answer.and_then(|answer| redis::from_redis_value::<String>(answer).ok()).unwrap_or_default()
    };
    let nodes = ask(&["CLUSTER", "NODES"]);
    let count = |word: &str| nodes.lines().filter(|line| line.contains(word)).count();
    let links = ask(&["INFO", "replication"]);
    let is_replicated =
        links.contains("connected_slaves:1") || links.contains("master_link_status:up");
    ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        && count("slave") == 3
        && count("fail") == 0
        && is_replicated
}
