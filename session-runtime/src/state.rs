//! What one request knows of its session beside the fields: where it came from, what the handler
//! asked for, and what the response must carry. Independent facts, never one enum; `plan` draws
//! the conclusions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    client::Client,
    clock::{Timestamp, millis},
    engine::{Engine, Live},
    error::Error,
    held::Held,
    store::{FieldName, Lifetime, PrincipalKey, Record, Selector},
};

/// The part of a handle that does not depend on the session type.
pub(crate) struct Core {
    pub(crate) engine: Arc<Engine>,
    /// What the deployment's functions say of the request.
    pub(crate) client: Client,
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
    /// Why that selector is none.
    pub(crate) no_selector: Option<Error>,
    /// The revisions of groups that this request has saved since the load.
    pub(crate) groups: BTreeMap<&'static str, u64>,
    /// The session is another one than the record that was loaded.
    pub(crate) rebased: bool,
    /// What it is bound to is not what the record says that was loaded.
    pub(crate) rebound: bool,
    /// The token of the live session: what the client has, or gets with this response.
    pub(crate) token: Option<Held>,
    /// Nothing but a touch: the handler did not look at the session.
    pub(crate) touch_only: bool,
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
#[expect(clippy::struct_excessive_bools, reason = "each was asked for apart from the others")]
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
    /// Go to the store although nothing may have changed.
    pub(crate) force: bool,
    pub(crate) persist: Option<Duration>,
    /// An absolute end of its own, from now.
    pub(crate) live: Option<Duration>,
    /// An idle limit of its own.
    pub(crate) idle: Option<IdleLimit>,
}

/// How long a session may be without use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdleLimit {
    None,
    After(Duration),
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
    /// It is [`State::token`].
    Token {
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
            || self.force
            || self.change_lifetime()
    }

    /// Whether a lifetime of its own was asked for.
    pub(crate) const fn change_lifetime(&self) -> bool {
        self.persist.is_some() || self.live.is_some() || self.idle.is_some()
    }

    /// Whether the absolute end moves.
    pub(crate) const fn move_end(&self) -> bool {
        self.persist.is_some() || self.live.is_some()
    }

    /// The lifetime that was asked for, where it would be `before` otherwise.
    pub(crate) fn lifetime(&self, before: Lifetime, now: Timestamp) -> Lifetime {
        let mut lifetime = match self.persist {
            // "Remember me": no idle limit, and an end of its own.
            Some(length) => Lifetime {
                idle_millis: None,
                absolute_until: now.saturating_add(length),
                persistent: true,
            },
            None => before,
        };
        if let Some(length) = self.live {
            lifetime.absolute_until = now.saturating_add(length);
        }
        match self.idle {
            Some(IdleLimit::After(idle)) => lifetime.idle_millis = Some(millis(idle)),
            // A session must end some time.
            Some(IdleLimit::None) if lifetime.absolute_until < Timestamp::MAX => {
                lifetime.idle_millis = None;
            }
            _ => {}
        }
        lifetime
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
        self.force |= taken.force;
        self.principal = self.principal.take().or(taken.principal);
        self.cleared = self.cleared.take().or(taken.cleared);
        self.end = taken.end;
        if self.persist.is_none() {
            // What was asked for before `persist_for` is void.
            self.live = self.live.or(taken.live);
            self.idle = self.idle.or(taken.idle);
        }
        self.persist = self.persist.or(taken.persist);
    }
}

impl Core {
    pub(crate) fn new(engine: Arc<Engine>, client: Client) -> Self {
        Self {
            engine,
            client,
            state: Mutex::new(State {
                origin: Origin::Unknown,
                facts: Facts::default(),
                outgoing: Outgoing::Nothing,
                fresh: None,
                no_selector: None,
                groups: BTreeMap::new(),
                rebased: false,
                rebound: false,
                token: None,
                touch_only: false,
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
    pub(crate) fn fresh_selector(&mut self, engine: &Engine, client: &Client) -> Selector {
        let Self { fresh, no_selector, .. } = self;
        *fresh.get_or_insert_with(|| {
            engine.new_selector(client).unwrap_or_else(|error| {
                // The commit will fail for it; until then any value serves as a public name.
                *no_selector = Some(error);
                Selector([0; 16])
            })
        })
    }

    /// The selector that the session has, or will have.
    pub(crate) fn selector(&mut self, core: &Core) -> Selector {
        match (&self.origin, self.facts.end) {
            (Origin::Live(live), None) => live.selector,
            _ => self.fresh_selector(&core.engine, &core.client),
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
