//! The work of a layer that goes on when the request that began it is gone. It owns the counting, and
//! does not know what the work is.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    begun: AtomicU64,
    ended: AtomicU64,
    is_idle: Notify,
}

impl UnderWay {
    /// Counts a piece of work until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Begun {
        self.begun.fetch_add(1, SeqCst);
        Begun(Arc::clone(self))
    }

    /// Returns the number of pieces of work that have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(SeqCst)
    }

    /// Returns the number of pieces of work that go on.
    pub(crate) fn count(&self) -> u64 {
        // In this order: what begins in between is counted once too often, and not too seldom.
        let ended = self.ended.load(SeqCst);
        self.begun.load(SeqCst) - ended
    }

    /// Waits until no work goes on.
    pub(crate) async fn idle(&self) {
        loop {
            let mut idle = pin!(self.is_idle.notified());
            // Before the count, so that no end is missed.
            idle.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// A piece of work that goes on.
pub(crate) struct Begun(Arc<UnderWay>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, SeqCst);
        if self.0.count() == 0 {
            self.0.is_idle.notify_waiters();
        }
    }
}
