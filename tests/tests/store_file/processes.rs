//! Several processes on one directory: nothing is lost, nothing is let in beyond the cap.

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, CommitOutcome, FieldValue, InsertOutcome, Store},
};

use crate::support::*;

const EACH: i64 = 1000;

#[test]
fn two_processes_lose_no_increment() {
    if let Some((store, _)) = in_child() {
        for _ in 0..EACH {
            let outcome = apply(&store, 1, &commit([add()]));
            assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
        }
        return;
    }
    let home = home();
    let store = open(&home);
    put(&store, 1, anonymous());
    let test = "processes::two_processes_lose_no_increment";
    let children = [child(&home, test, 0), child(&home, test, 1)];
    for child in children {
        let output = child.wait_with_output().expect("a child that ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let record = wait(store.load(&key(1))).expect("a load").expect("a session");
    assert_eq!(record.get("visits"), Some(&FieldValue::Int(2 * EACH)));
    assert_eq!(record.meta.revision, 1 + 2 * EACH.cast_unsigned());
    assert_eq!(temporary(&home), [""; 0]);
}

const CAP: u32 = 3;
const PROCESSES: u64 = 8;
const LOG_INS: u64 = 12;

/// Logs in again and again, half of the time by an insert; prints how often it was let in.
fn log_in_under_a_cap(on_max: OnMaxSessions) {
    let Some((store, process)) = in_child() else { unreachable!("a child only") };
    let cap = Some(Cap::new(CAP, on_max));
    let mut let_in = 0;
    for n in 0..LOG_INS {
        let number = process * 1000 + n;
        let full = if n % 2 == 0 {
            let answer =
                wait(store.insert_capped(&key(number), owned(ada()), cap)).expect("an insert");
            answer == InsertOutcome::Full
        } else {
            put(&store, number, anonymous());
            let mut commit = becomes(Some(ada()));
            commit.cap = cap;
            apply(&store, number, &commit) == CommitOutcome::Full
        };
        let_in += u64::from(!full);
    }
    println!("let in: {let_in}");
}

fn race(test: &str) -> (u64, usize) {
    let home = home();
    let store = open(&home);
    let children: Vec<_> = (0..PROCESSES).map(|process| child(&home, test, process)).collect();
    let mut let_in = 0;
    for child in children {
        let output = child.wait_with_output().expect("a child that ends");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{printed}");
        let number =
            printed.split_once("let in: ").and_then(|(_, rest)| rest.split_whitespace().next());
        let_in += number.and_then(|it| it.parse::<u64>().ok()).expect("a number was printed");
    }
    let live = wait(store.list_live(&shop(), &ada(), at(2))).expect("a list");
    assert_eq!(entries(&home).len(), live.len());
    (let_in, live.len())
}

#[test]
fn log_ins_of_many_processes_end_the_oldest() {
    if in_child().is_some() {
        return log_in_under_a_cap(OnMaxSessions::EndOldest);
    }
    let (let_in, live) = race("processes::log_ins_of_many_processes_end_the_oldest");
    assert_eq!((let_in, live), (PROCESSES * LOG_INS, CAP as usize));
}

#[test]
fn log_ins_of_many_processes_are_refused_beyond_the_cap() {
    if in_child().is_some() {
        return log_in_under_a_cap(OnMaxSessions::RefuseNew);
    }
    let (let_in, live) = race("processes::log_ins_of_many_processes_are_refused_beyond_the_cap");
    assert_eq!((let_in, live), (u64::from(CAP), CAP as usize));
}
