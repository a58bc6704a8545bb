//! [`Detached`]: a handle on a session outside of its client's request. The same session of a request
//! below, but without a request: nothing there is a use, and nothing reaches the client.

use std::{fmt, ops::Deref, sync::Arc};

use super::{Session, session_page::SessionInfo};
use crate::{
    cell::model::{FieldSet as _, SessionType},
    error::{Error, Kind},
    event,
    request::{RequestSession, saved::Saved},
    store::session_id::SessionId,
};

/// A session outside of its client's request: for background jobs, for sockets, and for
/// administrators. [`Sessions::open`](crate::Sessions::open) returns one.
///
/// A detached session dereferences to the same accessors as [`Session<T>`](struct@crate::Session),
/// and is saved explicitly: what was written and not saved is dropped with it, of which an event
/// tells. Changes merge with those of the client's requests, as two requests' changes do. The
/// client's next request sees them.
///
/// **It does not count as use:** the session expires as if nobody had looked, unless
/// [`touch`](Self::touch) is called. There is no log-in, and no token, since there is no client. A
/// new credential of the client's is no end; a log-in of somebody else is.
///
/// ```
/// # use session_runtime::{Error, Session, SessionId, Sessions};
/// # #[derive(Session)]
/// # struct Shop { #[session(flash)] notice: Option<String>, orders: Vec<u32> }
/// async fn shipped(sessions: Sessions<Shop>, id: SessionId, order: u32) -> Result<(), Error> {
///     if let Some(session) = sessions.open(&id).await? {
///         if session.orders().contains(&order) {
///             session.set_notice(format!("Order {order} is on its way."));
///             session.save().await?;
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct Detached<T: SessionType> {
    session: Session<T>,
}

impl<T: SessionType> Detached<T> {
    /// Makes the handle of a session that was loaded without a request, or returns `None` if that
    /// found no live session.
    pub(super) fn of(session: Arc<RequestSession<T>>) -> Option<Self> {
        let is_live = session.core.state().live().is_some();
        is_live.then(|| Self { session: Session::of(session) })
    }

    /// Returns the session id.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.session.session_id()
    }

    /// Returns the facts about the session, as they were when it was opened or saved last.
    #[must_use]
    pub fn info(&self) -> SessionInfo<T> {
        self.session.info()
    }

    /// Saves all changes so far. Returns [`Updated`](Saved::Updated), or
    /// [`Unchanged`](Saved::Unchanged) if there were none.
    ///
    /// # Errors
    ///
    /// As [`Session::save`]. Returns an error if the session is [over](Error::is_gone), or if
    /// somebody else is logged in to it by now; nothing was changed then.
    pub async fn save(&self) -> Result<Saved, Error> {
        match self.session.save().await? {
            Saved::Lost | Saved::Ended => Err(Error::new(Kind::Gone)),
            Saved::Unchanged if self.session.session.core.state().live().is_none() => {
                Err(Error::new(Kind::Gone))
            }
            saved => Ok(saved),
        }
    }

    /// Reads, changes and saves, as [`Session::transact`] does: `change` runs on a fresh load, and
    /// again if somebody else has changed the session meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Session::transact`].
    pub async fn transact<R>(&self, change: impl FnMut(&T::Fields) -> R) -> Result<R, Error> {
        self.session.transact(change).await
    }

    /// Reads, changes and saves, unless `change` returns an error, as [`Session::try_transact`] does.
    ///
    /// # Errors
    ///
    /// As [`Session::try_transact`].
    pub async fn try_transact<R, E: From<Error>>(
        &self,
        change: impl FnMut(&T::Fields) -> Result<R, E>,
    ) -> Result<R, E> {
        self.session.try_transact(change).await
    }

    /// Asks the store whether the session is live at this moment: neither expired nor ended, and
    /// nobody else's. Bypasses caches.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable).
    pub async fn is_live(&self) -> Result<bool, Error> {
        self.session.is_live().await
    }

    /// Makes the next [`save`](Self::save) count as a use, which restarts the idle time.
    pub fn touch(&self) {
        self.session.touch();
    }

    /// Changes and saves at once what was just opened. If somebody else has changed the session
    /// meanwhile, `change` runs again on a fresh load.
    pub(super) async fn change<R>(&self, change: impl FnMut(&T::Fields) -> R) -> Result<R, Error> {
        self.session.transact_as_loaded(change).await
    }
}

impl<T: SessionType> Deref for Detached<T> {
    type Target = T::Fields;

    fn deref(&self) -> &T::Fields {
        &self.session
    }
}

impl<T: SessionType> Drop for Detached<T> {
    fn drop(&mut self) {
        let core = &self.session.session.core;
        let asked = core.state().requested.any();
        if self.session.session.fields().context().take_written() || asked {
            event::dropped_unsaved(core.engine.name(), self.session_id().0);
        }
    }
}

impl<T: SessionType> fmt::Debug for Detached<T> {
    /// Prints the session's name and session id, and no field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.session_id();
        f.debug_struct("Detached")
            .field("name", &self.session.session.core.engine.name())
            .field("id", &id)
            .finish_non_exhaustive()
    }
}
