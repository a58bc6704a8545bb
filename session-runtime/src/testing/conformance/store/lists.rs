//! Rule 4: the lists of a principal's sessions, page by page.

use std::collections::HashSet;

use super::verbs::{MANY, is_stored, selectors};
use crate::{
    store::{Cursor, Order, PrincipalKey, Record, Selector, StoreKey},
    testing::conformance::{
        fixture::{Fixture, equal, holds},
        make::{MINUTE, SECOND, bytes, principal, selector},
        together::{Rounds, together},
    },
};

const ORDERS: [Order; 2] = [Order::Oldest, Order::Newest];
const LIMITS: [usize; 5] = [1, 2, 3, 7, MANY];

impl Fixture {
    /// Stores a session of a principal for each of these log-in times, each created at the start.
    async fn log_ins(&self, who: &PrincipalKey, times: &[u64]) -> Vec<Cursor> {
        let mut places = Vec::new();
        for millis in times {
            let record = self.log_in(who, *millis);
            let key = self.put(record.clone()).await;
            places.push(Cursor::of(key.selector, &record));
        }
        places.sort();
        places
    }

    /// Makes a record that was created at the start, of a principal who logs in later.
    fn log_in(&self, who: &PrincipalKey, millis: u64) -> Record {
        let mut record = self.record(0);
        record.meta.set_principal(Some(who.clone()), self.at(millis));
        record
    }
}

/// Returns the selectors of places that are sorted, in an order.
fn ordered(places: &[Cursor], order: Order) -> Vec<Selector> {
    let selectors = places.iter().map(|place| place.selector);
    if order == Order::Newest { selectors.rev().collect() } else { selectors.collect() }
}

pub async fn a_list_is_read_page_by_page_in_both_orders(it: Fixture) {
    let rule = "`list` has each session once, by log-in time, whatever the limit";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let places = it.log_ins(&ada, &[7, 1000, 3, 256, 255, 9, 99_999, 65_536, 4, 12]).await;
    it.log_ins(&bob, &[5, 300]).await;
    it.put(it.record(0)).await;
    for order in ORDERS {
        for limit in LIMITS {
            let listed = it.walk(&ada, order, limit).await;
            let rule = format!("{rule} ({order:?}, {limit} at a time)");
            equal(&rule, &ordered(&places, order), &selectors(&listed));
        }
        // From any place, also one that no session has.
        for (number, place) in places.iter().enumerate() {
            let rest = |from: Cursor| it.rest(&ada, order, Some(from), 4);
            let (before, behind) = (&places[..number], &places[number + 1..]);
            let left = if order == Order::Newest { before } else { behind };
            equal(rule, &ordered(left, order), &selectors(&rest(*place).await));
            let between = Cursor::new(place.logged_in, Selector::from_bytes([0; 16]));
            let left = if order == Order::Newest { before } else { &places[number..] };
            equal(rule, &ordered(left, order), &selectors(&rest(between).await));
        }
    }
    equal("of nobody known there is no list", &vec![], &it.sessions(&principal("eve")).await);
}

pub async fn a_list_has_the_records_as_they_are(it: Fixture) {
    let rule = "`list` gives each session's record, as `load` does";
    let ada = principal("ada");
    let mut expected = Vec::new();
    for number in 0..4 {
        let mut record = it.owned(number, &ada);
        record.set("f", bytes(vec![b'x'; 1000]));
        let key = it.put(record.clone()).await;
        let (mut record, _) = it.change(&key, &record, |it| it.set("g", bytes("1"))).await;
        it.used(&key, SECOND + number).await;
        record.meta.last_seen = it.at(SECOND + number);
        expected.push((key.selector, record));
    }
    for limit in [1, MANY] {
        let listed = it.walk(&ada, Order::Oldest, limit).await;
        let found: Vec<(Selector, Record)> =
            listed.into_iter().map(|(it, record)| (it, Record::clone(&record))).collect();
        holds(rule, found == expected, || format!("expected {expected:?}\n  found    {found:?}"));
    }
}

