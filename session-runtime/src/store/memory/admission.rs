//! Log-ins under a cap: one at a time for each principal. It owns the lock and the choice of the
//! sessions that are evicted; the store owns the records.

use std::sync::MutexGuard;

use super::{Shared, index::ByOwner};
use crate::{
    clock::Timestamp,
    store::{Cap, Listed, Namespace, OnMaxSessions, PrincipalKey, Selector, StoreKey},
};

/// The locks under which principals log in. Always taken before any lock of a shard.
pub(super) type PrincipalLocks = ByOwner<()>;

/// A log-in that may go on, and the sessions that are evicted for it. No other log-in under a cap
/// of this principal begins until this value is dropped.
pub(super) struct Admission<'a> {
    shared: &'a Shared,
    namespace: Namespace,
    evicted: Vec<Selector>,
    _lock: MutexGuard<'a, ()>,
}

impl<'a> Admission<'a> {
    /// Counts the sessions of a principal that are live at `now`. Returns `None` if one more is too
    /// many.
    pub(super) fn of(
        shared: &'a Shared,
        key: &StoreKey,
        principal: &PrincipalKey,
        cap: Cap,
        now: Timestamp,
    ) -> Option<Self> {
        let lock = shared.principal_locks.lock(&key.namespace, principal);
        let mut others: Vec<Listed> = shared.live(&key.namespace, principal, now);
        others.retain(|other| other.selector != key.selector);
        let most_others = cap.sessions.max(1) as usize - 1;
        let excess = others.len().saturating_sub(most_others);
        if excess > 0 && cap.on_max == OnMaxSessions::RefuseNew {
            return None;
        }
        others.sort_by_key(|other| (other.logged_in, other.selector));
        let evicted = others[..excess].iter().map(|other| other.selector).collect();
        Some(Self { shared, namespace: key.namespace.clone(), evicted, _lock: lock })
    }

    /// Evicts the sessions, after the log-in was stored. Returns those that it removed.
    pub(super) fn evict(self) -> Vec<Selector> {
        let key = |selector| StoreKey { namespace: self.namespace.clone(), selector };
        self.evicted
            .iter()
            .copied()
            .filter(|selector| self.shared.remove(&key(*selector), |_| true))
            .collect()
    }
}
