//! Commits about several fields, or several members of a set, that were written in any order. A
//! store may keep them in the order of writing; the outcome must not depend on that order.

use crate::{
    store::Op,
    testing::conformance::{
        fixture::Fixture,
        make::{bytes, clear, insert, members, remove, set, unset},
    },
};

/// The orders of three.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Makes the fields by the ops of the three, one after the other in every order, and then makes
/// each of the changes in one commit.
async fn from_every_order(
    it: &Fixture,
    rule: &'static str,
    made_by: [Vec<Op>; 3],
    changes: &[Vec<Op>],
) {
    let mut session = it.session(rule, &[]).await;
    for change in changes {
        for order in ORDERS {
            let mut ops = order.into_iter().flat_map(|place| made_by[place].iter().cloned());
            let anew: Vec<Op> = [clear(&[])].into_iter().chain(ops.next()).collect();
            session.apply(anew).await;
            for op in ops {
                session.apply([op]).await;
            }
            session.apply(change.clone()).await;
        }
    }
}

pub async fn removals_and_writes_are_independent_of_the_order_of_fields(it: Fixture) {
    let rule = "a commit removes and writes fields whatever order they came in";
    let fields = ["a", "b", "c"];
    let made_by = fields.map(|field| vec![set(field, bytes("old"))]);
    let removed_or_written = (0..8_usize).map(|bits| {
        let op = |(place, field)| {
            if bits >> place & 1 == 0 { unset(field) } else { set(field, bytes("new")) }
        };
        fields.into_iter().enumerate().map(op).collect()
    });
    let all_but_one = fields.map(|field| vec![clear(&[field])]);
    let changes: Vec<_> = removed_or_written.chain(all_but_one).collect();
    from_every_order(&it, rule, made_by, &changes).await;
}

pub async fn sets_are_replaced_whatever_order_they_came_in(it: Fixture) {
    let rule = "`Set` replaces sets whatever order they came in";
    let fields = ["a", "b", "c"];
    let made_by = fields.map(|field| vec![set(field, members(["old"]))]);
    let replaced = fields.map(|field| set(field, members(["new"]))).to_vec();
    from_every_order(&it, rule, made_by, &[replaced]).await;
}

pub async fn members_come_and_go_whatever_order_they_came_in(it: Fixture) {
    let rule = "a commit removes and inserts members whatever order they came in";
    let all = ["x", "y", "z"];
    let made_by = all.map(|member| vec![insert("s", member)]);
    let both = |one, other| vec![remove("s", one), remove("s", other), insert("s", "w")];
    let changes = [
        both("x", "y"),
        both("x", "z"),
        both("y", "z"),
        all.map(|member| remove("s", member)).to_vec(),
    ];
    from_every_order(&it, rule, made_by, &changes).await;
}

pub async fn fields_and_members_go_together_whatever_order_they_came_in(it: Fixture) {
    let rule = "a commit removes fields and members together whatever order they came in";
    let change = vec![unset("a"), unset("b"), remove("s", "x"), remove("s", "y"), insert("s", "w")];
    for order in [["x", "y", "z"], ["z", "y", "x"]] {
        let filled = order.map(|member| insert("s", member)).to_vec();
        let made_by = [vec![set("a", bytes("1"))], vec![set("b", bytes("1"))], filled];
        from_every_order(&it, rule, made_by, std::slice::from_ref(&change)).await;
    }
}
