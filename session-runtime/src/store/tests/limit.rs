//! Tests of the in-memory store when it is full: the sessions that go, those that stay, and
//! refusals.

use super::*;
use crate::repository::Repository as _;
use crate::store::{InsertOutcome, Store};

#[test]
fn records_that_are_over_go_first() {
    let store = MemoryStore::with_limit(3);
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(IDLE - 2), None));
    let _ = ok(store.insert_capped(&key(3), anonymous(IDLE - 1), None));
    // Less than a minute after the last look through the shard: only the limit makes it look.
    assert_eq!(ok(store.insert_capped(&key(4), anonymous(IDLE), None)), InsertOutcome::inserted());
    assert_eq!(ok(store.load(&key(1))), None);
    assert!(ok(store.list_live(&shop(), &principal("ada"), at(0))).is_empty());
    assert_eq!(store.len(), 3);
}

#[test]
fn then_the_least_recently_seen_anonymous_session() {
    let store = MemoryStore::with_limit(3);
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(1), None));
    let _ = ok(store.insert_capped(&key(3), anonymous(2), None));
    let _ = ok(store.commit(&key(2), &touch(3)));
    assert_eq!(ok(store.insert_capped(&key(4), anonymous(4), None)), InsertOutcome::inserted());
    assert_eq!(ok(store.load(&key(3))), None, "seen longest ago");
    for number in [1, 2, 4] {
        assert!(ok(store.load(&key(number))).is_some(), "{number} stays");
    }
}

#[test]
fn a_sixteenth_goes_at_once_and_no_more_of_those_seen_at_the_same_time() {
    let store = MemoryStore::with_limit(160);
    for number in 0..160 {
        let _ = ok(store.insert_capped(&key(number), anonymous(number / 100), None));
    }
    let _ = ok(store.insert_capped(&key(160), anonymous(5), None));
    assert_eq!(store.len(), 160 - 10 + 1);
    assert!((100..=160).all(|number| ok(store.load(&key(number))).is_some()));
}

#[test]
fn a_session_with_a_principal_never_goes() {
    let store = MemoryStore::with_limit(2);
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(0), None));
    assert_eq!(ok(store.commit(&key(2), &becomes(1, Some("bob")))), committed(2));
    let error = answer(store.insert_capped(&key(3), owned(2, "eve"), None))
        .expect_err("both have an owner");
    let message = error.to_string();
    assert!(message.contains("full") && message.contains("with_limit"), "{message}");
    assert_eq!(store.len(), 2);
    assert!(ok(store.list_live(&shop(), &principal("eve"), at(2))).is_empty());
    // Room comes with a log-out, with expiry, and with an owner who leaves.
    assert_eq!(ok(store.commit(&key(2), &becomes(3, None))), committed(3));
    assert_eq!(ok(store.insert_capped(&key(3), owned(4, "eve"), None)), InsertOutcome::inserted());
    assert_eq!(ok(store.load(&key(2))), None);
    assert!(ok(store.remove(&key(1), None)));
    assert_eq!(ok(store.insert_capped(&key(4), anonymous(4), None)), InsertOutcome::inserted());
}

#[test]
fn what_expired_is_not_counted_among_those_that_could_go() {
    let store = MemoryStore::with_limit(1);
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    assert_eq!(ok(store.sweep(at(IDLE), None, 1)).removed, 1);
    assert_eq!(
        ok(store.insert_capped(&key(2), owned(IDLE, "ada"), None)),
        InsertOutcome::inserted()
    );
    // Nobody is left to go; the anonymous session that was swept is none.
    assert!(answer(store.insert_capped(&key(3), anonymous(IDLE + 1), None)).is_err());
    assert!(ok(store.load(&key(2))).is_some());
}

#[test]
fn an_existing_key_evicts_nobody() {
    let store = MemoryStore::with_limit(2);
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(0), None));
    assert_eq!(ok(store.insert_capped(&key(1), anonymous(1), None)), InsertOutcome::Exists);
    assert_eq!(store.len(), 2);
}

#[test]
fn room_is_found_in_any_shard() {
    // Sixty-four shards; all sessions but one have an owner.
    let store = MemoryStore::with_limit(65_536);
    for number in 0..65_535 {
        let _ = ok(store.insert_capped(&key(number), owned(0, "ada"), None));
    }
    let _ = ok(store.insert_capped(&key(65_535), anonymous(0), None));
    assert_eq!(store.len(), 65_536);
    assert_eq!(
        ok(store.insert_capped(&key(65_536), owned(1, "bob"), None)),
        InsertOutcome::inserted()
    );
    assert_eq!(ok(store.load(&key(65_535))), None);
    assert!(answer(store.insert_capped(&key(65_537), anonymous(1), None)).is_err());
    assert_eq!(store.len(), 65_536);
}

