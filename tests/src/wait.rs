//! Waiting for what comes true by itself, and dropping what is under way: the two things in a test
//! that would otherwise rest on how quick a machine is. The only polls in these tests are here.

use std::{
    fmt::Display,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

/// The longest wait for anything: far longer than anything takes on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until `is_so` returns `true`.
///
/// # Panics
///
/// If that takes longer than [`PATIENCE`]; the message says `what` never happened.
pub async fn eventually<F: Future<Output = bool>>(
    what: impl Display,
    mut is_so: impl FnMut() -> F,
) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "in {PATIENCE:?}, it never happened that {what}");
        #[expect(clippy::disallowed_methods, reason = "the pause between two looks")]
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until `is_so` returns `true`, on this thread.
///
/// # Panics
///
/// If that takes longer than [`PATIENCE`]; the message says `what` never happened.
#[track_caller]
pub fn eventually_blocking(what: &str, is_so: impl FnMut() -> bool) {
    assert!(comes_true(is_so), "in {PATIENCE:?}, it never happened that {what}");
}

/// Waits until `is_so` returns `true`, on this thread. Returns whether that was in time.
pub(crate) fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > PATIENCE {
            return false;
        }
        #[expect(clippy::disallowed_methods, reason = "the pause between two looks")]
        std::thread::sleep(PAUSE);
    }
    true
}

/// Polls a future so many times, each time when there is something new for it, and then drops it.
/// Returns whether it was dropped before it was ready. So what is dropped depends on how far it had
/// come, and not on how long that took.
pub async fn given_up<F: Future>(polls: u32, future: F) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(true);
        }
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(false);
        }
        left -= 1;
        if left == 0 { Poll::Ready(true) } else { Poll::Pending }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_future_is_dropped_at_the_poll_that_was_asked_for_or_ends_before() {
        for polls in 0..5 {
            let steps = Cell::new(0);
            let work = async {
                for _ in 0..3 {
                    steps.set(steps.get() + 1);
                    tokio::task::yield_now().await;
                }
            };
            assert_eq!(given_up(polls, work).await, polls < 4);
            assert_eq!(steps.get(), polls.min(3));
        }
    }

    #[tokio::test]
    async fn what_comes_true_is_waited_for() {
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            looks.get()
        };
        eventually("it is the third look", async || look() == 3).await;
        eventually_blocking("it is the fifth look", || look() == 5);
        assert_eq!(looks.get(), 5);
    }
}
