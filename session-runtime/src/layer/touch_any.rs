//! Keeps a session alive that the handler did not look at (`TouchOn::AnyRequest`): a load, a touch
//! if one is due, nothing else.

use std::sync::Arc;

use http::request::Parts;

use crate::{
    cell::model::SessionType,
    engine::{Engine, Presented},
    event,
    request::{Inner, commit::commit, state::Origin},
    transport::Found,
};

/// Whether a request may call for a touch: it presents one token.
pub(crate) fn is_called_for(engine: &Engine, parts: &Parts) -> bool {
    matches!(engine.carrier.find(&parts.headers), Found::One(..))
}

/// Whether nothing has looked at the session in the store: a directory was extracted, or a writer
/// that wrote nothing.
pub(crate) fn is_unseen<T: SessionType>(inner: &Inner<T>) -> bool {
    match &inner.core.state().origin {
        Origin::Unknown => true,
        Origin::Live(live) => live.term.is_none(),
        Origin::Absent { .. } | Origin::Degraded | Origin::Over => false,
    }
}

/// Touches the session that a request presents, on a handle of its own. What the client must be
/// told is in that handle afterwards.
pub(crate) async fn touch<T: SessionType>(inner: Arc<Inner<T>>, parts: Box<Parts>) {
    let engine = &inner.core.engine;
    if engine.admit(&parts).is_err() {
        return;
    }
    let (presented, header) = engine.present(&parts.headers);
    if matches!(presented, Presented::Nothing | Presented::Rejected) {
        return;
    }
    if let Err(error) = inner.load(|| (presented, header)).await {
        return event::touch_failed(engine.name(), &error);
    }
    {
        let mut state = inner.core.state();
        if state.live().is_none() {
            return;
        }
        state.touch_only = true;
    }
    if let Err(error) = commit(Arc::clone(&inner), true).await {
        event::touch_failed(engine.name(), &error);
    }
}
