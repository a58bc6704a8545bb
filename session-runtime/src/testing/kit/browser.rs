//! A browser in this process: it calls a router as a service, and keeps what the responses set. No
//! socket, and nothing of a page: a redirect is a response like another.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE},
};
use tower_service::Service;

use super::{
    jar::{Address, Jar},
    reply::Reply,
};
use crate::{
    cell::model::SessionType,
    clock::{Clock, SystemClock, Timestamp},
    handle::Session,
    schema::Transport,
};

/// A browser around a router, or around any other service: sends requests, and keeps the cookies of
/// the responses. Redirects are not followed.
///
/// The router is called in this process. Its requests come by HTTPS to the host `localhost`. A clone
/// of the router is the same application, so a test has as many browsers as it likes.
///
/// ```
/// # use axum::{Form, Router, http::StatusCode, routing::{get, post}};
/// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore, testing::Browser};
/// # #[derive(Session)]
/// # struct Shop { #[session(principal, extract = "CurrentUser")] user: Option<String> }
/// # async fn log_in(session: Session<Shop>, Form(form): Form<Vec<(String, String)>>) {
/// #     session.log_in(form[0].1.clone());
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// # let layer = SessionLayer::<Shop>::new(MemoryStore::default(), KeyRing::ephemeral()?)?;
/// let app = Router::new()
///     .route("/login", post(log_in))
///     .route("/orders", get(async |CurrentUser(user): CurrentUser| user))
///     .layer(layer);
/// let (ann, bob) = (Browser::new(app.clone()), Browser::new(app));
/// ann.post_form("/login", &[("user", "ann")]).await;
/// assert_eq!(ann.get("/orders").await.text(), "ann");
/// assert_eq!(bob.get("/orders").await.status, StatusCode::UNAUTHORIZED);
/// # Ok(()) }
/// ```
pub struct Browser {
    app: Arc<App>,
    clock: Arc<dyn Clock>,
    host: String,
    is_https: bool,
    headers: HeaderMap,
    kept: Mutex<Kept>,
}

type App =
    dyn Fn(Request<Body>) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync;

/// What responses have set.
#[derive(Clone, Default)]
struct Kept {
    jar: Jar,
    token: Option<TokenHeader>,
}

/// A token that travels in headers.
#[derive(Clone)]
struct TokenHeader {
    /// The header of responses that has the token.
    name: HeaderName,
    is_bearer: bool,
    token: Option<HeaderValue>,
}

impl Browser {
    /// Creates a browser without cookies.
    pub fn new<S, B>(app: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: fmt::Debug,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // A service need not be `Sync`; each request has a clone of its own.
        let app = Mutex::new(app);
        let call = move |request| {
            let mut app = app.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let response = async move {
                poll_fn(|cx| app.poll_ready(cx)).await.unwrap_or_else(|error| failed(&error));
                let response = app.call(request).await.unwrap_or_else(|error| failed(&error));
                response.map(Body::new)
            };
            Box::pin(response) as Pin<Box<dyn Future<Output = _> + Send>>
        };
        Self {
            app: Arc::new(call),
            clock: Arc::new(SystemClock),
            host: "localhost".to_owned(),
            is_https: true,
            headers: HeaderMap::new(),
            kept: Mutex::default(),
        }
    }

