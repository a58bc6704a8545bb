//! The live sessions of a principal after a log-in under a [`Cap`], the sessions that are
//! evicted, and log-ins that do not take place, which must change nothing. Parallel log-ins are
//! tested elsewhere.

use crate::{
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Lifetime, PrincipalKey, Selector, StoreKey,
    },
    testing::conformance::{
        fixture::{Fixture, equal, fresh_namespace},
        make::{
            Credential, IDLE, MINUTE, add_within, commit, committed, conflict, end_oldest,
            expected, int, log_in, out_of_range, principal, refuse_new, selector,
        },
    },
};

const OLDEST: &str = "`EndOldest`: the earliest log-ins end until one fewer than the cap are left";
const REFUSED: &str = "`RefuseNew`: at the cap a log-in is `Full`, and nothing changes";

fn ended(keys: &[&StoreKey]) -> Vec<Selector> {
    let mut selectors: Vec<Selector> = keys.iter().map(|key| key.selector).collect();
    selectors.sort();
    selectors
}

fn inserted(keys: &[&StoreKey]) -> InsertOutcome {
    InsertOutcome::Inserted { ended: ended(keys) }
}

fn logged_in(revision: u64, keys: &[&StoreKey]) -> CommitOutcome {
    CommitOutcome::Committed { revision, rotated: false, ended: ended(keys) }
}

impl Fixture {
    /// Stores sessions of a principal that logged in at these times, without a cap.
    pub(super) async fn sessions_of<const N: usize>(
        &self,
        who: &PrincipalKey,
        times: [u64; N],
    ) -> [StoreKey; N] {
        let keys = times.map(|_| self.key());
        for (key, time) in keys.iter().zip(times) {
            self.put_at(key, self.owned(time, who)).await;
        }
        keys
    }

    pub(super) async fn insert_under(
        &self,
        key: &StoreKey,
        millis: u64,
        who: &PrincipalKey,
        cap: Option<Cap>,
    ) -> InsertOutcome {
        match self.insert(key, self.owned(millis, who), cap).await {
            InsertOutcome::Inserted { mut ended } => {
                ended.sort();
                InsertOutcome::Inserted { ended }
            }
            other => other,
        }
    }

    async fn are_gone(&self, rule: &str, keys: &[&StoreKey]) {
        for key in keys {
            self.holds(rule, key, None).await;
            let outcome = self.commit(key, &commit(self.at(MINUTE), [])).await;
            equal(rule, &CommitOutcome::Gone, &outcome);
        }
    }

    pub(super) async fn are_live(&self, rule: &str, who: &PrincipalKey, keys: &[&StoreKey]) {
        equal(rule, &ended(keys), &self.listed(who, self.at(MINUTE)).await);
        for key in keys {
            let found = self.load(key).await.and_then(|record| record.meta.principal.clone());
            equal(rule, &Some(who.clone()), &found);
        }
    }
}

pub async fn an_insert_under_a_cap_ends_the_oldest(it: Fixture) {
    let ada = principal("ada");
    let new = [it.key(), it.key(), it.key(), it.key()];
    for (millis, key) in (0..).zip(&new[..2]) {
        equal(OLDEST, &inserted(&[]), &it.insert_under(key, millis, &ada, end_oldest(2)).await);
    }
    let third = it.insert_under(&new[2], 2, &ada, end_oldest(2)).await;
    equal(OLDEST, &inserted(&[&new[0]]), &third);
    it.are_gone(OLDEST, &[&new[0]]).await;
    it.are_live(OLDEST, &ada, &[&new[1], &new[2]]).await;
    let fourth = it.insert_under(&new[3], 3, &ada, end_oldest(2)).await;
    equal(OLDEST, &inserted(&[&new[1]]), &fourth);
    it.are_live(OLDEST, &ada, &[&new[2], &new[3]]).await;
}

pub async fn a_log_in_under_a_cap_ends_the_oldest(it: Fixture) {
    let ada = principal("ada");
    let [first, second] = it.sessions_of(&ada, [0, 1]).await;
    let new = it.put(it.record(0)).await;
    let outcome = it.commit(&new, &log_in(it.at(2), &ada, end_oldest(2))).await;
    equal(OLDEST, &logged_in(2, &[&first]), &outcome);
    it.are_gone(OLDEST, &[&first]).await;
    it.are_live(OLDEST, &ada, &[&second, &new]).await;
    // From one principal to another.
    let other = it.put(it.owned(0, &principal("bob"))).await;
    let outcome = it.commit(&other, &log_in(it.at(3), &ada, end_oldest(2))).await;
    equal(OLDEST, &logged_in(2, &[&second]), &outcome);
    it.are_live(OLDEST, &ada, &[&new, &other]).await;
}

