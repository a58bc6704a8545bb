//! The news for the client about the token: when the token is sent, for how long the
//! client keeps it, and when the client is told to forget it.

use std::time::Duration;

use super::{
    lifetime,
    state::{Core, Outgoing, State, Status},
};
use crate::{
    engine::{Engine, live::LiveSession},
    schema::{
        Transport,
        options::{OnEnd, OnStale, Resend},
    },
};

/// Returns how long the client is to keep the token; `None`: until the browser closes.
pub(crate) fn max_age(engine: &Engine, live: &LiveSession) -> Option<Duration> {
    lifetime::max_age(engine.carrier.is_persistent(), live.meta.as_ref(), || engine.now())
}

/// Queues the token that the client has, with its present lifetime, if the token is to be sent at
/// every use.
pub(crate) fn resend(core: &Core, state: &mut State) {
    if core.engine.policy.resend != Resend::Always || !matches!(state.outgoing, Outgoing::Nothing) {
        return;
    }
    let Some(live) = state.live().filter(|_| state.token.is_some()) else { return };
    // Without a load the lifetime is not known; a cookie that does not give one is forgotten with
    // the browser.
    if live.meta.is_none() && core.engine.carrier.transport() == Transport::Cookie {
        return;
    }
    let max_age = max_age(&core.engine, live);
    state.outgoing = Outgoing::Token { max_age };
}

/// Queues the expiry of a token that is no live session.
pub(crate) fn expire_if_stale(core: &Core, state: &mut State) {
    if core.engine.policy.on_stale != OnStale::Ignore
        && matches!(state.status, Status::Absent { stale: true })
        && matches!(state.outgoing, Outgoing::Nothing)
    {
        state.outgoing = Outgoing::Expire;
    }
}

/// Queues the expiry of the client's token at the end of a session, if the client has a token.
pub(crate) fn expire_if_ended(core: &Core, state: &mut State) {
    let had_token = !matches!(state.status, Status::Absent { stale: false });
    let told_before = !matches!(state.outgoing, Outgoing::Nothing);
    state.outgoing = match core.engine.policy.on_end {
        OnEnd::ExpireToken if had_token || told_before => Outgoing::Expire,
        _ => Outgoing::Nothing,
    };
}
