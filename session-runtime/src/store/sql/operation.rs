//! The operations of the store, each as a sequence of statements: their order, the meaning of their
//! answers, and the retries. The text of statements is elsewhere.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    SqlStore,
    connection::Connection,
    dialect::{Due, Meaning},
    error::Fault,
    migration, row,
    statement::{Answer, Statement},
};
use crate::{
    clock::Timestamp,
    store::{
        Cursor, Facts, Namespace, Notice, Order, Page, PrincipalKey, Record, StoreKey, SweepCursor,
        Swept, Written,
    },
};

/// The time for which an operation is retried after deadlocks, or while the database is busy: as
/// long as the runtime waits.
const RETRIED_FOR: Duration = Duration::from_secs(2);
/// The longest rest before the next attempt; the first is a millisecond.
const LONGEST_REST: Duration = Duration::from_millis(16);
/// The number of broken connections that one read may meet: more than most pools have.
const BROKEN: u32 = 100;
/// The most rows that one step of a sweep removes: its statement must not hold locks for long.
const SWEPT_AT_ONCE: usize = 1000;

/// Retries an attempt that changed nothing because of a concurrent one.
macro_rules! retried {
    ($store:expr, $attempt:expr) => {{
        let start = Instant::now();
        let mut rest = Duration::from_millis(1);
        loop {
            match $attempt.await {
                Err(fault)
                    if $store.meaning(&fault) == Meaning::Busy && start.elapsed() < RETRIED_FOR =>
                {
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

    pub(super) fn meaning(&self, fault: &Fault) -> Meaning {
        fault.meaning(self.table.dialect)
    }

    /// Runs a query, on another connection if one turns out to be broken: after a restart of the
    /// server, every connection of the pool is. A change is not retried, since it may have
    /// happened.
    async fn read(&self, statement: &Statement) -> Result<Answer, Fault> {
        let mut left = BROKEN;
        loop {
            match self.pool.reader().await?.run(statement).await {
                Err(fault) if left > 0 && self.meaning(&fault).is_read_elsewhere() => left -= 1,
                answer => return answer,
            }
        }
    }

    /// Makes a change. Returns the connection, too, on which whoever counts next need not wait for
    /// another.
    ///
    /// A connection that only reads, or that the server ends, gets closed, and another one is tried:
    /// after a fail-over, or a restart of the server, all those that the pool has are of that kind.
    async fn write(&self, statement: &Statement) -> Result<(Connection, Answer), Fault> {
        let mut left = self.pool.size();
        loop {
            let mut connection = self.pool.writer().await?;
            match connection.run(statement).await {
                Err(fault) if left > 0 && self.meaning(&fault).is_written_elsewhere() => left -= 1,
                answer => return Ok((connection, answer?)),
            }
        }
    }

    pub(super) async fn load_record(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, Fault> {
        let statement = self.table.load(key);
        let answer = retried!(self, self.read(&statement))?;
        let record = answer.rows.into_iter().next().map(row::record).transpose()?;
        Ok(record.map(Arc::new))
    }

    pub(super) async fn insert_record(
        &self,
        key: &StoreKey,
        record: &Record,
    ) -> Result<Written, Fault> {
        let statement = self.table.insert(key, record);
        match retried!(self, self.write(&statement)) {
            Ok((connection, answer)) if answer.affected > 0 => {
                self.counted(connection, key, record).await
            }
            Ok(_) => Ok(Written::Not),
            Err(Fault::Sql(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                Ok(Written::Not)
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn replace_record(
        &self,
        key: &StoreKey,
        version: u64,
        record: &Record,
    ) -> Result<Written, Fault> {
        let statement = self.table.replace(key, version, record);
        let (connection, mut answer) = retried!(self, self.write(&statement))?;
        let logged_in_version = match answer.rows.pop() {
            Some(row) => row::only_int(row)?,
            None if answer.affected > 0 => answer.last_id.cast_signed(),
            None => return Ok(Written::Not),
        };
        if logged_in_version == row::version(record.meta.revision) {
            self.counted(connection, key, record).await
        } else {
            Ok(Written::Stored { of_principal: 0 })
        }
    }

    pub(super) async fn touch_record(
        &self,
        key: &StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> Result<bool, Fault> {
        let statement = self.table.touch(key, last_seen, clean_after);
        let (_, answer) = retried!(self, self.write(&statement))?;
        Ok(answer.affected > 0)
    }

    pub(super) async fn count_records(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
    ) -> Result<u64, Fault> {
        self.counted_by(&self.table.count(namespace, principal)).await
    }

    async fn counted_by(&self, statement: &Statement) -> Result<u64, Fault> {
        row::count(retried!(self, self.read(statement))?)
    }

    /// Counts the sessions of a principal after a log-in. The change is committed by now, and this
    /// is another statement: so of two log-ins at once, at least the later one counts both.
    async fn counted(
        &self,
        mut connection: Connection,
        key: &StoreKey,
        record: &Record,
    ) -> Result<Written, Fault> {
        let Some(principal) = &record.meta.principal else {
            return Ok(Written::Stored { of_principal: 0 });
        };
        let statement = self.table.count_some(&key.namespace, principal);
        let of_principal = if let Ok(answer) = connection.run(&statement).await {
            row::count(answer)?
        } else {
            drop(connection);
            self.counted_by(&statement).await?
        };
        Ok(Written::Stored { of_principal })
    }

    pub(super) async fn remove_record(
        &self,
        key: &StoreKey,
        version: Option<u64>,
    ) -> Result<bool, Fault> {
        let statement = self.table.remove(key, version);
        let (_, answer) = retried!(self, self.write(&statement))?;
        Ok(answer.affected > 0)
    }

    pub(super) async fn list_records(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, Fault> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let statement = self.table.list(namespace, principal, order, after, most);
        let answer = retried!(self, self.read(&statement))?;
        let is_full = answer.rows.len() >= limit;
        let mut page = Page::default();
        for row in answer.rows {
            let (place, record) = row::listed(row)?;
            match record {
                Ok(record) => page.sessions.push((place.selector, Arc::new(record))),
                Err(_) => page.unreadable.push(place.selector),
            }
            page.next = is_full.then_some(place);
        }
        Ok(page)
    }

    /// Makes a step of a sweep. Each row has the time from which on the sweep looks at the row, never
    /// later than the row's expiry, and rarely changed: a use of a session moves the expiry alone, and
    /// no index has to know. A row that turns out to live on gets another such time here.
    pub(super) async fn sweep_records(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> Result<Swept, Fault> {
        let most = limit.min(SWEPT_AT_ONCE);
        if most == 0 {
            return Ok(Swept::default());
        }
        let due = Due {
            from: after.map_or(0, |after| row::number(after.expired)),
            to: row::bound(before),
            most: i64::try_from(most).unwrap_or(i64::MAX),
        };
        let statement = self.table.due(&due);
        let found = row::pairs(retried!(self, self.read(&statement))?)?;
        let is_over = |expires: i64| expires <= due.to;
        let (dialect, name) = (self.table.dialect, &self.table.name);
        let (mut removed, mut filed) = (0, 0);
        if found.iter().any(|(_, expires)| is_over(*expires)) {
            let statement = dialect.remove_due(name, &due);
            removed = retried!(self, self.write(&statement))?.1.affected;
        }
        if found.iter().any(|(_, expires)| !is_over(*expires)) {
            let statement = dialect.file_due(name, &due);
            filed = retried!(self, self.write(&statement))?.1.affected;
        }
        // If another process is at all of them, the rest is up to that one.
        let goes_on = found.len() == most && removed + filed > 0;
        let last = found.last().filter(|_| goes_on);
        let next = last.map(|(looked_at, _)| SweepCursor::new(row::time(*looked_at)));
        Ok(Swept::new(removed, next))
    }

    pub(super) async fn facts(&self) -> Result<Facts, Fault> {
        let Some(statement) = self.table.dialect.time() else { return Ok(Facts::HERE) };
        let mut answer = retried!(self, self.read(&statement))?;
        let millis = row::only_int(answer.rows.pop().unwrap_or_default())?;
        Ok(Facts::at(row::time(millis)))
    }

    pub(super) async fn publish_notice(&self, notice: &Notice) -> Result<(), Fault> {
        let table = &self.table;
        let Some(statement) = table.dialect.publish(&table.name, &notice.to_string()) else {
            return Ok(());
        };
        // A notice that comes twice says the same.
        retried!(self, self.read(&statement))?;
        Ok(())
    }
}
