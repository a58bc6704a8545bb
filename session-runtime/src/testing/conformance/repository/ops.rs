//! Each [`Op`](crate::store::Op), at its limits and in sequence. The checks of a commit before its
//! ops are tested elsewhere.

use crate::{
    store::{FieldValue, Op},
    testing::conformance::{
        fixture::Fixture,
        make::{
            add, add_within, bytes, clear, commit, insert, int, max, members, once, out_of_range,
            remove, set, take, unset,
        },
    },
};

/// Checks that these ops turn these fields into those, whether or not the commit carries the record
/// that was loaded.
async fn change(
    fixture: &Fixture,
    rule: &'static str,
    before: &[(&str, FieldValue)],
    ops: impl Into<Vec<Op>>,
    after: &[(&str, FieldValue)],
) {
    let ops = ops.into();
    for with_loaded in [false, true] {
        let mut session = fixture.session(rule, before).await;
        session.with_loaded = with_loaded;
        session.apply(ops.clone()).await;
        session.has(after);
    }
}

/// Checks that these ops on these fields are refused, with the field whose number would leave its
/// range.
async fn refuse(
    fixture: &Fixture,
    rule: &'static str,
    before: &[(&str, FieldValue)],
    ops: impl Into<Vec<Op>>,
    field: &str,
) {
    let refused = commit(fixture.at(1), ops);
    for with_loaded in [false, true] {
        let mut session = fixture.session(rule, before).await;
        session.with_loaded = with_loaded;
        session.commit(&refused, out_of_range(field)).await;
        session.has(before);
    }
}

pub async fn set_writes_whatever_was_there(it: Fixture) {
    let rule = "`Set` writes the value, whatever was there";
    let values =
        [bytes("\"a\""), bytes("5"), int(5), int(-1), members(["\"a\"", "\"b\""]), members(["5"])];
    for old in &values {
        for new in &values {
            let after = [("f", new.clone()), ("g", old.clone())];
            let before = [("f", old.clone()), ("g", old.clone())];
            change(&it, rule, &before, [set("f", new.clone())], &after).await;
        }
    }
    for new in &values {
        change(&it, rule, &[], [set("f", new.clone())], &[("f", new.clone())]).await;
    }
}

pub async fn unset_removes_whatever_was_there(it: Fixture) {
    let rule = "`Unset` removes the field, whatever was there";
    for old in [bytes("1"), int(1), members(["1", "2"])] {
        let before = [("f", old.clone()), ("g", old.clone())];
        change(&it, rule, &before, [unset("f")], &[("g", old)]).await;
    }
    change(&it, "`Unset` of a missing field changes nothing", &[], [unset("f")], &[]).await;
}

pub async fn add_counts_a_missing_number_as_zero(it: Fixture) {
    let rule = "`Add`: a missing number counts as 0";
    change(&it, rule, &[], [add("n", 3)], &[("n", int(3))]).await;
    change(&it, rule, &[], [add("n", -3)], &[("n", int(-3))]).await;
    change(&it, "`Add` of 0 writes the number", &[], [add("n", 0)], &[("n", int(0))]).await;
}

pub async fn add_adds(it: Fixture) {
    let mut session = it.session("`Add` adds to the number that is there", &[]).await;
    for (by, sum) in [(5, 5), (-7, -2), (0, -2), (2, 0), (1, 1)] {
        session.apply([add("n", by), add("m", -by)]).await;
        session.has(&[("n", int(sum)), ("m", int(-sum))]);
    }
}

pub async fn add_reaches_its_bounds_and_never_passes_them(it: Fixture) {
    let rule = "`Add`: a result outside `min..=max` is refused, one at a bound is not";
    let n = |number| [("n", int(number))];
    change(&it, rule, &n(9), [add_within("n", 1, 0, 10)], &n(10)).await;
    change(&it, rule, &n(1), [add_within("n", -1, 0, 10)], &n(0)).await;
    refuse(&it, rule, &n(10), [add_within("n", 1, 0, 10)], "n").await;
    refuse(&it, rule, &n(0), [add_within("n", -1, 0, 10)], "n").await;
    // A missing number is 0, and a refusal does not create it.
    refuse(&it, rule, &[], [add_within("n", -1, 0, 10)], "n").await;
    refuse(&it, rule, &[], [add_within("n", 0, 1, 10)], "n").await;
    // Only the result counts, not where it comes from.
    change(&it, rule, &n(50), [add_within("n", -45, 0, 10)], &n(5)).await;
    refuse(&it, rule, &n(50), [add_within("n", -1, 0, 10)], "n").await;
}

