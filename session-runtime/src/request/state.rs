//! What one request knows of its session beside the fields: where it came from, what the handler
//! asked for, and what the response must carry. Independent facts, never one enum; `plan` draws
//! the conclusions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::{Timestamp, millis},
    engine::{Engine, hooks::Client, live::Live},
    error::Error,
    request::{async_lock::Turns, token_text::Held},
    store::{FieldName, Lifetime, PrincipalKey, Record, Selector},
};

/// The part of a handle that does not depend on the session type.
pub(crate) struct Core {
    pub(crate) engine: Arc<Engine>,
    /// What the deployment's functions say of the request.
    pub(crate) client: Client,
    state: Mutex<State>,
    /// Loads and commits of one request run one after the other.
    pub(crate) turns: Turns,
}

#[expect(clippy::struct_excessive_bools, reason = "each is true or not apart from the others")]
pub(crate) struct State {
    pub(crate) origin: Origin,
    pub(crate) facts: Facts,
    pub(crate) outgoing: Outgoing,
    /// The selector of a session that is still to be created, or why there is none.
    pub(crate) fresh: Option<Result<Selector, Error>>,
    /// The revisions of groups that this request has saved since the load.
    pub(crate) groups: Groups,
    /// The session is another one than the record that was loaded.
    pub(crate) rebased: bool,
    /// A commit of this request has changed the record since the load.
    pub(crate) committed: bool,
    /// What it is bound to is not what the record says that was loaded.
    pub(crate) rebound: bool,
    /// The token of the live session: what the client has, or gets with this response.
    pub(crate) token: Option<Held>,
    /// What was presented has been looked at, as far as the store.
    pub(crate) loaded: bool,
    /// Nothing but a touch: the handler did not look at the session.
    pub(crate) touch_only: bool,
}

/// Behind a pointer, since few sessions have any.
pub(crate) type Groups = Option<Box<BTreeMap<&'static str, u64>>>;

/// The session that the client is in.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Not looked at yet.
    Unknown,
    /// None. `stale`: a token was presented all the same.
    Absent { stale: bool },
    /// This one.
    Live(Live),
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
    pub(crate) cleared: Option<Box<[FieldName]>>,
    pub(crate) end: Option<End>,
    pub(crate) extend: bool,
    /// Go to the store although nothing may have changed.
    pub(crate) force: bool,
    /// Few ask for one.
    pub(crate) term: Option<Box<AskedTerm>>,
}

/// A lifetime of the session's own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AskedTerm {
    /// "Remember me".
    pub(crate) persist: Option<Duration>,
    /// An absolute end, from now.
    pub(crate) live: Option<Duration>,
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
            || self.term.is_some()
    }

    /// Whether the absolute end moves.
    pub(crate) fn move_end(&self) -> bool {
        self.term.as_ref().is_some_and(|asked| asked.persist.is_some() || asked.live.is_some())
    }

    /// The lifetime that was asked for, where it would be `before` otherwise.
    pub(crate) fn lifetime(&self, before: Lifetime, now: Timestamp) -> Lifetime {
        let Some(asked) = &self.term else { return before };
        let mut lifetime = match asked.persist {
            // "Remember me": no idle limit, and an end of its own.
            Some(length) => Lifetime {
                idle_millis: None,
                absolute_until: now.saturating_add(length),
                persistent: true,
            },
            None => before,
        };
        if let Some(length) = asked.live {
            lifetime.absolute_until = now.saturating_add(length);
        }
        match asked.idle {
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
        self.term = match (self.term.take(), taken.term) {
            // What was asked for before `persist_for` is void.
            (Some(asked), Some(taken)) if asked.persist.is_none() => {
                let (live, idle) = (asked.live.or(taken.live), asked.idle.or(taken.idle));
                Some(Box::new(AskedTerm { persist: taken.persist, live, idle }))
            }
            (asked, taken) => asked.or(taken),
        };
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
                groups: Groups::default(),
                rebased: false,
                committed: false,
                rebound: false,
                token: None,
                loaded: false,
                touch_only: false,
            }),
            turns: Turns::new(),
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
    pub(crate) fn group_revision(&self, group: &str, loaded: Option<&Record>) -> u64 {
        let loaded = loaded.filter(|_| !self.rebased);
        let saved = self.groups.as_ref().and_then(|groups| groups.get(group).copied());
        saved.unwrap_or_else(|| loaded.map_or(0, |record| record.group_revision(group)))
    }

    /// The selector of the session to be created, drawn at the first call.
    pub(crate) fn fresh_selector(&mut self, engine: &Engine, client: &Client) -> Selector {
        let fresh = self.fresh.get_or_insert_with(|| engine.new_selector(client));
        // For an error the commit will fail; until then any value serves as a public name.
        fresh.as_ref().map_or(Selector([0; 16]), |fresh| *fresh)
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
