//! The tables, from nothing to what this program knows: one process at a time, forward only. It
//! owns the versions; the statements of each are the dialect's.

use super::{
    connection::Connection,
    dialect::MigrationLock,
    error::Fault,
    pool::SqlPool,
    row,
    statement::{Kind, Statement},
    table::Table,
};

/// The suffix of the name of the table that holds the version.
const VERSIONS: &str = "_schema";
/// The first version that there are migrations from: version 1 was never released.
pub(super) const FIRST: usize = 2;

/// Creates or changes the tables if they are older than this program.
pub(super) async fn migrate(pool: &SqlPool, table: &Table) -> Result<(), Fault> {
    // Most starts find the tables as they should be, and then need neither a lock nor the right
    // to create anything.
    let mut connection = pool.writer().await?;
    check_autocommit(&mut connection, table).await?;
    if version(&mut connection, table).await? == latest(table) {
        return Ok(());
    }
    let [lift, limit] = table.dialect.limits_of_migration();
    match table.dialect.migration_lock(&table.name) {
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        MigrationLock::Transaction(lock) => {
            connection.begin().await?;
            connection.change_schema(lift).await?;
            if let Some(lock) = lock {
                connection.run(&lock).await?;
            }
            connection.change_schema(limit).await?;
            advance(&mut connection, table).await?;
            connection.commit().await?;
        }
        #[cfg(feature = "mysql")]
        MigrationLock::Session { take, release } => {
            // The settings are others from here on.
            connection.close_after_use();
            connection.change_schema(lift).await?;
            if only_int(&mut connection, &take).await? != 1 {
                let told = "another process has been changing the schema for a minute; try again";
                return Err(Fault::Told(told.to_owned()));
            }
            connection.change_schema(limit).await?;
            advance(&mut connection, table).await?;
            connection.run(&release).await?;
        }
    }
    // A table of that name that is another program's would come to light at the first request.
    Ok(())
}

/// Checks that the tables have this program's version.
pub(super) async fn verify(pool: &SqlPool, table: &Table) -> Result<(), Fault> {
    let mut connection = pool.writer().await?;
    check_autocommit(&mut connection, table).await?;
    let (found, latest) = (version(&mut connection, table).await?, latest(table));
    if found == latest {
        return Ok(());
    }
    Err(Fault::Told(format!(
        "the tables have version {found} and this program needs {latest}: run what `schema_sql` \
         gives from version {found} on, or let the program migrate"
    )))
}

/// Checks that a change is stored once it is answered, and does not wait for a commit that nobody
/// sends.
async fn check_autocommit(connection: &mut Connection, table: &Table) -> Result<(), Fault> {
    let Some(statement) = table.dialect.autocommit() else { return Ok(()) };
    if only_int(connection, &statement).await? != 0 {
        return Ok(());
    }
    Err(Fault::Told(
        "the connections of this pool have `autocommit = 0`, with which nothing would be stored: \
         set it to 1 in `PoolOptions::after_connect`, or let `SqlStore::connect` make the pool"
            .to_owned(),
    ))
}

/// Returns the statements that lead from version `from` to the latest, to be run by hand.
pub(super) fn script(table: &Table, from: usize) -> String {
    let mut script = String::new();
    let mut add = |statement: &str| {
        script.push_str(statement);
        script.push_str(";\n\n");
    };
    if from == 0 {
        add(&create_versions(table));
    }
    for (version, statements) in steps(table, from) {
        for statement in statements {
            add(&statement);
        }
        let versions = table.quoted(VERSIONS);
        add(&format!("INSERT INTO {versions} (version) VALUES ({version})"));
    }
    script
}

async fn advance(connection: &mut Connection, table: &Table) -> Result<(), Fault> {
    let found = version(connection, table).await?;
    let known = usize::try_from(found).unwrap_or(0);
    if known == 0 {
        connection.change_schema(&create_versions(table)).await?;
    }
    for (version, statements) in steps(table, known) {
        for statement in statements {
            match connection.change_schema(&statement).await {
                Err(fault) if fault.is_done_already(table.dialect) => {}
                outcome => outcome?,
            }
        }
        let mut sql = table.sql();
        sql.text("INSERT INTO ").text(&table.quoted(VERSIONS)).text(" (version) VALUES (");
        sql.value(i64::try_from(version).unwrap_or(0)).text(")");
        connection.run(&sql.finish()).await?;
    }
    Ok(())
}

/// Returns the version of the existing tables, or 0 without tables. A version that is newer than
/// this program is an error.
async fn version(connection: &mut Connection, table: &Table) -> Result<i64, Fault> {
    let count = table.dialect.count_tables(&table.name, VERSIONS);
    if only_int(connection, &count).await? == 0 {
        return Ok(0);
    }
    let mut sql = table.sql();
    sql.text("SELECT MAX(version) FROM ").text(&table.quoted(VERSIONS));
    let found = only_int(connection, &sql.answering(&[Kind::Int])).await?;
    let latest = latest(table);
    if (1..FIRST).contains(&usize::try_from(found).unwrap_or(0)) {
        return Err(Fault::Told(format!(
            "the tables have version {found}, which was never released: drop them, and with them \
             their sessions"
        )));
    }
    if found > latest {
        return Err(Fault::Told(format!(
            "the tables have version {found}, and this program knows versions up to {latest} \
             only: a newer release has changed them; run that one, or use another table"
        )));
    }
    Ok(found)
}

async fn only_int(connection: &mut Connection, statement: &Statement) -> Result<i64, Fault> {
    row::only_int(connection.run(statement).await?.rows.pop().unwrap_or_default())
}

/// Returns the statements that lead to the latest version from `from`, and the versions that each group
/// of them leads to.
fn steps(table: &Table, from: usize) -> Vec<(usize, Vec<String>)> {
    if from == 0 {
        return vec![(newest(table), table.dialect.create(&table.name))];
    }
    let all = (FIRST + 1..).zip(table.dialect.migrations(&table.name));
    all.filter(|(version, _)| *version > from).collect()
}

fn newest(table: &Table) -> usize {
    FIRST + table.dialect.migrations(&table.name).len()
}

fn latest(table: &Table) -> i64 {
    i64::try_from(newest(table)).unwrap_or(i64::MAX)
}

fn create_versions(table: &Table) -> String {
    let versions = table.quoted(VERSIONS);
    format!("CREATE TABLE IF NOT EXISTS {versions} (version BIGINT NOT NULL PRIMARY KEY)")
}
