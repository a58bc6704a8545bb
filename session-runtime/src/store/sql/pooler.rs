//! Recognising a pooler between this program and PostgreSQL that lends a server's connection for a
//! transaction only, and does not keep apart what its clients prepare: statements of one client would
//! answer another.

use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::error::{Fault, POOLER};

/// The names that sqlx gives to statements; a pooler that keeps them apart gives others.
const FOUND: &str = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'sqlx_s_%' \
    AND EXISTS (SELECT 1 FROM pg_prepared_statements WHERE name = ";

/// Refuses such a pooler: prepares a statement on one connection, and looks for the statement on
/// another. A pooler that gives them two connections of the server is not recognised.
pub(super) async fn refuse_mixing(pool: &PgPool) -> Result<(), Fault> {
    if pool.options().get_max_connections() < 2 {
        return Ok(());
    }
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return Ok(());
    }
    let name = format!("session_runtime_{:032x}", u128::from_ne_bytes(bytes));
    let mut one = pool.acquire().await?;
    let prepare = format!("PREPARE {name} AS SELECT 1");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *one).await?;
    let mut other = pool.acquire().await?;
    let find = format!("{FOUND}'{name}')");
    let found = sqlx::raw_sql(AssertSqlSafe(find)).fetch_one(&mut *other).await?;
    // A pooler may have taken the statement away already.
    let _ = sqlx::raw_sql(AssertSqlSafe(format!("DEALLOCATE {name}"))).execute(&mut *one).await;
    if found.try_get_unchecked::<i64, _>(0)? > 0 {
        let told = "a pooler mixes up the prepared statements of its clients";
        return Err(Fault::Told(format!("{told}{POOLER}")));
    }
    Ok(())
}
