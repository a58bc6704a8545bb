//! Tasks that start at the same moment, futures that are dropped half way, and waiting for a
//! condition. It knows nothing of stores.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::sync::Barrier;

use super::make::random;

/// Runs `count` tasks that all begin at once. Returns their results in order. Passes a task's panic
/// on.
pub(super) async fn together<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(count));
    let start = |number| {
        let (barrier, task) = (Arc::clone(&barrier), task(number));
        tokio::spawn(async move {
            barrier.wait().await;
            task.await
        })
    };
    let tasks: Vec<_> = (0..count).map(start).collect();
    let mut outcomes = Vec::with_capacity(count);
    for task in tasks {
        match task.await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    outcomes
}

/// The repetitions of a race: a few on a server, and on a store that answers at once as many as it
/// takes to hit a bad moment.
pub(super) struct Rounds {
    start: Instant,
    fewest: u32,
    begun: u32,
}

impl Rounds {
    const MOST: u32 = 500;
    const TIME: Duration = Duration::from_millis(200);

    pub(super) fn at_least(fewest: u32) -> Self {
        Self { start: Instant::now(), fewest, begun: 0 }
    }
}

impl Iterator for Rounds {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        self.begun += 1;
        let few = self.begun <= self.fewest;
        (few || (self.begun <= Self::MOST && self.start.elapsed() < Self::TIME)).then_some(())
    }
}

/// Repeats a check until it passes, for up to a minute: a server may still be busy with an operation
/// that was dropped.
pub(super) async fn until<E>(mut so: impl AsyncFnMut() -> Result<(), E>) -> Result<(), E> {
    let start = Instant::now();
    loop {
        let outcome = so().await;
        if outcome.is_ok() || start.elapsed() > Duration::from_secs(60) {
            return outcome;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Begins an operation and drops it, after a number of steps or after some time.
pub(super) async fn begin<T>(number: usize, future: impl Future<Output = T>) -> Option<T> {
    let [chance] = random::<1>();
    if number.is_multiple_of(2) {
        Dropped::after(1 + usize::from(chance % 6), future).await
    } else {
        let soon = Duration::from_micros(u64::from(chance) * 12);
        tokio::time::timeout(soon, future).await.ok()
    }
}

/// A future that is polled up to a number of times and then dropped. Its output is `None` if it was
/// not ready by then.
struct Dropped<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Dropped<F> {
    /// Drops `future` after its `polls`-th poll.
    fn after(polls: usize, future: F) -> Self {
        Self { future: Box::pin(future), polls }
    }
}

impl<F: Future> Future for Dropped<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls = self.polls.saturating_sub(1);
        match self.future.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if self.polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
