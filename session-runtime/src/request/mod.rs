//! Everything that one request has of one session, with the session type's generics: the cells, the
//! state, and the load that fills them once. What handlers see of it is `handle`; the request ends in
//! `finish`.

pub(crate) mod asked;
mod async_lock;
pub(crate) mod commit;
pub(crate) mod detached;
pub(crate) mod finish;
pub(crate) mod lifetime;
pub(crate) mod plan;
mod reply;
pub(crate) mod saved;
pub(crate) mod slot;
pub(crate) mod state;
mod token_text;

use std::sync::Arc;

use http::HeaderValue;

use self::{
    state::{Core, LoadedRecord, Status},
    token_text::TokenText,
};
use crate::{
    cell::{
        Context,
        claim::Claims,
        model::{FieldSet, SessionType},
    },
    clock::Timestamp,
    engine::{
        Engine,
        claim::DetachedClaims,
        hooks::HookAnswers,
        live::{LiveSession, Writer},
        load::{FoundToken, Loaded, Presented},
    },
    error::{Error, Kind},
    event::{self, Failure, Reason},
    observe::{RequestOutcome, Watcher, span},
    schema::{
        FieldSpec, OnDecodeError,
        options::{Create, OnStale},
    },
    store::{Record, Selector},
};

/// Everything that one request has of one session: shared by its extractors, middleware and tasks.
pub(crate) struct RequestSession<T: SessionType> {
    fields: T::Fields,
    pub(crate) core: Core,
}

impl<T: SessionType> RequestSession<T> {
    pub(crate) fn new(engine: Arc<Engine>, hooks: HookAnswers) -> Arc<Self> {
        let claims: Arc<dyn Claims> = if hooks.is_detached {
            Arc::new(DetachedClaims(Arc::clone(&engine)))
        } else {
            Arc::clone(&engine) as _
        };
        let context = Context::new(engine.spec, engine.sealer.clone(), claims);
        Arc::new(Self { fields: T::fields(context), core: Core::new(engine, hooks) })
    }

    /// Creates cells that hold what the request has loaded, or saved last.
    pub(crate) fn loaded_fields(&self) -> T::Fields {
        let engine = &self.core.engine;
        let context = Context::new(engine.spec, engine.sealer.clone(), Arc::clone(engine) as _);
        context.settle_like(self.fields().context());
        T::fields(context)
    }

    pub(crate) const fn fields(&self) -> &T::Fields {
        &self.fields
    }