#[test]
fn a_store_for_no_session_takes_none() {
    let store = MemoryStore::with_limit(0);
    assert!(answer(store.insert_capped(&key(1), anonymous(0), None)).is_err());
    assert!(store.is_empty());
}

#[test]
fn the_earliest_log_in_of_the_largest_account_gives_way_to_somebody_else() {
    let store = MemoryStore::with_limit(9);
    // The earliest of all is an account's only session.
    let _ = ok(store.insert_capped(&key(1), owned(0, "bob"), None));
    for number in 2..7 {
        let _ = ok(store.insert_capped(&key(number), owned(number, "ada"), None));
    }
    for number in 7..10 {
        let _ = ok(store.insert_capped(&key(number), owned(0, "carol"), None));
    }
    for (number, gone) in [(20, 2), (21, 3)] {
        let newcomer = owned(number, &number.to_string());
        assert_eq!(
            ok(store.insert_capped(&key(number), newcomer, None)),
            InsertOutcome::inserted()
        );
        assert_eq!(ok(store.load(&key(gone))), None, "{gone}");
        assert_eq!(store.len(), 9);
    }
    // Both have three by now, and come down to one.
    for number in 22..26 {
        let newcomer = owned(number, &number.to_string());
        assert_eq!(
            ok(store.insert_capped(&key(number), newcomer, None)),
            InsertOutcome::inserted()
        );
    }
    for name in ["ada", "bob", "carol"] {
        assert_eq!(ok(store.list_live(&shop(), &principal(name), at(30))).len(), 1, "{name}");
    }
    assert!(ok(store.load(&key(6))).is_some(), "ada's latest");
    assert!(answer(store.insert_capped(&key(30), owned(30, "eve"), None)).is_err());
    // An account's own session gives way to the same account's, too, once it has two.
    let _ = ok(store.remove(&key(20), None));
    assert_eq!(
        ok(store.insert_capped(&key(26), owned(26, "bob"), None)),
        InsertOutcome::inserted()
    );
    assert_eq!(
        ok(store.insert_capped(&key(27), owned(27, "bob"), None)),
        InsertOutcome::inserted()
    );
    assert_eq!(ok(store.load(&key(1))), None);
}

#[test]
fn a_sixteenth_of_a_large_account_goes_at_once() {
    let store = MemoryStore::with_limit(160);
    for number in 0..160 {
        let _ = ok(store.insert_capped(&key(number), owned(number, "ada"), None));
    }
    let _ = ok(store.insert_capped(&key(160), owned(200, "bob"), None));
    assert_eq!(store.len(), 160 - 10 + 1);
    assert!((10..=160).all(|number| ok(store.load(&key(number))).is_some()));
    assert_eq!(store.index_counts(), (2, 151));
}

#[test]
fn no_user_gives_way_to_an_anonymous_session() {
    let store = MemoryStore::with_limit(3);
    for number in 0..3 {
        let _ = ok(store.insert_capped(&key(number), owned(number, "ada"), None));
    }
    assert!(answer(store.insert_capped(&key(3), anonymous(9), None)).is_err());
    assert_eq!(store.len(), 3);
}

#[test]
fn notes_never_give_way() {
    let store = MemoryStore::with_limit(6);
    let note = |number| StoreKey { namespace: Namespace::new("shop/ended"), ..key(number) };
    for number in 0..5 {
        let _ = ok(store.insert_capped(&note(number), owned(number, "revocation"), None));
    }
    let _ = ok(store.insert_capped(&key(9), owned(9, "ada"), None));
    assert!(answer(store.insert_capped(&key(10), owned(10, "bob"), None)).is_err());
    assert!((0..5).all(|number| ok(store.load(&note(number))).is_some()));
    // Of one account's two sessions, one goes, although there are more notes.
    let _ = ok(store.remove(&note(0), None));
    let _ = ok(store.insert_capped(&key(11), owned(11, "ada"), None));
    assert_eq!(
        ok(store.insert_capped(&key(12), owned(12, "bob"), None)),
        InsertOutcome::inserted()
    );
    assert_eq!(ok(store.load(&key(9))), None);
    assert!((1..5).all(|number| ok(store.load(&note(number))).is_some()));
}

fn sized(mut record: Record, bytes: usize) -> Record {
    record.set("text", FieldValue::Bytes(vec![b'x'; bytes].into()));
    record
}

fn set(millis: u64, bytes: usize) -> Commit {
    let value = FieldValue::Bytes(vec![b'y'; bytes].into());
    Commit { ops: vec![Op::Set { field: "text".into(), value }], ..touch(millis) }
}