pub async fn add_never_wraps(it: Fixture) {
    let rule = "`Add`: what is too large for 64 bits is refused, and the last that fits is not";
    let n = |number| [("n", int(number))];
    change(&it, rule, &n(i64::MAX - 1), [add("n", 1)], &n(i64::MAX)).await;
    change(&it, rule, &n(i64::MIN + 1), [add("n", -1)], &n(i64::MIN)).await;
    change(&it, rule, &n(i64::MAX), [add("n", i64::MIN)], &n(-1)).await;
    change(&it, rule, &[], [add("n", i64::MIN)], &n(i64::MIN)).await;
    change(&it, rule, &[], [add("n", i64::MAX)], &n(i64::MAX)).await;
    refuse(&it, rule, &n(i64::MAX), [add("n", 1)], "n").await;
    refuse(&it, rule, &n(i64::MAX), [add("n", i64::MAX)], "n").await;
    refuse(&it, rule, &n(i64::MIN), [add("n", -1)], "n").await;
    refuse(&it, rule, &n(i64::MIN), [add("n", i64::MIN)], "n").await;
}

pub async fn add_that_fails_leaves_nothing_half_applied(it: Fixture) {
    let rule = "an `Add` that fails behind other ops, or before them, undoes all of the commit";
    let before = [
        ("a", bytes("1")),
        ("gone", bytes("1")),
        ("n", int(10)),
        ("s", members(["x"])),
        ("m", int(1)),
        ("extra:k", bytes("1")),
    ];
    let others = || {
        vec![
            set("a", bytes("2")),
            unset("gone"),
            add("new", 1),
            insert("s", "y"),
            remove("s", "x"),
            max("m", 9),
            once("o", bytes("1")),
            take("extra:k", bytes("1")),
        ]
    };
    let over = || vec![add_within("n", 1, 0, 10)];
    refuse(&it, rule, &before, [others(), over()].concat(), "n").await;
    refuse(&it, rule, &before, [over(), others()].concat(), "n").await;
    refuse(&it, rule, &before, [others(), over(), others()].concat(), "n").await;
    refuse(&it, rule, &before, [vec![clear(&["n"])], over()].concat(), "n").await;
    // The same field twice: the first sum fits, the second does not.
    let twice = [add_within("n", -5, 0, 10), add_within("n", 6, 0, 10)];
    refuse(&it, rule, &before, twice, "n").await;
    let first = [add_within("m", -2, 0, 10), add_within("n", 1, 0, 10)];
    refuse(&it, "the first op that fails is the one a refusal names", &before, first, "m").await;
}

pub async fn insert_puts_a_member_in_once(it: Fixture) {
    let rule = "`Insert` puts a member into a set; a missing set counts as empty";
    change(&it, rule, &[], [insert("s", "a")], &[("s", members(["a"]))]).await;
    let twice = [insert("s", "b"), insert("s", "b"), insert("s", "a")];
    change(&it, rule, &[("s", members(["a"]))], twice, &[("s", members(["a", "b"]))]).await;
    let before = [("s", members(["a"])), ("t", members(["a"]))];
    let after = [("s", members(["a", "b"])), ("t", members(["a"]))];
    change(&it, rule, &before, [insert("s", "b")], &after).await;
}

pub async fn remove_takes_a_member_out(it: Fixture) {
    let rule = "`Remove` takes a member out of a set, if it is in it";
    let before = [("s", members(["a", "b"])), ("t", members(["a", "b"]))];
    let after = [("s", members(["b"])), ("t", members(["a", "b"]))];
    change(&it, rule, &before, [remove("s", "a")], &after).await;
    change(&it, rule, &before, [remove("s", "c"), remove("missing", "a")], &before).await;
}

pub async fn a_set_that_becomes_empty_is_removed(it: Fixture) {
    let rule = "a set that becomes empty is removed";
    change(&it, rule, &[("s", members(["a"]))], [remove("s", "a")], &[]).await;
    // As missing as ever, for every other op.
    let and_then = [remove("s", "a"), once("s", bytes("1"))];
    let after = [("s", bytes("1"))];
    change(&it, rule, &[("s", members(["a"]))], and_then, &after).await;
    let mut session = it.session(rule, &[("s", members(["a"]))]).await;
    session.apply([remove("s", "a")]).await;
    session.apply([once("s", bytes("1"))]).await;
    session.has(&after);
    let both = [remove("s", "a"), remove("s", "b")];
    change(&it, rule, &[("s", members(["a", "b"]))], both, &[]).await;
    let refilled = [remove("s", "a"), insert("s", "b")];
    change(&it, rule, &[("s", members(["a"]))], refilled, &[("s", members(["b"]))]).await;
}

