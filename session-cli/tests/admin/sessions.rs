//! `list`, `show`, `count`, `end`, `end-all` and `end-before`, on stores of four kinds.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::json;
use session_runtime::{SessionLayerBuilder, store};
use tempfile::TempDir;
use tests::{
    Client,
    backend::{postgres::Postgres, redis::Redis},
    eventually, eventually_blocking,
};

use crate::support::{App, on, ring, run, run_with, sealed, user};

/// A store that the tool can be run on beside the application.
#[derive(Clone, Copy, Debug)]
enum Kind {
    File,
    Sqlite,
    Postgres,
    Redis,
}

/// Returns the PostgreSQL of these tests.
fn postgres() -> &'static Postgres {
    static POSTGRES: OnceLock<Postgres> = OnceLock::new();
    POSTGRES.get_or_init(Postgres::start)
}

/// Returns the URL of a store that no other test uses.
fn fresh(kind: Kind, folder: &TempDir) -> String {
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let path = folder.path().join("sessions").display().to_string();
    match kind {
        Kind::File => format!("file:{path}"),
        Kind::Sqlite => format!("sqlite:{path}"),
        Kind::Postgres => postgres().database(&format!("admin_{number}")),
        Kind::Redis => format!("{}/{number}", Redis::shared().url()),
    }
}

async fn a_principals_sessions_are_listed_shown_counted_and_ended(kind: Kind) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(kind, &folder);
    let app = App::on(url).await;
    let (phone, phone_id) = app.log_in("ada", "phone").await;
    let (laptop, laptop_id) = app.log_in("ada", "laptop").await;
    let (other, other_id) = app.log_in("bob", "desk").await;

    let listed = run(on(url, &["list", "ada", "--field", "device", "--json"]));
    assert_eq!(listed.code, 0, "{listed:?}");
    let listed = listed.json();
    let devices: Vec<_> =
        listed.as_array().expect("a list").iter().map(|it| &it["fields"]).collect();
    assert_eq!(devices, [&json!({"device": "laptop"}), &json!({"device": "phone"})]);
    assert_eq!(listed[0]["session"], json!(laptop_id));
    assert_eq!(listed[0]["principal"], json!("ada"));
    let table = run(on(url, &["list", "ada", "--field", "device"]));
    assert!(table.out.starts_with("SESSION"), "{table:?}");
    assert!(table.out.contains(&phone_id) && table.out.contains("\"phone\""), "{table:?}");
    assert!(!table.out.contains(&other_id), "{table:?}");

    let shown = run(on(url, &["show", "--session", &phone_id, "--json"])).json();
    let fields = &shown[0]["fields"];
    assert_eq!((&fields["device"], &fields["visits"]), (&json!("phone"), &json!(1)));
    assert!(fields["card"]["bytes"].is_u64(), "a secret field is sealed: {fields}");
    assert_eq!(shown[0]["sealed"], json!(false));
    let shown = run(on(url, &["show", "ada"]));
    assert!(shown.out.contains("\"phone\"") && shown.out.contains("\"laptop\""), "{shown:?}");
    assert!(!shown.out.contains("4111"), "{shown:?}");

    assert_eq!(run(on(url, &["count", "ada"])).out, "2\n");
    assert_eq!(run(on(url, &["end", "--session", &phone_id])).out, "1 sessions ended\n");
    assert_eq!((user(&phone).await, user(&laptop).await), (String::new(), "ada".to_owned()));
    let again = run(on(url, &["end", "--session", &phone_id]));
    assert_eq!((again.code, again.out.as_str()), (1, "0 sessions ended\n"));
    app.log_in("ada", "tablet").await;
    assert_eq!(run(on(url, &["end", "ada", "--json"])).json(), json!({"ended": 2}));
    assert_eq!((user(&laptop).await, user(&other).await), (String::new(), "bob".to_owned()));
    for command in ["list", "show", "end", "count"] {
        let nobody = run(on(url, &[command, "ada"]));
        assert_eq!(nobody.code, 1, "{nobody:?}");
        assert!(nobody.err.contains("no session of \"ada\" in `shop`"), "{nobody:?}");
    }
}

macro_rules! on_each {
    ($($name:ident, $everybody:ident: $kind:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            a_principals_sessions_are_listed_shown_counted_and_ended($kind).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $everybody() {
            everybodys_sessions_end_at_once($kind).await;
        }
    )*};
}

