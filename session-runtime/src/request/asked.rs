//! The handler's requests to the session beside writing fields. Independent facts, never one enum;
//! `plan` draws the conclusions.

use std::time::Duration;

use crate::{
    clock::{Timestamp, millis},
    store::{FieldName, Lifetime, PrincipalKey},
};

/// The handler's requests beside writing fields.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each was asked for apart from the others")]
pub(crate) struct Requested {
    /// A new credential; the old one is superseded at once.
    pub(crate) rotate: bool,
    /// The principal was set.
    pub(crate) elevate: bool,
    pub(crate) principal: Option<PrincipalKey>,
    /// All fields were cleared except these (stored names); unknown fields were cleared, too.
    pub(crate) cleared: Option<Box<[FieldName]>>,
    pub(crate) end: Option<End>,
    /// The use is to be recorded, whatever the throttle says.
    pub(crate) touch: bool,
    /// The session is to be stored even if it is empty.
    pub(crate) create: bool,
    /// Boxed, since few requests have one.
    pub(crate) lifetime: Option<Box<LifetimeOverride>>,
}

/// A lifetime of this session's own, in place of the policy's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LifetimeOverride {
    /// "Remember me".
    pub(crate) remember: Option<Duration>,
    /// Absolute expiry, from now.
    pub(crate) absolute: Option<Duration>,
    pub(crate) idle: Option<IdleLimit>,
}

/// A limit of the time without use.
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

impl Requested {
    pub(crate) fn any(&self) -> bool {
        self.rotate
            || self.elevate
            || self.cleared.is_some()
            || self.end.is_some()
            || self.touch
            || self.create
            || self.lifetime.is_some()
    }

    /// Returns whether absolute expiry moves.
    pub(crate) fn moves_absolute(&self) -> bool {
        self.lifetime
            .as_ref()
            .is_some_and(|asked| asked.remember.is_some() || asked.absolute.is_some())
    }

    /// Returns the lifetime that was asked for, in place of `before`.
    pub(super) fn lifetime(&self, before: Lifetime, now: Timestamp) -> Lifetime {
        let Some(asked) = &self.lifetime else { return before };
        let mut lifetime = match asked.remember {
            // "Remember me": no idle limit, and absolute expiry of its own.
            Some(length) => Lifetime {
                idle_millis: None,
                absolute_until: now.saturating_add(length),
                persistent: true,
            },
            None => before,
        };
        if let Some(length) = asked.absolute {
            lifetime.absolute_until = now.saturating_add(length);
        }
        match asked.idle {
            Some(IdleLimit::After(idle)) => lifetime.idle_millis = Some(millis(idle)),
            // A session must expire some time.
            Some(IdleLimit::None) if lifetime.absolute_until < Timestamp::MAX => {
                lifetime.idle_millis = None;
            }
            _ => {}
        }
        lifetime
    }

    /// Returns what takes effect although no field is stored: an end, or else a new credential, if
    /// the client can be told of it.
    pub(crate) fn without_fields(&self, has_head: bool) -> Self {
        let end = self.end.map(|_| End::Destroy);
        Self { end, rotate: self.rotate && end.is_none() && has_head, ..Self::default() }
    }

    /// Puts back what a failed commit had taken. What was asked for meanwhile stays, and an end
    /// cancels all that came before it.
    pub(crate) fn restore(&mut self, taken: Self) {
        if let Some(end) = self.end {
            // A log-in before the end of everything must be told that it was in vain.
            self.elevate |= taken.elevate && end == End::Destroy;
            return;
        }
        self.rotate |= taken.rotate;
        self.elevate |= taken.elevate;
        self.touch |= taken.touch;
        self.create |= taken.create;
        self.principal = self.principal.take().or(taken.principal);
        self.cleared = self.cleared.take().or(taken.cleared);
        self.end = taken.end;
        self.lifetime = match (self.lifetime.take(), taken.lifetime) {
            // `remember_for` replaces what was asked for before it.
            (Some(asked), Some(taken)) if asked.remember.is_none() => {
                let absolute = asked.absolute.or(taken.absolute);
                let idle = asked.idle.or(taken.idle);
                Some(Box::new(LifetimeOverride { remember: taken.remember, absolute, idle }))
            }
            (asked, taken) => asked.or(taken),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{End, Requested};
    use crate::store::PrincipalKey;

    #[test]
    fn a_log_out_during_a_commit_that_fails_leaves_nothing_of_the_log_in_before_it() {
        let taken = Requested {
            elevate: true,
            principal: Some(PrincipalKey::new("\"ada\"")),
            ..Requested::default()
        };
        let mut requested = Requested { end: Some(End::LogOut), ..Requested::default() };
        requested.restore(taken.clone());
        assert!(!requested.elevate && requested.principal.is_none());
        let mut requested = Requested { touch: true, ..Requested::default() };
        requested.restore(taken);
        assert!(requested.elevate && requested.touch && requested.principal.is_some());
    }
}