pub async fn max_keeps_the_larger_number(it: Fixture) {
    let rule = "`Max` writes the number if it is larger than the one there, or none is there";
    let n = |number| [("n", int(number))];
    for (there, candidate) in
        [(4, 3), (4, 4), (4, 9), (-5, -6), (-5, -4), (-1, 0), (0, -1), (9, 10), (10, 9), (-10, -9)]
    {
        let larger = n(std::cmp::max(there, candidate));
        change(&it, rule, &n(there), [max("n", candidate)], &larger).await;
    }
    for candidate in [-5, 0, 5] {
        change(&it, rule, &[], [max("n", candidate)], &n(candidate)).await;
    }
}

pub async fn numbers_are_exact_over_the_whole_range(it: Fixture) {
    let rule = "numbers are whole ones of 64 bits, compared and kept exactly";
    let n = |number| [("n", int(number))];
    // 2⁵³ + 1 is the first that a floating-point number cannot hold.
    let edges = [i64::MIN, -(1 << 53) - 1, -1, 0, 1, (1 << 53) + 1, i64::MAX - 1, i64::MAX];
    for edge in edges {
        change(&it, rule, &[], [max("n", edge)], &n(edge)).await;
        change(&it, rule, &[], [set("n", int(edge))], &n(edge)).await;
        change(&it, rule, &n(edge), [add("n", 0)], &n(edge)).await;
        change(&it, rule, &n(i64::MIN), [max("n", edge)], &n(edge)).await;
        change(&it, rule, &n(i64::MAX), [max("n", edge)], &n(i64::MAX)).await;
        change(&it, rule, &n(edge), [take("n", int(edge))], &[]).await;
    }
    change(&it, rule, &n((1 << 53) + 1), [max("n", 1 << 53)], &n((1 << 53) + 1)).await;
    change(&it, rule, &n(1 << 53), [max("n", (1 << 53) + 1)], &n((1 << 53) + 1)).await;
    change(&it, rule, &n(1 << 53), [add("n", 1)], &n((1 << 53) + 1)).await;
    change(&it, rule, &n(i64::MAX), [take("n", int(i64::MAX - 1))], &n(i64::MAX)).await;
}

pub async fn once_writes_only_what_is_missing(it: Fixture) {
    let rule = "`Once` writes the value only if the field is missing, whatever its kind";
    let values = [bytes("1"), int(1), members(["1"]), bytes("")];
    for new in &values {
        change(&it, rule, &[], [once("f", new.clone())], &[("f", new.clone())]).await;
        for old in &values {
            let before = [("f", old.clone())];
            change(&it, rule, &before, [once("f", new.clone())], &before).await;
        }
    }
    let twice = [once("f", bytes("first")), once("f", bytes("second"))];
    change(&it, rule, &[], twice, &[("f", bytes("first"))]).await;
}

pub async fn take_removes_what_was_seen(it: Fixture) {
    let rule = "`Take` removes the field if it still holds what was seen";
    let all = [bytes("\"hi\""), bytes(""), int(0), int(-7), members(["b", "a"]), members([""])];
    for seen in all {
        let before = [("f", seen.clone()), ("g", seen.clone())];
        change(&it, rule, &before, [take("f", seen.clone())], &[("g", seen)]).await;
    }
}

pub async fn take_leaves_what_was_not_seen(it: Fixture) {
    let rule = "`Take` leaves a field that holds anything but what was seen";
    let values = [
        bytes("5"),
        bytes("5 "),
        bytes("\"5\""),
        bytes(""),
        int(5),
        int(-5),
        members(["5"]),
        members(["5", "6"]),
        members(["5", "6", "7"]),
        members(["[\"5\"]"]),
    ];
    for there in &values {
        for seen in values.iter().filter(|seen| *seen != there) {
            let before = [("f", there.clone())];
            change(&it, rule, &before, [take("f", seen.clone())], &before).await;
        }
    }
    for seen in &values {
        change(&it, rule, &[], [take("f", seen.clone())], &[]).await;
    }
}