pub async fn the_earliest_log_in_gives_way_whatever_its_use(it: Fixture) {
    let rule = "the time of the log-in decides, not creation or last use";
    let ada = principal("ada");
    // Created first, logged in last.
    let early = it.put(it.record(0)).await;
    let [second, third] = it.sessions_of(&ada, [10, 20]).await;
    it.commit(&early, &log_in(it.at(30), &ada, None)).await;
    // Used last, logged in first.
    it.commit(&second, &commit(it.at(40), [])).await;
    let new = it.key();
    let outcome = it.insert_under(&new, 50, &ada, end_oldest(3)).await;
    equal(rule, &inserted(&[&second]), &outcome);
    // The same principal again is a new log-in, which takes the session to the end of the row.
    it.commit(&third, &log_in(it.at(60), &ada, None)).await;
    let outcome = it.insert_under(&it.key(), 70, &ada, end_oldest(3)).await;
    equal(rule, &inserted(&[&early]), &outcome);
}

pub async fn of_log_ins_in_one_millisecond_the_smaller_selector_gives_way(it: Fixture) {
    let rule = "of two log-ins in the same millisecond, the smaller selector ends";
    let ada = principal("ada");
    for order in [[0x80, 0x7f, 0xff, 0x01], [0x01, 0x7f, 0x80, 0xff], [0xff, 0x80, 0x7f, 0x01]] {
        let it = it.fresh();
        for number in order {
            it.put_at(&it.key_of(selector(number)), it.owned(0, &ada)).await;
        }
        for smallest in [0x01, 0x7f, 0x80] {
            // The new ones are later, so they stay.
            let outcome = it.insert_under(&it.key(), 1, &ada, end_oldest(4)).await;
            equal(rule, &inserted(&[&it.key_of(selector(smallest))]), &outcome);
        }
    }
}

pub async fn a_lowered_cap_ends_several(it: Fixture) {
    let ada = principal("ada");
    let keys = it.sessions_of(&ada, [3, 1, 4, 0, 2]).await;
    let new = it.key();
    let outcome = it.insert_under(&new, 5, &ada, end_oldest(3)).await;
    equal(OLDEST, &inserted(&[&keys[3], &keys[1], &keys[4]]), &outcome);
    it.are_live(OLDEST, &ada, &[&keys[0], &keys[2], &new]).await;
    let last = it.put(it.record(5)).await;
    let outcome = it.commit(&last, &log_in(it.at(6), &ada, end_oldest(1))).await;
    equal(OLDEST, &logged_in(2, &[&keys[0], &keys[2], &new]), &outcome);
    it.are_live(OLDEST, &ada, &[&last]).await;
    it.are_gone(OLDEST, &[&new, &keys[0], &keys[1], &keys[2], &keys[3], &keys[4]]).await;
}

pub async fn at_the_cap_a_log_in_is_refused(it: Fixture) {
    let ada = principal("ada");
    let keys = [it.key(), it.key()];
    for (millis, key) in (0..).zip(&keys) {
        equal(REFUSED, &inserted(&[]), &it.insert_under(key, millis, &ada, refuse_new(2)).await);
    }
    let refused = it.key();
    for cap in [refuse_new(2), refuse_new(1)] {
        let outcome = it.insert_under(&refused, 2, &ada, cap).await;
        equal(REFUSED, &InsertOutcome::Full, &outcome);
        it.holds(REFUSED, &refused, None).await;
        let mut anonymous = it.session(REFUSED, &[]).await;
        anonymous.commit(&log_in(it.at(2), &ada, cap), CommitOutcome::Full).await;
        let theirs = it.put(it.owned(0, &principal("bob"))).await;
        let outcome = it.commit(&theirs, &log_in(it.at(2), &ada, cap)).await;
        equal(REFUSED, &CommitOutcome::Full, &outcome);
        it.holds(REFUSED, &theirs, Some(&it.owned(0, &principal("bob")))).await;
    }
    it.are_live(REFUSED, &ada, &[&keys[0], &keys[1]]).await;
    // A log-out makes room.
    let nobody = Commit { principal: Some(None), ..commit(it.at(3), []) };
    it.commit(&keys[0], &nobody).await;
    let outcome = it.insert_under(&refused, 4, &ada, refuse_new(2)).await;
    equal(REFUSED, &inserted(&[]), &outcome);
    it.remove(&keys[1]).await;
    let outcome = it.commit(&keys[0], &log_in(it.at(5), &ada, refuse_new(2))).await;
    equal(REFUSED, &logged_in(3, &[]), &outcome);
}

