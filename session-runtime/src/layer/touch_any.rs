//! Touches a session that no handler extracted (`TouchOn::AnyRequest`): a load, a touch if one is
//! due, nothing else.

use std::sync::Arc;

use http::request::Parts;

use crate::{
    cell::model::SessionType,
    engine::{Engine, load::Presented},
    event,
    request::{
        RequestSession, commit::commit, detached::Detached, finish::Finish, plan::Occasion,
        saved::Saved, state::Status,
    },
    transport::Found,
};

/// Returns true if a request may call for a touch, because it presents one token.
pub(super) fn is_called_for(engine: &Engine, parts: &Parts) -> bool {
    matches!(engine.carrier.find(parts), Found::One(..))
}

/// Returns true if nothing has asked the store for the session: the request extracted only a list
/// of sessions.
fn is_unseen<T: SessionType>(session: &RequestSession<T>) -> bool {
    matches!(session.core.state().status, Status::Unknown)
}

/// Touches a session that nothing has extracted. Afterwards, `own` holds the answer to the client.
pub(super) fn touch_unseen<T: SessionType>(
    own: Arc<RequestSession<T>>,
    parts: Box<Parts>,
) -> Detached<Saved> {
    Box::pin(async move {
        touch(own, parts).await;
        Ok(Saved::Unchanged)
    })
}

/// Touches a session after a commit that had nothing to do, if nothing has loaded the session.
pub(super) fn touch_after<T: SessionType>(
    session: Arc<RequestSession<T>>,
    finish: Finish,
    own: Arc<RequestSession<T>>,
    parts: Box<Parts>,
) -> Detached<Saved> {
    Box::pin(async move {
        let saved = match finish {
            Finish::Ready(result) => result?,
            Finish::Pending(commit) => commit.await?,
        };
        if saved == Saved::Unchanged && is_unseen(&session) {
            touch(Arc::clone(&own), parts).await;
            let (mut own, mut state) = (own.core.state(), session.core.state());
            (state.outgoing, state.token) = (std::mem::take(&mut own.outgoing), own.token.take());
        }
        Ok(saved)
    })
}

/// Touches the session that a request presents.
async fn touch<T: SessionType>(own: Arc<RequestSession<T>>, parts: Box<Parts>) {
    let engine = &own.core.engine;
    if engine.refuse_remote(&parts).is_err() {
        return;
    }
    let found = engine.present(&parts, parts.uri.path());
    if matches!(found.presented, Presented::Nothing | Presented::Rejected | Presented::UnknownKey) {
        return;
    }
    if let Err(error) = own.load(|| found).await {
        return error.report(|error| event::touch_failed(engine.name(), error));
    }
    if own.core.state().live().is_none() {
        return;
    }
    if let Err(error) = commit(Arc::clone(&own), Occasion::TouchOnly).await {
        error.report(|error| event::touch_failed(engine.name(), error));
    }
}
