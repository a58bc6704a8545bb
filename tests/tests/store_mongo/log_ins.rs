//! Log-ins under a cap: from many processes, and when one of them does not come back.

use mongodb::bson::{Bson, DateTime, Document, doc};
use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, CommitOutcome, FieldValue, Op, Store},
};

use crate::support::{Own, ada, at, is_committed, key, log_in, record, touch};

async fn live(own: &Own) -> Vec<u8> {
    let listed = own.store.list(&key(1).namespace, &ada(), at(1000)).await.expect("lists");
    let mut live: Vec<_> = listed.iter().map(|it| it.selector.as_bytes()[0]).collect();
    live.sort_unstable();
    live
}

async fn open_notes(own: &Own) -> usize {
    let register = own.log_ins.find_one(doc! {}).await.expect("finds").unwrap_or_default();
    register.get_array("open").map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_clients_at_once_leave_as_many_as_the_cap_allows() {
    for on_max in [OnMaxSessions::EndOldest, OnMaxSessions::RefuseNew] {
        let own = Own::new().await;
        for number in 1..=8 {
            own.insert(number, record()).await;
        }
        let name = own.sessions.name().to_owned();
        let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(8));
        let clients: Vec<_> = (1..=8_u8)
            .map(|number| {
                let (name, barrier) = (name.clone(), std::sync::Arc::clone(&barrier));
                tokio::spawn(async move {
                    let other = Own::named(&name).await;
                    // A connection before the start, so that they meet.
                    assert!(other.load(number).await.is_some());
                    barrier.wait().await;
                    let mut commit = log_in(u64::from(number));
                    commit.cap = Some(Cap { sessions: 3, on_max });
                    other.commit(number, &commit).await
                })
            })
            .collect();
        let mut took_place = 0;
        for client in clients {
            let outcome = client.await.expect("no panic");
            took_place += usize::from(is_committed(&outcome));
            assert!(is_committed(&outcome) || outcome == CommitOutcome::Full, "{outcome:?}");
        }
        assert_eq!(live(&own).await.len(), 3, "{on_max:?}");
        assert_eq!(took_place, if on_max == OnMaxSessions::EndOldest { 8 } else { 3 });
        assert_eq!(open_notes(&own).await, 0);
    }
}

/// Four sessions of Ada, the last of which has logged in under a cap of three by a process that
/// ended before it could end another, and before that the third by one that did not even get so far
/// as to log in; how long ago each was, in seconds.
async fn interrupted(age: i64, age_before: i64) -> Own {
    let own = Own::new().await;
    for number in 1..=4 {
        own.insert(number, record()).await;
        assert!(is_committed(&own.commit(number, &log_in(u64::from(number))).await));
    }
    let owner = own.document(4).await.remove("owner").expect("has an owner");
    let ticket = 77_i64;
    own.sessions
        .update_one(doc! { "_id": key(4).to_string() }, doc! { "$set": { "ticket": ticket } })
        .await
        .expect("updates");
    let ago =
        |seconds: i64| DateTime::from_millis(DateTime::now().timestamp_millis() - seconds * 1000);
    let note = |session: u8, ticket: i64, age: i64| {
        doc! {
            "ticket": ticket, "session": key(session).to_string(), "sessions": 3_i64,
            "ends_oldest": true, "at": ago(age),
        }
    };
    let open: Vec<Document> = vec![note(3, ticket - 1, age_before), note(4, ticket, age)];
    let register = doc! { "_id": owner, "ticket": ticket, "at": ago(age), "open": open };
    own.log_ins.insert_one(register).await.expect("inserts");
    own
}

#[tokio::test]
async fn an_interrupted_log_in_is_finished_by_the_next_list() {
    let own = interrupted(20, 20).await;
    assert_eq!(live(&own).await, [2, 3, 4]);
    assert_eq!(open_notes(&own).await, 1, "the other one may be on its way still");
    assert_eq!(live(&own).await, [2, 3, 4]);
}

#[tokio::test]
async fn an_interrupted_log_in_is_finished_by_the_next_sweep() {
    let own = interrupted(90, 90).await;
    assert_eq!(own.store.sweep(at(1000), 100).await.expect("sweeps"), 0, "none of them is over");
    assert_eq!(own.sessions.count_documents(doc! {}).await.expect("counts"), 3);
    assert_eq!(open_notes(&own).await, 0, "nobody waits for the other one any more");
    assert_eq!(live(&own).await, [2, 3, 4]);
}

#[tokio::test]
async fn an_interrupted_log_in_is_finished_by_the_next_log_in() {
    let own = interrupted(0, 0).await;
    own.insert(5, record()).await;
    let mut commit = log_in(5);
    commit.cap = Some(Cap { sessions: 3, on_max: OnMaxSessions::EndOldest });
    let outcome = own.commit(5, &commit).await;
    let CommitOutcome::Committed { mut ended, .. } = outcome else { panic!("{outcome:?}") };
    ended.sort();
    assert_eq!(ended, [key(1).selector, key(2).selector]);
    assert_eq!(live(&own).await, [3, 4, 5]);
}

#[tokio::test]
async fn a_log_in_on_its_way_is_left_alone() {
    let own = interrupted(0, 20).await;
    assert_eq!(live(&own).await, [1, 2, 3, 4]);
    assert_eq!(own.store.sweep(at(1000), 100).await.expect("sweeps"), 0);
    assert_eq!(live(&own).await, [1, 2, 3, 4]);
    assert_eq!(open_notes(&own).await, 2);
}

#[tokio::test]
async fn tickets_grow_also_if_the_register_was_removed() {
    let own = Own::new().await;
    let ticket = async |number: u8| {
        own.insert(number, record()).await;
        let mut commit = log_in(u64::from(number));
        commit.cap = Some(Cap { sessions: 9, on_max: OnMaxSessions::EndOldest });
        assert!(is_committed(&own.commit(number, &commit).await));
        own.document(number).await.get_i64("ticket").expect("a ticket")
    };
    let first = ticket(1).await;
    own.log_ins.delete_many(doc! {}).await.expect("deletes");
    let second = ticket(2).await;
    assert!(second > first, "{second} after {first}");
    // Also beside a clock that was set back.
    let ahead = second + 1_000_000_000;
    let update = doc! { "$set": { "ticket": ahead } };
    own.log_ins.update_one(doc! {}, update).await.expect("updates");
    assert_eq!(ticket(3).await, ahead + 1);
    // A commit that is no log-in leaves it, also one that goes the way around.
    let mut commit = touch(4);
    commit.ops = vec![
        Op::Set { field: "n".into(), value: FieldValue::Int(1) },
        Op::Add { field: "n".into(), by: 1, min: 0, max: 2 },
    ];
    for commit in [commit, touch(4)] {
        assert!(is_committed(&own.commit(3, &commit).await));
        assert_eq!(own.document(3).await.get("ticket"), Some(&Bson::Int64(ahead + 1)));
    }
    // A log-in without a cap has no place among them.
    assert!(is_committed(&own.commit(3, &log_in(4)).await));
    assert_eq!(own.document(3).await.get("ticket"), None::<&Bson>);
}
