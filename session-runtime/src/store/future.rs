//! How a store answers: at once or later, with a result or an error.

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::causes;

/// A store that could not do what it was asked: down, full, or broken. Never "not found".
#[derive(Clone)]
pub struct StoreError {
    message: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::fmt(self, f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl StoreError {
    /// An error that a message says all about. Put no value of a record into it.
    #[must_use]
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// An error with its cause.
    #[must_use]
    pub fn with_source(
        message: impl Into<Arc<str>>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { message: message.into(), source: Some(Arc::new(source)) }
    }
}

/// The answer of a store: ready at once, or a boxed future. A store in memory answers without an
/// allocation; one that does I/O returns `StoreFuture::new(async move { … })`.
#[must_use = "futures do nothing unless awaited"]
pub struct StoreFuture<'a, T>(Answer<'a, Result<T, StoreError>>);

/// What is there already, or comes later.
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
    /// The answer of `future`.
    pub fn new(future: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Self {
        Self(Answer::Later(Box::pin(future)))
    }

    /// An answer that is there already.
    pub const fn ready(answer: Result<T, StoreError>) -> Self {
        Self(Answer::Now(Some(answer)))
    }

    /// The answer, if it is there already.
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
            // Stores hand this one out, so that polling it again is an error and no panic.
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
