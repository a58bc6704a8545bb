//! The end of a request: the last commit, or none. What needs no store is settled at once, without
//! a future; what a store in memory does is done at once, too.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    cell::model::{FieldSet, SessionType},
    error::Error,
    event,
    request::{
        Inner,
        commit::{Prepared, Saved, commit, execute, prepare},
        detached::{Detached, detached, hand_over},
        state::Facts,
    },
};

/// What the end of a request comes to.
pub(crate) enum Closing {
    /// It is done: there was nothing for the store to do.
    Now(Result<Saved, Error>),
    Later(Detached<Saved>),
}

/// Commits at the end of the request: writes from now on come too late.
///
/// `alone`: nobody else has the handle any more.
pub(crate) fn close<T: SessionType>(
    inner: &Arc<Inner<T>>,
    alone: bool,
    cx: &mut Context<'_>,
) -> Closing {
    let Some(turn) = inner.core.turns.try_take() else {
        // A save is on its way.
        return Closing::Later(Box::pin(detached(commit(Arc::clone(inner), true))));
    };
    let prepared = prepare(inner, true);
    // On closed cells no other commit begins.
    drop(turn);
    match prepared {
        Err(error) => Closing::Now(Err(error)),
        Ok(Prepared::Settled(saved)) => Closing::Now(Ok(saved)),
        Ok(Prepared::Planned(plan)) => {
            if alone {
                inner.fields().context().release();
            }
            let inner = Arc::clone(inner);
            let mut commit: Detached<Saved> =
                Box::pin(async move { execute(&inner, plan, true).await });
            // A store in memory is done at the first poll.
            match commit.as_mut().poll(cx) {
                Poll::Ready(result) => Closing::Now(result),
                Poll::Pending => Closing::Later(Box::pin(hand_over(commit))),
            }
        }
    }
}

/// Drops what was not saved: the response does not commit.
pub(crate) fn discard<T: SessionType>(inner: &Arc<Inner<T>>) -> Closing {
    inner.fields().context().close();
    let drop_facts = |inner: &Inner<T>| {
        inner.core.state().facts = Facts::default();
        event::discarded(inner.core.engine.name());
        Ok(Saved::Unchanged)
    };
    if inner.core.turns.try_take().is_some() {
        return Closing::Now(drop_facts(inner));
    }
    // A save is on its way, and the response must carry the token that it may bring.
    let inner = Arc::clone(inner);
    Closing::Later(Box::pin(async move {
        let _turn = inner.core.turns.take().await;
        drop_facts(&inner)
    }))
}
