//! The tower layer: leaves a slot in each request, and when the response is ready commits what the
//! handler did and writes the headers. It knows nothing of axum; any service over `http` types will
//! do.

pub(crate) mod builder;
mod name_registry;
pub(crate) mod preset;
mod touch_any;

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response, header::CACHE_CONTROL, request::Parts};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    cell::model::SessionType,
    engine::{Engine, policy::TouchOn},
    error::Error,
    event,
    handle::directory::Directory,
    layer::touch_any::{is_called_for, is_unseen, touch},
    request::{
        Inner,
        commit::Saved,
        finish::{Closing, close, discard},
        slot::Slot,
        state::Outgoing,
    },
    schema::CommitOn,
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
        let engine = &self.layer.engine;
        let mut touch = None;
        if engine.policy.touch_on == TouchOn::AnyRequest {
            let (parts, body) = request.into_parts();
            touch = is_called_for(engine, &parts).then(|| Box::new(parts.clone()));
            request = Request::from_parts(parts, body);
        }
        let slot = Arc::new(Slot::<T>::new(Arc::clone(engine)));
        request.extensions_mut().insert(Arc::clone(&slot));
        ResponseFuture { response: self.inner.call(request), slot, touch, ending: None }
    }
}

pin_project! {
    /// The response of a [`SessionService`]: the inner one's, after the commit.
    pub struct ResponseFuture<F, T: SessionType, B> {
        #[pin]
        response: F,
        slot: Arc<Slot<T>>,
        // The request, if its token is to keep the session alive whatever the handler does.
        touch: Option<Box<Parts>>,
        ending: Option<Ending<T, B>>,
    }
}

/// A response that waits for its commit.
struct Ending<T: SessionType, B> {
    response: Response<B>,
    commit: Pin<Box<dyn Future<Output = Result<Saved, Error>> + Send>>,
    /// Nothing extracted the session, so the response is silent about it but for a token that is
    /// sent again: the one in this handle.
    unseen: Option<Arc<Inner<T>>>,
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
        if this.ending.is_none() {
            let response = ready!(this.response.poll(cx))?;
            let touch = this.touch.take().filter(|_| commits(&this.slot.engine, &response));
            let alone = Slot::is_alone(this.slot);
            let (commit, unseen) = match (this.slot.used(), touch) {
                (None, None) => return Poll::Ready(Ok(response)),
                (None, Some(parts)) => {
                    let inner = on_its_own(this.slot, &parts);
                    (touch_unseen(Arc::clone(&inner), parts), Some(inner))
                }
                (Some(inner), touch) => {
                    let closing = if commits(&this.slot.engine, &response) {
                        close(inner, alone, cx)
                    } else {
                        discard(inner)
                    };
                    match (closing, touch) {
                        (Closing::Now(result), None) => {
                            return Poll::Ready(Ok(finish(inner, result, response)));
                        }
                        (Closing::Later(commit), None) => (commit, None),
                        (closing, Some(parts)) => {
                            let own = on_its_own(this.slot, &parts);
                            (touch_after(Arc::clone(inner), closing, own, parts), None)
                        }
                    }
                }
            };
            *this.ending = Some(Ending { response, commit, unseen });
        }
        let Some(ending) = this.ending else { return Poll::Pending };
        let result = ready!(ending.commit.as_mut().poll(cx));
        let response = std::mem::take(&mut ending.response);
        let unseen = ending.unseen.take();
        *this.ending = None;
        Poll::Ready(Ok(match (unseen, this.slot.used()) {
            (Some(inner), _) if !says_anything(&inner) => response,
            (Some(inner), _) => finish(&inner, result, response),
            (None, Some(inner)) => finish(inner, result, response),
            (None, None) => response,
        }))
    }
}

fn commits<B>(engine: &Engine, response: &Response<B>) -> bool {
    engine.policy.commit_on == CommitOn::Always || !response.status().is_server_error()
}

type Commit = Pin<Box<dyn Future<Output = Result<Saved, Error>> + Send>>;

/// A handle that the handler does not have.
fn on_its_own<T: SessionType>(slot: &Slot<T>, parts: &Parts) -> Arc<Inner<T>> {
    Inner::new(Arc::clone(&slot.engine), slot.engine.client.look_at(parts))
}

fn touch_unseen<T: SessionType>(inner: Arc<Inner<T>>, parts: Box<Parts>) -> Commit {
    Box::pin(async move {
        touch(inner, parts).await;
        Ok(Saved::Unchanged)
    })
}

/// After a commit that had nothing to do, on a session that nothing has loaded.
fn touch_after<T: SessionType>(
    inner: Arc<Inner<T>>,
    closing: Closing,
    own: Arc<Inner<T>>,
    parts: Box<Parts>,
) -> Commit {
    Box::pin(async move {
        let saved = match closing {
            Closing::Now(result) => result?,
            Closing::Later(commit) => commit.await?,
        };
        if saved == Saved::Unchanged && is_unseen(&inner) {
            touch(Arc::clone(&own), parts).await;
            let (mut own, mut state) = (own.core.state(), inner.core.state());
            (state.outgoing, state.token) = (std::mem::take(&mut own.outgoing), own.token.take());
        }
        Ok(saved)
    })
}

fn says_anything<T: SessionType>(inner: &Inner<T>) -> bool {
    !matches!(inner.core.state().outgoing, Outgoing::Nothing)
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
    let secure = inner.core.client.secure;
    let mut state = inner.core.state();
    let carries_token = match std::mem::take(&mut state.outgoing) {
        Outgoing::Nothing => false,
        Outgoing::Token { max_age } => {
            let text = state.token.as_ref().and_then(|token| token.text(&engine.carrier));
            // The size was checked when the token was made; a credential is 72 characters.
            text.is_some_and(|text| engine.carrier.write(headers, text, max_age, secure).is_ok())
        }
        Outgoing::Expire => {
            engine.carrier.expire(headers, secure);
            true
        }
    };
    drop(state);
    let said = engine.policy.handlers_decide_caching && headers.contains_key(CACHE_CONTROL);
    if carries_token && !said {
        engine.carrier.mark_private(headers);
    }
    response
}
