//! The head of the response: the token or its expiry, the headers for caches, or the error of a
//! commit that failed.

use http::{
    HeaderMap, HeaderValue, Response,
    header::{CACHE_CONTROL, Entry},
};

use super::committed::{Committed, error_response, tells};
use crate::{
    cell::model::{FieldSet, SessionType},
    error::Error,
    event,
    request::{RequestSession, saved::Saved, state::Outgoing},
};

/// Returns true if the response must set or expire the token.
pub(super) fn says_anything<T: SessionType>(session: &RequestSession<T>) -> bool {
    !matches!(session.core.state().outgoing, Outgoing::Nothing)
}

/// Returns the response of a request that looked at the session without using it. The response says
/// that it depends on the session; nothing is committed or sent.
// Inlined, it has every request move the response once more, at the cost of 100 instructions.
#[inline(never)]
pub(super) fn finish_peeked<T: SessionType, B>(
    session: &RequestSession<T>,
    mut response: Response<B>,
) -> Response<B> {
    // A use that begins after this is too late, and is told so.
    session.fields().context().close();
    let headers = response.headers_mut();
    session.core.engine.carrier.mark_read(headers);
    mark_uncached(headers);
    response
}

/// Keeps a response that depends on the session out of shared caches that ignore `Vary`, unless the
/// handler has said what caches may do.
fn mark_uncached(headers: &mut HeaderMap) {
    if let Ok(Entry::Vacant(vacant)) = headers.try_entry(CACHE_CONTROL) {
        let _ = vacant.try_insert(HeaderValue::from_static("private"));
    }
}

/// Returns the client's response: with the headers for the token, or the error instead.
pub(super) fn finish_response<T: SessionType, B: Default + 'static>(
    session: &RequestSession<T>,
    result: Result<Saved, Error>,
    mut response: Response<B>,
) -> Response<B> {
    let engine = &session.core.engine;
    let told = tells(&result).then(|| result.clone());
    if let Err(error) = result {
        if error.is_too_large() {
            event::too_large(engine.name(), &error);
        } else if !error.is_conflict() {
            error.report(|error| event::commit_failed(engine.name(), error));
        }
        response = error_response(engine, error);
    }
    if let Some(told) = told {
        response.extensions_mut().insert(Committed::<T>::of(told));
    }
    let headers = response.headers_mut();
    engine.carrier.mark_read(headers);
    let cookie = session.core.hooks.cookie;
    let mut state = session.core.state();
    let carries_token = match std::mem::take(&mut state.outgoing) {
        Outgoing::Nothing => false,
        Outgoing::Token { max_age } => {
            let text = state.token.as_ref().and_then(|token| token.text(&engine.carrier, cookie));
            // The size was checked when the token was made; a credential is 72 characters.
            text.is_some_and(|text| engine.carrier.write(headers, text, max_age, cookie).is_ok())
        }
        Outgoing::Expire => {
            engine.carrier.expire(headers, cookie);
            true
        }
    };
    if carries_token && let Some(elsewhere) = state.elsewhere.take() {
        engine.carrier.expire_elsewhere(headers, *elsewhere);
    }
    drop(state);
    let said = engine.policy.handlers_decide_caching && headers.contains_key(CACHE_CONTROL);
    if !carries_token {
        mark_uncached(headers);
    } else if !said {
        engine.carrier.mark_private(headers);
    }
    response
}
