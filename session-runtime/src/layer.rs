//! The tower layer: leaves a slot in each request, and when the response is ready commits what the
//! handler did and writes the headers. It knows nothing of axum; any service over `http` types will
//! do.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    closing::{Closing, close, discard},
    commit::Saved,
    directory::Directory,
    engine::Engine,
    error::Error,
    event,
    model::SessionType,
    request::Inner,
    schema::CommitOn,
    slot::Slot,
    state::Outgoing,
};

/// Gives the routes below it sessions of type `T`.
///
/// A route that extracts nothing costs nothing more than the slot: no store is asked, no header is
/// written. Several layers, for several session types, work side by side.
///
/// ```
/// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
/// # #[derive(Session)]
/// # struct Shop { visits: u32 }
/// # fn app() -> Result<axum::Router, Error> {
/// let keys = KeyRing::ephemeral()?; // or `KeyRing::from_env("SESSION_KEYS")?`
/// let layer = SessionLayer::<Shop>::new(MemoryStore::default(), keys)?;
/// let app = axum::Router::new()
///     .route("/", axum::routing::get(async |_: Session<Shop>| "hello"))
///     .layer(layer);
/// # Ok(app) }
/// # app().unwrap();
/// ```
pub struct SessionLayer<T> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) session: PhantomData<fn() -> T>,
}

impl<T: SessionType> SessionLayer<T> {
    /// The sessions of any principal, for code outside of requests.
    #[must_use]
    pub fn directory(&self) -> Directory<T> {
        Directory::new(Arc::clone(&self.engine))
    }
}

impl<T> Clone for SessionLayer<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), session: PhantomData }
    }
}

impl<T> fmt::Debug for SessionLayer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").field("name", &self.engine.name()).finish_non_exhaustive()
    }
}

impl<S, T> Layer<S> for SessionLayer<T> {
    type Service = SessionService<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, layer: self.clone() }
    }
}

/// A service with sessions of type `T`; made by [`SessionLayer`].
pub struct SessionService<S, T> {
    inner: S,
    layer: SessionLayer<T>,
}

impl<S: Clone, T> Clone for SessionService<S, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, T> fmt::Debug for SessionService<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

impl<S, T, RequestBody, ResponseBody> Service<Request<RequestBody>> for SessionService<S, T>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    T: SessionType,
    ResponseBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, T, ResponseBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let slot = Arc::new(Slot::<T>::new(Arc::clone(&self.layer.engine)));
        request.extensions_mut().insert(Arc::clone(&slot));
        ResponseFuture { response: self.inner.call(request), slot, ending: None }
    }
}

pin_project! {
    /// The response of a [`SessionService`]: the inner one's, after the commit.
    pub struct ResponseFuture<F, T: SessionType, B> {
        #[pin]
        response: F,
        slot: Arc<Slot<T>>,
        ending: Option<Ending<B>>,
    }
}

/// A response that waits for its commit.
struct Ending<B> {
    response: Response<B>,
    commit: Pin<Box<dyn Future<Output = Result<Saved, Error>> + Send>>,
}

impl<F, T: SessionType, B> fmt::Debug for ResponseFuture<F, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("session", &self.slot.engine.name())
            .finish_non_exhaustive()
    }
}

impl<F, T, B, E> Future for ResponseFuture<F, T, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    T: SessionType,
    B: Default,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(ending) = this.ending else {
            let response = ready!(this.response.poll(cx))?;
            let Some(inner) = this.slot.used() else { return Poll::Ready(Ok(response)) };
            let closing =
                if commits(&this.slot.engine, &response) { close(inner) } else { discard(inner) };
            let mut commit = match closing {
                Closing::Now(result) => return Poll::Ready(Ok(finish(inner, result, response))),
                Closing::Later(commit) => commit,
            };
            return match commit.as_mut().poll(cx) {
                Poll::Ready(result) => Poll::Ready(Ok(finish(inner, result, response))),
                Poll::Pending => {
                    *this.ending = Some(Ending { response, commit });
                    Poll::Pending
                }
            };
        };
        let result = ready!(ending.commit.as_mut().poll(cx));
        let response = std::mem::take(&mut ending.response);
        *this.ending = None;
        let Some(inner) = this.slot.used() else { return Poll::Ready(Ok(response)) };
        Poll::Ready(Ok(finish(inner, result, response)))
    }
}

fn commits<B>(engine: &Engine, response: &Response<B>) -> bool {
    engine.policy.commit_on == CommitOn::Always || !response.status().is_server_error()
}

/// The response as the client gets it: with what it must be told, or the error instead.
fn finish<T: SessionType, B: Default>(
    inner: &Inner<T>,
    result: Result<Saved, Error>,
    mut response: Response<B>,
) -> Response<B> {
    let engine = &inner.core.engine;
    if let Err(error) = result {
        if !error.is_conflict() {
            event::commit_failed(engine.name(), &error);
        }
        response = Response::new(B::default());
        *response.status_mut() = error.status();
        response.extensions_mut().insert(error);
    }
    let headers = response.headers_mut();
    engine.carrier.mark_read(headers);
    match std::mem::take(&mut inner.core.state().outgoing) {
        Outgoing::Nothing => {}
        Outgoing::Token { text, max_age } => {
            // The size was checked when the token was made; a credential is 72 characters.
            if engine.carrier.write(headers, &text, max_age).is_ok() {
                engine.carrier.mark_private(headers);
            }
        }
        Outgoing::Expire => {
            engine.carrier.expire(headers);
            engine.carrier.mark_private(headers);
        }
    }
    response
}
