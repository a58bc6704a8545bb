//! The lifetime of a session: what a new session gets, what a request may change, when a use is recorded,
//! when a credential is due for renewal, and how long the client keeps the token. Pure functions of
//! the policy, of what is known of the session, and of the time.

use std::time::Duration;

use super::asked::Requested;
use crate::{
    clock::Timestamp,
    engine::{
        live::{LoadedMeta, Writer},
        policy::Policy,
    },
    store::{Lifetime, PrincipalKey},
};

/// The time for which a credential still passes after a periodic rotation, so that requests on their
/// way survive.
const GRACE: Duration = Duration::from_secs(30);
/// The longest time between two touches, and the share of the idle time that one may be late.
const TOUCH_AT_MOST: Duration = Duration::from_secs(60);
const TOUCH_SHARE: u64 = 20;
/// The time that a credential has to be old before it is re-issued for its key's sake, so that the news
/// of it has reached the client, and every process has the new key.
const REISSUE_AFTER: Duration = Duration::from_secs(10 * 60);

/// Returns the lifetime of a session that begins now.
pub(super) fn new(policy: &Policy, requested: &Requested, now: Timestamp) -> Lifetime {
    requested.lifetime(by_policy(policy, now), now)
}

/// Returns the new lifetime of a session that goes on, or `None` if its lifetime stays.
///
/// A log-in starts a new life, except on a device that remembers this very principal. Otherwise the
/// lifetime changes only on request. `principal` is that of the log-in, as the store indexes it.
pub(super) fn changed(
    policy: &Policy,
    meta: Option<&LoadedMeta>,
    requested: &Requested,
    principal: Option<&PrincipalKey>,
    now: Timestamp,
) -> Option<Lifetime> {
    if !requested.elevate && requested.lifetime.is_none() {
        return None;
    }
    let goes_on = meta.filter(|meta| {
        // Another principal did not ask to be remembered.
        !requested.elevate || (meta.lifetime.persistent && meta.principal.as_ref() == principal)
    });
    let before = goes_on.map_or_else(|| by_policy(policy, now), |meta| meta.lifetime);
    Some(requested.lifetime(before, now))
}

/// Returns when the session expires if it is not used after this request: the sooner of idle and
/// absolute expiry. `meta` is `None` for a session that does not exist yet.
pub(super) fn expires_at(
    policy: &Policy,
    meta: Option<&LoadedMeta>,
    requested: &Requested,
    now: Timestamp,
) -> Timestamp {
    let moves = |meta: &LoadedMeta| {
        requested.touch || requested.lifetime.is_some() || touch_is_due(meta, now)
    };
    if let Some(meta) = meta.filter(|meta| !moves(meta)) {
        return meta.expires_at();
    }
    let before = meta.map_or_else(|| by_policy(policy, now), |meta| meta.lifetime);
    requested.lifetime(before, now).end_after(now)
}

/// Returns whether a use at `now` is far enough from the last recorded use to be recorded too: a
/// twentieth of the idle time, at most a minute. Sessions expire at most that much early.
pub(super) fn touch_is_due(meta: &LoadedMeta, now: Timestamp) -> bool {
    meta.lifetime.idle_millis.is_some_and(|idle| {
        let throttle = Duration::from_millis(idle / TOUCH_SHARE).min(TOUCH_AT_MOST);
        now.saturating_since(meta.last_seen) >= throttle.max(Duration::from_millis(1))
    })
}

/// Returns whether the credential is as old as the policy lets credentials become.
pub(super) fn rotation_is_due(policy: &Policy, meta: &LoadedMeta, now: Timestamp) -> bool {
    policy.rotate_every.is_some_and(|every| now.saturating_since(meta.rotated) >= every)
}

/// Returns whether the token is to be re-issued because another key writes now.
pub(super) fn reissue_is_due(writer: Writer, meta: &LoadedMeta, now: Timestamp) -> bool {
    match writer {
        Writer::Current | Writer::Passed => false,
        Writer::Next => now.saturating_since(meta.rotated) >= REISSUE_AFTER,
        Writer::Due => true,
    }
}

/// Returns until when a credential still passes that a periodic rotation replaces now.
pub(super) fn grace_until(now: Timestamp) -> Timestamp {
    now.saturating_add(GRACE)
}

/// Returns how long the client keeps the token; `None`: until the browser closes.
/// `persistent`: every cookie of the session type has a `Max-Age`.
pub(super) fn max_age(
    persistent: bool,
    meta: Option<&LoadedMeta>,
    now: impl FnOnce() -> Timestamp,
) -> Option<Duration> {
    let meta = meta.filter(|meta| persistent || meta.lifetime.persistent)?;
    Some(meta.expires_at().saturating_since(now()))
}

fn by_policy(policy: &Policy, now: Timestamp) -> Lifetime {
    Lifetime {
        idle_millis: policy.idle.map(crate::clock::millis),
        absolute_until: policy
            .absolute
            .map_or(Timestamp::MAX, |absolute| now.saturating_add(absolute)),
        persistent: false,
    }
}