#[test]
fn the_bytes_of_sessions_have_a_limit_too() {
    let store = MemoryStore::with_limit(1000).max_bytes(10_000);
    for number in 0..20 {
        let outcome = ok(store.insert_capped(&key(number), sized(anonymous(number), 2000), None));
        assert_eq!(outcome, InsertOutcome::inserted());
        assert!(store.bytes() <= 10_000, "{}", store.bytes());
    }
    assert_eq!(store.len(), 3);
    assert!((17..20).all(|number| ok(store.load(&key(number))).is_some()), "the latest stay");
    // Larger than everything: nobody goes for it.
    assert!(answer(store.insert_capped(&key(20), sized(anonymous(20), 10_000), None)).is_err());
    assert_eq!(store.len(), 3);
    // Users take the place of anonymous sessions, then there is no more.
    for number in 21..24 {
        let owned = sized(owned(number, &number.to_string()), 2000);
        assert_eq!(ok(store.insert_capped(&key(number), owned, None)), InsertOutcome::inserted());
    }
    assert!(answer(store.insert_capped(&key(24), sized(owned(24, "eve"), 2000), None)).is_err());
    for number in 21..24 {
        assert!(ok(store.remove(&key(number), None)));
    }
    assert_eq!((store.len(), store.bytes()), (0, 0));
}

#[test]
fn a_session_that_grows_takes_the_place_of_others_and_never_its_own() {
    let store = MemoryStore::with_limit(1000).max_bytes(10_000);
    for number in 1..=5 {
        let _ = ok(store.insert_capped(&key(number), sized(anonymous(number), 1200), None));
    }
    // The first is the one that was seen longest ago.
    assert_eq!(ok(store.commit(&key(1), &set(6, 6000))), committed(2));
    assert!(store.bytes() <= 10_000, "{}", store.bytes());
    assert!(ok(store.load(&key(1))).is_some() && ok(store.load(&key(5))).is_some());
    assert_eq!(ok(store.load(&key(2))), None);

    // What belongs to somebody gives way to nobody, so it cannot grow either; it can shrink.
    let _ = ok(store.commit(&key(1), &becomes(7, Some("ada"))));
    let _ = ok(store.remove(&key(5), None));
    let _ = ok(store.remove(&key(4), None));
    let _ = ok(store.remove(&key(3), None));
    let _ = ok(store.insert_capped(&key(9), sized(owned(8, "bob"), 2000), None));
    let before = (store.len(), store.bytes());
    let refused = answer(store.commit(&key(1), &set(9, 9000))).expect_err("there is no room");
    assert!(refused.to_string().contains("max_bytes"), "{refused}");
    assert_eq!((store.len(), store.bytes()), before);
    assert_eq!(ok(store.commit(&key(1), &touch(9))), committed(3));
    assert_eq!(ok(store.commit(&key(1), &set(10, 1000))), committed(4));
    assert_eq!(ok(store.commit(&key(1), &set(11, 6000))), committed(5));
}

#[test]
fn members_of_sets_are_weighed_by_their_number() {
    let store = MemoryStore::default();
    let member = |number: u32| number.to_be_bytes().to_vec().into();
    let mut record = anonymous(0);
    record.set("seen", FieldValue::Set((0..1000).map(member).collect()));
    let _ = ok(store.insert_capped(&key(1), record, None));
    assert!(store.bytes() > 1000 * 40, "{}", store.bytes());
}

#[test]
fn what_is_taken_is_given_back_whatever_happens_at_once() {
    // Where there is little room, records are replaced; otherwise they are changed.
    for max_bytes in [200_000, 200_000_000] {
        taken_is_given_back(max_bytes);
    }
}

fn taken_is_given_back(max_bytes: usize) {
    let store = MemoryStore::with_limit(300).max_bytes(max_bytes);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..3000_u64 {
                    let number = (round * 7 + thread * 13) % 400;
                    let now = round / 8;
                    let size = usize::try_from(round * 37 % 1500).expect("small");
                    let record = if round % 3 == 0 {
                        sized(owned(now, &(number % 20).to_string()), size)
                    } else {
                        sized(anonymous(now), size)
                    };
                    // Refusals are as good as any other answer here.
                    match round % 4 {
                        0 | 1 => drop(answer(store.insert_capped(&key(number), record, None))),
                        2 => drop(answer(store.commit(&key(number), &set(now, size)))),
                        _ => drop(answer(store.remove(&key(number), None))),
                    }
                    assert!(store.len() <= 300);
                    assert!(store.bytes() <= max_bytes, "{}", store.bytes());
                }
            });
        }
    });
    let (principals, log_ins) = store.index_counts();
    assert!(principals <= 20 && log_ins <= store.len());
    for number in 0..400 {
        let _ = ok(store.remove(&key(number), None));
    }
    assert_eq!((store.len(), store.bytes(), store.index_counts()), (0, 0, (0, 0)));
}
