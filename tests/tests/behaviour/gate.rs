//! A gate that holds requests between two of their steps until the test lets them go on.

use std::sync::Arc;

use tests::{Client, Reply};
use tokio::sync::{Barrier, Semaphore};

/// Holds requests until the test lets them go on. Clones share the gate.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<Barrier>,
    go: Arc<Semaphore>,
}

impl Gate {
    /// Makes a gate at which so many requests are held together.
    pub(crate) fn of(requests: usize) -> Self {
        Self { arrived: Arc::new(Barrier::new(requests + 1)), go: Arc::new(Semaphore::new(0)) }
    }

    /// Holds the request whose handler calls this.
    pub(crate) async fn hold(&self) {
        self.arrived.wait().await;
        self.go.acquire().await.expect("never closed").forget();
    }

    /// Waits until all requests of the gate are held.
    pub(crate) async fn all_held(&self) {
        self.arrived.wait().await;
    }

    /// Lets so many requests go on.
    pub(crate) fn open(&self, requests: usize) {
        self.go.add_permits(requests);
    }

    /// Sends a request of a browser with the same cookies up to the gate, does what comes `between`,
    /// and lets the request finish. Returns the reply, and that browser.
    pub(crate) async fn interleave(
        &self,
        client: &Client,
        path: String,
        between: impl Future<Output = ()>,
    ) -> (Reply, Client) {
        let slow = client.fork();
        let task = tokio::spawn(async move { (slow.get(&path).await, slow) });
        self.all_held().await;
        between.await;
        self.open(1);
        task.await.expect("the request ends")
    }
}
