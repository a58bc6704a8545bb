//! The end of a request: the last commit, or none. What needs no store is settled at once, without
//! a future, and so is what a store in memory does.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    RequestSession,
    asked::Requested,
    commit::{Prepared, commit_locked, execute, prepare},
    detached::{Detached, detached, hand_over},
    plan::Occasion,
    saved::Saved,
};
use crate::{
    cell::model::{FieldSet, SessionType},
    engine::under_way::UnderWay,
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
        let session = Arc::clone(session);
        let under_way = Arc::clone(&session.core.engine.under_way);
        let commit = async move {
            let _guard = session.core.lock.lock().await;
            let saved = commit_locked(&session.core, session.fields(), Occasion::Response).await;
            or_rotated(&session, saved).await
        };
        return Finish::Pending(Box::pin(async move { detached(&under_way, commit).await }));
    };
    let prepared = prepare(&session.core, session.fields(), Occasion::Response);
    // On closed cells no other commit begins.
    drop(guard);
    match prepared {
        Err(error) if !session.core.state().requested.rotate => Finish::Ready(Err(error)),
        Err(error) => {
            let session = Arc::clone(session);
            let under_way = Arc::clone(&session.core.engine.under_way);
            begin(&under_way, Box::pin(async move { or_rotated(&session, Err(error)).await }), cx)
        }
        Ok(Prepared::Settled(saved)) => Finish::Ready(Ok(saved)),
        Ok(Prepared::Planned(work)) => {
            if alone && !work.needs_record() {
                session.fields().context().release();
            }
            let session = Arc::clone(session);
            let under_way = Arc::clone(&session.core.engine.under_way);
            let commit = async move {
                let (core, fields) = (&session.core, session.fields());
                let saved = execute(core, fields, work, Occasion::Response).await;
                or_rotated(&session, saved).await
            };
            begin(&under_way, Box::pin(commit), cx)
        }
    }
}

/// Begins the last commit. A store in memory is done at the first poll.
fn begin(under_way: &Arc<UnderWay>, mut commit: Detached<Saved>, cx: &mut Context<'_>) -> Finish {
    match commit.as_mut().poll(cx) {
        Poll::Ready(result) => Finish::Ready(result),
        Poll::Pending => Finish::Pending(hand_over(under_way, commit)),
    }
}

/// Gives the session a new credential, if that was asked for, although its fields could not be saved.
/// Returns the outcome of the fields.
async fn or_rotated<T: SessionType>(
    session: &RequestSession<T>,
    saved: Result<Saved, Error>,
) -> Result<Saved, Error> {
    if saved.is_err() && session.core.state().requested.rotate {
        Box::pin(commit_without_fields(session, true)).await;
    }
    saved
}

/// Drops what was not saved: the response does not commit. A session that was to end does all the
/// same, and a new credential goes with the head of the response, if one will leave.
pub(crate) fn discard<T: SessionType>(
    session: &Arc<RequestSession<T>>,
    has_head: bool,
    cx: &mut Context<'_>,
) -> Finish {
    session.fields().context().close();
    event::discarded(session.core.engine.name());
    if let Some(_guard) = session.core.lock.try_lock() {
        let mut state = session.core.state();
        if !state.requested.without_fields(has_head).any() {
            state.requested = Requested::default();
            return Finish::Ready(Ok(Saved::Unchanged));
        }
    }
    let session = Arc::clone(session);
    let under_way = Arc::clone(&session.core.engine.under_way);
    begin(
        &under_way,
        Box::pin(async move {
            // The response must carry the token of a save that is on its way.
            let _guard = session.core.lock.lock().await;
            Ok(commit_without_fields(&session, has_head).await)
        }),
        cx,
    )
}

/// Commits what takes effect although no field is stored. The response is an error as it is, so an
/// event is enough for an error of the store.
async fn commit_without_fields<T: SessionType>(
    session: &RequestSession<T>,
    has_head: bool,
) -> Saved {
    let core = &session.core;
    let fields = session.loaded_fields();
    {
        let mut state = core.state();
        // Without a session there is no credential to renew, and the loaded record may be that of a
        // session which this request has ended: a new session would have its fields.
        let may_rotate = has_head && state.live().is_some();
        state.requested = state.requested.without_fields(may_rotate);
        if !state.requested.any() {
            return Saved::Unchanged;
        }
    }
    commit_locked(core, &fields, Occasion::Response).await.unwrap_or_else(|error| {
        error.report(|error| event::commit_failed(core.engine.name(), error));
        Saved::Unchanged
    })
}
