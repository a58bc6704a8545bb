//! The conformance suite of stores: the tests that every [`Store`](crate::store::Store) of this
//! crate passes, for the authors of other stores. This file owns the list of tests and turns them
//! into `#[test]` functions; each module below owns the tests of one part of the contract. The
//! tests use a store through its trait alone.
//!
//! # Use
//!
//! Enable the feature `testing` for your tests, and write a function that makes a store:
//!
//! ```toml
//! [dev-dependencies]
//! session-runtime = { version = "…", features = ["testing"] }
//! ```
//!
//! ```
//! # use session_runtime::store::MemoryStore as MyStore;
//! async fn my_store() -> MyStore {
//!     MyStore::default()
//! }
//!
//! mod conformance {
//!     session_runtime::store_conformance!(super::my_store);
//! }
//! # fn main() {}
//! ```
//!
//! `cargo test` then runs about a hundred tests, such as `conformance::a_commit_never_creates`.
//! Nothing else is needed: no runtime, no other crate. For several configurations of a store, write
//! one such module for each.
//!
//! # The store to return
//!
//! Every test calls the function once, and expects a store that is ready for use. Each test has a
//! Tokio runtime of its own, which ends with the test. The store may be
//!
//! - a new store without records, which is simplest, or
//! - a handle on a server that all tests share, together with other programs. Every test uses
//!   namespaces of its own with random names. Only the tests of
//!   [`sweep`](crate::store::Store::sweep) reach beyond them: like the runtime, they remove sessions
//!   of every namespace, those that expired more than a day ago.
//!
//! A store that removes expired records during inserts or commits must be new for each test: the
//! times that tests pass range from years ago to the end of time.
//!
//! Time comes to a store as an argument. The tests begin at the system's time and pass later times
//! as they go, without waiting. So a store that compares expiry with a clock of its own fails here.
//! The expiry of a server must be relative to the time that was passed, and late rather than early.
//!
//! # Failures
//!
//! A failure names the rule that is broken, the request to the store, and the expected and the
//! actual answer. The rules are those of the [trait](crate::store::Store), and those of
//! [`Record::apply`](crate::store::Record::apply) for the effect of a commit on a record. An
//! [error](crate::store::StoreError) fails a test as well, and so does a store that does not answer
//! within two minutes.
//!
//! Two of the tests draw random histories, and shorten a history that fails:
//!
//! - one test does the same to the store and to a [`MemoryStore`](crate::store::MemoryStore), and
//!   compares every outcome, every record and every list;
//! - one test lets several tasks commit at once, and then searches for an order of all commits that
//!   explains every outcome and every load.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `STORE_CONFORMANCE_CASES` | the number of histories that each of the two tries | 24 |
//! | `STORE_CONFORMANCE_SEED` | draws the same histories again; a failure prints it | random |
//!
//! # Limits of the suite
//!
//! The suite does not test what the contract leaves to the store: whether an expired record can
//! still be loaded, and what an insert under its key does; the order in a list of sessions that
//! were created in the same millisecond, and the order of the sessions that
//! [`Committed`](crate::store::CommitOutcome::Committed) reports as ended; which of two answers is
//! given if a log-in fails for two reasons; whether `sweep` or the server removes expired records.
//!
//! Nor does the suite test requests that the runtime never makes: a
//! [set](crate::store::FieldValue::Set) without members, which is no field; one group twice in a
//! commit.
//!
//! Nor can one process test that records outlive a restart, that other processes keep the same
//! rules at the same moment, and how the store behaves while its server is down or slow.

pub use crate::repository::{Listed, Repository};

mod fixture;
mod make;
mod repository;
mod run;
mod show;
mod together;

#[doc(hidden)]
pub use fixture::Fixture;
#[doc(hidden)]
pub use run::run;

