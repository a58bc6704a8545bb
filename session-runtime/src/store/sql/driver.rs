//! Statements on sqlx's connections: binds, rows and cells of each database. It knows no pool, and
//! nothing of what statements say.

use sqlx::{AssertSqlSafe, Decode, Row, Type};

use super::statement::{Answer, Bind, Cell, Kind, Statement};

macro_rules! run {
    ($name:ident, $database:ty, $last_id:expr) => {
        pub(super) async fn $name(
            connection: &mut <$database as sqlx::Database>::Connection,
            statement: &Statement,
            is_named: bool,
        ) -> Result<Answer, sqlx::Error> {
            let query = sqlx::query::<$database>(AssertSqlSafe(statement.text.clone()));
            let mut query = query.persistent(is_named);
            for bind in statement.binds.iter() {
                query = match bind {
                    Bind::Int(number) => query.bind(*number),
                    Bind::Text(text) => query.bind(text.as_deref()),
                    Bind::Bytes(bytes) => query.bind(bytes.as_slice()),
                };
            }
            if statement.columns.is_empty() {
                let done = query.execute(connection).await?;
                let last_id = $last_id(&done);
                return Ok(Answer { rows: Vec::new(), affected: done.rows_affected(), last_id });
            }
            let rows = query.fetch_all(connection).await?;
            let rows: Result<_, _> = rows.iter().map(|row| cells(row, statement.columns)).collect();
            Ok(Answer { rows: rows?, affected: 0, last_id: 0 })
        }
    };
}

#[cfg(feature = "postgres")]
run!(run_postgres, sqlx::Postgres, |_: &sqlx::postgres::PgQueryResult| 0);
#[cfg(feature = "mysql")]
run!(run_mysql, sqlx::MySql, |done: &sqlx::mysql::MySqlQueryResult| done.last_insert_id());
#[cfg(feature = "sqlite")]
run!(run_sqlite, sqlx::Sqlite, |_: &sqlx::sqlite::SqliteQueryResult| 0);

fn cells<'r, R: Row>(row: &'r R, kinds: &[Kind]) -> Result<Vec<Cell>, sqlx::Error>
where
    usize: sqlx::ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    // Unchecked: databases name types that are read alike differently (`JSON` and `LONGTEXT`).
    let cell = |(place, kind): (usize, &Kind)| {
        Ok(match kind {
            Kind::Int => row.try_get_unchecked::<Option<i64>, _>(place)?.map(Cell::Int),
            Kind::Text => row.try_get_unchecked::<Option<String>, _>(place)?.map(Cell::Text),
            Kind::Bytes => row.try_get_unchecked::<Option<Vec<u8>>, _>(place)?.map(Cell::Bytes),
        }
        .unwrap_or(Cell::Null))
    };
    kinds.iter().enumerate().map(cell).collect()
}
