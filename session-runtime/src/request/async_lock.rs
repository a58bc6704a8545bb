//! A lock that is held across awaits: one load or commit of a request at a time. Uncontended lock
//! and unlock are two atomic operations; `tokio::sync::Mutex` pays for its queue even without
//! contention. The lock is not fair, but a request rarely has two waiters.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

pub(crate) struct AsyncLock {
    state: AtomicU8,
    unlocked: Notify,
}

const FREE: u8 = 0;
const LOCKED: u8 = 1;
/// Locked, and somebody waits.
const AWAITED: u8 = 2;

impl AsyncLock {
    pub(crate) const fn new() -> Self {
        Self { state: AtomicU8::new(FREE), unlocked: Notify::const_new() }
    }

    pub(crate) async fn lock(&self) -> Guard<'_> {
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            // Registered before the state is looked at again, so that no unlock is missed.
            let unlocked = self.unlocked.notified();
            if matches!(self.change(LOCKED, AWAITED), Ok(_) | Err(AWAITED)) {
                unlocked.await;
            }
        }
    }

    pub(crate) fn try_lock(&self) -> Option<Guard<'_>> {
        self.change(FREE, LOCKED).is_ok().then(|| Guard(self))
    }

    fn change(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// Keeps the lock until dropped.
pub(crate) struct Guard<'a>(&'a AsyncLock);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.0.state.swap(FREE, Ordering::AcqRel) == AWAITED {
            self.0.unlocked.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future as _,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        task::{Context, Waker},
        time::Duration,
    };

    use tokio::time::timeout;

    use super::AsyncLock;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_two_hold_the_lock_at_once_and_all_get_it() {
        let shared = Arc::new((AsyncLock::new(), AtomicU32::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let (lock, count) = &*shared;
                    for _ in 0..500 {
                        let _guard = lock.lock().await;
                        // Lost, if another one is between these two.
                        let before = count.load(Ordering::Relaxed);
                        tokio::task::yield_now().await;
                        count.store(before + 1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in tasks {
            let done = timeout(Duration::from_secs(60), task).await;
            done.expect("nobody waits for ever").expect("no task panics");
        }
        assert_eq!(shared.1.load(Ordering::Relaxed), 8 * 500);
    }

    #[test]
    fn one_that_is_dropped_half_way_lets_the_next_one_in() {
        let lock = AsyncLock::new();
        let mut cx = Context::from_waker(Waker::noop());
        let held = lock.try_lock().expect("nobody has it");
        let mut given_up = Box::pin(lock.lock());
        let mut waiting = Box::pin(lock.lock());
        assert!(given_up.as_mut().poll(&mut cx).is_pending());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        drop(given_up);
        assert!(waiting.as_mut().poll(&mut cx).is_pending(), "still held");
        drop(held);
        assert!(waiting.as_mut().poll(&mut cx).is_ready());
        drop(waiting);
        assert!(lock.try_lock().is_some(), "what was got was let go of");
    }
}
