//! Futures that are dropped half way, as the runtime does at its deadline and when a client goes
//! away: the operation happens whole or not at all, and disturbs no other.

use crate::{
    store::{FieldValue, StoreKey},
    testing::conformance::{
        fixture::{Fixture, equal, holds},
        make::{MINUTE, add, bytes, commit, end_oldest, insert, int, log_in, principal, set},
        together::{begin, together, until},
    },
};

/// The number of operations that are begun and dropped.
const DROPPED: usize = 60;

pub async fn a_dropped_commit_applies_whole_or_not_at_all(it: Fixture) {
    let rule = "rule 6: a commit whose future is dropped has happened whole or not at all";
    let key = it.put(it.record(0)).await;
    let write = |number: usize| {
        let large = bytes(vec![b'x'; number * 997]);
        let ops = [add("n", 1), set("f", large), insert("s", number.to_string()), add("m", -1)];
        commit(it.at(0), ops)
    };
    let outcomes = together(DROPPED, |number| {
        let (it, key, write) = (it.clone(), key.clone(), write(number));
        async move { begin(number, it.commit(&key, &write)).await.is_some() }
    })
    .await;
    // What was dropped may still be under way; at each moment the record must be whole.
    for _ in 0..5 {
        let record = it.load(&key).await;
        let Some(record) = record else { return holds(rule, false, || "no record".to_owned()) };
        let members: Vec<String> = match record.get("s") {
            Some(FieldValue::Set(members)) => {
                members.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect()
            }
            _ => Vec::new(),
        };
        let whole = members.len();
        let count = i64::try_from(whole).unwrap_or(i64::MAX);
        let sums = (whole > 0).then(|| (int(count), int(-count)));
        let found = record.get("n").cloned().zip(record.get("m").cloned());
        equal(rule, &sums, &found);
        equal(rule, &(whole as u64 + 1), &record.meta.revision);
        let size = record.get("f").map_or(0, FieldValue::size);
        let so = whole == 0 || members.iter().any(|it| it.parse() == Ok(size / 997));
        holds(rule, so, || format!("the value of {size} bytes is of none of {members:?}"));
        for (number, done) in outcomes.iter().enumerate() {
            let there = members.contains(&number.to_string());
            let lost = || format!("commit {number} was answered, and its work is not there");
            holds("what was answered has happened", there || !done, lost);
        }
    }
    let outcome = it.commit(&key, &commit(it.at(0), [add("n", 1), add("m", -1)])).await;
    let so = matches!(outcome, crate::store::CommitOutcome::Committed { .. });
    holds("after dropped ones the next commit works", so, || format!("it is {outcome:?}"));
}

pub async fn dropped_log_ins_leave_the_index_complete(it: Fixture) {
    let rule = "rules 4 and 6: whatever was dropped, a live session of a principal is listed";
    let ada = principal("ada");
    let keys: Vec<StoreKey> = (0..DROPPED).map(|_| it.key()).collect();
    together(DROPPED, |number| {
        let (it, key, ada) = (it.clone(), keys[number].clone(), ada.clone());
        async move {
            if number % 4 < 2 {
                drop(begin(number, it.insert(&key, it.owned(0, &ada), None)).await);
            } else {
                it.put_at(&key, it.record(0)).await;
                drop(begin(number, it.commit(&key, &log_in(it.at(0), &ada, None))).await);
            }
            if number % 3 == 0 {
                let _ = begin(number / 3, it.remove(&key)).await;
            }
        }
    })
    .await;
    for key in &keys {
        let theirs = it.load(key).await.is_some_and(|it| it.meta.principal.is_some());
        let listed = theirs && it.listed(&ada, it.at(0)).await.contains(&key.selector);
        // Unless what was dropped has removed it meanwhile.
        let so = !theirs || listed || it.load(key).await.is_none();
        holds(rule, so, || format!("{key} has the principal, and is not listed"));
    }
    let ended = until(async || {
        it.end_all(&ada, None).await;
        let mut left = 0;
        for key in &keys {
            let record = it.load(key).await;
            left += usize::from(record.is_some_and(|it| it.meta.principal.is_some()));
        }
        if left == 0 { Ok(()) } else { Err(left) }
    });
    equal("`end_all` finds each of them", &Ok(()), &ended.await);
}

pub async fn after_dropped_log_ins_the_next_one_keeps_the_cap(it: Fixture) {
    let rule = "after dropped log-ins the next one leaves as many as the cap allows";
    let ada = principal("ada");
    for cap in [1_u32, 3] {
        let it = it.fresh();
        let mut most = Vec::new();
        for number in 0..cap {
            most.push(it.put(it.owned(u64::from(number), &ada)).await);
        }
        together(24, |number| {
            let (it, ada) = (it.clone(), ada.clone());
            async move {
                let (key, now) = (it.key(), 10 + number as u64);
                if number % 4 < 2 {
                    let record = it.owned(now, &ada);
                    drop(begin(number, it.insert(&key, record, end_oldest(cap))).await);
                } else {
                    it.put_at(&key, it.record(0)).await;
                    let log_in = log_in(it.at(now), &ada, end_oldest(cap));
                    drop(begin(number, it.commit(&key, &log_in)).await);
                }
            }
        })
        .await;
        // What was dropped may go on for a while.
        let left = until(async || {
            drop(it.insert(&it.key(), it.owned(MINUTE, &ada), end_oldest(cap)).await);
            let left = it.listed(&ada, it.at(MINUTE)).await.len();
            if left == cap as usize { Ok(()) } else { Err(left) }
        });
        equal(rule, &Ok(()), &left.await);
    }
}
