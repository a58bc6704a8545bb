//! Tests of a value's history alone: what is shown, what is emitted, and what a panic leaves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Adding, History, Refusal, Step};

type List = Vec<u32>;

fn push(number: u32) -> Step<List> {
    Box::new(move |list: &mut List| {
        list.push(number);
        Ok(())
    })
}

fn change(history: &History<List>, step: Step<List>) {
    history.change(List::clone, List::new, step);
}

/// Returns what would be emitted: the value, and the same changes on another value.
fn emitted(history: &History<List>) -> Option<(List, Option<List>)> {
    history.emit(false, |emitted| {
        let emitted = emitted.expect("nothing was refused");
        let again = emitted.steps.map(|steps| {
            let mut other = vec![100];
            steps.iter().try_for_each(|steps| steps.run(&mut other)).expect("no refusal");
            other
        });
        (emitted.value.clone(), again)
    })
}

#[test]
fn a_value_that_was_shown_stays_and_one_that_was_not_changes_in_place() {
    let history = History::new();
    change(&history, push(1));
    let first = history.newest();
    for number in 2..100 {
        change(&history, push(number));
    }
    assert_eq!(first, Some(&vec![1]));
    assert_eq!(history.newest().map(Vec::len), Some(99));
    assert_eq!(history.newest().map(Vec::as_ptr), history.newest().map(Vec::as_ptr));
}

#[test]
fn what_changes_while_a_commit_is_on_its_way_is_in_the_next_one() {
    let history = History::new();
    change(&history, push(1));
    assert_eq!(emitted(&history), Some((vec![1], Some(vec![100, 1]))));
    change(&history, push(2));
    history.mark_saved();
    assert_eq!(emitted(&history), Some((vec![1, 2], Some(vec![100, 2]))));
    history.mark_saved();
    assert_eq!(emitted(&history), None);
}

#[test]
fn what_was_not_saved_is_emitted_again() {
    let history = History::new();
    change(&history, push(1));
    emitted(&history);
    change(&history, push(2));
    assert_eq!(emitted(&history), Some((vec![1, 2], Some(vec![100, 1, 2]))));
    history.set(vec![7]);
    change(&history, push(8));
    assert_eq!(emitted(&history), Some((vec![7, 8], None)));
    assert_eq!(emitted(&history), Some((vec![7, 8], None)));
    history.mark_saved();
    change(&history, push(9));
    assert_eq!(emitted(&history), Some((vec![7, 8, 9], Some(vec![100, 9]))));
}

#[test]
fn a_set_during_a_commit_is_not_saved_by_it() {
    let history = History::new();
    history.set(vec![1]);
    emitted(&history);
    history.set(vec![2]);
    history.mark_saved();
    assert_eq!(emitted(&history), Some((vec![2], None)));
}

#[test]
fn an_adopted_value_keeps_what_is_not_saved() {
    let history = History::new();
    change(&history, push(1));
    emitted(&history);
    change(&history, push(2));
    history.adopt(vec![50]);
    assert_eq!(history.newest(), Some(&vec![50, 1, 2]));
    assert_eq!(emitted(&history), Some((vec![50, 1, 2], Some(vec![100, 1, 2]))));
    history.settle(vec![60]);
    assert_eq!((history.newest(), emitted(&history)), (Some(&vec![60]), None));
}

#[test]
fn a_change_that_panics_cannot_be_saved_until_another_value_is_set() {
    let history = History::new();
    change(&history, push(1));
    let panics: Step<List> = Box::new(|_| panic!("in a test"));
    let caught = catch_unwind(AssertUnwindSafe(|| change(&history, panics)));
    assert!(caught.is_err());
    change(&history, push(2));
    let refused = history.emit(false, |emitted| matches!(emitted, Err(Refusal::Panicked)));
    assert_eq!(refused, Some(true));
    history.set(vec![3]);
    assert_eq!(emitted(&history), Some((vec![3], None)));
}

#[test]
fn changes_of_parallel_tasks_all_count() {
    let history = History::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let history = &history;
            scope.spawn(move || {
                for number in 0..250 {
                    change(history, push(thread * 250 + number));
                    if number % 10 == 0 {
                        assert!(history.newest().is_some());
                    }
                }
            });
        }
    });
    let mut seen = history.newest().cloned().expect("it was changed");
    seen.sort_unstable();
    assert_eq!(seen, (0..1000).collect::<Vec<_>>());
}

/// Adding numbers to a list.
const ADDING: Adding<List, u32> = Adding {
    add: |list, number, most| {
        list.push(number);
        list.drain(..list.len().saturating_sub(most));
    },
    step: |number, _| push(number),
    last: |list, count, most| {
        let added = list[list.len().saturating_sub(count)..].to_vec();
        Box::new(move |list: &mut List| {
            list.extend(&added);
            list.drain(..list.len().saturating_sub(most));
            Ok(())
        })
    },
};

fn add(history: &History<List>, number: u32, most: usize) {
    if history.add_more(number, 1, ADDING.add).is_err() {
        history.add(List::clone, List::new, (number, 1), most, &ADDING);
    }
}

#[test]
fn items_that_are_added_are_one_change_in_their_place_among_the_others() {
    let history = History::new();
    for number in 1..4 {
        add(&history, number, 9);
    }
    let shown = history.newest();
    add(&history, 4, 9);
    change(
        &history,
        Box::new(|list: &mut List| {
            list.retain(|number| *number > 2);
            Ok(())
        }),
    );
    add(&history, 5, 9);
    assert_eq!(shown, Some(&vec![1, 2, 3]));
    assert_eq!(emitted(&history), Some((vec![3, 4, 5], Some(vec![100, 3, 4, 5]))));
    add(&history, 6, 9);
    history.mark_saved();
    assert_eq!(emitted(&history), Some((vec![3, 4, 5, 6], Some(vec![100, 6]))));
    history.set(vec![7]);
    add(&history, 8, 9);
    assert_eq!(emitted(&history), Some((vec![7, 8], None)));
}

#[test]
fn items_that_have_pushed_others_out_do_so_again() {
    let history = History::new();
    change(&history, push(0));
    for number in 1..9 {
        add(&history, number, 3);
    }
    assert_eq!(emitted(&history), Some((vec![6, 7, 8], Some(vec![6, 7, 8]))));
}

#[test]
fn items_that_were_added_run_again_on_an_adopted_value() {
    let history = History::new();
    add(&history, 1, 9);
    history.adopt(vec![50]);
    add(&history, 2, 9);
    assert_eq!(history.newest(), Some(&vec![50, 1, 2]));
    assert_eq!(emitted(&history), Some((vec![50, 1, 2], Some(vec![100, 1, 2]))));
    history.settle(vec![60]);
    assert_eq!((history.newest(), emitted(&history)), (Some(&vec![60]), None));
}