on_each! {
    a_principals_sessions_in_files_are_listed_shown_counted_and_ended,
        everybodys_sessions_in_files_end_at_once: Kind::File;
    a_principals_sessions_in_sqlite_are_listed_shown_counted_and_ended,
        everybodys_sessions_in_sqlite_end_at_once: Kind::Sqlite;
    a_principals_sessions_in_postgresql_are_listed_shown_counted_and_ended,
        everybodys_sessions_in_postgresql_end_at_once: Kind::Postgres;
    a_principals_sessions_in_redis_are_listed_shown_counted_and_ended,
        everybodys_sessions_in_redis_end_at_once: Kind::Redis;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_store_is_said_to_be_one_and_works_by_session_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(Kind::Sqlite, &folder);
    let store = store::open(url).await.expect("it opens");
    let app = App::with(store, ring(), SessionLayerBuilder::encrypt_at_rest).await;
    let (client, id) = app.log_in("ada", "phone").await;
    let listed = run(on(url, &["list", "ada"]));
    assert_eq!(listed.code, 1, "{listed:?}");
    assert!(
        listed.err.contains("encrypts at rest") && listed.err.contains("--session"),
        "{listed:?}"
    );
    let shown = run(on(url, &["show", "--session", &id]));
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.contains("yes: the application encrypts at rest"), "{shown:?}");
    assert!(!shown.out.contains("ada") && !shown.out.contains("phone"), "{shown:?}");
    assert_eq!(run(on(url, &["end", "--session", &id])).code, 0);
    assert_eq!(user(&client).await, "");
}

