//! The suite of the repository above a store: commits, caps and lists, through
//! [`Repository`](crate::repository::Repository). This file owns the list of tests; each module
//! owns the tests of one part.

// A test's name, and the rule in its first line, say what it is about.
#![allow(missing_docs)]

mod caps;
mod commits;
mod credentials;
mod crowds;
mod dropped;
mod history;
mod linear;
mod model;
mod names;
mod ops;
mod orders;
mod owners;
mod races;
mod search;
mod session;
mod times;

pub(super) use crowds::is_asked_for_more;

/// Expands to `$then!` with the list of all tests of the suite, each with its module.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_repository_cases {
    ($then:ident, $($with:tt)*) => {
        $crate::$then! { $($with)*
            caps::a_cap_without_a_log_in_counts_nothing,
            caps::a_log_in_that_does_not_take_place_ends_nobody,
            caps::a_log_in_under_a_cap_ends_the_oldest,
            caps::a_lowered_cap_ends_several,
            caps::a_session_is_never_one_of_the_others,
            caps::an_insert_under_a_cap_ends_the_oldest,
            caps::another_log_in_at_a_large_cap_ends_nobody,
            caps::at_the_cap_a_log_in_is_refused,
            caps::of_log_ins_in_one_millisecond_the_smaller_selector_gives_way,
            caps::only_live_sessions_of_the_principal_count,
            caps::sessions_that_began_too_early_do_not_count,
            caps::the_earliest_log_in_gives_way_whatever_its_use,
            commits::a_commit_never_creates,
            commits::a_field_that_changed_is_a_conflict,
            commits::a_record_at_another_revision_is_a_conflict,
            commits::a_record_that_is_over_is_gone_for_every_credential,
            commits::each_commit_but_a_touch_moves_the_revision_by_one,
            commits::several_fields_are_compared_together,
            credentials::a_commit_without_a_credential_is_for_the_principal_and_no_use,
            credentials::a_foreign_credential_is_stale,
            credentials::a_rotation_with_grace_lets_the_old_credential_pass_until_its_end,
            credentials::a_rotation_without_grace_ends_the_old_credential,
            credentials::a_rotation_without_grace_takes_place_within_the_grace,
            credentials::the_second_of_two_rotations_with_grace_is_skipped,
            crowds::a_principal_with_very_many_sessions_is_served_in_time,
            crowds::parallel_log_ins_end_the_oldest_down_to_the_cap,
            crowds::parallel_log_ins_fill_the_cap_and_no_more,
            dropped::a_dropped_commit_applies_whole_or_not_at_all,
            dropped::after_dropped_log_ins_the_next_one_keeps_the_cap,
            dropped::dropped_log_ins_leave_the_index_complete,
            linear::parallel_histories_have_one_order,
            model::random_histories_leave_the_model_s_state,
            names::field_names_are_any_text,
            names::names_without_a_colon_are_any_text_too,
            ops::a_set_that_becomes_empty_is_removed,
            ops::a_value_of_another_kind_counts_as_missing,
            ops::a_number_in_json_is_the_number_that_it_says,
            ops::add_adds,
            ops::add_counts_a_missing_number_as_zero,
            ops::add_never_wraps,
            ops::add_reaches_its_bounds_and_never_passes_them,
            ops::add_that_fails_leaves_nothing_half_applied,
            ops::clear_keeps_what_is_named,
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
            races::a_commit_that_races_a_delete_never_resurrects,
            races::compare_and_set_in_a_loop_loses_nothing,
            races::delete_all_leaves_nothing_that_was_there_before_it,
            races::delete_all_spares_a_session_that_went_to_somebody_else,
            races::of_racing_rotations_one_wins,
            races::of_racing_writes_that_compare_one_wins,
            races::parallel_additions_all_count,
            races::parallel_members_survive,
            races::parallel_writes_of_different_fields_survive,
            races::racing_log_ins_leave_the_index_right,
            times::a_lifetime_changes_only_when_a_commit_says_so,
            times::a_record_is_over_at_its_end,
            times::a_session_without_ends_lives_for_ever,
            times::a_touch_changes_the_time_and_nothing_else,
            times::time_moves_only_forward,
            times::use_keeps_a_session_alive_until_its_absolute_end,
        }
    };
}

pub mod cases {
    __with_repository_cases! { __conformance_exports, }
}
