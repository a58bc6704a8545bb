//! A principal's sessions page by page, straight from the store: their order, and what an index says
//! that the sessions do not.

use std::sync::Arc;

use session_runtime::store::{
    Cursor, Namespace, Order, PrincipalKey, RedisStore, Selector, Store, Written,
};
use tests::backend::redis::Redis;

use crate::support::{cluster, connect, entries, entry, entry_of, index_of, key, owned, record};

/// All sessions, page by page, and the number of pages.
async fn all(
    store: &impl Store,
    namespace: &str,
    order: Order,
    limit: usize,
) -> (Vec<Selector>, usize) {
    let (namespace, ada) = (Namespace::new(namespace), PrincipalKey::new("ada"));
    let (mut sessions, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.list(&namespace, &ada, order, after, limit).await.expect("a page");
        assert!(page.sessions.len() <= limit);
        assert!(page.unreadable.is_empty());
        sessions.extend(page.sessions.into_iter().map(|(selector, _)| selector));
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (sessions, pages);
        }
    }
}

/// Logs ada in to sessions in a mixed order, three in each millisecond. Returns the sessions in the
/// order of a list, the oldest first.
async fn log_in_to_many(store: &impl Store, namespace: &str, many: u64) -> Vec<Selector> {
    let mut places = Vec::new();
    for number in (0..many).map(|number| (number * 7) % many) {
        let key = key(namespace, number);
        let record = Arc::new(owned(number / 3, "ada"));
        places.push(Cursor::of(key.selector, &record));
        let written = store.insert(&key, record).await.expect("an insert");
        assert_eq!(written, Written::Stored { of_principal: places.len() as u64 });
    }
    places.sort();
    places.into_iter().map(|place| place.selector).collect()
}

async fn a_list_is_in_order_over_several_pages(store: &impl Store, namespace: &str) {
    let oldest = log_in_to_many(store, namespace, 100).await;
    let newest: Vec<_> = oldest.iter().rev().copied().collect();
    for limit in [1, 7, 64, 100, 1000] {
        assert_eq!(all(store, namespace, Order::Oldest, limit).await.0, oldest, "{limit}");
        assert_eq!(all(store, namespace, Order::Newest, limit).await.0, newest, "{limit}");
    }
}

#[tokio::test]
async fn a_list_is_in_order_on_one_server() {
    let store = connect(&Redis::shared().url()).await;
    a_list_is_in_order_over_several_pages(&store, "pages").await;
}

#[tokio::test]
async fn a_list_is_in_order_on_a_cluster() {
    let held = cluster().await;
    a_list_is_in_order_over_several_pages(held.store(), "pages").await;
}

#[tokio::test]
async fn entries_whose_sessions_are_gone_are_passed_over_many_at_a_time() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let sessions = log_in_to_many(&store, "shop", 3).await;
    let index = index_of(&server);
    for number in 100..400 {
        let _ = server.ask(&["ZADD", &index, "0", &entry(&key("shop", number), 0, 3600)]);
    }
    let (found, pages) = all(&store, "shop", Order::Oldest, 1).await;
    assert_eq!(found, sessions);
    assert!(pages <= 5, "{pages} pages for three sessions");
    assert_eq!(entries(&server).len(), 3, "the others are pruned");
}

#[tokio::test]
async fn a_session_is_listed_once_however_often_its_log_in_was_entered() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let sessions = log_in_to_many(&store, "shop", 6).await;
    let index = index_of(&server);
    for number in 0..6 {
        for age in [0, 10, 3600] {
            let again = entry(&key("shop", number), number / 3, age);
            let _ = server.ask(&["ZADD", &index, "0", &again]);
        }
    }
    for limit in [1, 2, 3, 10] {
        assert_eq!(all(&store, "shop", Order::Oldest, limit).await.0, sessions, "{limit}");
        let (mut newest, _) = all(&store, "shop", Order::Newest, limit).await;
        newest.reverse();
        assert_eq!(newest, sessions, "{limit}");
    }
    let left = entries(&server);
    let mut named = (0..6).map(|number| entry_of(&server, &key("shop", number)));
    assert!(named.all(|entry| left.contains(&entry)), "what a record names stays");
}