/// Expands to `$then!` with the list of all tests of the suite, each with its module.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_conformance_cases {
    ($then:ident, $($with:tt)*) => {
        $crate::$then! { $($with)*
            caps::a_cap_without_a_log_in_counts_nothing,
            caps::a_log_in_that_does_not_take_place_ends_nobody,
            caps::a_log_in_under_a_cap_ends_the_oldest,
            caps::a_lowered_cap_ends_several,
            caps::a_session_is_never_one_of_the_others,
            caps::an_insert_under_a_cap_ends_the_oldest,
            caps::at_the_cap_a_log_in_is_refused,
            caps::of_log_ins_in_one_millisecond_the_smaller_selector_gives_way,
            caps::only_live_sessions_of_the_principal_count,
            caps::the_earliest_log_in_gives_way_whatever_its_use,
            commits::a_commit_never_creates,
            commits::a_deleted_key_can_be_inserted_again,
            commits::a_group_that_moved_is_a_conflict,
            commits::a_loaded_record_stays_as_it_was,
            commits::a_record_that_is_over_is_gone_for_every_credential,
            commits::an_insert_never_overwrites,
            commits::delete_is_idempotent,
            commits::each_commit_but_a_touch_moves_the_revision_by_one,
            commits::several_groups_are_compared_and_moved_together,
            credentials::a_foreign_credential_is_stale,
            credentials::a_rotation_with_grace_lets_the_old_credential_pass_until_its_end,
            credentials::a_rotation_without_grace_ends_the_old_credential,
            credentials::a_rotation_without_grace_takes_place_within_the_grace,
            credentials::the_second_of_two_rotations_with_grace_is_skipped,
            crowds::parallel_log_ins_end_the_oldest_down_to_the_cap,
            crowds::parallel_log_ins_fill_the_cap_and_no_more,
            dropped::a_dropped_commit_applies_whole_or_not_at_all,
            dropped::a_dropped_operation_gives_its_answer_to_nobody_else,
            dropped::after_dropped_log_ins_the_next_one_keeps_the_cap,
            dropped::dropped_log_ins_leave_the_index_complete,
            linear::parallel_histories_have_one_order,
            model::random_histories_leave_the_model_s_state,
            names::field_names_are_any_text,
            names::names_without_a_colon_are_any_text_too,
            names::namespaces_are_kept_apart_to_the_letter,
            names::principals_are_any_text,
            names::selectors_are_any_bytes,
            ops::a_set_that_becomes_empty_is_removed,
            ops::a_value_of_another_kind_counts_as_missing,
            ops::add_adds,
            ops::add_counts_a_missing_number_as_zero,
            ops::add_never_wraps,
            ops::add_reaches_its_bounds_and_never_passes_them,
            ops::add_that_fails_leaves_nothing_half_applied,
            ops::clear_keeps_what_is_named_and_the_keys_below_it,
            ops::clear_without_names_removes_everything,
            ops::fields_that_nobody_named_stay,
            ops::insert_puts_a_member_in_once,
            ops::max_keeps_the_larger_number,
            ops::numbers_are_exact_over_the_whole_range,
            ops::once_writes_only_what_is_missing,
            ops::ops_apply_in_their_order,
            ops::remove_takes_a_member_out,
            ops::set_writes_whatever_was_there,
            ops::take_leaves_what_was_not_seen,
            ops::take_removes_what_was_seen,
            ops::unset_removes_whatever_was_there,
            orders::fields_and_members_go_together_whatever_order_they_came_in,
            orders::members_come_and_go_whatever_order_they_came_in,
            orders::removals_and_writes_are_independent_of_the_order_of_fields,
            orders::sets_are_replaced_whatever_order_they_came_in,
            owners::a_commit_that_does_not_apply_moves_no_principal,
            owners::a_list_follows_a_changed_lifetime,
            owners::a_list_has_the_live_sessions_the_newest_first,
            owners::a_list_says_when,
            owners::delete_all_ends_every_session_of_a_principal,
            owners::delete_all_spares_the_exception,
            owners::namespaces_are_apart,
            owners::the_index_follows_the_principal,
            owners::what_is_deleted_is_not_listed,
            races::a_commit_that_races_a_delete_never_resurrects,
            races::compare_and_set_in_a_loop_loses_nothing,
            races::delete_all_leaves_nothing_that_was_there_before_it,
            races::delete_all_spares_a_session_that_went_to_somebody_else,
            races::of_racing_deletes_one_removes,
            races::of_racing_inserts_one_wins,
            races::of_racing_rotations_one_wins,
            races::of_racing_writes_of_a_group_one_wins,
            races::parallel_additions_all_count,
            races::parallel_members_survive,
            races::parallel_writes_of_different_fields_survive,
            races::racing_log_ins_leave_the_index_right,
            sweeps::a_sweep_beside_a_commit_takes_nothing_that_was_kept_alive,
            sweeps::a_sweep_goes_by_the_last_commit,
            sweeps::a_sweep_keeps_its_limit,
            sweeps::a_sweep_removes_only_what_is_over,
            times::a_lifetime_changes_only_when_a_commit_says_so,
            times::a_record_is_over_at_its_end,
            times::a_session_without_ends_lives_for_ever,
            times::a_touch_changes_the_time_and_nothing_else,
            times::time_moves_only_forward,
            times::use_keeps_a_session_alive_until_its_absolute_end,
            values::a_record_holds_many_fields,
            values::a_record_is_loaded_back_as_it_was_inserted,
            values::extreme_times_survive_a_commit,
            values::large_values_survive,
            values::values_are_binary_safe,
        }
    };
}

/// Re-exports the tests by name, for [`store_conformance!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_exports {
    ($($module:ident::$case:ident,)*) => {
        $(pub use super::repository::$module::$case;)*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($make:path; $($module:ident::$case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::run($make, $crate::testing::cases::$case);
            }
        )*
    };
}

/// Writes the tests of the conformance suite into the current module, for the store that an
/// `async fn() -> impl Store` returns: see [the module](mod@crate::testing).
///
/// ```
/// # use session_runtime::store::MemoryStore;
/// mod conformance {
///     use super::*;
///
///     async fn small() -> MemoryStore {
///         MemoryStore::with_limit(10_000)
///     }
///
///     session_runtime::store_conformance!(small);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($make:path) => {
        $crate::__with_conformance_cases! { __conformance_tests, $make; }
    };
}

#[doc(hidden)]
pub mod cases {
    __with_conformance_cases! { __conformance_exports, }
}