async fn everybodys_sessions_end_at_once(kind: Kind) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(kind, &folder);
    let app = App::on(url).await;
    let (ada, id) = app.log_in("ada", "phone").await;
    let refused = run(on(url, &["end-all"]));
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("--yes"), "{refused:?}");
    assert_eq!(user(&ada).await, "ada");
    let ended = run(on(url, &["end-all", "--yes"]));
    assert_eq!((ended.code, ended.out.as_str()), (0, "every session of `shop` has ended\n"));
    eventually("the application notices", async || user(&ada).await.is_empty()).await;
    let listed = run(on(url, &["list", "ada"]));
    assert_eq!((listed.code, listed.out.as_str()), (1, ""), "{listed:?}");
    assert_eq!(run(on(url, &["show", "--session", &id])).code, 1);

    let (ada, _) = app.log_in("ada", "phone").await;
    assert_eq!(user(&ada).await, "ada", "log-ins from now on count");
    let early = run(on(url, &["end-before", "2026-01-01T00:00:00Z", "--yes", "--json"]));
    let told = json!({"ended": {"began_before": "2026-01-01T00:00:00Z"}});
    assert_eq!((early.code, early.json()), (0, told));
    let other = run(on(url, &["end-all", "--yes", "--json", "--audience", "eu"]));
    assert_eq!((other.code, other.json()), (0, json!({"ended": "everything"})));
    let listed = run(on(url, &["list", "ada", "--json"])).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(user(&ada).await, "ada");
    let late = run(on(url, &["end-before", "2999-01-01T00:00:00Z", "--yes"]));
    assert_eq!(late.code, 2, "{late:?}");
    assert!(late.err.contains("in the future"), "{late:?}");
    // Later than the log-in, and within what clocks may differ.
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let soon = soon.duration_since(std::time::UNIX_EPOCH).expect("it is later").as_secs();
    assert_eq!(run(on(url, &["end-before", &format!("@{soon}"), "--yes"])).code, 0);
    eventually("the application notices", async || user(&ada).await.is_empty()).await;
    let (ada, _) = app.log_in("ada", "phone").await;
    assert_eq!(user(&ada).await, "ada", "log-ins until then count");
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_in_tokens_end_by_their_store_of_revocation() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(Kind::Sqlite, &folder);
    let server = sealed(store::open(url).await.expect("it opens")).await;
    let client = Client::new(&server);
    client.post("/log-in/ada").await;
    assert_eq!(user(&client).await, "ada");
    assert_eq!(run(on(url, &["end-all", "--yes"])).code, 0);
    eventually("the application notices", async || user(&client).await.is_empty()).await;
    client.post("/log-in/ada").await;
    assert_eq!(user(&client).await, "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_the_end_of_everything_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(Kind::Sqlite, &folder);
    let app = App::on(url).await;
    let (ada, _) = app.log_in("ada", "phone").await;
    let answer = |text: &str| {
        let tool = format!("{} end-all", env!("CARGO_BIN_EXE_session-admin"));
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &tool, "/dev/null"]);
        terminal.env("SESSION_STORE", url).env("SESSION_TYPE", "shop");
        run_with(terminal, text)
    };
    let no = answer("no\n");
    assert!(no.out.contains("End every session of `shop`?"), "{no:?}");
    assert!(no.out.contains("nothing was ended"), "{no:?}");
    assert_eq!(user(&ada).await, "ada");
    let yes = answer("yes\n");
    assert!(yes.out.contains("every session of `shop` has ended"), "{yes:?}");
    eventually("the application notices", async || user(&ada).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_and_an_audience_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(Kind::Sqlite, &folder);
    let store = store::open(url).await.expect("it opens");
    let app = App::with(store, ring(), |builder| builder.audience("eu")).await;
    app.log_in("ada", "phone").await;
    assert_eq!(run(on(url, &["count", "ada"])).code, 1);
    assert_eq!(run(on(url, &["count", "ada", "--audience", "eu"])).out, "1\n");
    assert_eq!(run(on(url, &["count", "ada", "--audience", "eu", "--type", "forum"])).code, 1);
    let wrong = run(on(url, &["count", "ada", "--audience", "e/u"]));
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("an audience has no other characters"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_looks_like_a_number_needs_its_quotes() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(Kind::Sqlite, &folder);
    App::on(url).await.log_in("42", "phone").await;
    assert_eq!(run(on(url, &["count", "42"])).code, 1);
    assert_eq!(run(on(url, &["count", "\"42\""])).out, "1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_work_shows_its_progress_on_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &fresh(Kind::Sqlite, &folder);
    let app = App::on(url).await;
    app.log_in("ada", "phone").await;
    let tool = format!("{} end ada", env!("CARGO_BIN_EXE_session-admin"));
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &tool, "/dev/null"]);
    terminal.env("SESSION_STORE", url).env("SESSION_TYPE", "shop").stdin(Stdio::null());
    let seen = run(terminal);
    assert!(seen.out.contains("\r1 sessions ended\r\n"), "{seen:?}");
    app.log_in("ada", "phone").await;
    assert_eq!(run(on(url, &["end", "ada"])).err, "");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_end_counts_what_was_ended() {
    const HELD: &str = "BEGIN; SELECT FROM http_session FOR UPDATE; \
                        DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM released) LOOP \
                        PERFORM pg_sleep(0.01); END LOOP; END $$; COMMIT";
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'interrupted' AND \
                           wait_event_type = 'Lock'";
    const LOCKED: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'interrupted' AND \
                          wait_event = 'PgSleep'";

    let url = &format!("{}?statement_timeout=0", postgres().database("interrupted"));
    let app = App::on(url).await;
    for device in ["phone", "laptop"] {
        app.log_in("ada", device).await;
    }
    drop(app);
    postgres().sql("interrupted", "CREATE TABLE released ()");
    let reader = std::thread::spawn(|| postgres().sql("interrupted", HELD));
    let is = |query: &'static str| move || postgres().sql("interrupted", query).trim() == "1";
    eventually_blocking("the sessions are locked", is(LOCKED));

    let mut command = on(url, &["end", "ada", "--deadline", "1h"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.spawn().expect("it starts");
    eventually_blocking("the tool waits for a session", is(WAITING));
    let interrupt = ["-INT", &tool.id().to_string()];
    assert!(Command::new("kill").args(interrupt).status().expect("it is installed").success());
    let mut told = String::new();
    let mut err = BufReader::new(tool.stderr.take().expect("it is piped"));
    err.read_line(&mut told).expect("it is text");
    assert_eq!(told, "interrupted: the step that runs comes to its end\n");
    postgres().sql("interrupted", "INSERT INTO released DEFAULT VALUES");
    let output = tool.wait_with_output().expect("it ends");
    let mut told = String::new();
    err.read_to_string(&mut told).expect("it is text");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2 sessions ended\n", "{told}");
    assert_eq!(output.status.code(), Some(0), "nothing is left to do");
    reader.join().expect("it is released");
}

#[test]
fn a_password_in_the_url_is_printed_nowhere() {
    let url = "postgres://shop:hunter2@127.0.0.1:1/shop";
    for arguments in [&["check"][..], &["list", "ada"], &["--help"], &["list", "--help"], &["show"]]
    {
        let ran = run(on(url, arguments));
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (arguments, told) in [
        (&["list", "ada"][..], "SESSION_TYPE"),
        (&["list", "ada", "--type", "shop"], "SESSION_STORE"),
        (&["show", "--type", "shop"], "<PRINCIPAL|--session <ID>>"),
        (&["show", "--session", "12"], "32 hex digits"),
        (&["key", "inspect"], "SESSION_KEYS"),
    ] {
        let ran = run(crate::support::admin(arguments));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(told), "{told}: {ran:?}");
    }
}
