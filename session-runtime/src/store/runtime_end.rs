//! Noticing that an async runtime ends. A connection ends with the runtime that it was made in, while
//! a store may be used in another runtime afterwards. This file knows no connection.

use tokio::sync::oneshot;

/// Waits for the end of a runtime, until this is dropped.
pub(super) struct RuntimeEnd(
    #[expect(dead_code, reason = "dropping it ends the wait")] oneshot::Sender<()>,
);

/// Calls `ended` when the current runtime ends, unless the answer is dropped before.
pub(super) fn at_end_of_runtime(ended: impl FnOnce() + Send + 'static) -> RuntimeEnd {
    let (sender, dropped) = oneshot::channel();
    // A runtime that ends drops its tasks.
    let mut task = Task(Some(ended));
    tokio::spawn(async move {
        let _ = dropped.await;
        drop(task.0.take());
    });
    RuntimeEnd(sender)
}

struct Task<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Task<F> {
    fn drop(&mut self) {
        if let Some(ended) = self.0.take() {
            ended();
        }
    }
}
