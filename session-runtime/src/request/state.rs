//! The knowledge of one request about its session beside the fields: whether there is a session, how
//! far the loaded record still counts, what the handler asked for, and what the response must carry.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{asked::Requested, async_lock::AsyncLock, token_text::TokenText};
use crate::{
    engine::{Engine, hooks::HookAnswers, live::LiveSession},
    error::Error,
    store::{Commit, Selector},
    transport::Elsewhere,
};

/// The part of a request's session that does not depend on the session type, so that plans and
/// commits are compiled once for all session types.
pub(crate) struct Core {
    pub(crate) engine: Arc<Engine>,
    /// The answers of the deployment's functions for the request.
    pub(crate) hooks: HookAnswers,
    state: Mutex<State>,
    /// Held by a load or a commit: those of one request run one after the other.
    pub(crate) lock: AsyncLock,
}

pub(crate) struct State {
    pub(crate) status: Status,
    pub(crate) requested: Requested,
    pub(crate) outgoing: Outgoing,
    /// The selector of a session that is still to be created, or why this request can save nothing.
    pub(crate) fresh: Option<Result<Selector, Error>>,
    /// A handler has taken the session, so that one may be created for it. Looking takes none.
    pub(crate) is_taken: bool,
    /// Commits apply only if the record is still as loaded.
    pub(crate) only_as_loaded: bool,
    /// The degree to which the record still counts that the cells were loaded from.
    pub(crate) loaded: LoadedRecord,
    /// The token of the live session: what the client has, or gets with this response.
    pub(crate) token: Option<TokenText>,
    /// Expires other tokens of ours that the client has, in a response that sets or expires ours.
    pub(crate) elsewhere: Option<Box<Elsewhere>>,
}

/// The session that the client is in.
#[derive(Clone, Debug)]
pub(crate) enum Status {
    /// Not looked at yet.
    Unknown,
    /// There is no session. `stale`: a token was presented all the same.
    Absent { stale: bool },
    /// The client is in this session.
    Live(LiveSession),
    /// The store failed at the load; nothing may be written.
    Degraded,
    /// The client's token is under a key that other processes may have, and this one not yet. The client
    /// counts as nobody and keeps the token; only a log-in begins another session.
    UnknownKey,
    /// This session is over without this request: it expired, was ended or evicted, or its
    /// credential was superseded. Boxed, so that this enum takes no more than a live session.
    Lost(Box<LiveSession>),
    /// This request destroyed the session. Nothing goes on.
    Destroyed,
}

/// The degree to which the record still counts that the cells were loaded from: from all of the
/// record to nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LoadedRecord {
    /// The store has not been asked for the presented token yet.
    NotLoaded,
    /// The store holds what was loaded, as far as this request knows.
    AsLoaded,
    /// A commit of this request has changed the record since. Fields that this program does not
    /// know are still as loaded, and so is what the session is bound to.
    Changed,
    /// As `Changed`, and a log-in has bound the session to the present client.
    Rebound,
    /// The session is another one than the record's, or all of its fields were cleared.
    Replaced,
}

/// The news for the client about its token.
#[derive(Default)]
pub(crate) enum Outgoing {
    #[default]
    Nothing,
    /// The client gets [`State::token`].
    Token {
        max_age: Option<Duration>,
    },
    Expire,
}

impl Core {
    pub(crate) fn new(engine: Arc<Engine>, hooks: HookAnswers) -> Self {
        Self {
            engine,
            hooks,
            state: Mutex::new(State {
                status: Status::Unknown,
                requested: Requested::default(),
                outgoing: Outgoing::Nothing,
                fresh: None,
                is_taken: false,
                only_as_loaded: false,
                loaded: LoadedRecord::NotLoaded,
                token: None,
                elsewhere: None,
            }),
            lock: AsyncLock::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state valid between any two statements, so a panic in
        // one (values are serialised in that of `plan`) leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoadedRecord {
    /// Notes that less of the record counts from now on; what no longer counts never counts again.
    pub(crate) fn reduce(&mut self, to: Self) {
        *self = (*self).max(to);
    }
}

impl State {
    /// Notes that a commit has ended in an error. If the commit may have been applied all the same,
    /// no other one may repeat its changes.
    pub(crate) fn note_unanswered(&mut self, commit: &Commit, error: &Error) {
        let changes = !commit.ops.is_empty() || commit.principal.is_some();
        if changes && commit.progress.is_sent() && !error.is_not_applied() {
            self.fresh = Some(Err(error.clone()));
        }
    }

    pub(crate) fn live(&self) -> Option<&LiveSession> {
        match &self.status {
            Status::Live(live) => Some(live),
            _ => None,
        }
    }

    /// Notes that the live session is over without this request.
    pub(crate) fn lose(&mut self) {
        if let Status::Live(live) = &self.status {
            self.status = Status::Lost(Box::new(live.clone()));
        }
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded != LoadedRecord::NotLoaded
    }

    /// Returns the selector of the session to be created, drawn at the first call.
    pub(crate) fn fresh_selector(&mut self, engine: &Engine, hooks: &HookAnswers) -> Selector {
        let fresh = self.fresh.get_or_insert_with(|| engine.new_selector(hooks));
        // For an error the commit will fail; until then any value serves as a session id.
        fresh.as_ref().map_or(Selector([0; 16]), |fresh| *fresh)
    }

    /// Returns the selector that the session has, or will have.
    pub(crate) fn selector(&mut self, core: &Core) -> Selector {
        match (&self.status, self.requested.end) {
            (Status::Live(live), None) => live.selector,
            _ => self.fresh_selector(&core.engine, &core.hooks),
        }
    }
}
