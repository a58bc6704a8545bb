//! Sessions without HTTP: what a handler takes, for tests that call a handler as a function. A
//! session here is a real one, of a real layer, whose store is in memory.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use http::{
    HeaderValue, Request, Uri, header,
    request::{Builder, Parts},
};

use crate::{
    cell::{
        Emission,
        model::{FieldSet, PrincipalType, SessionType},
    },
    error::Error,
    handle::Session,
    key::KeyRing,
    layer::SessionLayer,
    request::slot::SessionSlot,
    schema::{Payload, principal::Principal as _},
    store::{FieldValue, MemoryStore, Op, PrincipalKey},
};

/// Makes the session of a client who was here before: every field has the value of the struct. If
/// the struct has a principal, the principal is logged in.
///
/// The session is stored, in a memory of its own, under the struct's own policy. So a handler can do
/// everything with the session: [`save`](Session::save), [`is_live`](Session::is_live),
/// [`transact`](Session::transact). Afterwards, the session can be read. No runtime is needed.
///
/// ```
/// use session_runtime::{Session, testing};
///
/// #[derive(Session)]
/// struct Shop {
///     #[session(principal)]
///     user: Option<String>,
///     cart: Vec<u32>,
/// }
///
/// async fn add(session: Session<Shop>) -> usize {
///     session.push_cart(8);
///     session.cart().len()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let session = testing::session(Shop { user: Some("ann".to_owned()), cart: vec![7] });
/// assert_eq!(add(session.clone()).await, 2);
/// assert_eq!(session.cart(), &[7, 8]);
/// # }
/// ```
///
/// # Panics
///
/// Panics if a layer with the struct's attributes does not build, or if a value does not serialise.
#[track_caller]
pub fn session<T: SessionType>(value: T) -> Session<T> {
    begin(visitor(), value)
}

/// Makes the session of a client who comes for the first time: every field has its default, and
/// nothing is stored.
///
/// ```
/// # use session_runtime::{Session, testing};
/// # #[derive(Session)]
/// # struct Shop { cart: Vec<u32> }
/// let session = testing::visitor::<Shop>();
/// assert!(session.is_new() && session.cart().is_empty());
/// ```
///
/// # Panics
///
/// Panics if a layer with the struct's attributes does not build.
#[must_use]
#[track_caller]
pub fn visitor<T: SessionType>() -> Session<T> {
    visitor_of(&layer().unwrap_or_else(|error| panic!("{error}")))
}

/// Makes a session as [`session`] does, in the store of a layer: for a policy or a clock of the
/// test's own, or for a [`Browser`](crate::testing::Browser) that [enters](crate::testing::Browser::enter) the session.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use session_runtime::{
/// #     Error, KeyRing, Session, SessionLayer, clock::ManualClock, store::MemoryStore, testing,
/// # };
/// # #[derive(Session)]
/// # struct Shop { cart: Vec<u32> }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let clock = Arc::new(ManualClock::default());
/// let layer = SessionLayer::<Shop>::builder(KeyRing::ephemeral()?)
///     .store(MemoryStore::default())
///     .clock(Arc::clone(&clock))
///     .build()?;
/// let session = testing::session_in(&layer, Shop { cart: vec![7] });
/// assert!(session.is_live().await?);
/// clock.advance(Duration::from_secs(3600));
/// assert!(!session.is_live().await?);
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// Panics if a value does not serialise, or if the store fails or does not answer at once, as a
/// [`MemoryStore`] does.
#[track_caller]
pub fn session_in<T: SessionType>(layer: &SessionLayer<T>, value: T) -> Session<T> {
    begin(visitor_of(layer), value)
}

/// Begins a request of the session, for a router **without** a session layer: its handlers extract
/// this session, and their changes can be read from `session`.
///
/// ```
/// # use axum::{Router, body::Body, http::StatusCode, routing::get};
/// # use session_runtime::{Session, testing::{self, TestSession as _}};
/// # use tower_service::Service as _;
/// # #[derive(Session)]
/// # struct Shop { #[session(principal, extract = "CurrentUser")] user: Option<String> }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut app: Router = Router::new().route("/orders", get(async |_: CurrentUser| "orders"));
/// let session = testing::visitor::<Shop>().logged_in("ann");
/// let request = testing::request(&session).uri("/orders").body(Body::empty()).unwrap();
/// assert_eq!(app.call(request).await.unwrap().status(), StatusCode::OK);
/// # }
/// ```
pub fn request<T: SessionType>(session: &Session<T>) -> Builder {
    let Parts { headers, extensions, .. } = parts(session);
    let mut builder = Request::builder();
    // A builder without an error has both.
    if let Some(there) = builder.headers_mut() {
        *there = headers;
    }
    if let Some(there) = builder.extensions_mut() {
        *there = extensions;
    }
    builder
}

