//! How the databases find rows: by an index, each of the statements that a busy store runs.

use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, Op, PrincipalKey, SqlStore, Store},
};

use crate::support::*;

const ROWS: u64 = 3000;

/// A few thousand sessions of two hundred principals.
async fn fill(kind: Kind, name: &str, store: &SqlStore) {
    for number in 0..30 {
        let record = owned(&format!("{}", number % 2));
        store.insert(&key(number), record, None).await.expect("an insert");
    }
    let copied = "logged_in_at, last_seen_at, rotated_at, idle_millis, absolute_until,
        is_persistent, revision, rotated_revision, credential_check, fields, group_revisions";
    let (selector, text) = match kind {
        Kind::Postgres => ("lpad(to_hex(n), 32, '0')", "TEXT"),
        Kind::MariaDb => ("lpad(lower(hex(n)), 32, '0')", "CHAR"),
        Kind::Sqlite => ("printf('%032x', n)", "TEXT"),
    };
    let analyze = match kind {
        Kind::Postgres => "ANALYZE http_session",
        Kind::MariaDb => "ANALYZE TABLE http_session",
        Kind::Sqlite => "ANALYZE",
    };
    let fill = format!(
        "INSERT INTO http_session
             (namespace, selector, principal, created_at, expires_at, {copied})
         WITH RECURSIVE numbers (n) AS
             (SELECT 1000 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000 + {ROWS})
         SELECT namespace, {selector}, CAST(n % 200 AS {text}), created_at, expires_at + n, {copied}
           FROM http_session, numbers WHERE selector = '{}'",
        key(1).selector
    );
    let fill = if kind == Kind::MariaDb {
        format!("SET max_recursive_iterations = 100000; {fill}")
    } else {
        fill
    };
    kind.sql(name, &fill);
    kind.sql(name, analyze);
}

/// One of everything.
async fn work(store: &SqlStore) {
    let ada = PrincipalKey::new("7");
    store.load(&key(1)).await.expect("a load");
    let change = [set("a", "1"), add("n"), Op::Take { field: "f".into(), seen: text("1") }];
    store.commit(&key(1), &commit(change)).await.expect("a commit");
    let cap = Some(Cap { sessions: 10, on_max: OnMaxSessions::EndOldest });
    store.commit(&key(2), &log_in("7", cap, [])).await.expect("a commit");
    store.list(&shop(), &ada, at(1)).await.expect("a list");
    store.delete_all(&shop(), &ada, Some(key(2).selector)).await.expect("an end");
    store.sweep(at(IDLE - 1), 1000).await.expect("a sweep");
    store.delete(&key(3)).await.expect("a delete");
}

/// Which indexes a statement may use, by its conditions.
fn index<'a>(statement: &str, primary: &'a str) -> Vec<&'a str> {
    if statement.contains("expires_at <=") {
        vec!["http_session_expiry"]
    } else if statement.contains("selector IN") {
        vec![primary, "http_session_principal"]
    } else if statement.contains("AND principal = ") {
        vec!["http_session_principal"]
    } else {
        vec![primary]
    }
}

