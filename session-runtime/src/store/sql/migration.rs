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

/// Creates or changes the tables if they are older than this program.
pub(super) async fn migrate(pool: &SqlPool, table: &Table) -> Result<(), Fault> {
    // Most starts find the tables as they should be, and then need neither a lock nor the right
    // to create anything.
    let mut connection = pool.writer().await?;
    if version(&mut connection, table).await? == latest(table) {
        return Ok(());
    }
    match table.dialect.migration_lock(&table.name) {
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        MigrationLock::Transaction(lock) => {
            connection.begin().await?;
            if let Some(lock) = lock {
                connection.run(&lock).await?;
            }
            advance(&mut connection, table).await?;
            connection.commit().await?;
        }
        #[cfg(feature = "mysql")]
        MigrationLock::Session { take, release } => {
            connection.hold(true);
            let row = connection.run(&take).await?.rows.pop().unwrap_or_default();
            if row::first_int(row)? != 1 {
                let told = "another process has been changing the schema for a minute; try again";
                return Err(Fault::Told(told.to_owned()));
            }
            advance(&mut connection, table).await?;
            connection.run(&release).await?;
            connection.hold(false);
        }
    }
    // A table of that name that is another program's would come to light at the first request.
    Ok(())
}

/// Checks that the tables have this program's version.
pub(super) async fn verify(pool: &SqlPool, table: &Table) -> Result<(), Fault> {
    let mut connection = pool.writer().await?;
    let (found, latest) = (version(&mut connection, table).await?, latest(table));
    if found == latest {
        return Ok(());
    }
    Err(Fault::Told(format!(
        "the tables have version {found} and this program needs {latest}: run what `schema_sql` \
         gives from version {found} on, or let the program migrate"
    )))
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
    for (version, statements) in table.dialect.migrations(&table.name).iter().enumerate().skip(from)
    {
        for statement in statements {
            add(statement);
        }
        let versions = table.quoted(VERSIONS);
        add(&format!("INSERT INTO {versions} (version) VALUES ({})", version + 1));
    }
    script
}

async fn advance(connection: &mut Connection, table: &Table) -> Result<(), Fault> {
    let found = version(connection, table).await?;
    let known = usize::try_from(found).unwrap_or(0);
    if known == 0 {
        connection.change_schema(&create_versions(table)).await?;
    }
    for (version, statements) in
        table.dialect.migrations(&table.name).iter().enumerate().skip(known)
    {
        for statement in statements {
            connection.change_schema(statement).await?;
        }
        let mut sql = table.sql();
        sql.text("INSERT INTO ").text(&table.quoted(VERSIONS)).text(" (version) VALUES (");
        sql.value(i64::try_from(version).unwrap_or(0) + 1).text(")");
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
    if found > latest {
        return Err(Fault::Told(format!(
            "the tables have version {found}, and this program knows versions up to {latest} \
             only: a newer release has changed them; run that one, or use another table"
        )));
    }
    Ok(found)
}

async fn only_int(connection: &mut Connection, statement: &Statement) -> Result<i64, Fault> {
    let row = connection.run(statement).await?.rows.pop().unwrap_or_default();
    if row.is_empty() { Ok(0) } else { row::first_int(row) }
}

fn latest(table: &Table) -> i64 {
    i64::try_from(table.dialect.migrations(&table.name).len()).unwrap_or(i64::MAX)
}

fn create_versions(table: &Table) -> String {
    let versions = table.quoted(VERSIONS);
    format!("CREATE TABLE IF NOT EXISTS {versions} (version BIGINT NOT NULL PRIMARY KEY)")
}
