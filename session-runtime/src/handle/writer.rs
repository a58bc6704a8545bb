//! [`Writer`]: the handle that only writes.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{
    cell::model::SessionType,
    error::Error,
    request::{
        RequestSession,
        commit::{Saved, save},
    },
};

/// A session that is only written to. Nothing is loaded before the handler runs; the commit itself
/// loads the record and checks the credential.
///
/// A writer dereferences to the generated write-only accessors. Fields that are compared (`group`,
/// `merge = "cas"`) need a load, so they have no accessor here.
///
/// ```
/// # use session_runtime::{Session, Writer};
/// #[derive(Session)]
/// struct Visitor {
///     #[session(counter)]
///     visits: i64,
/// }
///
/// async fn pixel(visitor: Writer<Visitor>) {
///     visitor.add_visits(1);
/// }
/// ```
pub struct Writer<T: SessionType> {
    session: Arc<RequestSession<T>>,
}

impl<T: SessionType> Writer<T> {
    pub(crate) const fn of(session: Arc<RequestSession<T>>) -> Self {
        Self { session }
    }

    /// Commits all changes so far, without waiting for the response. Otherwise as
    /// [`Session::save`](crate::Session::save).
    pub async fn save(&self) -> Result<Saved, Error> {
        save(Arc::clone(&self.session)).await
    }
}

impl<T: SessionType> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self { session: Arc::clone(&self.session) }
    }
}

impl<T: SessionType> Deref for Writer<T> {
    type Target = T::Writer;

    fn deref(&self) -> &T::Writer {
        self.session.fields()
    }
}

impl<T: SessionType> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("name", &self.session.core.engine.name())
            .finish_non_exhaustive()
    }
}
