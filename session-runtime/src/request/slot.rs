//! The place in a request's extensions that the layer leaves for the extractors: the engine, the
//! request's session once an extractor asks for it, and whether that was a use. An empty slot means
//! that the response does not depend on the session.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use http::{Extensions, Uri, request::Parts, uri::PathAndQuery};

use super::RequestSession;
use crate::{
    cell::model::SessionType,
    engine::{Engine, load::Presented},
    error::{Error, Kind},
    store::Selector,
};

pub(crate) struct SessionSlot<T: SessionType> {
    pub(crate) engine: Arc<Engine>,
    session: OnceLock<Arc<RequestSession<T>>>,
    /// An extractor asked for the session that may write: the response commits.
    used: AtomicBool,
    /// The path that the client asked for, if other paths may have set our token: nested routers
    /// shorten the path of the request.
    path: Option<PathAndQuery>,
}

impl<T: SessionType> SessionSlot<T> {
    pub(crate) fn new(engine: Arc<Engine>, uri: &Uri) -> Self {
        let path = engine.carrier.may_be_elsewhere().then(|| uri.path_and_query().cloned());
        let (session, used) = (OnceLock::new(), AtomicBool::new(false));
        Self { engine, session, used, path: path.flatten() }
    }

    /// Creates the slot of a request whose session is there already.
    #[cfg(feature = "testing")]
    pub(crate) fn holding(session: Arc<RequestSession<T>>) -> Self {
        let engine = Arc::clone(&session.core.engine);
        Self { engine, session: OnceLock::from(session), used: AtomicBool::new(true), path: None }
    }

    fn path<'a>(&'a self, parts: &'a Parts) -> &'a str {
        self.path.as_ref().map_or_else(|| parts.uri.path(), PathAndQuery::path)
    }

    /// Returns the slot that the layer for `T` left in this request.
    pub(crate) fn find(extensions: &Extensions) -> Result<Arc<Self>, Error> {
        extensions.get::<Arc<Self>>().cloned().ok_or_else(|| {
            let type_name = T::spec().type_name;
            Error::new(Kind::MissingLayer { type_name })
        })
    }

    /// Returns whether the caller is the slot's only owner and the slot the session's only owner.
    /// Nobody is then left who could clone either.
    pub(crate) fn is_alone(this: &mut Arc<Self>) -> bool {
        let session = Arc::get_mut(this).and_then(|slot| slot.session.get_mut());
        session.is_some_and(|session| Arc::get_mut(session).is_some())
    }

    /// Returns the session, if it was used: an extractor may have written.
    pub(crate) fn used(&self) -> Option<&Arc<RequestSession<T>>> {
        self.session.get().filter(|_| self.used.load(Ordering::SeqCst))
    }

    /// Returns the session, if the response depends on it: the session was used, or looked at.
    pub(crate) fn seen(&self) -> Option<&Arc<RequestSession<T>>> {
        self.session.get()
    }

    /// Returns the session. From now on the response depends on the session, which is not a use yet.
    pub(crate) fn session(&self, parts: &Parts) -> &Arc<RequestSession<T>> {
        self.session.get_or_init(|| self.new_session(parts))
    }

    /// Builds a session of this request that handlers do not see.
    pub(crate) fn new_session(&self, parts: &Parts) -> Arc<RequestSession<T>> {
        RequestSession::new(
            Arc::clone(&self.engine),
            self.engine.hooks.ask(parts, &self.engine.carrier),
        )
    }

    /// Uses the session. Returns the loaded session.
    pub(crate) fn load(
        &self,
        parts: &Parts,
    ) -> impl Future<Output = Result<Arc<RequestSession<T>>, Error>> {
        self.used.store(true, Ordering::SeqCst);
        // Not awaited in a future around it, which would be moved at the cost of a load.
        self.look(parts)
    }

    /// Looks at the session without using it. Returns the loaded session; all extractors of a
    /// request share the load.
    pub(crate) async fn look(&self, parts: &Parts) -> Result<Arc<RequestSession<T>>, Error> {
        self.engine.refuse_remote(parts)?;
        let session = Arc::clone(self.session(parts));
        session.load(|| self.engine.present(parts, self.path(parts))).await?;
        Ok(session)
    }

    /// Returns the selector of the session that the request presents, without a load.
    pub(crate) fn current(&self, parts: &Parts) -> Option<Selector> {
        if let Some(session) = self.seen()
            && session.is_loaded()
        {
            return session.core.state().live().map(|live| live.selector);
        }
        match self.engine.present(parts, self.path(parts)).presented {
            Presented::Credential(_, credential) => Some(credential.selector),
            Presented::Payload(_, envelope, _) => Some(envelope.selector),
            Presented::Id(..)
            | Presented::Nothing
            | Presented::Rejected
            | Presented::UnknownKey => None,
        }
    }
}
