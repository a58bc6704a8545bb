//! The tower layer that wraps an application's routes. `service` leaves a slot in each request and
//! commits when the response is ready, `response` writes the head, `touch_any` touches sessions
//! that no handler extracted, `operate` is for whoever runs the program. Knows nothing of axum; any service over `http` types will do.

pub(crate) mod builder;
pub(crate) mod committed;
mod name_registry;
pub(crate) mod operate;
pub(crate) mod preset;
mod response;
pub(crate) mod service;
mod touch_any;

use std::{fmt, marker::PhantomData, sync::Arc};

use tower_layer::Layer;

use self::service::SessionService;
use crate::{
    cell::model::SessionType, engine::Engine, error::Error, handle::sessions::Sessions,
    store::Swept,
};

/// Gives the routes below it sessions of type `T`.
///
/// A route that extracts nothing costs only the slot: no store is asked, and no header is written.
/// Several layers, for several session types, work side by side. A clone of a layer inside of that
/// layer (on a nested router, say) does nothing; a layer for the same session type with other
/// settings is refused there, with an error that names both.
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
    /// Removes expired records from the store now, until none is left: of every session type in the
    /// store, and the notes of ended sessions, if they expired more than five minutes ago. Returns
    /// their number.
    ///
    /// You need not call this: while requests come, a layer sweeps by itself about once a minute.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable). What was removed until
    /// then is in the log.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        self.engine.background.sweep().await
    }

    /// Returns the sessions of every principal, for code outside of requests.
    #[must_use]
    pub fn sessions(&self) -> Sessions<T> {
        Sessions::new(Arc::clone(&self.engine))
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
        SessionService::new(inner, self.clone())
    }
}
