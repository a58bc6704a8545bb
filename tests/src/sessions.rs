//! The session types that many tests use, alike but for where they are kept; the routes that those
//! tests begin with; and a server with a store and a clock that can be watched and moved. A test
//! that needs another type says with [`themed!`](crate::themed) that the routes can use it, too.

use std::sync::Arc;

use axum::{Router, routing::get};
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType, clock::ManualClock,
    schema::Payload, store::MemoryStore,
};

use crate::{Server, Spy, spy};

/// A session type with a field `theme`.
pub trait Themed: SessionType {
    /// Returns the theme.
    fn theme(session: &Session<Self>) -> String;

    /// Sets the theme.
    fn set_theme(session: &Session<Self>, theme: &str);
}

/// Implements [`Themed`](crate::sessions::Themed) for session types that have such a field.
#[macro_export]
macro_rules! themed {
    ($($session:ty),+) => {$(
        impl $crate::sessions::Themed for $session {
            fn theme(session: &::session_runtime::Session<Self>) -> String {
                session.theme().clone()
            }

            fn set_theme(session: &::session_runtime::Session<Self>, theme: &str) {
                session.set_theme(theme.to_owned());
            }
        }
    )+};
}

macro_rules! session {
    ($(#[$documentation:meta])* $name:ident: $($attributes:tt)*) => {
        $(#[$documentation])*
        #[derive(Debug, Session)]
        #[session(name = "s", prefix = "none", idle = "30m", absolute = "12h", $($attributes)*)]
        pub struct $name {
            /// Who is logged in.
            #[session(principal)]
            pub user: Option<String>,
            /// Something to remember, whoever logs in or out.
            #[session(keep)]
            pub theme: String,
        }

        themed!($name);
    };
}

session!(
    /// In a store.
    Stored: payload = "server"
);
session!(
    /// In the token, encrypted.
    Sealed: payload = "sealed"
);
session!(
    /// In the token, readable.
    Signed: payload = "signed"
);
session!(
    /// In a store, with a cookie that outlives the browser.
    Persistent: persistent
);

/// Returns `/set`, which chooses the theme `dark`, and `/read`, which tells it.
pub fn routes<T: Themed>() -> Router {
    Router::new()
        .route("/set", get(async |s: Session<T>| T::set_theme(&s, "dark")))
        .route("/read", get(async |s: Session<T>| T::theme(&s)))
}

/// An application of one session type.
#[derive(Debug)]
pub struct Case {
    /// Where it is served.
    pub server: Server,
    /// The clock of its sessions.
    pub clock: Arc<ManualClock>,
    /// Where its sessions are, if they are in a store.
    pub store: Spy<MemoryStore>,
}

impl Case {
    /// Serves `routes` with sessions in a store of their own or in the token, and with what else
    /// `adjust` says.
    ///
    /// # Panics
    ///
    /// If that is not a sound configuration.
    pub async fn start<T: SessionType>(
        routes: Router,
        adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
    ) -> Self {
        Self::with(routes, |builder, store| {
            adjust(match T::spec().payload {
                Payload::Server => builder.store(store),
                _ => builder.accept_replay_until_expiry(),
            })
        })
        .await
    }

    /// Serves `routes` with sessions whose place `settle` says.
    ///
    /// # Panics
    ///
    /// If that is not a sound configuration.
    pub async fn with<T: SessionType>(
        routes: Router,
        settle: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
    ) -> Self {
        let (clock, store) = (Arc::new(ManualClock::default()), spy(MemoryStore::default()));
        let keys = KeyRing::ephemeral().expect("random bytes");
        let builder = SessionLayer::<T>::builder(keys).clock(Arc::clone(&clock)).insecure_dev();
        let layer = settle(builder, store.clone()).build().expect("a sound configuration");
        Self { server: Server::start(routes.layer(layer)).await, clock, store }
    }
}
