//! What the response says about the token: when it is sent, for how long the client keeps it, and
//! when the client is told to forget it.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    engine::{Engine, live::Live},
    request::state::{Core, Origin, Outgoing, State},
    schema::{OnEnd, OnStale, Resend, Transport},
};

/// How long the client is to keep the token; none: until the browser closes.
pub(crate) fn max_age(engine: &Engine, live: &Live) -> Option<Duration> {
    let term = live.term.as_ref()?;
    (engine.spec.cookie.persistent || term.lifetime.persistent)
        .then(|| term.expires_at().saturating_since(engine.now()))
}

/// Queues the token that the client has, with its present lifetime, if it is to be sent at every
/// use.
pub(crate) fn resend(core: &Core, state: &mut State) {
    if core.engine.policy.resend != Resend::Always || !matches!(state.outgoing, Outgoing::Nothing) {
        return;
    }
    let Some(live) = state.live().filter(|_| state.token.is_some()) else { return };
    // Without a load it is not known for how long; a cookie that does not say so is forgotten with
    // the browser.
    if live.term.is_none() && core.engine.spec.transport == Transport::Cookie {
        return;
    }
    let max_age = max_age(&core.engine, live);
    state.outgoing = Outgoing::Token { max_age };
}

/// Queues the end of a token that is no live session.
pub(crate) fn tell_stale(core: &Core, state: &mut State) {
    if core.engine.policy.on_stale != OnStale::Ignore
        && matches!(state.origin, Origin::Absent { stale: true })
        && matches!(state.outgoing, Outgoing::Nothing)
    {
        state.outgoing = Outgoing::Expire;
    }
}

/// Queues the end of the client's token, if it has one.
pub(crate) fn tell_end(core: &Core, state: &mut State) {
    let had_token = !matches!(state.origin, Origin::Absent { stale: false });
    let told_before = !matches!(state.outgoing, Outgoing::Nothing);
    state.outgoing = match core.engine.policy.on_end {
        OnEnd::ExpireToken if had_token || told_before => Outgoing::Expire,
        _ => Outgoing::Nothing,
    };
}

/// The end of the session by the clock, were it used now and then no more.
pub(crate) fn expires_at(engine: &Engine, state: &State, now: Timestamp) -> Timestamp {
    let facts = &state.facts;
    let term = state.live().and_then(|live| live.term.as_ref());
    let moves = |term| facts.extend || facts.term.is_some() || Engine::touch_due(term, now);
    if let Some(term) = term.filter(|term| !moves(term)) {
        return term.expires_at();
    }
    let before = term.map_or_else(|| engine.lifetime(now), |term| term.lifetime);
    let lifetime = facts.lifetime(before, now);
    lifetime.idle_millis.map_or(lifetime.absolute_until, |idle| {
        lifetime.absolute_until.min(now.saturating_add(Duration::from_millis(idle)))
    })
}
