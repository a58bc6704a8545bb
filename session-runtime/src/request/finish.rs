//! The end of a request: the last commit, or none. What needs no store is settled at once, without
//! a future, and so is what a store in memory does.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    RequestSession,
    asked::Requested,
    commit::{Prepared, commit, execute, prepare},
    detached::{Detached, detached, hand_over},
    plan::Occasion,
    saved::Saved,
};
use crate::{
    cell::model::{FieldSet, SessionType},
    error::Error,
    event,
};

/// The progress of a request's end.
pub(crate) enum Finish {
    /// There was nothing for the store to do, or the store is done.
    Ready(Result<Saved, Error>),
    Pending(Detached<Saved>),
}

/// Commits at the end of the request: writes from now on come too late.
///
/// `alone`: nobody else has the handle any more.
pub(crate) fn finish<T: SessionType>(
    session: &Arc<RequestSession<T>>,
    alone: bool,
    cx: &mut Context<'_>,
) -> Finish {
    let Some(guard) = session.core.lock.try_lock() else {
        // A save is on its way.
        let commit = commit(Arc::clone(session), Occasion::Response);
        return Finish::Pending(Box::pin(detached(commit)));
    };
    let prepared = prepare(session, Occasion::Response);
    // On closed cells no other commit begins.
    drop(guard);
    match prepared {
        Err(error) => Finish::Ready(Err(error)),
        Ok(Prepared::Settled(saved)) => Finish::Ready(Ok(saved)),
        Ok(Prepared::Planned(work)) => {
            if alone {
                session.fields().context().release();
            }
            let session = Arc::clone(session);
            let mut commit: Detached<Saved> =
                Box::pin(async move { execute(&session, work, Occasion::Response).await });
            // A store in memory is done at the first poll.
            match commit.as_mut().poll(cx) {
                Poll::Ready(result) => Finish::Ready(result),
                Poll::Pending => Finish::Pending(Box::pin(hand_over(commit))),
            }
        }
    }
}

/// Drops what was not saved: the response does not commit.
pub(crate) fn discard<T: SessionType>(session: &Arc<RequestSession<T>>) -> Finish {
    session.fields().context().close();
    let drop_requested = |session: &RequestSession<T>| {
        session.core.state().requested = Requested::default();
        event::discarded(session.core.engine.name());
        Ok(Saved::Unchanged)
    };
    if session.core.lock.try_lock().is_some() {
        return Finish::Ready(drop_requested(session));
    }
    // A save is on its way, and the response must carry the token that the save may bring.
    let session = Arc::clone(session);
    Finish::Pending(Box::pin(async move {
        let _guard = session.core.lock.lock().await;
        drop_requested(&session)
    }))
}
