//! The answers of stores: at once or later, with a result or an error.

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{causes, event::Failure};

/// The failure of a store to do what it was asked: the store is down, full, or broken. A record
/// that is missing is no error.
#[derive(Clone)]
pub struct StoreError {
    message: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    unreachable: bool,
    not_applied: bool,
}

impl fmt::Display for StoreError {
    /// Writes the message and the causes: whoever reads the one line in a log needs the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::after(self.message.to_string(), self.source(), f)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Failure for StoreError {
    fn type_name(&self) -> &'static str {
        "store"
    }
}

impl StoreError {
    /// Makes an error from a message. **Put no value of a record into the message:** errors are
    /// logged.
    #[must_use]
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), source: None, unreachable: false, not_applied: false }
    }

    /// Makes an error from a message and its cause. **Put no value of a record into the message:**
    /// errors are logged.
    #[must_use]
    pub fn with_source(
        message: impl Into<Arc<str>>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { source: Some(Arc::new(source)), ..Self::new(message) }
    }

    /// Marks the error as one of the way to the store: no connection, a connection that broke, no
    /// answer in time. After a few of these in a row, and no answer in between, the layer refuses
    /// operations at once until the store answers again. **Never mark what a server has answered**, such
    /// as that it has no room, or what one record alone is the cause of.
    ///
    /// ```
    /// # use session_runtime::store::StoreError;
    /// fn failed(error: std::io::Error) -> StoreError {
    ///     StoreError::with_source("the connection to the session server failed", error).unreachable()
    /// }
    /// ```
    #[must_use]
    pub fn unreachable(self) -> Self {
        Self { unreachable: true, ..self }
    }

    /// Marks the error as one of an operation that surely was not carried out, such as one for which
    /// there was no connection. Without the mark, a write that ends in an error may have taken place: the
    /// request that has made the write cannot save any more, since a second attempt could count, append
    /// or run a closure twice.
    #[must_use]
    pub fn not_applied(self) -> Self {
        Self { not_applied: true, ..self }
    }

    /// Returns true if the operation surely was not carried out.
    #[must_use]
    pub const fn is_not_applied(&self) -> bool {
        self.not_applied
    }

    /// Returns true if the error is one of the way to the store.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        self.unreachable
    }
}

/// The answer of a store: ready at once, or a boxed future. A store in memory answers without an
/// allocation; a store that does I/O returns `StoreFuture::new(async move { … })`.
#[must_use = "futures do nothing unless awaited"]
pub struct StoreFuture<'a, T>(Answer<'a, Result<T, StoreError>>);

/// A result that is there already, or comes later.
pub(crate) enum Answer<'a, R> {
    Now(Option<R>),
    Later(Pin<Box<dyn Future<Output = R> + Send + 'a>>),
}

impl<R: Unpin> Future for Answer<'_, R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        match &mut *self {
            // As std's own `Ready`.
            Self::Now(answer) => Poll::Ready(answer.take().expect("polled after it was ready")),
            Self::Later(future) => future.as_mut().poll(cx),
        }
    }
}

impl<'a, T> StoreFuture<'a, T> {
    /// Makes the answer that `future` gives.
    pub fn new(future: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Self {
        Self(Answer::Later(Box::pin(future)))
    }

    /// Makes an answer that is there already.
    pub const fn ready(answer: Result<T, StoreError>) -> Self {
        Self(Answer::Now(Some(answer)))
    }

    /// Passes the result on to `next`, whose answer it returns; at once if the result is there
    /// already. An error is returned as it is.
    pub(crate) fn and_then<U>(
        self,
        next: impl FnOnce(T) -> StoreFuture<'a, U> + Send + 'a,
    ) -> StoreFuture<'a, U>
    where
        T: Send + Unpin + 'a,
        U: Send + Unpin + 'a,
    {
        match self.at_once() {
            Ok(Ok(result)) => next(result),
            Ok(Err(error)) => StoreFuture::ready(Err(error)),
            Err(later) => StoreFuture::new(async move { next(later.await?).await }),
        }
    }

    /// Makes another answer of the result.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U + Send + 'a) -> StoreFuture<'a, U>
    where
        T: Send + Unpin + 'a,
    {
        match self.0 {
            Answer::Now(answer) => {
                StoreFuture(Answer::Now(answer.map(|answer| answer.map(change))))
            }
            Answer::Later(later) => StoreFuture::new(async move { later.await.map(change) }),
        }
    }

    /// Returns the answer if it is there already, and otherwise the future itself.
    pub(crate) fn at_once(self) -> Result<Result<T, StoreError>, Self> {
        match self.0 {
            Answer::Now(Some(answer)) => Ok(answer),
            _ => Err(self),
        }
    }
}

impl<T: Unpin> Future for StoreFuture<'_, T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // Stores return this future to users: polling it again is an error, not a panic.
            Answer::Now(answer) => answer.take().map_or_else(
                || Poll::Ready(Err(StoreError::new("a store's answer was awaited twice"))),
                Poll::Ready,
            ),
            Answer::Later(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFuture")
    }
}