#[tokio::test]
async fn a_session_that_logs_in_again_behind_a_list_is_not_missing_from_it() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let sessions = log_in_to_many(&store, "shop", 9).await;
    let index = index_of(&server);
    for (number, time, order) in
        [(1, 100, Order::Oldest), (7, 100, Order::Newest), (4, 0, Order::Oldest)]
    {
        let key = key("shop", number);
        let before = entry_of(&server, &key);
        let mut record = owned(time, "ada");
        record.meta.revision = 100 + number;
        let there = store.load(&key).await.expect("a load").expect("a session");
        let written = store.replace(&key, there.meta.revision, Arc::new(record)).await;
        assert!(matches!(written, Ok(Written::Stored { .. })), "{written:?}");
        // As a list has it that reads the index before the log-in and the records after it, or in
        // between, when both entries are there.
        let after = entry_of(&server, &key);
        let _ = server.ask(&["ZADD", &index, "0", &before]);
        for limit in [1, 2, 4, 20] {
            if limit == 20 {
                let _ = server.ask(&["ZREM", &index, &after]);
            }
            let mut found = all(&store, "shop", order, limit).await.0;
            found.sort();
            // Of two parts of a list, both may have it.
            found.dedup();
            let mut expected = sessions.clone();
            expected.sort();
            assert_eq!(found, expected, "{number} {limit}");
        }
        let _ = server.ask(&["ZREM", &index, &before]);
        let _ = server.ask(&["ZADD", &index, "0", &after]);
    }
}

#[tokio::test]
async fn a_session_whose_record_does_not_read_back_is_listed_as_such_and_can_be_ended() {
    let server = Redis::volatile();
    let store: RedisStore = connect(&server.url()).await;
    let broken = key("shop", 1);
    for number in 0..3 {
        let record = Arc::new(owned(number, "ada"));
        store.insert(&key("shop", number), record).await.expect("an insert");
    }
    // After the head, which names the entry.
    let _ = server.ask(&["SETRANGE", &format!("session:{broken}"), "113", "nothing of ours"]);
    let error = store.load(&broken).await.expect_err("it does not read back");
    assert!(error.to_string().contains(&format!("session:{broken}")), "{error}");
    let ada = PrincipalKey::new("ada");
    let page = store.list(&broken.namespace, &ada, Order::Oldest, None, 10).await.expect("a page");
    assert_eq!(page.sessions.len(), 2);
    assert_eq!(page.unreadable, [broken.selector]);
    assert!(store.remove(&broken, None).await.expect("a removal"));
    assert_eq!(entries(&server).len(), 2);
}

#[tokio::test]
async fn of_two_times_at_which_a_session_was_seen_the_later_stays() {
    let store = connect(&Redis::shared().url()).await;
    let key = key("seen", 1);
    let mut session = record(1000);
    store.insert(&key, Arc::new(session.clone())).await.expect("an insert");
    for (seen, expected) in [(500, 1000), (2000, 2000), (999, 2000)] {
        let version = session.meta.revision;
        session.meta.revision += 1;
        session.meta.last_seen = record(seen).meta.last_seen;
        let written = store.replace(&key, version, Arc::new(session.clone())).await;
        assert_eq!(written.expect("a replacement"), Written::Stored { of_principal: 0 });
        let found = store.load(&key).await.expect("a load").expect("a session");
        assert_eq!(found.meta.last_seen, record(expected).meta.last_seen);
    }
    let stale = store.replace(&key, 1, Arc::new(session)).await.expect("a replacement");
    assert_eq!(stale, Written::Not);
}
