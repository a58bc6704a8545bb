//! The suite of the contract of a [`Store`](crate::store::Store): its verbs, and nothing else. This
//! file owns the list of tests; each module owns the tests of one part of the contract.

// A test's name, and the rule in its first line, say what it is about.
#![allow(missing_docs)]

mod bus;
mod counts;
mod dropped;
mod lists;
mod names;
mod probes;
mod removals;
mod sweeps;
mod touches;
mod values;
mod verbs;
mod writes;

/// Expands to `$then!` with the list of all tests of the suite, each with its module.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_store_cases {
    ($then:ident, $($with:tt)*) => {
        $crate::$then! { $($with)*
            bus::a_notice_reaches_everybody_who_watches,
            bus::notices_come_in_their_order_and_none_is_lost,
            bus::who_watches_again_misses_nothing_from_then_on,
            counts::a_count_has_at_least_those_that_stay,
            counts::a_count_is_exact_when_nothing_else_happens,
            counts::a_log_in_counts_the_sessions_of_its_principal,
            counts::of_parallel_log_ins_each_two_are_counted_by_one,
            counts::of_two_log_ins_one_counts_both,
            dropped::a_dropped_operation_gives_its_answer_to_nobody_else,
            dropped::a_dropped_write_has_happened_whole_or_not_at_all,
            dropped::dropped_inserts_and_removals_leave_a_record_or_none,
            dropped::dropped_log_ins_leave_the_lists_complete,
            lists::a_list_follows_the_principal,
            lists::a_list_goes_on_although_the_session_of_its_place_is_gone,
            lists::a_list_has_the_live_sessions_whatever_comes_and_goes,
            lists::a_list_has_the_records_as_they_are,
            lists::a_list_is_read_page_by_page_in_both_orders,
            lists::another_log_in_moves_a_session_in_its_list,
            lists::log_ins_of_one_millisecond_are_all_listed,
            lists::racing_log_ins_leave_the_lists_right,
            names::field_names_are_any_text,
            names::namespaces_are_kept_apart_to_the_letter,
            names::principals_are_any_text,
            names::selectors_are_any_bytes,
            probes::a_probe_tells_the_time_of_the_servers_clock,
            removals::a_key_can_be_inserted_again_after_a_removal,
            removals::a_removal_by_version_and_a_replacement_exclude_each_other,
            removals::a_removal_by_version_removes_that_version_only,
            removals::a_removal_is_idempotent,
            removals::of_racing_removals_one_answers_true,
            sweeps::a_sweep_beside_a_use_takes_nothing_that_was_kept_alive,
            sweeps::a_sweep_goes_by_the_last_write,
            sweeps::a_sweep_in_steps_leaves_nothing,
            sweeps::a_sweep_keeps_its_limit,
            sweeps::a_sweep_removes_only_what_is_expired,
            touches::a_touch_beside_a_replacement_loses_neither,
            touches::a_touch_changes_the_time_and_nothing_else,
            touches::a_touch_never_creates,
            touches::a_touch_never_goes_back,
            touches::a_touch_that_races_a_removal_never_resurrects,
            touches::of_racing_touches_the_latest_stays,
            values::a_record_holds_many_fields,
            values::a_record_is_loaded_back_as_it_was_inserted,
            values::extreme_times_survive_a_replacement,
            values::large_values_survive,
            values::values_are_binary_safe,
            writes::a_change_in_place_is_a_replacement,
            writes::a_loaded_record_stays_as_it_was,
            writes::a_reload_shows_every_write_that_was_answered,
            writes::a_replacement_leaves_nothing_of_the_old_record,
            writes::a_replacement_never_creates,
            writes::a_replacement_takes_place_only_by_the_present_version,
            writes::an_insert_never_overwrites,
            writes::compare_and_swap_in_a_loop_loses_nothing,
            writes::of_racing_inserts_one_is_stored,
            writes::of_replacements_of_one_version_in_parallel_one_is_stored,
            writes::of_two_times_of_use_the_later_stays,
        }
    };
}

pub mod cases {
    __with_store_cases! { __conformance_exports, }
}
