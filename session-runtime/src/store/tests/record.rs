//! Tests of [`Record::apply`]: the reference semantics of every op, precondition and rotation. No
//! store takes part.

use bytes::Bytes;

use super::*;
use crate::store::{Again, Change, Expected, Previous, Refusal, Standing};

fn members(texts: &[&'static str]) -> FieldValue {
    FieldValue::Set(texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect())
}

fn insert(field: &'static str, member: &'static str) -> Op {
    Op::Insert { field: field.into(), member: member.into() }
}

fn remove(field: &'static str, member: &'static str) -> Op {
    Op::Remove { field: field.into(), member: member.into() }
}

fn expected(field: &'static str, seen: Option<&'static str>) -> Vec<Expected> {
    vec![Expected { field: field.into(), seen: seen.map(bytes) }]
}

fn out_of_range(field: &'static str) -> CommitOutcome {
    CommitOutcome::Refused { field: field.into(), why: Refusal::OutOfRange }
}

/// Applies ops that must succeed to a record with `fields`, and gives it back.
fn applied(fields: &[(&'static str, FieldValue)], list: impl Into<Vec<Op>>) -> Record {
    let mut record = anonymous(0);
    for (name, value) in fields {
        record.set(*name, value.clone());
    }
    assert_eq!(record.apply(&ops(1, list)), committed(2));
    record
}

#[test]
fn set_and_unset_do_not_ask_what_was_there() {
    let record = applied(
        &[("a", bytes("1")), ("b", bytes("2"))],
        [set("a", bytes("3")), set("c", bytes("4")), Op::Unset { field: "b".into() }],
    );
    assert_eq!(names(&record), ["a", "c"]);
    assert_eq!(record.get("a"), Some(&bytes("3")));
    let record = applied(&[], [Op::Unset { field: "missing".into() }]);
    assert_eq!(names(&record), [""; 0]);
}

#[test]
fn set_writes_in_place_what_nobody_else_holds() {
    let place = |record: &Record| match record.get("a") {
        Some(FieldValue::Bytes(bytes)) => bytes.as_ptr(),
        other => panic!("no bytes: {other:?}"),
    };
    let mut record = applied(&[], [set("a", bytes("one"))]);
    let first = place(&record);
    let held = record.get("a").cloned();
    assert_eq!(record.apply(&ops(2, [set("a", bytes("two"))])), committed(3));
    assert_eq!((held, record.get("a")), (Some(bytes("one")), Some(&bytes("two"))));
    let second = place(&record);
    assert_ne!(second, first);
    assert_eq!(record.apply(&ops(3, [set("a", bytes("six"))])), committed(4));
    assert_eq!(record.get("a"), Some(&bytes("six")));
    assert_eq!(place(&record), second);
}

#[test]
fn add_counts_from_zero_up_and_down() {
    let record = applied(&[("n", FieldValue::Int(5))], [add("n", -7), add("new", 3)]);
    assert_eq!(record.get("n"), Some(&FieldValue::Int(-2)));
    assert_eq!(record.get("new"), Some(&FieldValue::Int(3)));
}

#[test]
fn add_takes_another_kind_of_value_for_a_missing_one() {
    let record = applied(&[("n", bytes("\"text\""))], [add("n", 3)]);
    assert_eq!(record.get("n"), Some(&FieldValue::Int(3)));
}

#[test]
fn add_never_leaves_its_range() {
    let mut record = anonymous(0);
    record.set("n", FieldValue::Int(254));
    let one = Op::Add { field: "n".into(), by: 1, min: 0, max: 255 };
    assert_eq!(record.apply(&ops(1, [one.clone()])), committed(2));
    assert_eq!(record.apply(&ops(1, [one])), out_of_range("n"));
    let below = Op::Add { field: "n".into(), by: -256, min: 0, max: 255 };
    assert_eq!(record.apply(&ops(1, [below])), out_of_range("n"));
    assert_eq!(record.apply(&ops(1, [add("n", i64::MAX)])), out_of_range("n"));
    assert_eq!(record.get("n"), Some(&FieldValue::Int(255)));
}

#[test]
fn one_op_that_fails_undoes_the_whole_commit() {
    let mut record = anonymous(0);
    record.set("n", FieldValue::Int(i64::MAX));
    record.set("a", bytes("1"));
    let before = record.clone();
    let commit = Commit {
        principal: Some(Some(principal("ada"))),
        rotation: Some(rotation(2, None)),
        lifetime: Some(Lifetime { persistent: true, ..lifetime() }),
        ..ops(1, [set("a", bytes("2")), Op::Clear { keep: vec!["n".into()] }, add("n", 1)])
    };
    assert_eq!(record.apply(&commit), out_of_range("n"));
    assert_eq!(record, before);
}

#[test]
fn set_members_come_and_go_one_by_one() {
    let record = applied(
        &[("s", members(&["a", "b"])), ("other", bytes("[]"))],
        [
            insert("s", "c"),
            insert("s", "c"),
            remove("s", "a"),
            remove("s", "never there"),
            insert("new", "x"),
            insert("other", "y"),
            remove("missing", "z"),
        ],
    );
    assert_eq!(record.get("s"), Some(&members(&["b", "c"])));
    assert_eq!(record.get("new"), Some(&members(&["x"])));
    assert_eq!(record.get("other"), Some(&members(&["y"])));
    assert_eq!(record.get("missing"), None);
}

#[test]
fn a_set_without_members_is_no_field() {
    let record = applied(&[("s", members(&["a"]))], [remove("s", "a")]);
    assert_eq!(record.get("s"), None);
}

#[test]
fn max_keeps_the_larger_and_once_the_first() {
    let max = |value| Op::Max { field: "m".into(), value };
    let once = |text| Op::Once { field: "o".into(), value: bytes(text) };
    let record = applied(&[], [max(-5), once("first")]);
    assert_eq!(record.get("m"), Some(&FieldValue::Int(-5)));
    let fields = [("m", FieldValue::Int(4)), ("o", bytes("first"))];
    let record = applied(&fields, [max(3), once("second")]);
    assert_eq!(record.get("m"), Some(&FieldValue::Int(4)));
    assert_eq!(record.get("o"), Some(&bytes("first")));
    let record = applied(&fields, [max(9)]);
    assert_eq!(record.get("m"), Some(&FieldValue::Int(9)));
}

#[test]
fn take_removes_only_what_was_seen() {
    let take = Op::Take { field: "notice".into(), seen: bytes("\"old\"") };
    let record = applied(&[("notice", bytes("\"old\""))], [take.clone()]);
    assert_eq!(record.get("notice"), None);
    let record = applied(&[("notice", bytes("\"new\""))], [take.clone()]);
    assert_eq!(record.get("notice"), Some(&bytes("\"new\"")));
    assert_eq!(names(&applied(&[], [take])), [""; 0]);
}

#[test]
fn clear_keeps_named_fields() {
    let record = applied(
        &[
            ("cart", bytes("1")),
            ("pre", bytes("1")),
            ("prefs", bytes("1")),
            ("prefs:x", bytes("1")),
        ],
        [Op::Clear { keep: vec!["prefs".into(), "absent".into()] }, set("after", bytes("1"))],
    );
    assert_eq!(names(&record), ["after", "prefs"]);
}

/// A change that appends a letter, and refuses to make more than three.
fn append(base: Option<&'static str>, value: &'static str) -> Op {
    let again = Again::new(|there| match there {
        None => Ok(Some(bytes("a"))),
        Some(FieldValue::Bytes(there)) if there.len() < 3 => {
            Ok(Some(FieldValue::Bytes([there.as_ref(), b"a"].concat().into())))
        }
        Some(_) => Err(Refusal::OutOfRange),
    });
    let change = Change { base: base.map(bytes), value: Some(bytes(value)), again };
    Op::Update { field: "f".into(), change: Box::new(change) }
}

#[test]
fn an_update_writes_its_result_if_nothing_came_in_between_and_runs_again_if_something_did() {
    let update = |there: Option<&'static str>, op| {
        let fields: Vec<_> = there.map(|there| ("f", bytes(there))).into_iter().collect();
        applied(&fields, [op]).get("f").cloned()
    };
    assert_eq!(update(Some("x"), append(Some("x"), "result")), Some(bytes("result")));
    assert_eq!(update(None, append(None, "result")), Some(bytes("result")));
    assert_eq!(update(Some("y"), append(Some("x"), "result")), Some(bytes("ya")));
    assert_eq!(update(None, append(Some("x"), "result")), Some(bytes("a")));
    assert_eq!(update(Some("y"), append(None, "result")), Some(bytes("ya")));
}

#[test]
fn an_update_that_is_refused_undoes_the_whole_commit() {
    let mut record = anonymous(0);
    record.set("f", bytes("yyy"));
    let before = record.clone();
    let commit = ops(1, [set("a", bytes("1")), append(Some("x"), "result")]);
    assert_eq!(record.apply(&commit), out_of_range("f"));
    assert_eq!(record, before);
}

#[test]
fn a_field_that_was_written_meanwhile_is_a_conflict() {
    let write = |seen| Commit {
        expected: expected("city", seen),
        ..ops(1, [set("city", bytes("Ulm")), add("n", 1)])
    };
    let mut record = anonymous(0);
    assert_eq!(record.apply(&write(Some("Ulm"))), conflict("city"));
    assert_eq!(record.apply(&write(None)), committed(2));
    let before = record.clone();
    assert_eq!(record.apply(&write(None)), conflict("city"));
    assert_eq!(record, before);
    assert_eq!(record.apply(&write(Some("Ulm"))), committed(3));
    // Commits that expect nothing of this field are not held up.
    assert_eq!(record.apply(&ops(1, [set("cart", bytes("1"))])), committed(4));
}

#[test]
fn a_record_at_another_revision_is_a_conflict() {
    let write = |revision| Commit { revision: Some(revision), ..ops(1, [add("n", 1)]) };
    let mut record = anonymous(0);
    assert_eq!(record.apply(&write(2)), conflict(""));
    assert_eq!(record.apply(&write(1)), committed(2));
    assert_eq!(record.apply(&write(1)), conflict(""));
}

#[test]
fn a_record_that_is_over_is_gone_for_every_credential() {
    let mut record = anonymous(0);
    let superseded = Commit { check: check(9), ..touch(IDLE) };
    assert_eq!(record.apply(&superseded), CommitOutcome::Gone);
    assert_eq!(
        record.apply(&Commit { expected: expected("g", Some("7")), ..touch(IDLE) }),
        CommitOutcome::Gone
    );
}

#[test]
fn a_record_is_over_at_its_end_to_the_millisecond() {
    let mut record = anonymous(0);
    assert_eq!(record.apply(&touch(IDLE)), CommitOutcome::Gone);
    assert_eq!(record, anonymous(0));
    assert_eq!(record.apply(&touch(IDLE - 1)), committed(1));
    assert_eq!(record.meta.expires_at(), at(2 * IDLE - 1));
    // However often it is used, the absolute end stays.
    for _ in 0..23 {
        let last = record.meta.last_seen.as_millis() - START;
        assert_eq!(record.apply(&touch(last + IDLE - 1)), committed(1));
    }
    assert_eq!(record.meta.expires_at(), at(ABSOLUTE));
    assert_eq!(record.apply(&touch(ABSOLUTE - 1)), committed(1));
    assert_eq!(record.apply(&touch(ABSOLUTE)), CommitOutcome::Gone);
}

#[test]
fn no_idle_limit_and_a_new_lifetime() {
    let mut record = anonymous(0);
    let forever = Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: true };
    assert_eq!(record.apply(&Commit { lifetime: Some(forever), ..touch(1) }), committed(2));
    assert_eq!(record.meta.expires_at(), Timestamp::MAX);
    assert_eq!(record.apply(&touch(1000 * ABSOLUTE)), committed(2));
    assert!(record.meta.lifetime.persistent);
}

#[test]
fn last_seen_never_goes_back() {
    let mut record = anonymous(MINUTE);
    assert_eq!(record.apply(&touch(0)), committed(1));
    assert_eq!(record.meta.last_seen, at(MINUTE));
}

#[test]
fn a_foreign_credential_is_stale() {
    let mut record = anonymous(0);
    let other_check = Commit { check: check(2), ..ops(1, [set("a", bytes("1"))]) };
    assert_eq!(record.apply(&other_check), CommitOutcome::Superseded);
    let other_key = Commit { key_id: key_id(2), ..ops(1, [set("a", bytes("1"))]) };
    assert_eq!(record.apply(&other_key), CommitOutcome::Superseded);
    assert_eq!(record, anonymous(0));
}

#[test]
fn elevation_ends_the_old_credential_at_once() {
    let mut record = anonymous(0);
    let log_in = Commit { rotation: Some(rotation(2, None)), ..becomes(1, Some("ada")) };
    let rotated = CommitOutcome::committed(2, true);
    assert_eq!(record.apply(&log_in), rotated);
    assert_eq!(record.meta.principal, Some(principal("ada")));
    assert_eq!((record.meta.check, record.meta.key_id), (check(2), key_id(2)));
    assert_eq!((record.meta.rotated, record.meta.previous.clone()), (at(1), None));
    assert_eq!(record.apply(&touch(1)), CommitOutcome::Superseded);
    let again = Commit { check: check(2), key_id: key_id(2), ..touch(2) };
    assert_eq!(record.apply(&again), committed(2));
}

#[test]
fn a_rotation_with_grace_lets_the_old_credential_pass_until_its_end() {
    let mut record = anonymous(0);
    let rotate = Commit { rotation: Some(rotation(2, Some(30_000))), ..touch(10) };
    assert!(matches!(record.apply(&rotate), CommitOutcome::Committed { rotated: true, .. }));
    let previous = Previous { check: check(1), key_id: key_id(1), until: at(30_000) };
    assert_eq!(record.meta.previous, Some(previous));
    assert_eq!(record.meta.standing(&check(1), key_id(1), at(29_999)), Standing::InGrace);
    assert_eq!(record.meta.standing(&check(1), key_id(2), at(29_999)), Standing::Superseded);
    assert_eq!(record.meta.standing(&check(2), key_id(1), at(29_999)), Standing::Superseded);
    assert_eq!(record.apply(&ops(29_999, [set("a", bytes("1"))])), committed(3));
    assert_eq!(record.apply(&touch(30_000)), CommitOutcome::Superseded);
    assert_eq!(record.meta.standing(&check(2), key_id(2), at(30_000)), Standing::Current);
    assert_eq!(record.meta.standing(&check(3), key_id(3), at(0)), Standing::Superseded);
}

#[test]
fn of_two_rotations_with_grace_the_second_is_skipped_but_its_ops_apply() {
    let mut record = anonymous(0);
    let rotate = |number| Commit {
        rotation: Some(rotation(number, Some(30_000))),
        ..ops(10, [add("n", 1)])
    };
    let first = CommitOutcome::committed(2, true);
    assert_eq!(record.apply(&rotate(2)), first);
    assert_eq!(record.apply(&rotate(3)), committed(3));
    assert_eq!(record.meta.check, check(2));
    assert_eq!(record.get("n"), Some(&FieldValue::Int(2)));
}

#[test]
fn elevation_by_a_credential_in_its_grace_ends_both_older_ones() {
    let mut record = anonymous(0);
    let _ = record.apply(&Commit { rotation: Some(rotation(2, Some(30_000))), ..touch(10) });
    let log_in = Commit { rotation: Some(rotation(3, None)), ..becomes(20, Some("ada")) };
    assert!(matches!(record.apply(&log_in), CommitOutcome::Committed { rotated: true, .. }));
    assert_eq!(record.apply(&touch(21)), CommitOutcome::Superseded);
    let second = Commit { check: check(2), key_id: key_id(2), ..touch(21) };
    assert_eq!(record.apply(&second), CommitOutcome::Superseded);
}

#[test]
fn a_session_remembers_the_last_three_keys_that_it_has_left() {
    let keys = |numbers: &[u8]| numbers.iter().copied().map(key_id).collect::<Vec<_>>();
    let mut meta = anonymous(0).meta;
    for (next, former) in [
        (1, &[][..]),
        (2, &[1]),
        (2, &[1]),
        (3, &[2, 1]),
        (4, &[3, 2, 1]),
        (5, &[4, 3, 2]),
        // Back to a key that it has left: the list begins anew.
        (3, &[]),
        (4, &[3]),
    ] {
        meta.issue(check(7), key_id(next));
        assert_eq!((meta.key_id, meta.check), (key_id(next), check(7)));
        assert_eq!(meta.former_keys, keys(former), "after {next}");
    }
}

#[test]
fn neither_records_nor_values_print_what_they_hold() {
    let mut record = owned(0, "ada");
    record.set("cart", bytes("\"secret\""));
    record.set("n", FieldValue::Int(4711));
    record.set("s", members(&["\"hidden\""]));
    let printed = format!("{record:?} {:?}", ops(1, [set("cart", bytes("\"secret\""))]));
    for value in ["secret", "4711", "hidden", "ada", "[1, 1"] {
        assert!(!printed.contains(value), "{value} in {printed}");
    }
    assert!(printed.contains("cart"));
}
