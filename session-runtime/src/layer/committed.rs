//! [`Committed`]: the word to middleware about what a response committed, and the pages that the
//! application shows instead of an error.

use std::{fmt, marker::PhantomData};

use http::{Response, header::RETRY_AFTER};

use crate::{engine::Engine, error::Error, request::saved::Saved};

/// The outcome of a response's commit to the session of type `T`, in the response's extensions.
///
/// Middleware outside of the layer finds it there. A response whose commit saved the changes to the
/// session that the request came with has none, and neither has one that had nothing to save: these
/// are most of all responses, and the word would cost three allocations. So a `Committed` tells of
/// a session that was created, ended, withheld or [lost](Saved::Lost), or of an error.
///
/// ```
/// # use axum::response::Response;
/// # use session_runtime::{Committed, Saved, Session};
/// # #[derive(Session)]
/// # struct Shop { cart: Vec<u32> }
/// async fn count_lost(response: Response) -> Response {
///     if let Some(committed) = response.extensions().get::<Committed<Shop>>()
///         && committed.saved() == Some(Saved::Lost)
///     {
///         eprintln!("a request came too late for its session");
///     }
///     response
/// }
/// ```
pub struct Committed<T> {
    result: Result<Saved, Error>,
    session: PhantomData<fn() -> T>,
}

impl<T> Committed<T> {
    pub(super) const fn of(result: Result<Saved, Error>) -> Self {
        Self { result, session: PhantomData }
    }

    /// Returns the outcome of the commit, or `None` if the commit failed.
    #[must_use]
    pub fn saved(&self) -> Option<Saved> {
        self.result.as_ref().ok().copied()
    }

    /// Returns the error of a commit that failed. Nothing of it was saved.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.result.as_ref().err()
    }
}

impl<T> Clone for Committed<T> {
    fn clone(&self) -> Self {
        Self { result: self.result.clone(), session: PhantomData }
    }
}

impl<T> fmt::Debug for Committed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Committed").field(&self.result).finish()
    }
}

/// Returns whether there is a word to say about a commit.
pub(super) const fn tells(result: &Result<Saved, Error>) -> bool {
    !matches!(result, Ok(Saved::Unchanged | Saved::Updated))
}

/// Returns the response that reports an error: the application's page, or the status alone.
pub(super) fn error_response<B: Default + 'static>(engine: &Engine, error: Error) -> Response<B> {
    let mut response = page(engine, &error).unwrap_or_else(|| {
        let mut response = Response::new(B::default());
        *response.status_mut() = error.status();
        response
    });
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().entry(RETRY_AFTER).or_insert(seconds);
    }
    response.extensions_mut().insert(error);
    response
}

/// Replaces the response of an extractor, or of a handler, that reports an error of the session by
/// the application's page, if it has one.
#[cfg(feature = "axum")]
pub(super) fn render<B: Default + 'static>(engine: &Engine, response: &mut Response<B>) {
    let extensions = response.extensions();
    if extensions.get::<Rendered>().is_some() {
        return;
    }
    if let Some(error) = extensions.get::<Error>().cloned()
        && let Some(mut page) = page(engine, &error)
    {
        if let Some(seconds) = error.retry_after() {
            page.headers_mut().entry(RETRY_AFTER).or_insert(seconds);
        }
        page.extensions_mut().extend(std::mem::take(response.extensions_mut()));
        *response = page;
    }
}

/// Marks a page, so that the layer of another session type leaves the page alone.
#[cfg(feature = "axum")]
#[derive(Clone)]
struct Rendered;

#[cfg(feature = "axum")]
fn page<B: Default + 'static>(engine: &Engine, error: &Error) -> Option<Response<B>> {
    let page = (engine.hooks.error_page.as_ref()?)(error);
    let (mut head, body) = page.into_parts();
    if head.status.is_success() {
        head.status = error.status();
    }
    head.extensions.insert(Rendered);
    // Below axum's router the bodies are of one type. Another service gets the head.
    let mut body = Some(body);
    let body =
        (&mut body as &mut dyn std::any::Any).downcast_mut::<Option<B>>().and_then(Option::take);
    Some(Response::from_parts(head, body.unwrap_or_default()))
}

#[cfg(not(feature = "axum"))]
fn page<B>(_: &Engine, _: &Error) -> Option<Response<B>> {
    None
}
