//! The verbs of a store, as the tests call them: an error fails the test, and a list is read page by
//! page. It owns what holds of every page.

use std::sync::Arc;

use crate::{
    clock::Timestamp,
    store::{Cursor, Order, Page, PrincipalKey, Record, Selector, StoreKey, Written},
    testing::conformance::{
        fixture::{Fixture, answer, broken, equal, holds},
        make::{IDLE, later},
    },
};

/// A limit above the number of sessions that a test gives to a principal.
pub(super) const MANY: usize = 1000;

/// The sessions of a list, in its order.
pub(super) type Listed = Vec<(Selector, Arc<Record>)>;

impl Fixture {
    /// Inserts a record, and returns the answer.
    pub(super) async fn try_insert(&self, key: &StoreKey, record: &Record) -> Written {
        answer("insert", self.store.insert(key, Arc::new(record.clone()))).await
    }

    pub(super) async fn replace(&self, key: &StoreKey, version: u64, record: &Record) -> Written {
        answer("replace", self.store.replace(key, version, Arc::new(record.clone()))).await
    }

    /// Replaces a record by the next version of it, which must succeed. Returns that version, and the
    /// number of sessions that the store has counted.
    pub(super) async fn change(
        &self,
        key: &StoreKey,
        record: &Record,
        change: impl FnOnce(&mut Record),
    ) -> (Record, u64) {
        let mut next = record.clone();
        next.meta.revision += 1;
        change(&mut next);
        match self.replace(key, record.meta.revision, &next).await {
            Written::Stored { of_principal } => (next, of_principal),
            other => broken(
                "`replace` by the present version takes place",
                &format!("it answered {other:?}"),
            ),
        }
    }

    pub(super) async fn touch(
        &self,
        key: &StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> bool {
        answer("touch", self.store.touch(key, last_seen, clean_after)).await
    }

    /// Touches a session of the usual lifetime, `millis` after the start.
    pub(super) async fn used(&self, key: &StoreKey, millis: u64) -> bool {
        let now = self.at(millis);
        self.touch(key, now, later(now, IDLE)).await
    }

    pub(super) async fn remove_version(&self, key: &StoreKey, version: u64) -> bool {
        answer("remove", self.store.remove(key, Some(version))).await
    }

    pub(super) async fn count(&self, who: &PrincipalKey) -> u64 {
        answer("count", self.store.count(&self.namespace, who)).await
    }

    /// Returns one page of a list.
    pub(super) async fn page(
        &self,
        who: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Page {
        let page = self.store.list(&self.namespace, who, order, after, limit);
        let page = answer("list", page).await;
        let found = page.sessions.len() + page.unreadable.len();
        holds("a page has no more sessions than its limit", found <= limit, || {
            format!("{found} sessions, the limit was {limit}")
        });
        equal("every record of the suite reads back", &Vec::new(), &page.unreadable);
        for (selector, record) in &page.sessions {
            let is_theirs = record.meta.principal.as_ref() == Some(who);
            holds("a page has sessions of its principal only", is_theirs, || {
                let owner = record.meta.principal.as_ref().map(PrincipalKey::as_str);
                format!("{selector:?} is of {owner:?}, and listed for {:?}", who.as_str())
            });
        }
        page
    }

    /// Returns what a list has after `after`, page by page.
    pub(super) async fn rest(
        &self,
        who: &PrincipalKey,
        order: Order,
        mut after: Option<Cursor>,
        limit: usize,
    ) -> Listed {
        let mut listed = Vec::new();
        for _ in 0..100 * MANY {
            let page = self.page(who, order, after, limit).await;
            listed.extend(page.sessions);
            let goes_on = match (after, page.next) {
                (_, None) => return listed,
                (None, Some(_)) => true,
                (Some(after), Some(next)) if order == Order::Newest => next < after,
                (Some(after), Some(next)) => next > after,
            };
            holds("`next` goes on in the order of the list", goes_on, || {
                format!("{:?} comes after {after:?} in {order:?}", page.next)
            });
            after = page.next;
        }
        broken("a list ends", &format!("{} pages were not all", 100 * MANY))
    }

    /// Returns a whole list, page by page.
    pub(super) async fn walk(&self, who: &PrincipalKey, order: Order, limit: usize) -> Listed {
        self.rest(who, order, None, limit).await
    }

    /// Returns the selectors of a principal's sessions, sorted.
    pub(super) async fn sessions(&self, who: &PrincipalKey) -> Vec<Selector> {
        let mut selectors = selectors(&self.walk(who, Order::Newest, MANY).await);
        selectors.sort();
        selectors
    }
}

pub(super) fn selectors(listed: &Listed) -> Vec<Selector> {
    listed.iter().map(|(selector, _)| *selector).collect()
}

/// Returns whether a write has taken place.
pub(super) const fn is_stored(written: Written) -> bool {
    matches!(written, Written::Stored { .. })
}
