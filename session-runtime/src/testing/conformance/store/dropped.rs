//! Rule 6: futures that are dropped half way, as the runtime does at its deadline and when a client
//! goes away. The operation has happened whole or not at all, and disturbs no other.

use super::verbs::is_stored;
use crate::{
    store::{FieldValue, Record, StoreKey},
    testing::conformance::{
        fixture::{Fixture, equal, holds},
        make::{SECOND, bytes, int, principal},
        together::{begin, together, until},
    },
};

/// The number of operations that are begun and dropped.
const DROPPED: usize = 60;

/// Makes a record whose every part is of one number.
fn whole(it: &Fixture, number: u64) -> Record {
    let mut record = it.owned(number, &principal(&format!("p{}", number % 3)));
    record.meta.last_seen = it.at(0);
    record.meta.revision = number;
    record.set("n", int(i64::try_from(number).unwrap_or_default()));
    record.set("f", bytes(vec![b'x'; usize::try_from(number).unwrap_or_default() * 397]));
    record
}

pub async fn a_dropped_write_has_happened_whole_or_not_at_all(it: Fixture) {
    let rule = "rule 6: a write whose future is dropped has happened whole or not at all";
    let key = it.put(whole(&it, 1)).await;
    // Tasks that overtake each other, and stop half way.
    let answered = together(6, |task| {
        let (it, key) = (it.clone(), key.clone());
        async move {
            let mut latest = 0;
            for round in 0..DROPPED / 6 {
                let Some(there) = it.load(&key).await else { continue };
                let (version, next) = (there.meta.revision, there.meta.revision + 1);
                let record = whole(&it, next);
                let replaced = begin(round + task, it.replace(&key, version, &record)).await;
                if replaced.is_some_and(is_stored) {
                    latest = next;
                }
            }
            latest
        }
    })
    .await;
    let latest = answered.into_iter().max().unwrap_or(0);
    // What was dropped may still be under way; at each moment the record must be whole.
    for _ in 0..5 {
        let Some(found) = it.load(&key).await else {
            return holds(rule, false, || "there is no record".to_owned());
        };
        let version = found.meta.revision;
        holds("what was answered has happened", version >= latest, || {
            format!("version {latest} was answered, the record has {version}")
        });
        holds(rule, *found == whole(&it, version), || {
            let size = found.get("f").map_or(0, FieldValue::size);
            format!("version {version} has {:?}, and {size} bytes", found.get("n"))
        });
    }
    let listed = until(async || {
        let Some(found) = it.load(&key).await else { return Err("no record".to_owned()) };
        let mut places = Vec::new();
        for number in 0..3 {
            let who = principal(&format!("p{number}"));
            if it.sessions(&who).await.contains(&key.selector) {
                places.push(Some(who));
            }
        }
        let so = places == [found.meta.principal.clone()];
        so.then_some(()).ok_or_else(|| format!("{places:?}"))
    });
    let rule = "rules 4 and 6: a session is listed for its principal, whatever was dropped";
    equal(rule, &Ok(()), &listed.await);
}

pub async fn dropped_inserts_and_removals_leave_a_record_or_none(it: Fixture) {
    let rule = "rule 6: an insert or removal whose future is dropped has happened or has not";
    let ada = principal("ada");
    let keys: Vec<StoreKey> = (0..DROPPED).map(|_| it.key()).collect();
    let full = |number: usize| {
        let mut record = it.owned(number as u64, &ada);
        record.set("f", bytes(vec![b'x'; number * 997]));
        record
    };
    together(DROPPED, |number| {
        let (it, key, record) = (it.clone(), keys[number].clone(), full(number));
        async move {
            if number % 2 == 0 {
                let _ = begin(number / 2, it.try_insert(&key, &record)).await;
            } else {
                it.put_at(&key, record.clone()).await;
                let _ = begin(number / 2, it.remove_version(&key, record.meta.revision)).await;
            }
        }
    })
    .await;
    for (number, key) in keys.iter().enumerate() {
        if let Some(found) = it.load(key).await {
            holds(rule, *found == full(number), || format!("session {number} is not whole"));
            let is_listed = it.sessions(&ada).await.contains(&key.selector);
            // Unless what was dropped has removed it meanwhile.
            let so = is_listed || it.load(key).await.is_none();
            holds("a session that is there is listed", so, || format!("session {number} is not"));
        }
    }
    // What is there can be removed, and then nothing is left of it.
    let left = until(async || {
        for key in &keys {
            it.remove(key).await;
        }
        let left = it.sessions(&ada).await;
        left.is_empty().then_some(()).ok_or(left)
    });
    equal(rule, &Ok(()), &left.await);
}

pub async fn dropped_log_ins_leave_the_lists_complete(it: Fixture) {
    let rule = "rules 4 and 6: whatever was dropped, a session of a principal is listed";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let keys: Vec<StoreKey> = (0..DROPPED).map(|_| it.key()).collect();
    together(DROPPED, |number| {
        let (it, key, ada, bob) = (it.clone(), keys[number].clone(), ada.clone(), bob.clone());
        async move {
            let first = if number % 3 == 0 { it.owned(0, &bob) } else { it.record(0) };
            it.put_at(&key, first).await;
            let mut next = it.owned(1, &ada);
            next.meta.revision = 2;
            let _ = begin(number, it.replace(&key, 1, &next)).await;
            if number % 4 == 0 {
                let _ = begin(number / 4, it.used(&key, SECOND)).await;
                let _ = begin(number / 4 + 1, it.remove(&key)).await;
            }
        }
    })
    .await;
    for key in &keys {
        let found = it.load(key).await;
        let Some(who) = found.and_then(|found| found.meta.principal.clone()) else { continue };
        let is_listed = it.sessions(&who).await.contains(&key.selector);
        let latest = it.load(key).await.and_then(|found| found.meta.principal.clone());
        // Unless what was dropped has moved or removed it meanwhile.
        let so = is_listed || latest != Some(who);
        holds(rule, so, || format!("{key} has a principal, and is not listed"));
    }
}

pub async fn a_dropped_operation_gives_its_answer_to_nobody_else(it: Fixture) {
    let rule = "rule 6: each request gets the answer to what it asked, whatever was dropped before";
    let mut keys: Vec<StoreKey> = Vec::new();
    let who = |number: u64| {
        let mut record = it.record(number);
        record.set("who", int(i64::try_from(number).unwrap_or_default()));
        record
    };
    for number in 0..8_u64 {
        keys.push(it.put(who(number)).await);
    }
    let wrong = together(8, |task| {
        let (it, keys) = (it.clone(), keys.clone());
        async move {
            let mut wrong = 0;
            for round in 0..24_usize {
                let number = (task + round) % 8;
                let key = &keys[number];
                let _ = begin(round, it.used(key, SECOND)).await;
                drop(begin(round + 1, it.load(&keys[(number + 3) % 8])).await);
                drop(begin(round, it.sessions(&principal("nobody"))).await);
                let who = it.load(key).await.and_then(|record| record.get("who").cloned());
                wrong += usize::from(who != Some(int(i64::try_from(number).unwrap_or(-1))));
                wrong += it.sessions(&principal("nobody")).await.len();
            }
            wrong
        }
    })
    .await;
    equal(rule, &0, &wrong.iter().sum::<usize>());
}
