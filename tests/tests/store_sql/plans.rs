//! How the databases find rows: by an index, each of the statements that a busy store runs, and a
//! page of a list without those before it.

use std::sync::Arc;

use session_runtime::store::{Cursor, Order, PrincipalKey, SqlStore, Store};

use crate::support::*;

const ROWS: u64 = 6000;

/// A few thousand sessions of one principal, and as many of two hundred others.
async fn fill(kind: Kind, name: &str, store: &SqlStore) {
    for (number, who) in [(1, "crowd"), (2, "7"), (3, "8")] {
        store.insert(&key(number), Arc::new(owned(who))).await.expect("an insert");
    }
    let copied = "version, logged_in_version, last_seen_at, fixed_part, fields";
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
             (namespace, selector, principal, logged_in_at, expires_at, sweep_after, {copied})
         WITH RECURSIVE numbers (n) AS
             (SELECT 1000 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000 + {ROWS})
         SELECT namespace, {selector},
                CASE WHEN n % 2 = 0 THEN 'crowd' ELSE CAST(n % 400 AS {text}) END,
                logged_in_at + n, expires_at + n, sweep_after + n, {copied}
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
    let crowd = PrincipalKey::new("crowd");
    let mut record = owned("7");
    record.meta.revision = 2;
    store.load(&key(1)).await.expect("a load");
    store.replace(&key(2), 1, Arc::new(record.clone())).await.expect("an answer");
    record.meta.set_principal(Some(PrincipalKey::new("8")), at(1));
    record.meta.revision = 3;
    store.replace(&key(2), 2, Arc::new(record)).await.expect("an answer");
    // Far from either end.
    let middle = Cursor::new(at(1000 + ROWS / 2), key(1000 + ROWS / 2).selector);
    for order in [Order::Oldest, Order::Newest] {
        for after in [None, Some(middle)] {
            let page = store.list(&shop(), &crowd, order, after, 32).await.expect("a list");
            assert_eq!(page.sessions.len(), 32);
        }
    }
    // Of those that are due, one lives on and two do not.
    store.touch(&key(1), at(5), at(IDLE + 5)).await.expect("a touch");
    assert_eq!(store.sweep(at(IDLE), None, 1000).await.expect("a sweep").removed, 2);
    store.remove(&key(2), Some(3)).await.expect("a removal");
    store.remove(&key(3), None).await.expect("a removal");
}

/// The index that a statement should use, by its conditions.
fn index<'a>(statement: &str, primary: &'a str) -> &'a str {
    if statement.contains("sweep_after <=") {
        "http_session_sweep"
    } else if statement.contains("WHERE namespace") && statement.contains("AND principal = ") {
        "http_session_principal"
    } else {
        primary
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
            assert!(plan.contains(index) && !plan.contains("Sort"), "{statement}\n{plan}");
            let is_later = statement.contains("(logged_in_at, selector)");
            assert_eq!(is_later, plan.contains("(ROW(logged_in_at, "), "{statement}\n{plan}");
            assert!(!plan.contains("Filter: (ROW(logged_in_at"), "{statement}\n{plan}");
            let is_swept =
                plan.contains("Index Cond: ((sweep_after >= $1) AND (sweep_after <= $2))");
            assert_eq!(statement.contains("sweep_after <="), is_swept, "{statement}\n{plan}");
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
        // Not by the builder, which tries every statement: the log has no values of what was prepared
        // before.
        let store = SqlStore::new(pool.clone());
        store.migrate().await.expect("the tables");
        // Not the one that made the tables, which is closed.
        let connection = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&pool).await;
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
        // Of a query in a query, the log has the text without its values.
        let statement = statement.replacen('?', "'shop'", 1).replacen('?', "'crowd'", 1);
        let plan = sql(&format!("EXPLAIN {statement}"));
        // A count has a row for what it counts, too.
        let row = plan.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let row = row.into_iter().find(|row| row.get(2) == Some(&"http_session"));
        let row = row.unwrap_or_else(|| panic!("{statement}\n{plan}"));
        assert_eq!(row[5], index(&statement, "PRIMARY"), "{statement}\n{plan}");
        assert!(!plan.contains("filesort"), "{statement}\n{plan}");
        if statement.contains("(logged_in_at") {
            assert_eq!(row[3], "range", "{statement}\n{plan}");
        }
        explained += 1;
    }
    assert_eq!(explained, 14, "{log}");
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
            "UPDATE http_session SET fields = ?1 WHERE namespace = ?2 AND selector = ?3
              AND version = ?4",
            "autoindex",
        ),
        (
            "SELECT fields FROM http_session WHERE namespace = ?1 AND principal = ?2
              ORDER BY logged_in_at DESC, selector DESC LIMIT ?3",
            "http_session_principal (namespace=? AND principal=?)\n",
        ),
        (
            "SELECT fields FROM http_session WHERE namespace = ?1 AND principal = ?2
              AND (logged_in_at, selector) > (?3, ?4) ORDER BY logged_in_at, selector LIMIT ?5",
            "http_session_principal (namespace=? AND principal=? AND \
             (logged_in_at,selector)>(?,?))\n",
        ),
        (
            "SELECT COUNT(*) FROM http_session WHERE namespace = ?1 AND principal = ?2",
            "COVERING INDEX http_session_principal",
        ),
        (
            "SELECT COUNT(*) FROM (SELECT 1 FROM http_session WHERE namespace = ?1
              AND principal = ?2 LIMIT 5000) AS counted",
            "COVERING INDEX http_session_principal",
        ),
        (
            "SELECT sweep_after, expires_at FROM http_session WHERE sweep_after >= ?1
              AND sweep_after <= ?2 ORDER BY sweep_after LIMIT ?3",
            "http_session_sweep",
        ),
        (
            "DELETE FROM http_session WHERE rowid IN (SELECT rowid FROM (SELECT rowid, expires_at
               FROM http_session WHERE sweep_after >= ?1 AND sweep_after <= ?2
              ORDER BY sweep_after LIMIT ?3) WHERE expires_at <= ?2)",
            "http_session_sweep",
        ),
    ] {
        let plan = Kind::Sqlite.sql("plans", &format!("EXPLAIN QUERY PLAN {statement}"));
        assert!(plan.contains(index) && !plan.contains("SCAN http_session\n"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