/// Returns the head of a request of the session, from which extractors and guards can be made.
///
/// ```
/// # use axum::extract::FromRequestParts as _;
/// # use session_runtime::{Session, testing::{self, TestSession as _}};
/// # #[derive(Session)]
/// # struct Shop { #[session(principal, extract = "CurrentUser")] user: Option<String> }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let session = testing::visitor::<Shop>().logged_in("ann");
/// let mut parts = testing::parts(&session);
/// let CurrentUser(user) = CurrentUser::from_request_parts(&mut parts, &()).await.unwrap();
/// assert_eq!(user, "ann");
/// # }
/// ```
#[must_use]
pub fn parts<T: SessionType>(session: &Session<T>) -> Parts {
    head(SessionSlot::holding(Arc::clone(session.shared())))
}

/// Arranges a session for a test. A trait, so that no name is taken from the fields of sessions
/// outside of tests.
pub trait TestSession: Sized {
    /// The type of the principal.
    type Principal;

    /// Logs a principal in, in a log-in that is over before the test begins. Every field stays, also
    /// those that are marked `clear_on_login`.
    ///
    /// ```
    /// # use session_runtime::{Session, testing::{self, TestSession as _}};
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<String> }
    /// let session = testing::visitor::<Shop>().logged_in("ann");
    /// assert_eq!(session.user().map(String::as_str), Some("ann"));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the principal does not serialise, or as [`session_in`] does.
    #[must_use]
    #[track_caller]
    fn logged_in(self, principal: impl Into<Self::Principal>) -> Self;
}

impl<T: PrincipalType> TestSession for Session<T> {
    type Principal = T::Principal;

    #[track_caller]
    fn logged_in(self, principal: impl Into<T::Principal>) -> Self {
        let principal = principal.into();
        let key = PrincipalKey::of(principal.id()).unwrap_or_else(|error| panic!("{error}"));
        let fields = self.shared().fields();
        T::principal(fields).set(fields.context(), Some(principal));
        log_in(&self, key);
        store(self)
    }
}

/// The server that the requests of tests are for: what `insecure_dev` serves, too.
const HOST: &str = "localhost";

/// Builds a layer with the struct's own policy.
fn layer<T: SessionType>() -> Result<SessionLayer<T>, Error> {
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral()?).as_another_program();
    match T::spec().payload {
        Payload::Server => builder.store(MemoryStore::default()),
        Payload::Sealed | Payload::Signed => builder.accept_replay_until_expiry(),
    }
    .build()
}

#[track_caller]
fn visitor_of<T: SessionType>(layer: &SessionLayer<T>) -> Session<T> {
    let slot = SessionSlot::<T>::new(Arc::clone(&layer.engine), &Uri::default());
    at_once(Session::from_parts(&head(slot)))
}

/// Returns the head of a request that has passed a layer.
fn head<T: SessionType>(slot: SessionSlot<T>) -> Parts {
    let mut parts = Request::new(()).into_parts().0;
    parts.headers.insert(header::HOST, HeaderValue::from_static(HOST));
    parts.extensions.insert(Arc::new(slot));
    parts
}

/// Writes every field, and stores the session.
#[track_caller]
fn begin<T: SessionType>(session: Session<T>, value: T) -> Session<T> {
    let fields = session.shared().fields();
    fields.context().begins.store(true, Ordering::Relaxed);
    T::replace(fields, value);
    fields.context().begins.store(false, Ordering::Relaxed);
    if let Some(principal) = principal_of::<T>(fields) {
        log_in(&session, principal);
    }
    store(session)
}

/// Returns the key of the principal that was written, if one was.
fn principal_of<T: SessionType>(fields: &T::Fields) -> Option<PrincipalKey> {
    let mut emission = Emission::default();
    fields.each(&mut |cell| {
        if cell.spec().principal {
            cell.emit_value(fields.context(), &mut emission);
        }
    });
    // A value that does not serialise is the error of the store below.
    match emission.checked().ok()?.ops.pop()? {
        Op::Set { value: FieldValue::Bytes(json), .. } => {
            let id = T::identity(&json);
            id.as_deref().or_else(|| std::str::from_utf8(&json).ok()).map(PrincipalKey::new)
        }
        _ => None,
    }
}

fn log_in<T: SessionType>(session: &Session<T>, principal: PrincipalKey) {
    let mut state = session.shared().core.state();
    state.requested.elevate = true;
    state.requested.principal = Some(principal);
}

#[track_caller]
fn store<T: SessionType>(session: Session<T>) -> Session<T> {
    at_once(session.create());
    session
}

#[track_caller]
fn at_once<R>(future: impl Future<Output = Result<R, Error>>) -> R {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(result)) => result,
        Poll::Ready(Err(error)) => panic!("the session cannot be made: {error}"),
        Poll::Pending => panic!("the session's store must answer at once: use a `MemoryStore`"),
    }
}
