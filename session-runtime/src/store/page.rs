//! Lists of a principal's sessions, page by page: their order, a place in them, and a part of them.

use std::{cmp::Ordering, sync::Arc};

use super::{Record, Selector};
use crate::clock::Timestamp;

/// The order of a list, by log-in time and, of two in the same millisecond, by selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The earliest log-in first.
    Oldest,
    /// The latest log-in first.
    Newest,
}

impl Order {
    /// Compares two places: that which comes first in this order is less.
    pub(crate) fn compare(self, one: Cursor, other: Cursor) -> Ordering {
        match self {
            Self::Oldest => one.cmp(&other),
            Self::Newest => other.cmp(&one),
        }
    }
}

/// A place in a list: after the session with this log-in time and selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Cursor {
    /// When the principal logged in.
    pub logged_in: Timestamp,
    /// The session's selector.
    pub selector: Selector,
}

impl Cursor {
    /// Makes the place of a session in the list of its principal.
    #[must_use]
    pub const fn new(logged_in: Timestamp, selector: Selector) -> Self {
        Self { logged_in, selector }
    }

    /// Returns the place of a session in the list of its principal.
    #[must_use]
    pub fn of(selector: Selector, record: &Record) -> Self {
        Self { logged_in: record.meta.began(), selector }
    }
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The sessions, in the order that was asked for. There may be fewer than the limit, even none,
    /// before the list ends.
    pub sessions: Vec<(Selector, Arc<Record>)>,
    /// Sessions of the principal whose records do not read back: nobody can use them, and whoever
    /// ends all sessions of the principal ends them, too.
    pub unreadable: Vec<Selector>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<Cursor>,
}

impl Page {
    /// Makes a part of a list.
    #[must_use]
    pub const fn new(sessions: Vec<(Selector, Arc<Record>)>, next: Option<Cursor>) -> Self {
        Self { sessions, unreadable: Vec::new(), next }
    }
}

/// The part of a list that an index has given: the log-ins in their order, before their records are
/// read. Knows where a session belongs whose principal has logged in to it between the two.
pub(crate) struct Part {
    order: Order,
    next: Option<Cursor>,
    sessions: Vec<(Cursor, Arc<Record>)>,
}

impl Part {
    /// Begins a part that goes on at `next`.
    pub(super) const fn new(order: Order, next: Option<Cursor>) -> Self {
        Self { order, next, sessions: Vec::new() }
    }

    /// Adds a session that the index has named, by its record. One that was logged in to since the
    /// index was read is listed at its new place, or by a later part; it must not be missing from
    /// all of them.
    pub(super) fn push(&mut self, selector: Selector, record: Arc<Record>) {
        let now = Cursor::of(selector, &record);
        let is_later = self.next.is_some_and(|next| self.order.compare(now, next).is_gt());
        if !is_later && self.sessions.iter().all(|(there, _)| *there != now) {
            self.sessions.push((now, record));
        }
    }

    /// Returns the sessions in their order.
    pub(super) fn into_page(mut self) -> Page {
        self.sessions.sort_by(|(a, _), (b, _)| self.order.compare(*a, *b));
        let sessions = self.sessions.into_iter().map(|(at, record)| (at.selector, record));
        Page::new(sessions.collect(), self.next)
    }
}
