//! A PostgreSQL in trouble while users are at work: a table that somebody has locked, a server that
//! only reads for a while, and a pooler in between.

use sqlx::{Connection as _, PgConnection};
use tests::{
    backend::{pgbouncer::PgBouncer, postgres::Postgres},
    checker::Checker,
    machine::Settings,
};

use crate::{MACHINES, USERS, all_steps, machines};

const DATABASE: &str = "sessions";
/// The connections of each process.
const CONNECTIONS: usize = 5;

/// Starts a server of the test's own. Returns it with the URL of its database.
fn server() -> (Postgres, String) {
    let server = tokio::task::block_in_place(Postgres::durable);
    let url = tokio::task::block_in_place(|| server.database(DATABASE));
    (server, url)
}

fn settings(url: &str) -> Settings {
    Settings::new(format!("{url}?max_connections={CONNECTIONS}"))
}

/// Runs statements in a database of the server that no application is in.
fn ask(server: &Postgres, statements: &str) -> String {
    tokio::task::block_in_place(|| server.sql("postgres", statements)).trim().to_owned()
}

/// Checks that all is well again after the trouble.
async fn recovers(checker: Checker, from: &str) {
    checker.well(1).await;
    checker.may_be_silent(false);
    checker.well(all_steps()).await;
    println!("{from}: {} steps, {} refusals", checker.steps(), checker.refusals());
    checker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_locked_table_nothing_is_lost_and_no_process_takes_more_connections() {
    let (server, url) = server();
    let machines = machines(&settings(&url));
    let checker = Checker::start(&machines, USERS).await;
    checker.well(all_steps()).await;
    let locked = format!("{url}?application_name=the%20lock");
    let mut lock = PgConnection::connect(&locked).await.expect("a connection");
    let text = "BEGIN; LOCK TABLE http_session IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(text).execute(&mut lock).await.expect("a lock");
    checker.may_be_silent(true);
    checker.refused(USERS as u64).await;
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = 'sessions' AND application_name <> 'the lock'";
    let most = MACHINES * CONNECTIONS;
    let there: usize = ask(&server, count).parse().expect("a number");
    assert!(there <= most, "{there} connections, of {most}");
    lock.close().await.expect("the end of it");
    recovers(checker, "locked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_server_only_reads_changes_are_refused_and_none_is_lost() {
    let (server, url) = server();
    let machines = machines(&settings(&url));
    let checker = Checker::start(&machines, USERS).await;
    checker.well(all_steps()).await;
    // What a connection was doing when it ended is not known.
    checker.may_be_silent(true);
    let read_only = |is_read_only| {
        let set =
            format!("ALTER DATABASE {DATABASE} SET default_transaction_read_only = {is_read_only}");
        // Apart, so that who connects again finds the new setting.
        ask(&server, &set);
        let end =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'sessions'";
        ask(&server, end);
    };
    read_only(true);
    checker.refused(USERS as u64).await;
    read_only(false);
    recovers(checker, "read-only").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_for_sessions_all_is_well() {
    let (server, _) = server();
    let pooler = tokio::task::block_in_place(|| PgBouncer::start(&server, "session"));
    // An answer has to be right here, not quick.
    let settings = Settings { deadline: "10000", ..settings(&pooler.url(DATABASE)) };
    let machines = machines(&settings);
    let checker = Checker::start(&machines, USERS).await;
    checker.well(all_steps()).await;
    assert_eq!(checker.refusals(), 0);
    checker.stop().await;
}
