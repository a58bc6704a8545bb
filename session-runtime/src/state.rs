//! What one request knows of its session beside the fields: where it came from, what the handler
//! asked for, and what the response must carry. Independent facts, never one enum; `plan` draws
//! the conclusions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    engine::{Engine, Live},
    store::{FieldName, PrincipalKey, Record, Selector},
};

/// The part of a handle that does not depend on the session type.
pub(crate) struct Core {
    pub(crate) engine: Arc<Engine>,
    state: Mutex<State>,
    /// Commits of one request run one after the other.
    pub(crate) commits: tokio::sync::Mutex<()>,
}

pub(crate) struct State {
    pub(crate) origin: Origin,
    pub(crate) facts: Facts,
    pub(crate) outgoing: Outgoing,
    /// The selector of a session that is still to be created.
    pub(crate) fresh: Option<Selector>,
    /// The operating system gave no random bytes when the selector was asked for.
    pub(crate) random_failed: bool,
    /// The revisions of groups that this request has saved since the load.
    pub(crate) groups: BTreeMap<&'static str, u64>,
    /// The session is another one than the record that was loaded.
    pub(crate) rebased: bool,
    /// The token as presented, kept only if it may have to be sent again.
    pub(crate) presented: Option<String>,
}

/// The session that the client is in.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Not looked at yet.
    Unknown,
    /// None. `stale`: a token was presented all the same.
    Absent { stale: bool },
    /// This one.
    Live(Box<Live>),
    /// The store failed at the load; nothing may be written.
    Degraded,
    /// It ended in this request, by this request or by another.
    Over,
}

/// What the handler asked for, beside writing fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// A new credential, the old one dead at once.
    pub(crate) rotate: bool,
    /// The principal was set.
    pub(crate) elevate: bool,
    pub(crate) principal: Option<PrincipalKey>,
    /// All fields went but these (stored names), unknown ones too.
    pub(crate) cleared: Option<Vec<FieldName>>,
    pub(crate) end: Option<End>,
    pub(crate) extend: bool,
    pub(crate) persist: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// `log_out`: what is kept, and what is written from now on, goes into a fresh session.
    LogOut,
    /// `destroy`: nothing goes on.
    Destroy,
}

/// What the response tells the client about its token.
#[derive(Default)]
pub(crate) enum Outgoing {
    #[default]
    Nothing,
    Token {
        text: String,
        max_age: Option<Duration>,
    },
    Expire,
}

impl Facts {
    pub(crate) fn any(&self) -> bool {
        self.rotate
            || self.elevate
            || self.cleared.is_some()
            || self.end.is_some()
            || self.extend
            || self.persist.is_some()
    }

    /// Puts back what a failed commit had taken; what was asked for meanwhile stays, and an end
    /// makes all that came before it void.
    pub(crate) fn restore(&mut self, taken: Self) {
        if self.end.is_some() {
            return;
        }
        self.rotate |= taken.rotate;
        self.elevate |= taken.elevate;
        self.extend |= taken.extend;
        self.principal = self.principal.take().or(taken.principal);
        self.cleared = self.cleared.take().or(taken.cleared);
        self.end = taken.end;
        self.persist = self.persist.or(taken.persist);
    }
}

impl Core {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            state: Mutex::new(State {
                origin: Origin::Unknown,
                facts: Facts::default(),
                outgoing: Outgoing::Nothing,
                fresh: None,
                random_failed: false,
                groups: BTreeMap::new(),
                rebased: false,
                presented: None,
            }),
            commits: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state valid between any two statements, so a panic in
        // one (values are serialised in that of `plan`) leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.origin {
            Origin::Live(live) => Some(live),
            _ => None,
        }
    }

    /// The revision of a group as far as this request knows: saved since the load, or loaded.
    pub(crate) fn group_revision(&self, group: &str, loaded: Option<&Arc<Record>>) -> u64 {
        let loaded = loaded.filter(|_| !self.rebased);
        self.groups
            .get(group)
            .copied()
            .unwrap_or_else(|| loaded.map_or(0, |record| record.group_revision(group)))
    }

    /// The selector of the session to be created, drawn at the first call.
    pub(crate) fn fresh_selector(&mut self, engine: &Engine) -> Selector {
        let Self { fresh, random_failed, .. } = self;
        *fresh.get_or_insert_with(|| {
            Selector(engine.random.bytes().unwrap_or_else(|_| {
                // The commit will fail for it; until then any value serves as a public name.
                *random_failed = true;
                [0; 16]
            }))
        })
    }

    /// The selector that the session has, or will have.
    pub(crate) fn selector(&mut self, engine: &Engine) -> Selector {
        match (&self.origin, self.facts.end) {
            (Origin::Live(live), None) => live.selector,
            _ => self.fresh_selector(engine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{End, Facts};
    use crate::store::PrincipalKey;

    #[test]
    fn a_log_out_during_a_commit_that_fails_leaves_nothing_of_the_log_in_before_it() {
        let taken = Facts {
            elevate: true,
            principal: Some(PrincipalKey::new("\"ada\"")),
            ..Facts::default()
        };
        let mut facts = Facts { end: Some(End::LogOut), ..Facts::default() };
        facts.restore(taken.clone());
        assert!(!facts.elevate && facts.principal.is_none());
        let mut facts = Facts { extend: true, ..Facts::default() };
        facts.restore(taken);
        assert!(facts.elevate && facts.extend && facts.principal.is_some());
    }
}
