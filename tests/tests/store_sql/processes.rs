//! Several processes on one database: all of them come up on an empty one, nothing is lost, and
//! nobody is let in beyond the cap.

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, CommitOutcome, FieldValue, InsertOutcome, PrincipalKey, Store},
};

use crate::support::*;

const PROCESSES: u64 = 8;
/// Of those that log in to one account.
const CROWD: u64 = 16;

fn name(test: &str, kind: Kind) -> String {
    let module = match kind {
        Kind::Postgres => "on_postgres",
        Kind::MariaDb => "on_mariadb",
        Kind::Sqlite => "on_sqlite",
    };
    format!("processes::{module}::{test}")
}

fn spawn_all(processes: u64, test: &str, kind: Kind, url: &str) -> Vec<String> {
    let test = name(test, kind);
    join((0..processes).map(|number| child(&test, &format!("{number} {url}"))).collect())
}

fn told() -> Option<(u64, String)> {
    let told = in_child()?;
    let (number, url) = told.split_once(' ').expect("a number and a URL");
    Some((number.parse().expect("a number"), url.to_owned()))
}

const EACH: i64 = 50;

fn processes_that_start_on_an_empty_database_lose_no_increment(kind: Kind) {
    if let Some((number, url)) = told() {
        wait(async {
            let store = connect(&url).await;
            // Whoever is first.
            let _ = store.insert_capped(&key(1), record(), None).await.expect("an insert");
            for _ in 0..EACH {
                let own = ["0", "1", "2", "3", "4", "5", "6", "7"]
                    [usize::try_from(number).expect("a small one")];
                let ops = [add("visits"), Op::insert(own), set("last", own)];
                let outcome = store.commit(&key(1), &commit(ops)).await.expect("a commit");
                assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
            }
        });
        return;
    }
    let url = kind.fresh("increments");
    spawn_all(PROCESSES, "processes_that_start_on_an_empty_database_lose_no_increment", kind, &url);
    let record = wait(async { connect(&url).await.load(&key(1)).await });
    let record = record.expect("a load").expect("a session");
    let all = EACH * PROCESSES.cast_signed();
    assert_eq!(record.get("visits"), Some(&FieldValue::Int(all)));
    assert_eq!(record.meta.revision, 1 + all.cast_unsigned());
    let Some(FieldValue::Set(members)) = record.get("seen") else { panic!("a set") };
    assert_eq!(members.len() as u64, PROCESSES);
}

/// A member of a set.
struct Op;

impl Op {
    fn insert(member: &'static str) -> session_runtime::store::Op {
        session_runtime::store::Op::Insert {
            field: "seen".into(),
            member: member.as_bytes().into(),
        }
    }
}

const CAP: u32 = 3;
const LOG_INS: u64 = 6;

/// Logs in again and again, half of the time by an insert; prints how often it was let in.
fn log_in_often(on_max: OnMaxSessions, number: u64, url: &str) {
    let cap = Some(Cap::new(CAP, on_max));
    let let_in = wait(async {
        let store = connect(url).await;
        let mut let_in = 0;
        for n in 0..LOG_INS {
            let key = key(number * 1000 + n);
            let full = if n % 2 == 0 {
                let answer = store.insert_capped(&key, owned("ada"), cap).await.expect("an insert");
                answer == InsertOutcome::Full
            } else {
                store.insert_capped(&key, record(), None).await.expect("an insert");
                store.commit(&key, &log_in("ada", cap, [])).await.expect("a commit")
                    == CommitOutcome::Full
            };
            let_in += u64::from(!full);
        }
        let_in
    });
    println!("let in: {let_in}");
}

fn race(test: &str, kind: Kind, url: &str) -> (u64, usize) {
    let count = |text: &String| {
        let number = text.split_once("let in: ").expect("a number was printed").1;
        number.split_whitespace().next().and_then(|it| it.parse::<u64>().ok()).expect("a number")
    };
    let let_in = spawn_all(CROWD, test, kind, url).iter().map(count).sum();
    let live = wait(async {
        let store = connect(url).await;
        store.list_live(&shop(), &PrincipalKey::new("ada"), at(2)).await.expect("a list").len()
    });
    (let_in, live)
}

fn log_ins_of_many_processes_end_the_oldest(kind: Kind) {
    if let Some((number, url)) = told() {
        return log_in_often(OnMaxSessions::EndOldest, number, &url);
    }
    let url = kind.fresh("end_oldest");
    let (let_in, live) = race("log_ins_of_many_processes_end_the_oldest", kind, &url);
    assert_eq!((let_in, live), (CROWD * LOG_INS, CAP as usize));
}

fn log_ins_of_many_processes_are_refused_at_the_cap(kind: Kind) {
    if let Some((number, url)) = told() {
        return log_in_often(OnMaxSessions::RefuseNew, number, &url);
    }
    let url = kind.fresh("refuse_new");
    let (let_in, live) = race("log_ins_of_many_processes_are_refused_at_the_cap", kind, &url);
    assert_eq!((let_in, live), (u64::from(CAP), CAP as usize));
}

on_each! {
    processes_that_start_on_an_empty_database_lose_no_increment
    log_ins_of_many_processes_end_the_oldest
    log_ins_of_many_processes_are_refused_at_the_cap
}
