//! The limit on the size of a session: a commit that would make a record too large changes nothing.
//! Knows nothing of where records are kept.

use crate::store::{Commit, CommitOutcome, FieldName, FieldValue, Op, Record, field_sizes};

/// Applies a commit to a record, within the commit's limit. Every outcome but `Committed` leaves the
/// record as it was.
pub(super) fn apply(record: &mut Record, commit: &Commit) -> CommitOutcome {
    let Some(limit) = commit.max_bytes else { return record.apply(commit) };
    let most_added = commit.ops.iter().map(|op| most_added(record, op));
    let most_added = most_added.fold(0, usize::saturating_add);
    if most_added == 0 {
        return record.apply(commit);
    }
    let before = record.size();
    if before.saturating_add(most_added) <= limit {
        return record.apply(commit);
    }
    // On a copy, of which nothing stays if it is too large.
    let mut changed = record.clone();
    let outcome = changed.apply(commit);
    let size = changed.size();
    if size > limit && size > before {
        let fields = field_sizes(changed.fields());
        return CommitOutcome::TooLarge { size, fields };
    }
    *record = changed;
    outcome
}

/// Returns the most bytes by which a change can make a record larger.
fn most_added(record: &Record, op: &Op) -> usize {
    let field_of = |field: &FieldName, size: usize| {
        let before = record.get(field).map_or(0, |value| field.len() + value.size());
        (field.len() + size).saturating_sub(before)
    };
    match op {
        Op::Set { field, value } | Op::Once { field, value } => field_of(field, value.size()),
        Op::Add { field, .. } | Op::Max { field, .. } => field_of(field, 8),
        Op::Insert { field, member } => field.len() + member.len(),
        Op::Clear { .. } | Op::Unset { .. } | Op::Remove { .. } | Op::Take { .. } => 0,
        Op::Update { field, change } if record.get(field) == change.base.as_ref() => {
            field_of(field, change.value.as_ref().map_or(0, FieldValue::size))
        }
        // Only running the change again tells.
        Op::Update { .. } => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        clock::Timestamp,
        store::{Check, KeyId, Lifetime, Meta},
    };

    const CHECK: Check = Check::from_bytes([1; 16]);
    const KEY_ID: KeyId = KeyId::from_bytes([1; 4]);

    fn record() -> Record {
        let now = Timestamp::from_millis(1000);
        let lifetime = Lifetime {
            idle_millis: None,
            absolute_until: Timestamp::from_millis(9000),
            persistent: false,
        };
        Record::new(Meta::new(CHECK, KEY_ID, now, lifetime))
    }

    fn commit(limit: usize, ops: Vec<Op>) -> Commit {
        let touch = Commit::touch(Timestamp::from_millis(2000), CHECK, KEY_ID);
        Commit { ops, max_bytes: Some(limit), ..touch }
    }

    fn bytes(length: usize) -> FieldValue {
        FieldValue::Bytes(vec![b'x'; length].into())
    }

    fn set(field: &'static str, length: usize) -> Op {
        Op::Set { field: field.into(), value: bytes(length) }
    }

    fn is_committed(outcome: &CommitOutcome) -> bool {
        matches!(outcome, CommitOutcome::Committed { .. })
    }

    #[test]
    fn a_record_grows_up_to_the_limit_and_no_further() {
        let mut record = record();
        assert!(is_committed(&apply(&mut record, &commit(102, vec![set("a", 60), set("b", 40)]))));
        let before = record.clone();
        let outcome = apply(&mut record, &commit(102, vec![set("a", 10), set("b", 91)]));
        let fields = vec![("b".to_owned(), 92), ("a".to_owned(), 11)];
        assert_eq!(outcome, CommitOutcome::TooLarge { size: 103, fields });
        assert_eq!(record, before);
        // What matters is the size at the end.
        assert!(is_committed(&apply(&mut record, &commit(102, vec![set("a", 99), set("a", 10)]))));
        assert_eq!(record.size(), 52);
    }

    #[test]
    fn a_record_that_is_larger_already_may_stay_so_or_shrink() {
        let mut record = record();
        record.set("a", bytes(500));
        record.set("n", FieldValue::Int(1));
        let add = Op::Add { field: "n".into(), by: 1, min: 0, max: 9 };
        for ops in [vec![], vec![add], vec![set("a", 500)], vec![set("a", 400)]] {
            assert!(is_committed(&apply(&mut record, &commit(100, ops.clone()))), "{ops:?}");
        }
        assert_eq!(record.size(), 410);
        let grown = apply(&mut record, &commit(100, vec![set("a", 401)]));
        assert!(matches!(grown, CommitOutcome::TooLarge { size: 411, .. }), "{grown:?}");
    }

    /// Numbers that are the same in every run.
    fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % below
        }
    }

    fn any_op(draw: &mut impl FnMut(usize) -> usize) -> Op {
        let field = FieldName::Borrowed(["a", "b", "cc"][draw(3)]);
        let value = bytes(draw(30));
        let member = bytes::Bytes::from(vec![b'm'; draw(9)]);
        match draw(9) {
            0 => Op::Unset { field },
            1 => Op::Add { field, by: 1, min: 0, max: 3 },
            2 => Op::Insert { field, member },
            3 => Op::Remove { field, member },
            4 => Op::Max { field, value: 2 },
            5 => Op::Once { field, value },
            6 => Op::Take { field, seen: value },
            7 => Op::Clear { keep: vec![field] },
            _ => Op::Set { field, value },
        }
    }

    #[test]
    fn it_refuses_just_what_would_be_too_large_and_larger_than_before() {
        let (mut outcomes, mut record) = (BTreeSet::new(), record());
        for seed in 0..20_000 {
            let mut draw = numbers(seed);
            let ops: Vec<Op> = (0..=draw(4)).map(|_| any_op(&mut draw)).collect();
            let commit = commit(40, ops);
            let mut free = record.clone();
            let expected = free.apply(&commit);
            let most_added: usize = commit.ops.iter().map(|op| most_added(&record, op)).sum();
            assert!(free.size() <= record.size() + most_added, "{commit:?}");
            let is_too_large = free.size() > 40 && free.size() > record.size();
            let before = record.clone();
            let outcome = apply(&mut record, &commit);
            if is_too_large {
                assert!(matches!(outcome, CommitOutcome::TooLarge { .. }), "{commit:?}");
            } else {
                assert_eq!(outcome, expected, "{commit:?}");
            }
            let same = if is_committed(&outcome) { &free } else { &before };
            assert_eq!(&record, same, "{commit:?}");
            outcomes.insert(format!("{outcome:?}").split([' ', '(']).next().unwrap().to_owned());
            // Now and then one that is larger than the limit.
            if seed % 50 == 0 {
                record.set("a", bytes(90));
            }
        }
        assert_eq!(outcomes.len(), 3, "{outcomes:?}");
    }
}
