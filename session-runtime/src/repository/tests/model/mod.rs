//! An exhaustive model of requests above the contract of a store: two clients, each with a few requests
//! that log in, write, rotate, log out, expire or crash, in all orders of the store's operations. The
//! requests are the library's own code above a store that stops at each operation. A broken store,
//! and a broken use of a store, must break a rule. This file owns the bounds of what is tried.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test reports")]

mod fingerprint;
mod map;
mod request;
mod rules;
mod search;
mod state;
mod steps;

use self::{
    map::Fault,
    request::{Kind, Misuse},
    search::search,
    state::Scope,
};
use crate::store::OnMaxSessions;

const CHANGES: [Kind; 4] = [Kind::LogIn, Kind::Write, Kind::Rotate, Kind::LogOut];
const ALL: [Kind; 5] = [Kind::LogIn, Kind::Write, Kind::Rotate, Kind::LogOut, Kind::Touch];

fn scope(requests: u8, kinds: &[Kind]) -> Scope {
    Scope {
        requests,
        kinds: kinds.to_vec(),
        expires: true,
        crashes: 0,
        on_max: OnMaxSessions::EndOldest,
        is_shared: true,
        fault: Fault::None,
        misuse: Misuse::None,
    }
}

/// Searches a model that has at least so many states, none of which breaks a rule.
fn holds(states: usize, scope: &Scope) {
    let searched = search(scope).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(searched.states >= states && searched.ends > 100, "{searched:?}");
}

#[test]
fn three_requests_of_two_clients_keep_every_rule_in_any_order() {
    holds(160_000, &Scope { expires: false, ..scope(3, &CHANGES) });
}

#[test]
fn two_requests_of_two_clients_keep_every_rule_though_sessions_expire_and_one_crashes() {
    holds(46_000, &Scope { crashes: 1, ..scope(2, &CHANGES) });
}

#[test]
fn log_ins_from_two_sessions_keep_every_rule_wherever_one_of_them_crashes() {
    let scope = scope(2, &[Kind::LogIn, Kind::Write, Kind::LogOut]);
    holds(59_000, &Scope { crashes: 1, is_shared: false, ..scope });
}

#[test]
fn log_ins_that_may_be_refused_keep_every_rule_wherever_one_of_them_crashes() {
    let refuse = Scope { on_max: OnMaxSessions::RefuseNew, crashes: 1, ..scope(2, &CHANGES) };
    holds(10_000, &Scope { is_shared: false, ..refuse.clone() });
    holds(34_000, &refuse);
}

#[test]
fn touches_beside_changes_keep_every_rule() {
    holds(14_000, &scope(2, &ALL));
}

/// Searches a broken variant, of which the first state that breaks a rule breaks this one.
fn breaks(rule: &str, broken: &Scope) {
    let found = search(broken).err();
    assert!(found.as_ref().is_some_and(|found| found.starts_with(rule)), "{found:?}");
}

/// Makes a test of each broken variant: the rule that it breaks.
macro_rules! broken {
    ($($test:ident: $kind:ident $fault:ident, $rule:literal;)*) => {$(
        #[test]
        fn $test() {
            breaks($rule, &broken!($kind $fault));
        }
    )*};
    (store $fault:ident) => { Scope { fault: Fault::$fault, ..scope(2, &ALL) } };
    (caller $misuse:ident) => { Scope { misuse: Misuse::$misuse, ..scope(2, &ALL) } };
    (lease $fault:ident) => {
        Scope {
            on_max: OnMaxSessions::RefuseNew,
            is_shared: false,
            fault: Fault::$fault,
            ..scope(2, &[Kind::LogIn, Kind::LogOut])
        }
    };
}

broken! {
    a_replacement_that_ignores_the_version_is_caught:
        store ReplaceIgnoresVersion, "every change but a touch raises the version";
    a_replacement_that_creates_is_caught:
        store ReplaceCreates, "only an insert creates";
    a_replacement_that_forgets_a_later_use_is_caught:
        store ReplaceForgetsLaterUse, "the time of use never goes back";
    a_replacement_that_was_carried_out_and_is_sent_again_is_caught:
        store ReplaceIsSentAgain, "an operation that is answered no changes nothing";
    a_replacement_that_is_answered_but_not_carried_out_is_caught:
        store ReplaceAnswersBeforeWriting, "what was answered yes has happened";
    an_insert_that_overwrites_is_caught:
        lease InsertOverwrites, "a cap that refuses is never passed";
    an_insert_that_stores_nothing_is_caught:
        store InsertStoresNothing, "what was answered yes has happened";
    a_touch_that_creates_is_caught:
        store TouchCreates, "only an insert creates";
    a_touch_that_puts_an_old_version_back_is_caught:
        store TouchPutsOldVersionBack, "the version never goes back";
    a_touch_that_turns_the_time_back_is_caught:
        store TouchTurnsTimeBack, "the time of use never goes back";
    a_removal_that_ignores_the_version_is_caught:
        store RemoveIgnoresVersion, "a session is evicted only as the log-in has found it";
    a_removal_that_removes_nothing_is_caught:
        store RemoveDoesNothing, "what was answered yes has happened";
    a_load_of_a_stale_copy_is_caught:
        store LoadIsStale, "a live session is found by its credential";
    a_list_without_the_newest_session_is_caught:
        store ListMissesNewest, "log-ins leave what the cap allows";
    a_count_of_one_too_few_is_caught:
        store CountsTooFew, "log-ins leave what the cap allows";
    an_eviction_without_the_version_is_caught:
        caller EvictsWithoutVersion, "a session is evicted only as the log-in has found it";
    a_request_that_puts_an_ended_session_back_is_caught:
        caller PutsGoneSessionBack, "a session that has ended never lives again";
    a_conflict_that_is_answered_yes_is_caught:
        caller AnswersYesToConflict, "what was answered yes has happened";
    a_write_of_the_whole_record_is_caught:
        caller WritesWholeRecord, "no write is lost";
    a_rotation_that_lets_the_old_credential_pass_is_caught:
        caller LetsOldCredentialPass, "a superseded credential never passes";
    a_log_in_that_forgets_the_cap_is_caught:
        caller ForgetsTheCap, "log-ins leave what the cap allows";
}