pub async fn a_session_is_never_one_of_the_others(it: Fixture) {
    let rule = "the session that logs in is not one of the principal's others";
    let ada = principal("ada");
    let [first, second] = it.sessions_of(&ada, [0, 1]).await;
    for (revision, cap) in [(2, refuse_new(2)), (3, end_oldest(2))] {
        let outcome = it.commit(&first, &log_in(it.at(revision), &ada, cap)).await;
        equal(rule, &logged_in(revision, &[]), &outcome);
        it.are_live(rule, &ada, &[&first, &second]).await;
    }
    let outcome = it.commit(&first, &log_in(it.at(4), &ada, refuse_new(1))).await;
    equal(rule, &CommitOutcome::Full, &outcome);
    let outcome = it.commit(&first, &log_in(it.at(5), &ada, end_oldest(1))).await;
    equal(rule, &logged_in(4, &[&second]), &outcome);
    it.are_live(rule, &ada, &[&first]).await;
}

pub async fn another_log_in_at_a_large_cap_ends_nobody(it: Fixture) {
    let rule = "a session that is logged in to again is one session, however many there are";
    let ada = principal("ada");
    // More than one step of a log-in looks at.
    let keys = it.sessions_of(&ada, std::array::from_fn::<u64, 40, _>(|it| it as u64)).await;
    let all: Vec<&StoreKey> = keys.iter().collect();
    let outcome = it.commit(&keys[20], &log_in(it.at(50), &ada, end_oldest(40))).await;
    equal(rule, &logged_in(2, &[]), &outcome);
    it.are_live(rule, &ada, &all).await;
    let outcome = it.commit(&keys[20], &log_in(it.at(51), &ada, end_oldest(39))).await;
    equal(rule, &logged_in(3, &[&keys[0]]), &outcome);
    it.are_live(rule, &ada, &all[1..]).await;
}

pub async fn only_live_sessions_of_the_principal_count(it: Fixture) {
    let rule = "only the principal's own sessions that are live in that namespace count";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let there = it.within(fresh_namespace("conformance-other"));
    let [abroad] = there.sessions_of(&ada, [0]).await;
    let [theirs] = it.sessions_of(&bob, [0]).await;
    let mut short = it.owned(0, &ada);
    short.meta.lifetime =
        Lifetime { idle_millis: None, absolute_until: it.at(5), persistent: false };
    let over = it.put(short.clone()).await;
    // At its very end it is over; a millisecond before it counts.
    let refused = it.insert_under(&it.key(), 4, &ada, refuse_new(1)).await;
    equal(rule, &InsertOutcome::Full, &refused);
    let key = it.key();
    equal(rule, &inserted(&[]), &it.insert_under(&key, 5, &ada, refuse_new(1)).await);
    // Expired, so neither counted nor evicted.
    let _ = it.remove(&over).await;
    let over = it.put(short).await;
    let new = it.put(it.record(5)).await;
    let outcome = it.commit(&new, &log_in(it.at(5), &ada, end_oldest(2))).await;
    equal(rule, &logged_in(2, &[]), &outcome);
    let _ = it.remove(&over).await;
    it.are_live(rule, &ada, &[&key, &new]).await;
    it.are_live(rule, &bob, &[&theirs]).await;
    there.are_live(rule, &ada, &[&abroad]).await;
    // Use keeps a session among those that count.
    it.commit(&key, &commit(it.at(IDLE), [])).await;
    let outcome = it.insert_under(&it.key(), IDLE + 5, &ada, refuse_new(1)).await;
    equal(rule, &InsertOutcome::Full, &outcome);
}

