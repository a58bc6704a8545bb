//! The operations of the store, each as a sequence of statements: their order, the meaning of their
//! answers, and the retries. The text of statements and all transactions are elsewhere.

use std::time::{Duration, Instant};

use super::{
    SqlStore,
    connection::Connection,
    error::Fault,
    login, migration,
    plan::Fields,
    row,
    statement::{Answer, Statement},
    update::{committed, update},
};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Record,
        Selector, StoreKey,
    },
};

/// The time for which an operation is retried after deadlocks, or while the database is busy: as
/// long as the runtime waits.
const RETRIED_FOR: Duration = Duration::from_secs(2);
/// The longest rest before the next attempt; the first is a millisecond.
const LONGEST_REST: Duration = Duration::from_millis(16);
/// The number of broken connections that one read may meet: more than most pools have.
const BROKEN: u32 = 100;
/// The number of attempts at a commit whose record changes between the statement and the read after
/// it.
const ATTEMPTS: u32 = 4;
/// The most rows that one statement of a sweep removes: it must not hold locks for long.
const SWEPT_AT_ONCE: usize = 1000;

/// Retries an attempt that failed only because of a concurrent one.
macro_rules! retried {
    ($store:expr, $attempt:expr) => {{
        let start = Instant::now();
        let mut rest = Duration::from_millis(1);
        loop {
            match $attempt.await {
                Err(fault) if $store.is_transient(&fault) && start.elapsed() < RETRIED_FOR => {
                    tokio::time::sleep(rest).await;
                    rest = LONGEST_REST.min(rest * 2);
                }
                answer => break answer,
            }
        }
    }};
}

impl SqlStore {
    pub(super) async fn try_migrate(&self) -> Result<(), Fault> {
        retried!(self, migration::migrate(&self.pool, &self.table))
    }

    pub(super) async fn try_verify(&self) -> Result<(), Fault> {
        retried!(self, migration::verify(&self.pool, &self.table))
    }

    pub(super) fn is_transient(&self, fault: &Fault) -> bool {
        match fault {
            Fault::Sql(sqlx::Error::Database(error)) => {
                self.table.dialect.is_transient(error.as_ref())
            }
            _ => false,
        }
    }

    /// Runs a query, on another connection if one turns out to be broken: after a restart of the
    /// server, every connection of the pool is. A change is not retried, since it may have
    /// happened.
    async fn read(&self, statement: &Statement) -> Result<Answer, Fault> {
        let mut left = BROKEN;
        loop {
            match self.pool.reader().await?.run(statement).await {
                Err(fault) if left > 0 && fault.is_broken_connection() => left -= 1,
                answer => return answer,
            }
        }
    }

    async fn write(&self, statement: &Statement) -> Result<Answer, Fault> {
        self.pool.writer().await?.run(statement).await
    }

    pub(super) async fn load_record(&self, key: &StoreKey) -> Result<Option<Record>, Fault> {
        let answer = retried!(self, self.read(&self.table.load(key)))?;
        answer.rows.into_iter().next().map(row::record).transpose()
    }

    pub(super) async fn insert_record(
        &self,
        key: &StoreKey,
        record: &Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, Fault> {
        retried!(self, self.try_insert(key, record, cap))
    }

    async fn try_insert(
        &self,
        key: &StoreKey,
        record: &Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, Fault> {
        if let (Some(cap), Some(principal)) = (cap, &record.meta.principal) {
            return login::insert(self, key, record, principal, cap).await;
        }
        let mut connection = self.pool.writer().await?;
        let inserted = self.insert_on(&mut connection, key, record).await?;
        Ok(if inserted { InsertOutcome::inserted() } else { InsertOutcome::Exists })
    }

    /// Stores a new record. Returns false if there is one already.
    pub(super) async fn insert_on(
        &self,
        connection: &mut Connection,
        key: &StoreKey,
        record: &Record,
    ) -> Result<bool, Fault> {
        match connection.run(&self.table.insert(key, record)).await {
            Ok(answer) => Ok(answer.affected > 0),
            Err(Fault::Sql(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn commit_record(
        &self,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<CommitOutcome, Fault> {
        let fields = row::holds(commit).then(|| Fields::of(&commit.ops)).flatten();
        let is_capped = commit.cap.is_some() && matches!(commit.principal, Some(Some(_)));
        let Some(statement) = fields.as_ref().filter(|_| !is_capped) else {
            return retried!(self, login::commit(self, key, commit, fields.as_ref()));
        };
        let statement = update(&self.table, key, commit, statement);
        for _ in 0..ATTEMPTS {
            let answer = retried!(self, self.write(&statement))?;
            if let Some(outcome) = committed(answer, commit)? {
                return Ok(outcome);
            }
            let Some(mut record) = self.load_record(key).await? else {
                return Ok(CommitOutcome::Gone);
            };
            let is_exact = row::is_exact(&record);
            let outcome = record.apply(commit);
            if !matches!(outcome, CommitOutcome::Committed { .. }) {
                return Ok(outcome);
            }
            if is_exact {
                break;
            }
            // The record changed in between, and now the commit would apply.
        }
        retried!(self, login::commit(self, key, commit, None))
    }

    pub(super) async fn delete_record(&self, key: &StoreKey) -> Result<bool, Fault> {
        let statement = self.table.delete(key);
        Ok(retried!(self, self.write(&statement))?.affected > 0)
    }

    pub(super) async fn list_records(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Listed>, Fault> {
        let statement = self.table.list(namespace, principal, now);
        let answer = retried!(self, self.read(&statement))?;
        answer.rows.into_iter().map(row::listed).collect()
    }

    pub(super) async fn delete_records(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        except: Option<Selector>,
    ) -> Result<u64, Fault> {
        let statement = self.table.delete_all(namespace, principal, except);
        Ok(retried!(self, self.write(&statement))?.affected)
    }

    pub(super) async fn sweep_records(&self, now: Timestamp, limit: usize) -> Result<u64, Fault> {
        let mut removed = 0;
        let mut left = limit;
        while left > 0 {
            let batch = left.min(SWEPT_AT_ONCE);
            let statement = self.table.dialect.sweep(
                &self.table.name,
                row::bound(now),
                i64::try_from(batch).unwrap_or(i64::MAX),
            );
            let gone = retried!(self, self.write(&statement))?.affected;
            removed += gone;
            if gone < batch as u64 {
                break;
            }
            left -= batch;
        }
        Ok(removed)
    }
}
