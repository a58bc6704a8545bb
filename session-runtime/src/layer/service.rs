//! One request on its way in and out: a slot in its extensions, then the commit when the inner
//! response is ready, before the head leaves.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use http::{Request, Response, StatusCode, request::Parts};
use pin_project_lite::pin_project;
use tower_service::Service;

#[cfg(feature = "axum")]
use super::committed::render;
use super::{
    SessionLayer,
    committed::error_response,
    response::{finish_peeked, finish_response, says_anything},
    touch_any::{is_called_for, touch_after, touch_unseen},
};
use crate::{
    cell::model::SessionType,
    engine::{Engine, policy::TouchOn},
    error::{Error, Kind},
    event,
    request::{
        RequestSession,
        detached::Detached,
        finish::{Finish, discard, finish},
        saved::Saved,
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
    ResponseBody: Default + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, T, ResponseBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let engine = &self.layer.engine;
        engine.start();
        let mut touch = None;
        if engine.policy.touch_on == TouchOn::AnyRequest {
            let (parts, body) = request.into_parts();
            touch = is_called_for(engine, &parts).then(|| Box::new(parts.clone()));
            request = Request::from_parts(parts, body);
        }
        let slot = Arc::new(SessionSlot::<T>::new(Arc::clone(engine), request.uri()));
        if let Some(outer) = request.extensions_mut().insert(Arc::clone(&slot)) {
            return self.call_inside(request, outer, slot);
        }
        ResponseFuture {
            response: self.inner.call(request),
            slot: Some(slot),
            touch,
            refused: None,
            awaiting: None,
        }
    }
}

impl<S, T: SessionType> SessionService<S, T> {
    /// Passes on a request that another session layer for `T` has seen before this one. If that is
    /// the same layer, there is nothing left to do. If it has other settings, the request is refused:
    /// two records and two tokens of one name would undo each other.
    #[cold]
    fn call_inside<RequestBody, ResponseBody>(
        &mut self,
        mut request: Request<RequestBody>,
        outer: Arc<SessionSlot<T>>,
        own: Arc<SessionSlot<T>>,
    ) -> ResponseFuture<S::Future, T, ResponseBody>
    where
        S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    {
        let is_same = Arc::ptr_eq(&outer.engine, &own.engine);
        let refused = (!is_same).then(|| {
            let error = Error::new(Kind::TwoLayers {
                type_name: T::spec().type_name,
                outer: outer.engine.settings(),
                inner: own.engine.settings(),
            });
            event::refused(own.engine.name(), &error);
            error
        });
        request.extensions_mut().insert(outer);
        let slot = (!is_same).then_some(own);
        // A response that is refused is never polled.
        let response = self.inner.call(request);
        ResponseFuture { response, slot, touch: None, refused, awaiting: None }
    }
}

pin_project! {
    /// The response of a [`SessionService`]: the inner response, after the commit.
    pub struct ResponseFuture<F, T: SessionType, B> {
        #[pin]
        response: F,
        // `None` if an outer layer commits.
        slot: Option<Arc<SessionSlot<T>>>,
        // The request, if its token is to touch the session even if no handler extracts it.
        touch: Option<Box<Parts>>,
        refused: Option<Error>,
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
            .field("session", &T::spec().namespace)
            .finish_non_exhaustive()
    }
}

impl<F, T, B, E> Future for ResponseFuture<F, T, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    T: SessionType,
    B: Default + 'static,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(slot) = this.slot else { return this.response.poll(cx) };
        if this.awaiting.is_none() {
            if let Some(error) = this.refused.take() {
                return Poll::Ready(Ok(error_response(&slot.engine, error)));
            }
            #[cfg_attr(not(feature = "axum"), expect(unused_mut, reason = "there are no pages"))]
            let mut response = {
                let _panics = EndOnPanic(slot);
                ready!(this.response.poll(cx))?
            };
            let commits = commits(&slot.engine, &response);
            #[cfg(feature = "axum")]
            if slot.engine.hooks.error_page.is_some() {
                render(&slot.engine, &mut response);
            }
            let touch = this.touch.take().filter(|_| commits);
            let alone = SessionSlot::is_alone(slot);
            let (commit, unseen) = match (slot.used(), touch) {
                (None, None) => {
                    return Poll::Ready(Ok(match slot.seen() {
                        None => response,
                        Some(session) => finish_peeked(session, response),
                    }));
                }
                (None, Some(parts)) => {
                    let seen = slot.seen().map(Arc::clone);
                    let own = seen.unwrap_or_else(|| slot.new_session(&parts));
                    (touch_unseen(Arc::clone(&own), parts), Some(own))
                }
                (Some(session), touch) => {
                    let finish = if commits {
                        finish(session, alone, cx)
                    } else {
                        discard(session, true, cx)
                    };
                    match (finish, touch) {
                        (Finish::Ready(result), None) => {
                            return Poll::Ready(Ok(finish_response(session, result, response)));
                        }
                        (Finish::Pending(commit), None) => (commit, None),
                        (finish, Some(parts)) => {
                            let own = slot.new_session(&parts);
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
        Poll::Ready(Ok(match (unseen, slot.used()) {
            (Some(own), _) if !says_anything(&own) => match slot.seen() {
                None => response,
                Some(session) => finish_peeked(session, response),
            },
            (Some(own), _) => finish_response(&own, result, response),
            (None, Some(session)) => finish_response(session, result, response),
            (None, None) => response,
        }))
    }
}

/// Ends a session that a handler has ended before the handler panicked.
struct EndOnPanic<'a, T: SessionType>(&'a SessionSlot<T>);

impl<T: SessionType> Drop for EndOnPanic<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.end();
        }
    }
}

impl<T: SessionType> EndOnPanic<'_, T> {
    #[cold]
    fn end(&self) {
        let Some(session) = self.0.used() else { return };
        // There is no head to tell the client by. A second panic would end the process.
        let end = || discard(session, false, &mut Context::from_waker(Waker::noop()));
        let Ok(Finish::Pending(commit)) = catch_unwind(AssertUnwindSafe(end)) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(commit);
        }
    }
}

fn commits<B>(engine: &Engine, response: &Response<B>) -> bool {
    engine.policy.commit_on == CommitOn::Always || !is_cut_off(response.status())
}

/// Returns whether a handler may have failed half way. 499 is what proxies call a client that is gone.
fn is_cut_off(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || status.as_u16() == 499
}
