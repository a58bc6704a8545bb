//! What both floors share: a layer that hands what keeps the sessions to the handler, which extracts
//! it with the session's cookie as a [`Jar`], and appends the cookie that the handler leaves there.
//! The least that a library does which lets handlers set cookies without returning them; it
//! knows not what is in the cookie. The keeper is not axum's state: that would allocate twice.

use std::{
    convert::Infallible,
    ops::Range,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::extract::FromRequestParts;
use http::{HeaderValue, Request, Response, header, request::Parts};
use tower::{Layer, Service};

/// The cookie's name and `=`.
const NAME: &str = "id=";
const ATTRIBUTES: &str = "; HttpOnly; SameSite=Lax; Path=/";
pub(super) const IDLE_SECONDS: u64 = 30 * 60;

/// A request's session cookie, in both directions.
pub(super) struct Jar<K> {
    came: Option<(HeaderValue, Range<usize>)>,
    slot: Arc<Slot<K>>,
}

/// What a request's layer and its handler share.
struct Slot<K> {
    keeper: Arc<K>,
    goes: OnceLock<HeaderValue>,
}

impl<K> Jar<K> {
    pub(super) fn keeper(&self) -> &K {
        &self.slot.keeper
    }

    pub(super) fn cookie(&self) -> Option<&[u8]> {
        let (header, range) = self.came.as_ref()?;
        header.as_bytes().get(range.clone())
    }

    pub(super) fn set_cookie(&self, value: &str) {
        let text = [NAME, value, ATTRIBUTES].concat();
        let header = HeaderValue::try_from(text).expect("base64 is a sound header");
        let _ = self.slot.goes.set(header);
    }
}

impl<S: Sync, K: Send + Sync + 'static> FromRequestParts<S> for Jar<K> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let slot = parts.extensions.get::<Arc<Slot<K>>>().expect("behind the layer");
        let came = parts.headers.get_all(header::COOKIE).iter().find_map(find);
        Ok(Self { came, slot: Arc::clone(slot) })
    }
}

/// The time, as the floors write it.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_secs()
}

fn find(header: &HeaderValue) -> Option<(HeaderValue, Range<usize>)> {
    let bytes = header.as_bytes();
    let mut start = 0;
    for pair in bytes.split(|byte| *byte == b';') {
        let spaces = pair.iter().take_while(|byte| **byte == b' ').count();
        if pair[spaces..].starts_with(NAME.as_bytes()) {
            return Some((header.clone(), start + spaces + NAME.len()..start + pair.len()));
        }
        start += pair.len() + 1;
    }
    None
}

pub(super) struct Cookies<K>(Arc<K>);

impl<K> Cookies<K> {
    pub(super) fn new(keeper: K) -> Self {
        Self(Arc::new(keeper))
    }
}

impl<K> Clone for Cookies<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, K> Layer<S> for Cookies<K> {
    type Service = CookieService<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        CookieService { inner, keeper: Arc::clone(&self.0) }
    }
}

pub(super) struct CookieService<S, K> {
    inner: S,
    keeper: Arc<K>,
}

impl<S: Clone, K> Clone for CookieService<S, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), keeper: Arc::clone(&self.keeper) }
    }
}

impl<S, B, C, K> Service<Request<B>> for CookieService<S, K>
where
    S: Service<Request<B>, Response = Response<C>>,
    K: Send + Sync + 'static,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = Answer<S::Future, K>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let keeper = Arc::clone(&self.keeper);
        let slot = Arc::new(Slot { keeper, goes: OnceLock::new() });
        request.extensions_mut().insert(Arc::clone(&slot));
        Answer { inner: self.inner.call(request), slot }
    }
}

pin_project_lite::pin_project! {
    pub(super) struct Answer<F, K> {
        #[pin]
        inner: F,
        slot: Arc<Slot<K>>,
    }
}

impl<F, C, E, K> Future for Answer<F, K>
where
    F: Future<Output = Result<Response<C>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(context));
        if let (Ok(response), Some(cookie)) = (&mut response, this.slot.goes.get()) {
            response.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        Poll::Ready(response)
    }
}