    /// Sends this header with every request.
    ///
    /// # Panics
    ///
    /// Panics if the name or the value cannot be a header's.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(header_name(name), header_value(value));
        self
    }

    /// Sends `Authorization: Bearer` with every request, with this token.
    ///
    /// # Panics
    ///
    /// Panics if the token cannot be in a header.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Keeps the token that responses have in this header, and sends the token in the same header, as
    /// a client of a session with `transport = "header"` does.
    ///
    /// # Panics
    ///
    /// Panics if the name cannot be a header's.
    #[must_use]
    pub fn session_header(self, name: &str) -> Self {
        self.keep_token_of(header_name(name), false);
        self
    }

    /// Keeps the token that responses have in this header, and sends the token as
    /// `Authorization: Bearer`, as a client of a session with `transport = "bearer"` does.
    ///
    /// # Panics
    ///
    /// Panics if the name cannot be a header's.
    #[must_use]
    pub fn session_bearer(self, name: &str) -> Self {
        self.keep_token_of(header_name(name), true);
        self
    }

    /// Takes the time from a clock, so that cookies expire as a test moves the
    /// [`ManualClock`](crate::clock::ManualClock) of the layer.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sends requests to this host instead of `localhost`.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Sends requests by plain HTTP: cookies that are `Secure` are neither kept nor sent.
    #[must_use]
    pub fn over_http(mut self) -> Self {
        self.is_https = false;
        self
    }

    /// Lets the browser be the client of a session, for a test that needs no log-in form. The session
    /// must be of the layer around the router: [`session_in`](crate::testing::session_in) makes such a session.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use session_runtime::{
    /// #     Error, KeyRing, Session, SessionLayer, store::MemoryStore,
    /// #     testing::{self, Browser},
    /// # };
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal, extract = "CurrentUser")] user: Option<String> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let layer = SessionLayer::<Shop>::new(MemoryStore::default(), KeyRing::ephemeral()?)?;
    /// let app = Router::new()
    ///     .route("/orders", get(async |CurrentUser(user): CurrentUser| user))
    ///     .layer(layer.clone());
    /// let browser = Browser::new(app);
    /// browser.enter(&testing::session_in(&layer, Shop { user: Some("ann".to_owned()) }));
    /// assert_eq!(browser.get("/orders").await.text(), "ann");
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the session is not stored, or has ended.
    pub fn enter<T: SessionType>(&self, session: &Session<T>) {
        let token = session.session_token().expect("a session that is stored has a token");
        let core = &session.shared().core;
        let carrier = &core.engine.carrier;
        if carrier.transport() != Transport::Cookie {
            self.keep_token_of(
                header_name(carrier.name()),
                carrier.transport() == Transport::Bearer,
            );
        }
        let mut headers = HeaderMap::new();
        let written = carrier.write(&mut headers, token.as_str(), None, core.hooks.cookie);
        written.expect("a token that was issued fits its transport");
        self.keep(&headers, "/");
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path, Body::empty())).await
    }

    /// Sends a POST request without a body.
    pub async fn post(&self, path: &str) -> Reply {
        self.send(request(Method::POST, path, Body::empty())).await
    }

    /// Sends a form, as a browser encodes the form.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", form_encoded(name), form_encoded(value)))
            .collect();
        let mut request = request(Method::POST, path, Body::from(pairs.join("&")));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        self.send(request).await
    }

    /// Sends any request: what the browser sends with every request is added, unless the request has
    /// a header of that name already.
    ///
    /// # Panics
    ///
    /// Panics if the service fails, or breaks the body off.
    pub async fn send(&self, mut request: Request<Body>) -> Reply {
        let path = request.uri().path().to_owned();
        let mut added = self.headers.clone();
        added.insert(HOST, header_value(&self.host));
        {
            let kept = self.kept();
            if let Some(cookies) = kept.jar.header(self.address(&path), self.now()) {
                added.insert(COOKIE, header_value(&cookies));
            }
            if let Some((name, value)) = kept.token.as_ref().and_then(TokenHeader::sent) {
                added.insert(name, value);
            }
        }
        // The request's own headers stand.
        added.extend(std::mem::take(request.headers_mut()));
        *request.headers_mut() = added;
        let response = (self.app)(request).await;
        self.keep(response.headers(), &path);
        Reply::read(response).await
    }

    /// Returns the value of a cookie that the browser has.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.kept().jar.value(name, self.now()).map(str::to_owned)
    }

    /// Keeps a cookie as if a response from `/` had set the cookie with this `Set-Cookie` line.
    pub fn set_cookie(&self, line: &str) {
        self.kept().jar.set(line, self.address("/"), self.now());
    }

    /// Closes the browser, and opens it again: cookies without a `Max-Age` are gone.
    pub fn reopen(&self) {
        self.kept().jar.close();
    }

    fn keep(&self, headers: &HeaderMap, path: &str) {
        let mut kept = self.kept();
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            kept.jar.set(line, self.address(path), self.now());
        }
        if let Some(header) = &mut kept.token
            && let Some(token) = headers.get(&header.name)
        {
            // An empty value tells the client to forget the token.
            header.token = (!token.is_empty()).then(|| token.clone());
        }
    }

    fn keep_token_of(&self, name: HeaderName, is_bearer: bool) {
        self.kept().token = Some(TokenHeader { name, is_bearer, token: None });
    }

    fn address<'a>(&'a self, path: &'a str) -> Address<'a> {
        let host = self.host.split_once(':').map_or(&*self.host, |(host, _)| host);
        Address { host, path, is_https: self.is_https }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whatever a holder was doing when it panicked, each cookie is whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Browser {
    /// Creates a browser with the same cookies. From then on, each keeps its own.
    fn clone(&self) -> Self {
        Self {
            app: Arc::clone(&self.app),
            clock: Arc::clone(&self.clock),
            host: self.host.clone(),
            is_https: self.is_https,
            headers: self.headers.clone(),
            kept: Mutex::new(self.kept().clone()),
        }
    }
}

impl fmt::Debug for Browser {
    /// Prints no cookie: one may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("host", &self.host).finish_non_exhaustive()
    }
}

impl TokenHeader {
    fn sent(&self) -> Option<(HeaderName, HeaderValue)> {
        let token = self.token.clone()?;
        if !self.is_bearer {
            return Some((self.name.clone(), token));
        }
        let value = [b"Bearer ", token.as_bytes()].concat();
        Some((AUTHORIZATION, HeaderValue::from_maybe_shared(Bytes::from(value)).ok()?))
    }
}

fn failed(error: &dyn fmt::Debug) -> ! {
    panic!("the service fails: {error:?}")
}

fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() =
        path.parse::<Uri>().unwrap_or_else(|error| panic!("`{path}` is no path: {error}"));
    request
}

fn header_name(name: &str) -> HeaderName {
    name.parse().unwrap_or_else(|error| panic!("`{name}` cannot be a header's name: {error}"))
}

fn header_value(value: &str) -> HeaderValue {
    value.parse().unwrap_or_else(|error| panic!("a header cannot have this value: {error}"))
}

/// Returns a text as `application/x-www-form-urlencoded` has it.
fn form_encoded(text: &str) -> String {
    use fmt::Write as _;

    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b' ' => encoded.push('+'),
            b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}
