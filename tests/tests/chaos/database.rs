//! A PostgreSQL in trouble while users are at work: a table that somebody has locked, a server that
//! only reads for a while, a sweep beside a dump, and a pooler in between.

use std::cell::Cell;

use axum::http::StatusCode;
use sqlx::{Connection as _, PgConnection};
use tests::{
    Client,
    backend::{pgbouncer::PgBouncer, postgres::Postgres},
    checker::Checker,
    eventually,
    machine::{Machine, Settings},
};

use crate::{MACHINES, USERS, all_steps, machines, setting};

const DATABASE: &str = "sessions";
/// The connections of each process.
const CONNECTIONS: usize = 5;
/// The least number of times that they are counted.
const COUNTS: usize = 20;

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

/// Returns a client with a session at each process.
async fn visitors(machines: &[Machine]) -> Vec<Client> {
    let mut clients = Vec::new();
    for machine in machines {
        let client = machine.client();
        assert_eq!(client.post("/theme/light").await.status, StatusCode::OK);
        clients.push(client);
    }
    clients
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
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = 'sessions' AND application_name <> 'the lock'";
    let (goal, counts, there) = (checker.refusals() + USERS as u64, Cell::new(0), Cell::new(0));
    eventually("requests are refused, and connections counted", async || {
        let now: usize = ask(&server, count).parse().expect("a number");
        there.set(now.max(there.get()));
        counts.set(counts.get() + 1);
        checker.refusals() >= goal && counts.get() >= COUNTS
    })
    .await;
    let most = MACHINES * CONNECTIONS;
    assert!((1..=most).contains(&there.get()), "{} connections, of {most}", there.get());
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
    let versions =
        "SELECT md5(string_agg(selector || version, ',' ORDER BY selector)) FROM http_session";
    let versions = || tokio::task::block_in_place(|| server.sql(DATABASE, versions));
    let clients = visitors(&machines).await;
    read_only(true);
    checker.refused(USERS as u64).await;
    let before = versions();
    for client in &clients {
        // A connection that has ended may be in the way of the first.
        eventually("a load gets through", async || {
            client.get("/show").await.status == StatusCode::OK
        })
        .await;
        for _ in 0..3 {
            assert_eq!(client.get("/show").await.status, StatusCode::OK, "reads pass");
            let change = client.post("/theme/dark").await;
            assert_eq!(change.status, StatusCode::SERVICE_UNAVAILABLE, "and nothing else does");
        }
    }
    checker.refused(USERS as u64).await;
    assert_eq!(versions(), before, "nothing is written");
    read_only(false);
    recovers(checker, "read-only").await;
}

/// As `pg_dump` has one: the server keeps every row that was deleted since, in the indexes, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_under_an_old_snapshot_costs_as_much_at_each_step_and_ends_nobodys_session() {
    let (server, url) = server();
    // An answer has to be right here, not quick.
    let machines = machines(&Settings { deadline: "10000", ..settings(&url) });
    let checker = Checker::start(&machines, USERS).await;
    checker.well(all_steps()).await;
    let in_database = |statements: &str| {
        tokio::task::block_in_place(|| server.sql(DATABASE, statements)).trim().to_owned()
    };
    let number = |statements: &str| in_database(statements).parse::<u64>().expect("a number");
    let rows = setting("CHAOS_ROWS", 30_000);
    // Expired ten minutes ago, ten in each millisecond; otherwise like a session that is there.
    let copied = "namespace, version, logged_in_version, last_seen_at, fixed_part, fields";
    in_database(&format!(
        "INSERT INTO http_session (selector, expires_at, sweep_after, {copied})
         SELECT lpad(to_hex(n), 32, '0'), expiry - n / 10, expiry - n / 10, {copied}
         FROM (SELECT * FROM http_session LIMIT 1) AS like_it, generate_series(1, {rows}) AS n,
              (SELECT (extract(epoch FROM now()) * 1000)::bigint - 600000 AS expiry) AS long_ago"
    ));
    let mut dump = PgConnection::connect(&url).await.expect("a connection");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    sqlx::raw_sql(begin).execute(&mut dump).await.expect("a transaction");
    let expired =
        "SELECT count(*) FROM http_session WHERE selector LIKE '000000000000000000000000%'";
    let mut seen = async || -> i64 {
        sqlx::query_scalar(expired).fetch_one(&mut dump).await.expect("a count")
    };
    assert_eq!(seen().await, rows.cast_signed());
    let looks = "SELECT idx_tup_read FROM pg_stat_user_indexes
                 WHERE indexrelname = 'http_session_sweep'";
    let before = number(looks);
    // Each process may sweep by itself meanwhile.
    let swept = machines[0].client().post("/sweep").await;
    assert_eq!(swept.status, StatusCode::OK, "{}", swept.body);
    eventually("all that has expired is swept", async || number(expired) == 0).await;
    assert_eq!(seen().await, rows.cast_signed(), "the dump sees all of them still");
    eventually("the server has counted", async || {
        number("SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'http_session'") >= rows
    })
    .await;
    let looks = number(looks) - before;
    // Each row is found once, and removed once, with those at the same place; users work meanwhile.
    assert!(looks < 4 * rows, "{looks} entries of the index for {rows} rows");
    checker.well(all_steps()).await;
    assert_eq!(checker.refusals(), 0);
    println!("swept {} of {rows} rows by {looks} looks: {} steps", swept.body, checker.steps());
    checker.stop().await;
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
