//! A lock that is held across awaits: one load or commit of a request at a time. It takes two
//! changes of one byte, where `tokio::sync::Mutex` has a queue that costs also when nobody waits.
//! Who waits is not served in order; a request seldom has even two that do.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

pub(crate) struct Turns {
    state: AtomicU8,
    over: Notify,
}

const FREE: u8 = 0;
const TAKEN: u8 = 1;
/// Taken, and somebody waits.
const AWAITED: u8 = 2;

impl Turns {
    pub(crate) const fn new() -> Self {
        Self { state: AtomicU8::new(FREE), over: Notify::const_new() }
    }

    pub(crate) async fn take(&self) -> Turn<'_> {
        loop {
            if let Some(turn) = self.try_take() {
                return turn;
            }
            // From here on it hears of the end, so that none slips by before the wait.
            let over = self.over.notified();
            if matches!(self.change(TAKEN, AWAITED), Ok(_) | Err(AWAITED)) {
                over.await;
            }
        }
    }

    pub(crate) fn try_take(&self) -> Option<Turn<'_>> {
        self.change(FREE, TAKEN).is_ok().then(|| Turn(self))
    }

    fn change(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// Whose turn it is, until it is dropped.
pub(crate) struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.0.state.swap(FREE, Ordering::AcqRel) == AWAITED {
            self.0.over.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    use tokio::time::{sleep, timeout};

    use super::Turns;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_two_have_a_turn_at_once_and_all_have_one() {
        let shared = Arc::new((Turns::new(), AtomicU32::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let (turns, count) = &*shared;
                    for _ in 0..500 {
                        let _turn = turns.take().await;
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

    #[tokio::test]
    async fn one_that_is_dropped_half_way_lets_the_next_one_in() {
        let (turns, entered) = (Turns::new(), Cell::new(0));
        let enter = async || {
            let _turn = turns.take().await;
            entered.set(entered.get() + 1);
            sleep(Duration::from_secs(3600)).await;
        };
        let soon = |at| timeout(Duration::from_millis(at), enter());
        // The second one gives up while it waits, the third gets in when the first one is gone.
        let _ = tokio::join!(soon(20), soon(10), soon(40));
        assert_eq!(entered.get(), 2);
        assert!(turns.try_take().is_some());
    }
}