    /// Loads the session, once for all extractors of the request. `present` is asked for what the
    /// request presents, if that is still to be looked at.
    pub(crate) async fn load<'e>(
        &self,
        present: impl FnOnce() -> FoundToken<'e>,
    ) -> Result<(), Error> {
        if self.is_loaded() {
            return Ok(());
        }
        // Before the lock, so that less is kept while the store is waited for.
        if !self.core.engine.is_begun() {
            Box::pin(self.core.engine.begin()).await;
        }
        let _guard = self.core.lock.lock().await;
        // Another extractor may have loaded the session meanwhile.
        if self.is_loaded() {
            return Ok(());
        }
        let engine = &*self.core.engine;
        let (FoundToken { presented, header, elsewhere }, span) = begin_load(engine, present());
        self.core.state().elsewhere = elsewhere;
        let hooks = &self.core.hooks;
        let loaded = match span {
            None => engine.load(presented, hooks).await,
            // In a box, so that the future of every other load is no larger.
            Some(span) => Box::pin(span::within(span, engine.load(presented, hooks))).await,
        };
        if let Some(watcher) = self.watcher()
            && let Err(error) = &loaded
        {
            watcher.request(RequestOutcome::Failed, Some(error.type_name()));
        }
        self.settle(loaded?, header);
        Ok(())
    }

    /// Creates the session of a record that was read without a request.
    pub(crate) fn detached(
        engine: &Arc<Engine>,
        selector: Selector,
        record: Arc<Record>,
    ) -> Arc<Self> {
        let session = Self::new(Arc::clone(engine), HookAnswers::detached());
        let live = LiveSession::of_record(selector, &record.meta);
        session.settle(Loaded::Live(live, record), None);
        session
    }

    /// Returns the observer of requests, unless there is no request.
    fn watcher(&self) -> Option<&Watcher> {
        self.core.engine.watcher.as_ref().filter(|_| !self.core.hooks.is_detached)
    }

    fn settle(&self, loaded: Loaded, header: Option<HeaderValue>) {
        let engine = &self.core.engine;
        let context = self.fields().context();
        let status = match loaded {
            Loaded::Degraded => Status::Degraded,
            Loaded::UnknownKey => Status::UnknownKey,
            Loaded::Absent { stale } => Status::Absent { stale },
            Loaded::Live(live, record) => {
                let selector = live.selector;
                context.settle(record, selector);
                let mut undecodable = None;
                let must_decode = |spec: &FieldSpec| spec.on_decode_error == OnDecodeError::Reject;
                // Few have such a field, and the cells are asked one by one.
                if engine.spec.fields.iter().any(must_decode) {
                    self.fields().each(&mut |cell| {
                        if must_decode(cell.spec())
                            && let Err(error) = cell.verify(context)
                        {
                            undecodable = Some((cell.spec(), error));
                        }
                    });
                }
                if let Some((spec, error)) = undecodable {
                    event::decode_failure(engine.name(), spec.name, &error);
                    engine.note_undecodable(spec.name);
                    engine.reject(Some(selector), Reason::Undecodable);
                    // The cells have the record already; a session that is rejected starts anew.
                    self.fields().each(&mut |cell| cell.clear(context));
                    Status::Absent { stale: true }
                } else {
                    Status::Live(live)
                }
            }
        };
        if let Some(watcher) = self.watcher() {
            match &status {
                Status::Live(live) => watcher.live(live.writer != Writer::Current),
                Status::Degraded => watcher.request(RequestOutcome::Degraded, None),
                Status::Absent { stale: false } => watcher.request(RequestOutcome::NoToken, None),
                // Told when the token was refused, with the reason.
                _ => {}
            }
        }
        let mut state = self.core.state();
        if matches!(status, Status::Live(_)) {
            state.token = header.map(TokenText::Presented);
        }
        state.status = status;
        state.loaded = LoadedRecord::AsLoaded;
    }

    /// Notes that a handler has taken the session, which matters where sessions are created empty.
    pub(crate) fn take(&self) {
        let policy = &self.core.engine.policy;
        if policy.create == Create::Eager || policy.on_stale == OnStale::NewSession {
            self.core.state().is_taken = true;
        }
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.core.state().is_loaded()
    }

    /// Returns when the session expires if it is not used after this request. Without a request,
    /// nothing is a use that was not asked for.
    pub(crate) fn expires(&self) -> Timestamp {
        let (engine, state) = (&self.core.engine, self.core.state());
        let meta = state.live().and_then(|live| live.meta.as_ref());
        let is_use = !self.core.hooks.is_detached || state.requested.touch;
        if let Some(meta) = meta.filter(|_| !is_use) {
            return meta.expires_at();
        }
        lifetime::expires_at(&engine.policy, meta, &state.requested, engine.now())
    }

    /// Asks the store whether the session is live at this moment.
    pub(crate) async fn is_live(&self) -> Result<bool, Error> {
        let live = match &self.core.state().status {
            Status::Live(live) => live.clone(),
            Status::Degraded => return Err(Error::degraded()),
            Status::UnknownKey => return Err(Error::new(Kind::UnknownKey)),
            Status::Unknown | Status::Absent { .. } | Status::Lost(_) | Status::Destroyed => {
                return Ok(false);
            }
        };
        self.core.engine.is_live(&live, &self.core.hooks).await
    }
}

/// Begins the span around a load, if there is a token to load by and somebody listens. Takes the token
/// and returns it: what a future has borrowed stays in the future.
fn begin_load<'e>(
    engine: &'e Engine,
    found: FoundToken<'e>,
) -> (FoundToken<'e>, Option<Box<tracing::Span>>) {
    let presented = &found.presented;
    let span = match presented {
        Presented::Nothing => None,
        _ => span::load(engine.name(), || presented.selector(), || engine.store_name()),
    };
    (found, span)
}
