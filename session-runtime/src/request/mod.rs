//! Everything that one request has of one session, with the session type's generics: the cells, the
//! state, and the load that fills them once. What handlers see of it is `handle`; how it ends is
//! `commit`.

pub(crate) mod async_lock;
pub(crate) mod commit;
pub(crate) mod detached;
pub(crate) mod finish;
pub(crate) mod plan;
pub(crate) mod reply;
pub(crate) mod seal;
pub(crate) mod slot;
pub(crate) mod state;
pub(crate) mod token_text;

use std::sync::Arc;

use http::HeaderValue;

use crate::{
    cell::{
        Context,
        model::{FieldSet, SessionType},
    },
    engine::{Engine, Loaded, Presented, hooks::Client, live::Live},
    error::Error,
    event::{self, Reason},
    request::{
        state::{Core, Origin},
        token_text::Held,
    },
    schema::{FieldSpec, OnDecodeError},
};

/// Everything that one request has of one session: shared by its extractors, middleware and tasks.
pub(crate) struct Inner<T: SessionType> {
    fields: T::Fields,
    pub(crate) core: Core,
}

impl<T: SessionType> Inner<T> {
    pub(crate) fn new(engine: Arc<Engine>, client: Client) -> Arc<Self> {
        let context = Context::new(engine.spec, engine.sealer.clone());
        Arc::new(Self { fields: T::fields(context), core: Core::new(engine, client) })
    }

    pub(crate) const fn fields(&self) -> &T::Fields {
        &self.fields
    }

    /// Loads the session, once for all extractors of the request. `present` is asked for what the
    /// request presents, if that is still to be looked at.
    pub(crate) async fn load(
        &self,
        present: impl FnOnce() -> (Presented, Option<HeaderValue>),
    ) -> Result<(), Error> {
        if self.is_loaded() {
            return Ok(());
        }
        let _turn = self.core.turns.take().await;
        {
            let mut state = self.core.state();
            // A writer may have created it in this very request; what was presented is no session
            // then.
            state.loaded |= state.live().is_some_and(|live| live.term.is_some());
            if state.loaded {
                return Ok(());
            }
        }
        let (presented, header) = present();
        self.settle(self.core.engine.load(presented, &self.core.client).await?, header);
        Ok(())
    }

    fn settle(&self, loaded: Loaded, header: Option<HeaderValue>) {
        let engine = &self.core.engine;
        let context = self.fields().context();
        let origin = match loaded {
            Loaded::Degraded => {
                context.settle(None);
                Origin::Degraded
            }
            Loaded::Absent { stale } => {
                context.settle(None);
                Origin::Absent { stale }
            }
            Loaded::Live(live, record) => {
                let selector = live.selector;
                context.settle(Some((record, selector)));
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
                    engine.reject(Some(selector), Reason::Undecodable);
                    // The cells have the record already; a session that is rejected starts anew.
                    self.fields().each(&mut |cell| cell.clear(context));
                    Origin::Absent { stale: true }
                } else {
                    Origin::Live(live)
                }
            }
        };
        let mut state = self.core.state();
        if matches!(origin, Origin::Live(_)) {
            state.token = header.map(Held::Presented);
        }
        state.origin = origin;
        state.loaded = true;
    }

    /// For a writer: takes the credential at its word; the commit itself checks it.
    pub(crate) fn take_unchecked(&self, presented: &Presented, header: Option<HeaderValue>) {
        let mut state = self.core.state();
        if !matches!(state.origin, Origin::Unknown) {
            return;
        }
        match presented {
            Presented::Credential(credential) => {
                state.token = header.map(Held::Presented);
                let live = Live::of_credential(*credential, false, None);
                state.origin = Origin::Live(live);
            }
            Presented::Nothing | Presented::Rejected | Presented::Payload(..) => {
                self.fields().context().settle(None);
                state.origin = Origin::Absent { stale: !matches!(presented, Presented::Nothing) };
            }
        }
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.core.state().loaded
    }
}
