//! Awaiting several futures at once. Commands that are sent at the same time share a round trip.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// The most futures under way at once.
const AT_ONCE: usize = 64;

/// Awaits all futures. Returns their results in the same order.
pub(super) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures = futures.into_iter();
    let mut results = Vec::new();
    loop {
        let mut batch: Vec<Waiting<F>> =
            futures.by_ref().take(AT_ONCE).map(|future| Waiting::For(Box::pin(future))).collect();
        if batch.is_empty() {
            return results;
        }
        poll_fn(|context| {
            let mut is_ready = true;
            for waiting in &mut batch {
                if let Waiting::For(future) = waiting {
                    match future.as_mut().poll(context) {
                        Poll::Ready(result) => *waiting = Waiting::Done(result),
                        Poll::Pending => is_ready = false,
                    }
                }
            }
            if is_ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        results.extend(batch.into_iter().filter_map(|waiting| match waiting {
            Waiting::Done(result) => Some(result),
            Waiting::For(_) => None,
        }));
    }
}

enum Waiting<F: Future> {
    For(Pin<Box<F>>),
    Done(F::Output),
}