pub async fn sessions_that_began_too_early_do_not_count(it: Fixture) {
    let rule = "a session that began before the cap's `not_before` does not count";
    let ada = principal("ada");
    let from = |cap: Option<Cap>, millis| cap.map(|cap| cap.not_before(it.at(millis)));
    let keys = it.sessions_of(&ada, [0, 1, 2]).await;
    // At the very time it counts; a millisecond before it is over.
    let refused = it.insert_under(&it.key(), 3, &ada, from(refuse_new(1), 2)).await;
    equal(rule, &InsertOutcome::Full, &refused);
    let new = it.key();
    let outcome = it.insert_under(&new, 3, &ada, from(refuse_new(2), 2)).await;
    equal(rule, &inserted(&[]), &outcome);
    // What is over is not evicted, and its record goes.
    let other = it.put(it.record(4)).await;
    let outcome = it.commit(&other, &log_in(it.at(4), &ada, from(end_oldest(2), 3))).await;
    equal(rule, &logged_in(2, &[]), &outcome);
    it.are_gone(rule, &[&keys[0], &keys[1], &keys[2]]).await;
    it.are_live(rule, &ada, &[&new, &other]).await;
}

pub async fn a_cap_without_a_log_in_counts_nothing(it: Fixture) {
    let rule = "a cap counts only beside a principal that is somebody";
    let ada = principal("ada");
    let [first, second] = it.sessions_of(&ada, [0, 1]).await;
    for cap in [end_oldest(1), refuse_new(1)] {
        let anonymous = it.insert(&it.key(), it.record(0), cap).await;
        equal(rule, &InsertOutcome::inserted(), &anonymous);
        let revision = it.load(&first).await.map_or(0, |record| record.meta.revision);
        let used = Commit { cap, ..commit(it.at(2), []) };
        equal(rule, &committed(revision), &it.commit(&first, &used).await);
    }
    it.are_live(rule, &ada, &[&first, &second]).await;
    let out = Commit { principal: Some(None), cap: refuse_new(1), ..commit(it.at(3), []) };
    equal(rule, &committed(2), &it.commit(&first, &out).await);
    it.are_live(rule, &ada, &[&second]).await;
}

pub async fn a_log_in_that_does_not_take_place_ends_nobody(it: Fixture) {
    let rule = "what does not apply for another reason ends nobody";
    let ada = principal("ada");
    let keys = it.sessions_of(&ada, [0, 1]).await;
    let both = [&keys[0], &keys[1]];
    let taken = it.put(it.record(0)).await;
    let outcome = it.insert_under(&taken, 2, &ada, end_oldest(1)).await;
    equal(rule, &InsertOutcome::Exists, &outcome);
    let attempt = log_in(it.at(2), &ada, end_oldest(1));
    equal(rule, &CommitOutcome::Gone, &it.commit(&it.key(), &attempt).await);
    let superseded = Commit { check: Credential::SECOND.check(), ..attempt.clone() };
    equal(rule, &CommitOutcome::Superseded, &it.commit(&taken, &superseded).await);
    let moved = Commit { expected: vec![expected("g", Some(int(3)))], ..attempt.clone() };
    equal(rule, &conflict("g"), &it.commit(&taken, &moved).await);
    let over = Commit { ops: vec![add_within("n", 1, 5, 9)], ..attempt.clone() };
    equal(rule, &out_of_range("n"), &it.commit(&taken, &over).await);
    it.holds(rule, &taken, Some(&it.record(0))).await;
    it.are_live(rule, &ada, &both).await;
    let mut short = it.record(0);
    short.meta.lifetime.absolute_until = it.at(2);
    let late = it.put(short).await;
    equal(rule, &CommitOutcome::Gone, &it.commit(&late, &attempt).await);
    it.are_live(rule, &ada, &both).await;
    // The same attempts at a cap that refuses may be told of either reason, and change nothing.
    let refused = log_in(it.at(2), &ada, refuse_new(1));
    let superseded = Commit { check: Credential::SECOND.check(), ..refused };
    let outcome = it.commit(&taken, &superseded).await;
    let either = matches!(outcome, CommitOutcome::Full | CommitOutcome::Superseded);
    equal(rule, &(true, ()), &(either, ()));
    it.are_live(rule, &ada, &both).await;
}