pub async fn a_list_goes_on_although_the_session_of_its_place_is_gone(it: Fixture) {
    let rule = "`next` is a place, which a list goes on from whatever became of the session there";
    let (ada, bob) = (principal("ada"), principal("bob"));
    for order in ORDERS {
        for limit in [1, 2] {
            let it = it.fresh();
            let places = it.log_ins(&ada, &[1, 2, 3, 4, 4, 4, 7]).await;
            let mut left = ordered(&places, order);
            let mut after = None;
            while !left.is_empty() {
                let page = it.page(&ada, order, after, limit).await;
                let seen: Vec<Selector> = page.sessions.iter().map(|it| it.0).collect();
                holds(rule, left.starts_with(&seen), || {
                    format!("{seen:?} was listed, still to come was {left:?}")
                });
                left.drain(..seen.len());
                for (number, (selector, record)) in page.sessions.into_iter().enumerate() {
                    let key = it.key_of(selector);
                    if number == 0 {
                        it.remove(&key).await;
                    } else {
                        let moves = |it: &mut Record, now| {
                            it.meta.set_principal(Some(bob.clone()), now);
                        };
                        it.change(&key, &record, |record| moves(record, it.at(1))).await;
                    }
                }
                holds(rule, page.next.is_some() || left.is_empty(), || {
                    format!("the list ended before {left:?}")
                });
                after = page.next;
            }
        }
    }
}

pub async fn log_ins_of_one_millisecond_are_all_listed(it: Fixture) {
    let rule = "sessions of one millisecond are all listed, in the order of their selectors";
    let ada = principal("ada");
    let numbers = [0x80, 0x7f, 0xff, 0x01, 0x00, 0x81, b'g', b'G', 0xfe];
    let mut sorted = numbers.map(selector).to_vec();
    sorted.sort();
    for number in numbers {
        it.put_at(&it.key_of(selector(number)), it.owned(5, &ada)).await;
    }
    for order in ORDERS {
        let mut expected = sorted.clone();
        if order == Order::Newest {
            expected.reverse();
        }
        for limit in LIMITS {
            let listed = selectors(&it.walk(&ada, order, limit).await);
            equal(&format!("{rule} ({order:?}, {limit} at a time)"), &expected, &listed);
        }
    }
}

pub async fn a_list_follows_the_principal(it: Fixture) {
    let rule = "rule 4: a session is listed under the principal it has, and under no other";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mut record = it.record(0);
    let key = it.put(record.clone()).await;
    let here = vec![key.selector];
    for (step, who) in
        [None, Some(&ada), Some(&ada), Some(&bob), None, None, Some(&ada)].into_iter().enumerate()
    {
        let now = it.at(step as u64);
        (record, _) = it.change(&key, &record, |it| it.meta.set_principal(who.cloned(), now)).await;
        it.holds(rule, &key, Some(&record)).await;
        for person in [&ada, &bob] {
            let expected = if who == Some(person) { here.clone() } else { vec![] };
            equal(rule, &expected, &it.sessions(person).await);
            equal(rule, &(expected.len() as u64), &it.count(person).await);
        }
    }
    // What says nothing of the principal leaves the session where it is.
    let (record, _) = it.change(&key, &record, |it| it.set("f", bytes("1"))).await;
    it.used(&key, MINUTE).await;
    equal(rule, &here, &it.sessions(&ada).await);
    let refused = it.owned(MINUTE, &bob);
    equal("another version", &false, &is_stored(it.replace(&key, 1, &refused).await));
    equal(rule, &here, &it.sessions(&ada).await);
    equal(rule, &vec![], &it.sessions(&bob).await);
    equal(rule, &true, &it.remove_version(&key, record.meta.revision).await);
    equal("what was removed is not listed", &vec![], &it.sessions(&ada).await);
}

pub async fn another_log_in_moves_a_session_in_its_list(it: Fixture) {
    let rule = "the latest log-in is a session's place in the list, and its only one";
    let ada = principal("ada");
    let mut keys = Vec::new();
    for millis in [0, 10, 20] {
        keys.push(it.put(it.owned(millis, &ada)).await);
    }
    let mut record = it.owned(0, &ada);
    // To the end, to its beginning, between the two others.
    for (millis, place) in [(30, 2), (5, 0), (15, 1), (40, 2)] {
        let log_in = |it: &mut Record, now| it.meta.logged_in = Some(now);
        (record, _) = it.change(&keys[0], &record, |record| log_in(record, it.at(millis))).await;
        for limit in [1, 2, MANY] {
            let listed = selectors(&it.walk(&ada, Order::Oldest, limit).await);
            equal("every session is listed once", &3, &listed.len());
            let found = listed.iter().position(|selector| *selector == keys[0].selector);
            equal(rule, &Some(place), &found);
        }
        equal(rule, &3, &it.count(&ada).await);
    }
}

