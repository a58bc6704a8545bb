//! Work that must not stop half-way. It owns the task that the work runs in, and does not know what
//! the work is.

use std::future::Future;

use super::StoreError;

/// Starts `work`, which runs to its end even if nobody awaits the future that this returns. `ended`
/// makes the error for a runtime that shuts down first.
// No `async fn`: its future would hold `work`, which may be large, until the end.
pub(super) fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ended: impl FnOnce() -> StoreError,
) -> impl Future<Output = Result<T, StoreError>> {
    let task = tokio::spawn(work);
    async move { task.await.unwrap_or_else(|_| Err(ended())) }
}
