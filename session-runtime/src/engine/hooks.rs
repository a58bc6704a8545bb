//! What the deployment's functions say of one request: asked once, when the session is first used
//! in it, but for the id of a session, which is asked for when there is a new one. Knows nothing of
//! sessions.

use std::{fmt, sync::Arc};

use http::request::Parts;

use crate::{
    engine::bind::{Binds, Bound},
    transport::SecureCookie,
};

type Consent = dyn Fn(&Parts) -> bool + Send + Sync;
type SessionIds = dyn Fn(&Parts) -> [u8; 16] + Send + Sync;

/// The functions, as far as there are any.
#[derive(Clone, Default)]
pub(crate) struct ClientRules {
    secure: Option<fn(&Parts) -> bool>,
    pub(crate) consent: Option<Arc<Consent>>,
    pub(crate) binds: Option<Arc<Binds>>,
    /// Where the ids of new sessions come from, if not from the operating system.
    pub(crate) session_ids: Option<Arc<SessionIds>>,
}

/// What they say.
#[derive(Clone)]
pub(crate) struct Client {
    /// Whether the cookie is `Secure`, where that depends on the request.
    pub(crate) secure: bool,
    /// Whether a session may be created.
    pub(crate) consents: bool,
    /// What the client shows of what sessions are bound to.
    pub(crate) bound: Option<Arc<Bound>>,
    /// What draws the id of a new session, and the request that it is for.
    session_ids: Option<Arc<(Arc<SessionIds>, Parts)>>,
}

impl ClientRules {
    pub(crate) fn secure(&mut self, secure: SecureCookie) {
        self.secure = match secure {
            SecureCookie::When(decide) => Some(decide),
            SecureCookie::Always | SecureCookie::Never => None,
        };
    }

    /// Whether a session that is presented may have to be refused for who presents it.
    pub(crate) fn may_reject(&self) -> bool {
        self.binds.as_ref().is_some_and(|binds| binds.rejects())
    }

    pub(crate) fn look_at(&self, parts: &Parts) -> Client {
        Client {
            secure: self.secure.is_none_or(|decide| decide(parts)),
            consents: self.consent.as_ref().is_none_or(|consents| consents(parts)),
            bound: self.binds.as_ref().map(|binds| Arc::new(binds.look_at(parts))),
            session_ids: self
                .session_ids
                .as_ref()
                .map(|generate| Arc::new((Arc::clone(generate), parts.clone()))),
        }
    }
}

impl Client {
    /// Whether the deployment has a say in it.
    pub(crate) const fn has_ids(&self) -> bool {
        self.session_ids.is_some()
    }

    /// The id for a new session, if the deployment has a say in it.
    pub(crate) fn session_id(&self) -> Option<[u8; 16]> {
        let (generate, parts) = self.session_ids.as_deref()?;
        Some(generate(parts))
    }
}

impl fmt::Debug for ClientRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientRules")
    }
}