pub async fn a_list_has_the_live_sessions_whatever_comes_and_goes(it: Fixture) {
    let rule = "rule 4: a list has every session that was there, whatever log-ins and removals run \
                beside it";
    let (ada, bob) = (principal("ada"), principal("bob"));
    for () in Rounds::at_least(2) {
        let it = it.fresh();
        let places = it.log_ins(&ada, &[1, 2, 3, 3, 3, 6, 40, 41, 41, 1000]).await;
        let missing = together(8, |task| {
            let (it, ada, bob) = (it.clone(), ada.clone(), bob.clone());
            let mut expected = ordered(&places, Order::Oldest);
            expected.sort();
            async move {
                if task % 2 == 0 {
                    it.come_and_go(task as u64, &ada, &bob).await;
                    return Vec::new();
                }
                let mut missing = Vec::new();
                for limit in [1, 2, 5, MANY] {
                    let listed = it.walk(&ada, ORDERS[task / 2 % 2], limit).await;
                    let listed: HashSet<Selector> = selectors(&listed).into_iter().collect();
                    missing.extend(expected.iter().filter(|it| !listed.contains(it)).copied());
                    let count = it.count(&ada).await;
                    holds("a count has at least every live session", count >= 10, || {
                        format!("it is {count}")
                    });
                }
                missing
            }
        })
        .await;
        equal(rule, &vec![Vec::new(); 8], &missing);
        equal("what went is not listed", &ordered_set(&places), &it.sessions(&ada).await);
        equal("and not counted", &10, &it.count(&ada).await);
    }
}

fn ordered_set(places: &[Cursor]) -> Vec<Selector> {
    let mut selectors = ordered(places, Order::Oldest);
    selectors.sort();
    selectors
}

impl Fixture {
    /// Logs a principal in, by an insert and by a replacement, and ends these sessions again: by a
    /// removal, by a log-out, by a log-in of somebody else.
    async fn come_and_go(&self, task: u64, who: &PrincipalKey, other: &PrincipalKey) {
        for round in 0..4 {
            let millis = 1 + (task * 7 + round * 13) % 50;
            let key = self.put(self.log_in(who, millis)).await;
            let anonymous: StoreKey = self.put(self.record(0)).await;
            let log_in =
                |it: &mut Record| it.meta.set_principal(Some(who.clone()), self.at(millis));
            let (theirs, _) = self.change(&anonymous, &self.record(0), log_in).await;
            let leaves = |record: &mut Record| {
                let next = (round % 2 == 0).then(|| other.clone());
                record.meta.set_principal(next, self.at(millis));
            };
            self.change(&anonymous, &theirs, leaves).await;
            self.remove(&key).await;
        }
    }
}

pub async fn racing_log_ins_leave_the_lists_right(it: Fixture) {
    let rule = "rule 4: after a race of log-ins, a session is listed under the principal it has";
    let people = ["ada", "bob", "eve"].map(principal);
    for () in Rounds::at_least(8) {
        let it = it.fresh();
        let key = it.put(it.record(0)).await;
        together(12, |number| {
            let (it, key) = (it.clone(), key.clone());
            let who = people.get(number % 4).cloned();
            async move {
                let Some(found) = it.load(&key).await else { return };
                let mut next = Record::clone(&found);
                next.meta.revision += 1;
                next.meta.set_principal(who, it.at(1 + number as u64));
                it.replace(&key, found.meta.revision, &next).await;
            }
        })
        .await;
        let owner = it.load(&key).await.and_then(|record| record.meta.principal.clone());
        for person in &people {
            let here = if owner.as_ref() == Some(person) { vec![key.selector] } else { vec![] };
            equal(rule, &here, &it.sessions(person).await);
            equal(rule, &(here.len() as u64), &it.count(person).await);
        }
    }
}