#[test]
fn postgres_uses_its_indexes() {
    let url = Kind::Postgres.fresh("plans");
    wait(async {
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1);
        let pool = pool.connect(&url).await.expect("a pool");
        let store = SqlStore::builder().open(pool.clone()).await.expect("a store");
        fill(Kind::Postgres, "plans", &store).await;
        work(&store).await;
        let statements: Vec<(String, String, i32)> = sqlx::query_as(
            "SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements
              WHERE statement LIKE '%http_session\"%'",
        )
        .fetch_all(&pool)
        .await
        .expect("statements");
        sqlx::raw_sql("SET plan_cache_mode = force_generic_plan")
            .execute(&pool)
            .await
            .expect("set");
        let mut explained = 0;
        for (name, statement, parameters) in statements {
            if statement.starts_with("INSERT") || statement.contains("pg_prepared") {
                continue;
            }
            let nulls = vec!["NULL"; usize::try_from(parameters).expect("a count")].join(", ");
            let nulls = if nulls.is_empty() { nulls } else { format!("({nulls})") };
            let explain = format!("EXPLAIN EXECUTE \"{name}\" {nulls}");
            let explain = sqlx::AssertSqlSafe(explain);
            let plan: Vec<String> =
                sqlx::query_scalar(explain).persistent(false).fetch_all(&pool).await.expect("plan");
            let plan = plan.join("\n");
            assert!(plan.contains("Index") && !plan.contains("Seq Scan"), "{statement}\n{plan}");
            let index = index(&statement, "http_session_pkey");
            assert!(index.iter().any(|index| plan.contains(index)), "{statement}\n{plan}");
            explained += 1;
        }
        assert!(explained >= 8, "{explained}");
    });
}

#[test]
fn mariadb_uses_its_indexes() {
    let url = Kind::MariaDb.fresh("plans");
    let sql = |statement: &str| mariadb().sql("plans", statement);
    let connection: u64 = wait(async {
        let pool = sqlx::mysql::MySqlPoolOptions::new().max_connections(1);
        let pool = pool.connect(&url).await.expect("a pool");
        let connection = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&pool).await;
        let store = SqlStore::builder().open(pool).await.expect("a store");
        fill(Kind::MariaDb, "plans", &store).await;
        // The log has the statements with their values.
        sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1");
        work(&store).await;
        sql("SET GLOBAL general_log = 0");
        connection.expect("a number")
    });
    // Other tests of this process use the same server, whose log has all that it is asked.
    let log = sql(&format!(
        "SELECT REPLACE(CONVERT(argument USING utf8mb4), '\n', ' ')
           FROM mysql.general_log WHERE command_type = 'Execute' AND thread_id = {connection}
            AND argument LIKE '%http_session`%' AND argument NOT LIKE 'INSERT%'"
    ));
    let mut explained = 0;
    for statement in log.lines() {
        let plan = sql(&format!("EXPLAIN {statement}"));
        let row = plan.lines().next().expect("a plan");
        let index = index(statement, "PRIMARY");
        let is_used = |index: &&str| row.split('\t').nth(5) == Some(index);
        assert!(index.iter().any(is_used), "{statement}\n{plan}");
        assert!(
            !row.contains("filesort") || !statement.starts_with("DELETE"),
            "{statement}\n{plan}"
        );
        explained += 1;
    }
    assert!(explained >= 7, "{explained}\n{log}");
}

#[test]
fn sqlite_uses_its_indexes() {
    let url = Kind::Sqlite.fresh("plans");
    wait(async {
        let store = connect(&url).await;
        fill(Kind::Sqlite, "plans", &store).await;
        work(&store).await;
    });
    // SQLite tells nobody what it ran: these are the conditions of the statements.
    for (statement, index) in [
        ("SELECT fields FROM http_session WHERE namespace = ?1 AND selector = ?2", "autoindex"),
        (
            "UPDATE http_session SET revision = revision + 1 WHERE namespace = ?1
              AND selector = ?2 AND expires_at > ?3 AND (credential_check = ?4
               OR (previous_check = ?4 AND previous_until > ?3))",
            "autoindex",
        ),
        (
            "SELECT selector FROM http_session WHERE namespace = ?1 AND principal = ?2
              AND expires_at > ?3 ORDER BY created_at DESC, selector",
            "http_session_principal",
        ),
        (
            "DELETE FROM http_session WHERE rowid IN (SELECT rowid FROM http_session
              WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            "http_session_expiry",
        ),
    ] {
        let plan = Kind::Sqlite.sql("plans", &format!("EXPLAIN QUERY PLAN {statement}"));
        assert!(plan.contains(index) && !plan.contains("SCAN http_session\n"), "{plan}");
    }
}