pub async fn clear_keeps_what_is_named(it: Fixture) {
    let rule = "`Clear` removes every field but those kept";
    let before = [
        ("cart", bytes("1")),
        ("pre", bytes("1")),
        ("prefs", int(1)),
        ("prefs:theme", bytes("1")),
        ("prefs:a:b", bytes("1")),
        ("prefs:", members(["1"])),
        ("prefs2", bytes("1")),
        ("prefs2:theme", bytes("1")),
        ("other:prefs", bytes("1")),
        ("unknown", int(1)),
    ];
    let after = [("prefs", int(1))];
    change(&it, rule, &before, [clear(&["prefs", "absent"])], &after).await;
    let after = [("prefs:theme", bytes("1")), ("other:prefs", bytes("1"))];
    change(&it, rule, &before, [clear(&["other:prefs", "prefs:theme"])], &after).await;
}

pub async fn clear_without_names_removes_everything(it: Fixture) {
    let rule = "`Clear` that keeps nothing removes every field";
    let before = [("a", bytes("1")), ("n", int(1)), ("s", members(["1"])), ("e:k", bytes("1"))];
    change(&it, rule, &before, [clear(&[])], &[]).await;
    change(&it, rule, &[], [clear(&["a"])], &[]).await;
}

pub async fn a_value_of_another_kind_counts_as_missing(it: Fixture) {
    let rule = "`Add`, `Max`, `Insert` and `Remove` treat a value of another kind as missing";
    for other in [bytes("\"7\""), bytes("[]"), bytes("7.5"), members(["7"])] {
        let before = [("f", other.clone())];
        change(&it, rule, &before, [add("f", 2)], &[("f", int(2))]).await;
        change(&it, rule, &before, [max("f", -2)], &[("f", int(-2))]).await;
        refuse(&it, rule, &before, [add_within("f", 2, 5, 10)], "f").await;
    }
    for other in [bytes("[\"a\"]"), int(1)] {
        let before = [("f", other.clone())];
        change(&it, rule, &before, [insert("f", "b")], &[("f", members(["b"]))]).await;
        change(&it, rule, &before, [remove("f", "a")], &before).await;
    }
}

pub async fn a_number_in_json_is_the_number_that_it_says(it: Fixture) {
    let rule =
        "`Add` and `Max` go on from the JSON number that a field held when it was a plain one";
    let before = [("f", bytes("7"))];
    change(&it, rule, &before, [add("f", 2)], &[("f", int(9))]).await;
    change(&it, rule, &before, [max("f", 8)], &[("f", int(8))]).await;
    change(&it, rule, &before, [max("f", 6)], &before).await;
    change(&it, rule, &before, [add_within("f", 2, 5, 10)], &[("f", int(9))]).await;
    refuse(&it, rule, &before, [add_within("f", 4, 5, 10)], "f").await;
}

pub async fn ops_apply_in_their_order(it: Fixture) {
    let rule = "ops apply one after the other, each to what the one before it left";
    let ops = [
        set("a", bytes("1")),
        once("a", bytes("2")),
        unset("a"),
        once("a", bytes("3")),
        add("n", 1),
        max("n", 5),
        add("n", 1),
        max("n", 3),
        insert("s", "x"),
        insert("s", "y"),
        remove("s", "x"),
        set("k", int(4)),
        add("k", 1),
        insert("k", "m"),
        take("k", members(["m"])),
        set("t", bytes("seen")),
        take("t", bytes("seen")),
    ];
    let after = [("a", bytes("3")), ("n", int(6)), ("s", members(["y"]))];
    change(&it, rule, &[("n", bytes("?"))], ops.clone(), &after).await;
    let cleared = [&ops[..], &[clear(&["n", "a"]), set("after", int(1)), add("n", 1)]].concat();
    let after = [("a", bytes("3")), ("n", int(7)), ("after", int(1))];
    change(&it, rule, &[("other", bytes("?"))], cleared, &after).await;
    let replaced = [clear(&[]), set("a", bytes("new")), clear(&["a"]), add("n", 2)];
    let after = [("a", bytes("new")), ("n", int(2))];
    change(&it, rule, &[("a", bytes("old")), ("n", int(9))], replaced, &after).await;
}

pub async fn fields_that_nobody_named_stay(it: Fixture) {
    let rule = "a commit leaves alone what it does not name, known to the program or not";
    let before = [
        ("of a newer version", bytes([0, 159, 146, 150])),
        ("extra:ü", bytes("1")),
        ("count", int(-3)),
        ("set", members(["a", ""])),
    ];
    let after = [&before[..], &[("f", bytes("1"))]].concat();
    change(&it, rule, &before, [set("f", bytes("1")), unset("g"), remove("h", "x")], &after).await;
    change(&it, "a commit without ops changes no field", &before, [], &before).await;
}
