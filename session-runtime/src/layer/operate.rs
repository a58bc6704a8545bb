//! What a program that is operated asks of its layers: whether they can serve, and to finish what
//! goes on before the program ends.

use std::time::Duration;

use super::SessionLayer;
use crate::{cell::model::SessionType, engine::backend::Backend, error::Error};

/// The outcome of [`SessionLayer::drain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// The number of commits and log-outs that were waited for, and have come to their end.
    pub finished: u64,
    /// The number of those that still go on. They are lost if the process ends now.
    pub left: u64,
}

impl Drained {
    /// Returns true if nothing goes on.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.left == 0
    }
}

impl<T: SessionType> SessionLayer<T> {
    /// Waits, for `timeout` at most, until the commits and log-outs have ended that go on although
    /// the clients of their requests have left. The end of a process cuts them off otherwise.
    ///
    /// Call this last: when the server has stopped to accept requests, and those that it had
    /// accepted are answered. What begins afterwards happens, and nobody waits for it. A sweep of
    /// expired sessions is not waited for.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use session_runtime::{Session, SessionLayer};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # async fn serve(
    /// #     listener: tokio::net::TcpListener,
    /// #     app: axum::Router,
    /// #     layer: SessionLayer<Shop>,
    /// #     stop: impl Future<Output = ()> + Send + 'static,
    /// # ) -> std::io::Result<()> {
    /// axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    /// let drained = layer.drain(Duration::from_secs(5)).await;
    /// if !drained.is_complete() {
    ///     eprintln!("{} changes of sessions may be lost", drained.left);
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn drain(&self, timeout: Duration) -> Drained {
        let under_way = &self.engine.under_way;
        let before = under_way.ended();
        // An error means that the time is up, which the count tells, too.
        let _ = tokio::time::timeout(timeout, under_way.idle()).await;
        Drained { finished: under_way.ended() - before, left: under_way.count() }
    }

    /// Asks whether the layer can serve requests that use sessions: for a readiness probe.
    ///
    /// The first call does with the store what [`check`](crate::store::check) does, until that has
    /// succeeded once; later calls load a session that does not exist. While the store is known to be
    /// down, the answer comes at once. A layer without a store is always ready.
    ///
    /// Use this for readiness and not for liveness: a new start of the process does not mend a store.
    ///
    /// ```
    /// # use axum::{Router, http::StatusCode, routing::get};
    /// # use session_runtime::{Session, SessionLayer};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn routes(layer: SessionLayer<Shop>) -> Router {
    /// Router::new().route(
    ///     "/readyz",
    ///     get(async move || match layer.ready().await {
    ///         Ok(()) => StatusCode::NO_CONTENT,
    ///         Err(error) => error.status(),
    ///     }),
    /// )
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error that [`is_unavailable`](Error::is_unavailable), with the store's reason.
    pub async fn ready(&self) -> Result<(), Error> {
        match &self.engine.backend {
            Backend::Stored(stored) => stored.store.ready().await,
            Backend::InToken(in_token) => match &in_token.revocation {
                Some(revocation) => revocation.store().ready().await,
                None => Ok(()),
            },
        }
    }
}
