//! One request on its way in and out: a slot in its extensions, then the commit when the inner
//! response is ready, before the head leaves.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    SessionLayer,
    response::{finish_peeked, finish_response, says_anything},
    touch_any::{is_called_for, touch_after, touch_unseen},
};
use crate::{
    cell::model::SessionType,
    engine::{Engine, policy::TouchOn},
    request::{
        RequestSession,
        commit::Saved,
        detached::Detached,
        finish::{Finish, discard, finish},
        slot::SessionSlot,
    },
    schema::options::CommitOn,
};

/// A service with sessions of type `T`; made by [`SessionLayer`].
pub struct SessionService<S, T> {
    inner: S,
    layer: SessionLayer<T>,
}

impl<S, T> SessionService<S, T> {
    pub(super) const fn new(inner: S, layer: SessionLayer<T>) -> Self {
        Self { inner, layer }
    }
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
        let slot = Arc::new(SessionSlot::<T>::new(Arc::clone(engine), request.uri()));
        request.extensions_mut().insert(Arc::clone(&slot));
        ResponseFuture { response: self.inner.call(request), slot, touch, awaiting: None }
    }
}

pin_project! {
    /// The response of a [`SessionService`]: the inner response, after the commit.
    pub struct ResponseFuture<F, T: SessionType, B> {
        #[pin]
        response: F,
        slot: Arc<SessionSlot<T>>,
        // The request, if its token is to touch the session even if no handler extracts it.
        touch: Option<Box<Parts>>,
        awaiting: Option<AwaitingCommit<T, B>>,
    }
}

/// A response that waits for its commit.
struct AwaitingCommit<T: SessionType, B> {
    response: Response<B>,
    commit: Detached<Saved>,
    /// The session, if nothing used it. The response then mentions the session only to send
    /// its token again.
    unseen: Option<Arc<RequestSession<T>>>,
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
        if this.awaiting.is_none() {
            let response = ready!(this.response.poll(cx))?;
            let touch = this.touch.take().filter(|_| commits(&this.slot.engine, &response));
            let alone = SessionSlot::is_alone(this.slot);
            let (commit, unseen) = match (this.slot.used(), touch) {
                (None, None) => {
                    return Poll::Ready(Ok(match this.slot.seen() {
                        None => response,
                        Some(session) => finish_peeked(session, response),
                    }));
                }
                (None, Some(parts)) => {
                    let seen = this.slot.seen().map(Arc::clone);
                    let own = seen.unwrap_or_else(|| this.slot.new_session(&parts));
                    (touch_unseen(Arc::clone(&own), parts), Some(own))
                }
                (Some(session), touch) => {
                    let finish = if commits(&this.slot.engine, &response) {
                        finish(session, alone, cx)
                    } else {
                        discard(session)
                    };
                    match (finish, touch) {
                        (Finish::Ready(result), None) => {
                            return Poll::Ready(Ok(finish_response(session, result, response)));
                        }
                        (Finish::Pending(commit), None) => (commit, None),
                        (finish, Some(parts)) => {
                            let own = this.slot.new_session(&parts);
                            (touch_after(Arc::clone(session), finish, own, parts), None)
                        }
                    }
                }
            };
            *this.awaiting = Some(AwaitingCommit { response, commit, unseen });
        }
        let Some(awaiting) = this.awaiting else { return Poll::Pending };
        let result = ready!(awaiting.commit.as_mut().poll(cx));
        let response = std::mem::take(&mut awaiting.response);
        let unseen = awaiting.unseen.take();
        *this.awaiting = None;
        Poll::Ready(Ok(match (unseen, this.slot.used()) {
            (Some(own), _) if !says_anything(&own) => match this.slot.seen() {
                None => response,
                Some(session) => finish_peeked(session, response),
            },
            (Some(own), _) => finish_response(&own, result, response),
            (None, Some(session)) => finish_response(session, result, response),
            (None, None) => response,
        }))
    }
}

fn commits<B>(engine: &Engine, response: &Response<B>) -> bool {
    engine.policy.commit_on == CommitOn::Always || !response.status().is_server_error()
}
