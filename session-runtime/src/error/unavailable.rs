//! The errors of a store that does not do what it should: their messages, and how each is reported
//! and answered. It does not know how the store came to fail.

use std::fmt;

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{Entry, RETRY_AFTER},
};

use super::{Error, Kind};
use crate::event;

impl Error {
    /// Returns true if the store did not answer.
    pub(crate) fn is_unreachable(&self) -> bool {
        match &*self.0 {
            Kind::Store { source, .. } => source.is_unreachable(),
            Kind::Deadline { .. } => true,
            _ => false,
        }
    }

    /// Returns true if what the store was asked for surely did not take place.
    pub(crate) fn is_not_applied(&self) -> bool {
        matches!(&*self.0, Kind::Store { source, .. } if source.is_not_applied())
    }

    /// Reports the error by `event`, or in one line at debug level if another event tells of the
    /// cause: that the store is down, or that the session's load has failed.
    pub(crate) fn report(&self, event: impl FnOnce(&Self)) {
        match *self.0 {
            Kind::WhileDown(_)
            | Kind::Down { .. }
            | Kind::Crowded { is_told: true, .. }
            | Kind::Degraded => event::while_down(self),
            _ => event(self),
        }
    }

    /// Asks the client of a 503 to come again in a second, or in ten if it takes another process or a
    /// new key, unless the response names a time.
    pub(crate) fn ask_to_retry(&self, status: StatusCode, headers: &mut HeaderMap) {
        let seconds = match *self.0 {
            Kind::UnknownKey => "10",
            _ if self.is_unavailable() => "1",
            _ => return,
        };
        if status == StatusCode::SERVICE_UNAVAILABLE
            // An error means that there is no room for another header.
            && let Ok(Entry::Vacant(vacant)) = headers.try_entry(RETRY_AFTER)
        {
            let _ = vacant.try_insert(HeaderValue::from_static(seconds));
        }
    }

    /// Writes the message of an error of the store.
    pub(super) fn fmt_of_store(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Store { operation, source } => write!(f, "session store: {operation}: {source}"),
            Kind::Deadline { operation, after } => {
                write!(f, "session store: {operation} took longer than {after:?}")
            }
            Kind::WhileDown(error) => fmt::Display::fmt(error, f),
            Kind::Down { operation, down_for, cause } => write!(
                f,
                "session store: {operation} was not tried, since the store has not answered for \
                 {down_for:.1?}; last: {cause}",
            ),
            Kind::Crowded { operation, limit, .. } => write!(
                f,
                "session store: {operation} was not tried, since {limit} operations wait for the \
                 store already (`max_waiting`)",
            ),
            _ => f.write_str("the session store failed at the load; nothing can be saved"),
        }
    }
}
