//! The place in a request's extensions that the layer leaves for the extractors: the engine, and
//! the handle once somebody asks for it. An untouched slot means the session was not used.

use std::sync::{Arc, OnceLock};

use http::{Extensions, request::Parts};

use crate::{
    cell::model::SessionType,
    engine::{Engine, Presented},
    error::{Error, Kind},
    request::Inner,
    schema::Payload,
    store::Selector,
};

pub(crate) struct Slot<T: SessionType> {
    pub(crate) engine: Arc<Engine>,
    handle: OnceLock<Arc<Inner<T>>>,
}

impl<T: SessionType> Slot<T> {
    pub(crate) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine, handle: OnceLock::new() }
    }

    /// The slot that the layer for `T` left in this request.
    pub(crate) fn find(extensions: &Extensions) -> Result<Arc<Self>, Error> {
        extensions.get::<Arc<Self>>().cloned().ok_or_else(|| {
            let type_name = T::spec().type_name;
            Error::new(Kind::MissingLayer { type_name })
        })
    }

    /// Whether nobody has the handle but this slot, nor the slot but its holder; then it stays so.
    pub(crate) fn is_alone(this: &mut Arc<Self>) -> bool {
        let handle = Arc::get_mut(this).and_then(|slot| slot.handle.get_mut());
        handle.is_some_and(|handle| Arc::get_mut(handle).is_some())
    }

    /// The handle, if an extractor has asked for it.
    pub(crate) fn used(&self) -> Option<&Arc<Inner<T>>> {
        self.handle.get()
    }

    /// The handle; from now on the response depends on the session.
    pub(crate) fn handle(&self, parts: &Parts) -> &Arc<Inner<T>> {
        self.handle
            .get_or_init(|| Inner::new(Arc::clone(&self.engine), self.engine.client.look_at(parts)))
    }

    /// The loaded handle.
    pub(crate) async fn load(&self, parts: &Parts) -> Result<Arc<Inner<T>>, Error> {
        self.engine.admit(parts)?;
        let inner = Arc::clone(self.handle(parts));
        inner.load(|| self.engine.present(&parts.headers)).await?;
        Ok(inner)
    }

    /// The handle for writing: not loaded, unless the payload is in the token itself, or who
    /// presents the session may have to be refused.
    pub(crate) async fn write(&self, parts: &Parts) -> Result<Arc<Inner<T>>, Error> {
        if self.engine.spec.payload != Payload::Server || self.engine.client.may_reject() {
            return self.load(parts).await;
        }
        self.engine.admit(parts)?;
        let inner = Arc::clone(self.handle(parts));
        if !inner.is_loaded() {
            let (presented, header) = self.engine.present(&parts.headers);
            inner.take_unchecked(&presented, header);
        }
        Ok(inner)
    }

    /// The selector of the session that the request presents, without a load.
    pub(crate) fn current(&self, parts: &Parts) -> Option<Selector> {
        if let Some(inner) = self.used()
            && inner.is_loaded()
        {
            return inner.core.state().live().map(|live| live.selector);
        }
        match self.engine.present(&parts.headers).0 {
            Presented::Credential(credential) => Some(credential.selector),
            Presented::Payload(envelope, _) => Some(envelope.selector),
            Presented::Nothing | Presented::Rejected => None,
        }
    }
}
