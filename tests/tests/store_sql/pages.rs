//! The sessions of a principal, page by page: each session once and in order, and what a page does
//! not hold.

use std::sync::Arc;

use session_runtime::store::{
    Cursor, Order, Page, PrincipalKey, Selector, SqlStore, Store, Written,
};
use session_runtime::testing::conformance::Repository as _;

use crate::support::*;

const SESSIONS: u64 = 50;

/// All pages of a list, each of them with at most `limit` sessions.
async fn pages(store: &SqlStore, who: &str, order: Order, limit: usize) -> Vec<Page> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let principal = PrincipalKey::new(who);
        let page = store.list(&shop(), &principal, order, after, limit).await.expect("a page");
        after = page.next;
        pages.push(page);
        if after.is_none() {
            return pages;
        }
    }
}

async fn fill(store: &SqlStore) -> Vec<Cursor> {
    let mut places = Vec::new();
    for number in 0..SESSIONS {
        // In an order that is neither that of the selectors nor that of the log-ins, and some in
        // one millisecond.
        let number = number * 37 % SESSIONS;
        let mut record = record();
        record.meta.set_principal(Some(PrincipalKey::new("ada")), at(100 - number / 3));
        places.push(Cursor::of(key(number).selector, &record));
        let written = store.insert(&key(number), Arc::new(record)).await.expect("an insert");
        assert_eq!(written, Written::Stored { of_principal: places.len() as u64 });
    }
    for (number, who) in [(1000, "bob"), (1001, "ad"), (1002, "adab")] {
        store.insert(&key(number), Arc::new(owned(who))).await.expect("an insert");
    }
    places.sort();
    places
}

fn the_pages_of_a_list_have_each_session_once_and_in_order(kind: Kind) {
    let url = kind.fresh("pages");
    wait(async {
        let store = connect(&url).await;
        let mut places = fill(&store).await;
        for order in [Order::Oldest, Order::Newest] {
            for limit in [1, 7, 25, 50, 51, 1000] {
                let pages = pages(&store, "ada", order, limit).await;
                let most = pages.iter().map(|page| page.sessions.len()).max();
                assert_eq!(most, Some(limit.min(places.len())));
                let listed = pages.iter().flat_map(|page| &page.sessions);
                let listed: Vec<Cursor> =
                    listed.map(|(selector, record)| Cursor::of(*selector, record)).collect();
                assert_eq!(listed, places, "{order:?}, {limit} on a page");
            }
            places.reverse();
        }
        let nobody = pages(&store, "eve", Order::Oldest, 10).await;
        assert_eq!(nobody, [Page::default()]);
    });
}

fn a_session_that_does_not_read_back_is_named_and_in_nobodys_way(kind: Kind) {
    let url = kind.fresh("unreadable");
    wait(async {
        let store = connect(&url).await;
        let places = fill(&store).await;
        let damaged: Vec<Selector> = [0, 9, 10, 49].map(|place| places[place].selector).into();
        for (number, selector) in damaged.iter().enumerate() {
            let nothing = if kind == Kind::Postgres { "'\\x00'" } else { "x'00'" };
            let change = ["fields = '[]'".to_owned(), format!("fixed_part = {nothing}")];
            let change = &change[number % 2];
            let damage = format!("UPDATE http_session SET {change} WHERE selector = '{selector}'");
            kind.sql("unreadable", &damage);
        }
        let pages = pages(&store, "ada", Order::Oldest, 10).await;
        let count: usize = pages.iter().map(|page| page.sessions.len()).sum();
        assert_eq!(count, places.len() - damaged.len());
        let unreadable: Vec<Selector> =
            pages.iter().flat_map(|page| page.unreadable.clone()).collect();
        assert_eq!(unreadable, damaged);
        // Whoever ends all sessions of the principal ends these, too.
        let (shop, ada) = (shop(), PrincipalKey::new("ada"));
        let ended = store.end_all(&shop, &ada, None);
        assert_eq!(ended.await.expect("an end"), SESSIONS);
    });
}

fn a_log_in_counts_and_no_other_write_does(kind: Kind) {
    let url = kind.fresh("counted");
    wait(async {
        let store = connect(&url).await;
        let stored = |of_principal| Written::Stored { of_principal };
        let write = async |version: u64, who: Option<(&str, u64)>| {
            let mut record = record();
            if let Some((who, since)) = who {
                record.meta.set_principal(Some(PrincipalKey::new(who)), at(since));
            }
            record.meta.revision = version + 1;
            store.replace(&key(1), version, Arc::new(record)).await.expect("an answer")
        };
        store.insert(&key(2), Arc::new(owned("ada"))).await.expect("an insert");
        let nobodys = store.insert(&key(1), Arc::new(record())).await.expect("an insert");
        assert_eq!(nobodys, stored(0));
        let again = store.insert(&key(1), Arc::new(owned("ada"))).await.expect("an answer");
        assert_eq!(again, Written::Not);
        assert_eq!(write(1, None).await, stored(0));
        assert_eq!(write(1, Some(("ada", 1))).await, Written::Not, "the version is another");
        assert_eq!(write(2, Some(("ada", 1))).await, stored(2));
        assert_eq!(write(3, Some(("ada", 1))).await, stored(0));
        assert_eq!(write(4, Some(("ada", 2))).await, stored(2), "a log-in of the same principal");
        assert_eq!(write(5, Some(("bob", 2))).await, stored(1));
        assert_eq!(write(6, Some(("bob", 2))).await, stored(0));
        assert_eq!(write(7, None).await, stored(0));
        assert_eq!(write(8, Some(("bob", 2))).await, stored(1), "after a log-out");
        let gone = store.replace(&key(3), 1, Arc::new(record())).await.expect("an answer");
        assert_eq!(gone, Written::Not);
    });
}

fn of_two_times_of_use_the_later_stays(kind: Kind) {
    let url = kind.fresh("seen");
    wait(async {
        let store = connect(&url).await;
        let seen = |version: u64, seen: u64| {
            let mut record = record();
            record.meta.last_seen = at(seen);
            record.meta.revision = version;
            Arc::new(record)
        };
        store.insert(&key(1), seen(1, 1000)).await.expect("an insert");
        store.replace(&key(1), 1, seen(2, 10)).await.expect("an answer");
        let there = store.load(&key(1)).await.expect("a load").expect("a session");
        assert_eq!((there.meta.last_seen, there.meta.revision), (at(1000), 2));
        // Nor is the session swept by the earlier time, and by the later one it is.
        assert_eq!(store.sweep(at(IDLE + 999), None, 10).await.expect("a sweep").removed, 0);
        assert_eq!(store.sweep(at(IDLE + 1000), None, 10).await.expect("a sweep").removed, 1);
        // Never beyond the absolute end.
        store.insert(&key(1), seen(1, 11 * IDLE + 1000)).await.expect("an insert");
        store.replace(&key(1), 1, seen(2, 11 * IDLE)).await.expect("an answer");
        assert_eq!(store.sweep(at(12 * IDLE - 1), None, 10).await.expect("a sweep").removed, 0);
        assert_eq!(store.sweep(at(12 * IDLE), None, 10).await.expect("a sweep").removed, 1);
    });
}

on_each! {
    the_pages_of_a_list_have_each_session_once_and_in_order
    a_session_that_does_not_read_back_is_named_and_in_nobodys_way
    a_log_in_counts_and_no_other_write_does
    of_two_times_of_use_the_later_stays
}
