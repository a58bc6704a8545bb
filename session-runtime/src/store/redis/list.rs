//! The sessions of a principal, page by page. This file owns which entries of an index count as
//! sessions, and which are pruned.

use std::sync::Arc;

use super::{
    Inner,
    connection::{CommandError, Retry},
    entry::{Entry, Member},
    join_all::join_all,
    key::Owner,
    session::{self, Stored},
};
use crate::store::{
    Cursor, Namespace, Order, Page, PrincipalKey, Record, Selector, StoreError, StoreKey,
};

/// The most times that a page looks for a session among entries whose sessions are gone.
const LOOKS: u32 = 8;
/// The entries of each look after the first.
const LOOKED_AT: usize = 64;

impl Inner {
    /// Returns some of a principal's sessions. An entry whose record is gone or somebody else's is no
    /// session; once no record can take such an entry, it is pruned.
    pub(super) async fn list(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let owner = Owner::of(principal);
        let index = self.index(namespace, &owner);
        let (mut after, mut wanted) = (after, limit.max(1));
        for _ in 0..LOOKS {
            // Before the records are read: an entry that is old now is named by its record already,
            // or never.
            let now = self.clock.now();
            let (members, is_end) = index.range(order, after, wanted).await?;
            let last = members.last().filter(|_| !is_end).map(|last| last.place);
            let stored = self.read_all(namespace, &members).await?;
            let (mut found, mut stale) = (Vec::new(), Vec::new());
            for (member, stored) in members.into_iter().zip(stored) {
                let entry = stored.as_ref().and_then(|stored| stored.entry.as_ref());
                let entry = entry.filter(|entry| entry.log_in.owner == owner);
                if member.attempt.is_old(now)
                    && !entry.is_some_and(|entry| member.is_named(entry, &owner))
                {
                    stale.push(member.text());
                }
                let place = entry.and_then(|entry| {
                    listed_at(&member, entry, order, after, last, entry.attempt.is_old(now))
                });
                if let (Some(place), Some(stored)) = (place, stored) {
                    found.push((place, member.place.selector, stored.record));
                }
            }
            // If this fails, the entries are left for others to find.
            let _ = index.remove(stale).await;
            if last.is_none() || !found.is_empty() {
                return Ok(page(found, order, limit, last));
            }
            (after, wanted) = (last, limit.max(LOOKED_AT));
        }
        Ok(Page::new(Vec::new(), after))
    }

    async fn read_all(
        &self,
        namespace: &Namespace,
        members: &[Member],
    ) -> Result<Vec<Option<Stored>>, CommandError> {
        // By value: a future that borrows each member is not general enough to be sent.
        let selectors: Vec<_> = members.iter().map(|member| member.place.selector).collect();
        let reads = selectors.into_iter().map(|selector| async move {
            let key = StoreKey { namespace: namespace.clone(), selector };
            let command = session::asking(&self.keys.session(&key));
            Ok(session::read(self.connection.ask(&command, Retry::Idempotent).await?))
        });
        join_all(reads).await.into_iter().collect()
    }
}

/// Returns the place of a session in this part of a list, which goes from `after` to `last`. The
/// record, which was read after the index, names `entry`: of the log-in that the index has, or of
/// another one since then. In that case the session is listed at its new place, or by a later part;
/// it must not be missing from all parts.
fn listed_at(
    member: &Member,
    entry: &Entry,
    order: Order,
    after: Option<Cursor>,
    last: Option<Cursor>,
    is_old: bool,
) -> Option<Cursor> {
    let place = Cursor::new(entry.log_in.at, member.place.selector);
    let is_behind = |a: Cursor, b: Cursor| match order {
        Order::Oldest => a > b,
        Order::Newest => a < b,
    };
    if place == member.place {
        Some(place)
    } else if last.is_some_and(|last| is_behind(place, last)) {
        None
    } else if after.is_some_and(|after| !is_behind(place, after)) {
        // An earlier part has it, unless the log-in was too late for that.
        (!is_old).then_some(member.place)
    } else {
        Some(place)
    }
}

/// Makes a page of what was found, and of where the list goes on if all of that fits.
fn page(
    mut found: Vec<(Cursor, Selector, Option<Record>)>,
    order: Order,
    limit: usize,
    last: Option<Cursor>,
) -> Page {
    found.sort_by(|(a, ..), (b, ..)| match order {
        Order::Oldest => a.cmp(b),
        Order::Newest => b.cmp(a),
    });
    let mut page = Page::new(Vec::new(), last);
    let mut previous = None;
    for (place, selector, record) in found {
        // Several entries of one log-in are one session.
        if previous == Some(place) {
            continue;
        }
        if page.sessions.len() == limit {
            page.next = previous;
            break;
        }
        match record {
            Some(record) => page.sessions.push((selector, Arc::new(record))),
            None => page.unreadable.push(selector),
        }
        previous = Some(place);
    }
    page
}
