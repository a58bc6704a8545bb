//! Work that is finished even if the request that began it is dropped.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use crate::{
    engine::under_way::UnderWay,
    error::{Error, Kind},
};

/// Runs a future to completion even if the caller is dropped: polls the future once in place, and
/// hands the rest to a task of its own. A store in memory is done at the first poll.
pub(crate) async fn detached<T, F>(under_way: &Arc<UnderWay>, future: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let mut future: Detached<T> = Box::pin(future);
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(result) => result,
        Poll::Pending => hand_over(under_way, future).await,
    }
}

/// Work that can be handed to another task.
pub(crate) type Detached<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Runs work to completion that was not done at its first poll. The layer counts the work from now on.
pub(crate) fn hand_over<T: Send + 'static>(
    under_way: &Arc<UnderWay>,
    future: Detached<T>,
) -> Detached<T> {
    let begun = under_way.begin();
    let work = async move {
        let _begun = begun;
        future.await
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            let task = runtime.spawn(work);
            Box::pin(
                async move { task.await.unwrap_or_else(|_| Err(Error::new(Kind::Interrupted))) },
            )
        }
        // Without a runtime there is no task to hand the work to; the caller's own will do.
        Err(_) => Box::pin(work),
    }
}
