//! Lists of a principal's sessions, as the store itself gives them: page by page.

use std::sync::Arc;

use mongodb::bson::doc;
use session_runtime::store::{
    Cursor, Namespace, Order, Page, PrincipalKey, Record, Selector, Store, StoreKey, Written,
};

use crate::support::{IDLE, Own, ada, at, binary, key, record};

fn logged_in(principal: PrincipalKey, millis: u64) -> Record {
    let mut record = record();
    record.meta.set_principal(Some(principal), at(millis));
    record
}

async fn insert(own: &Own, key: &StoreKey, record: Record) -> u64 {
    match own.store.insert(key, Arc::new(record)).await.expect("inserts") {
        Written::Stored { of_principal } => of_principal,
        other => panic!("{other:?}"),
    }
}

async fn page(own: &Own, order: Order, after: Option<Cursor>, limit: usize) -> Page {
    let page = own.store.list(&key(1).namespace, &ada(), order, after, limit).await;
    page.expect("lists")
}

/// The numbers of all sessions, from pages of this size, and those that do not read back.
async fn all(own: &Own, order: Order, limit: usize) -> (Vec<u8>, Vec<u8>) {
    let number = |selector: &Selector| selector.as_bytes()[0];
    let (mut numbers, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = page(own, order, after, limit).await;
        assert!(page.sessions.len() + page.unreadable.len() <= limit);
        assert!(numbers.len() + unreadable.len() < 100, "the list has no end");
        numbers.extend(page.sessions.iter().map(|(selector, _)| number(selector)));
        unreadable.extend(page.unreadable.iter().map(number));
        after = page.next;
        if after.is_none() {
            return (numbers, unreadable);
        }
    }
}

#[tokio::test]
async fn a_list_is_in_the_order_of_log_ins_however_long_its_pages_are() {
    let own = Own::new().await;
    // By number; 2, 3 and 6 are of one millisecond.
    let log_ins = [500, 300, 300, 1 << 40, 1, 300, 700];
    for (number, millis) in (1..).zip(log_ins) {
        let of_principal = insert(&own, &key(number), logged_in(ada(), millis)).await;
        assert_eq!(of_principal, u64::from(number));
    }
    // Sessions of others, and of a principal of the same name elsewhere.
    insert(&own, &key(8), logged_in(PrincipalKey::new("\"bob\""), 300)).await;
    insert(&own, &key(9), record()).await;
    let elsewhere = StoreKey { namespace: Namespace::new("shop2"), ..key(10) };
    insert(&own, &elsewhere, logged_in(ada(), 300)).await;

    let oldest = [5, 2, 3, 6, 1, 7, 4];
    let newest = [4, 7, 1, 6, 3, 2, 5];
    for limit in [1, 2, 3, 6, 7, 8, 1000] {
        assert_eq!(all(&own, Order::Oldest, limit).await.0, oldest, "{limit}");
        assert_eq!(all(&own, Order::Newest, limit).await.0, newest, "{limit}");
    }
    assert_eq!(page(&own, Order::Oldest, None, 0).await, Page::default());
    // A page is one command, wherever it begins.
    own.commands();
    let after = Some(Cursor::new(at(300), key(3).selector));
    let next = page(&own, Order::Oldest, after, 2).await;
    assert_eq!(own.command_names(), ["find"]);
    assert_eq!(next.sessions[0], (key(6).selector, Arc::new(logged_in(ada(), 300))));
    assert_eq!(next.next, Some(Cursor::new(at(500), key(1).selector)));
    // A place that nobody is in any more.
    assert!(own.store.remove(&key(3), None).await.expect("removes"));
    assert_eq!(page(&own, Order::Oldest, after, 2).await, next);
}

#[tokio::test]
async fn a_session_is_in_the_list_of_its_present_principal_under_its_last_log_in() {
    let own = Own::new().await;
    for number in 1..=3 {
        insert(&own, &key(number), logged_in(ada(), u64::from(number))).await;
    }
    let replace = async |number: u8, version: u64, mut record: Record| {
        record.meta.revision = version + 1;
        own.store.replace(&key(number), version, Arc::new(record)).await.expect("replaces")
    };
    let stored = |of_principal| matches!(of_principal, Written::Stored { of_principal: 0 });
    // No log-in: nothing is counted.
    assert!(stored(replace(1, 1, logged_in(ada(), 1)).await));
    let Written::Stored { of_principal } = replace(1, 2, logged_in(ada(), 9)).await else {
        panic!("it is there")
    };
    assert_eq!(of_principal, 3, "another log-in");
    assert_eq!(all(&own, Order::Oldest, 2).await.0, [2, 3, 1]);
    assert!(stored(replace(2, 1, record()).await), "a log-out");
    let bob = PrincipalKey::new("\"bob\"");
    let Written::Stored { of_principal } = replace(3, 1, logged_in(bob, 3)).await else {
        panic!("it is there")
    };
    assert_eq!(of_principal, 1, "another principal");
    assert_eq!(all(&own, Order::Oldest, 2).await.0, [1]);
    assert_eq!(own.document(2).await.get("p"), None);
    // What does not apply moves nothing.
    assert_eq!(replace(1, 7, logged_in(ada(), 1)).await, Written::Not);
    assert_eq!(all(&own, Order::Newest, 2).await.0, [1]);
}

#[tokio::test]
async fn a_session_that_does_not_read_back_is_in_the_list_as_such() {
    let own = Own::new().await;
    for number in 1..=5 {
        insert(&own, &key(number), logged_in(ada(), u64::from(number))).await;
    }
    for number in [1, 3, 5] {
        let update = doc! { "$set": { "r": binary(b"mallory") } };
        let this = doc! { "_id": key(number).to_string() };
        own.sessions.update_one(this, update).await.expect("updates");
    }
    for limit in [1, 2, 9] {
        assert_eq!(all(&own, Order::Oldest, limit).await, (vec![2, 4], vec![1, 3, 5]), "{limit}");
    }
    assert!(own.store.remove(&key(3), None).await.expect("removes"));
    assert_eq!(all(&own, Order::Newest, 2).await, (vec![4, 2], vec![5, 1]));
}

#[tokio::test]
async fn time_moves_only_forward_and_the_end_with_it() {
    let own = Own::new().await;
    let mut new = record();
    new.meta.last_seen = at(IDLE - 1);
    insert(&own, &key(1), new.clone()).await;
    // Somebody who was slower, and saw the session earlier.
    let mut slower = record();
    slower.meta.revision = 2;
    slower.set("n", session_runtime::store::FieldValue::Int(1));
    let written = own.store.replace(&key(1), 1, Arc::new(slower.clone())).await.expect("replaces");
    assert_eq!(written, Written::Stored { of_principal: 0 });
    slower.meta.last_seen = new.meta.last_seen;
    let loaded = own.store.load(&key(1)).await.expect("loads").expect("is there");
    assert_eq!(*loaded, slower);
    assert_eq!(own.store.sweep(at(2 * IDLE - 2), None, 9).await.expect("sweeps").removed, 0);
    assert_eq!(own.store.sweep(at(2 * IDLE - 1), None, 9).await.expect("sweeps").removed, 1);
}
