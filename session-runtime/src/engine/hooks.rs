//! The deployment's own functions, and their answers for one request: asked once, when the session
//! is first used in the request. The id of a session is asked for when there is a new session.
//! Knows nothing of sessions.

use std::{fmt, sync::Arc};

use http::request::Parts;

use crate::{
    engine::bind::{Binds, Bound},
    transport::{Carrier, CookieContext, SecureCookie},
};

type Consent = dyn Fn(&Parts) -> bool + Send + Sync;
type SessionIds = dyn Fn(&Parts) -> [u8; 16] + Send + Sync;

/// Returns the page for an error.
#[cfg(feature = "axum")]
pub(crate) type ErrorPage =
    dyn Fn(&crate::error::Error) -> http::Response<axum_core::body::Body> + Send + Sync;

/// The functions that the deployment has set.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    secure: Option<fn(&Parts) -> bool>,
    pub(crate) consent: Option<Arc<Consent>>,
    pub(crate) binds: Option<Arc<Binds>>,
    /// The source of ids for new sessions, if not the operating system.
    pub(crate) session_ids: Option<Arc<SessionIds>>,
    #[cfg(feature = "axum")]
    pub(crate) error_page: Option<Arc<ErrorPage>>,
}

/// The functions' answers for one request.
#[derive(Clone)]
pub(crate) struct HookAnswers {
    /// The facts of the request that its cookie depends on.
    pub(crate) cookie: CookieContext,
    /// A session may be created.
    pub(crate) consents: bool,
    /// There is no request: a session is opened from elsewhere, so nothing is a use of that session.
    pub(crate) is_detached: bool,
    /// The client's traits that sessions are bound to.
    pub(crate) bound: Option<Arc<Bound>>,
    /// The function that draws the id of a new session, and the request for its argument.
    session_ids: Option<Arc<(Arc<SessionIds>, Parts)>>,
}

impl Hooks {
    pub(crate) fn secure(&mut self, secure: SecureCookie) {
        self.secure = match secure {
            SecureCookie::When(decide) => Some(decide),
            SecureCookie::Always | SecureCookie::Never => None,
        };
    }

    /// Asks the functions about a request.
    pub(crate) fn ask(&self, parts: &Parts, carrier: &Carrier) -> HookAnswers {
        let secure = self.secure.is_none_or(|decide| decide(parts));
        HookAnswers {
            cookie: carrier.context(parts, secure),
            consents: self.consent.as_ref().is_none_or(|consents| consents(parts)),
            is_detached: false,
            bound: self.binds.as_ref().map(|binds| Arc::new(binds.look_at(parts))),
            session_ids: self
                .session_ids
                .as_ref()
                .map(|generate| Arc::new((Arc::clone(generate), parts.clone()))),
        }
    }
}

impl HookAnswers {
    /// Returns the answers for a session that is opened without a request. None is created there, and
    /// no cookie is made.
    pub(crate) const fn detached() -> Self {
        let cookie = CookieContext { secure: true, port: None };
        Self { cookie, consents: false, is_detached: true, bound: None, session_ids: None }
    }

    /// Returns whether the deployment draws the ids of new sessions.
    pub(crate) const fn has_ids(&self) -> bool {
        self.session_ids.is_some()
    }

    /// Draws the id for a new session, if the deployment draws them.
    pub(crate) fn session_id(&self) -> Option<[u8; 16]> {
        let (generate, parts) = self.session_ids.as_deref()?;
        Some(generate(parts))
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}
