//! Transactions of several statements: log-ins under a cap, and commits that need a look at the
//! record. It owns the order of the steps; each step is a statement from elsewhere.
//!
//! A log-in under a cap waits until no other log-in of that principal is under way, counts the
//! sessions, applies, and removes the evicted sessions, in one transaction. If it ends early for
//! whatever reason, all of it is rolled back.

use super::{
    SqlStore,
    connection::Connection,
    error::Fault,
    plan::Fields,
    row,
    table::Table,
    update::{committed, update},
};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, OnMaxSessions, PrincipalKey, Record, Selector,
        StoreKey,
    },
};

/// Inserts a record of a principal under a cap.
pub(super) async fn insert(
    store: &SqlStore,
    key: &StoreKey,
    record: &Record,
    principal: &PrincipalKey,
    cap: Cap,
) -> Result<InsertOutcome, Fault> {
    let mut connection = store.pool.writer().await?;
    connection.begin().await?;
    let now = record.meta.last_seen;
    let Some(admission) =
        Admission::request(store, &mut connection, key, principal, cap, now).await?
    else {
        connection.roll_back().await;
        return Ok(InsertOutcome::Full);
    };
    if !store.insert_on(&mut connection, key, record).await? {
        connection.roll_back().await;
        return Ok(InsertOutcome::Exists);
    }
    let ended = admission.evict(store, &mut connection, key, principal).await?;
    connection.commit().await?;
    Ok(InsertOutcome::Inserted { ended })
}

/// Applies a commit in a transaction: under its cap, and by a look at the record if no statement
/// can apply it (`fields` is `None`) or the statement finds no row.
pub(super) async fn commit(
    store: &SqlStore,
    key: &StoreKey,
    commit: &Commit,
    fields: Option<&Fields>,
) -> Result<CommitOutcome, Fault> {
    let mut connection = store.pool.writer().await?;
    connection.begin().await?;
    let mut admission = None;
    if let (Some(cap), Some(Some(principal))) = (commit.cap, &commit.principal) {
        admission =
            Admission::request(store, &mut connection, key, principal, cap, commit.now).await?;
        if admission.is_none() {
            connection.roll_back().await;
            return Ok(CommitOutcome::Full);
        }
    }
    let mut outcome = apply(&store.table, &mut connection, key, commit, fields).await?;
    if let CommitOutcome::Committed { ended, .. } = &mut outcome {
        if let (Some(admission), Some(Some(principal))) = (admission, &commit.principal) {
            *ended = admission.evict(store, &mut connection, key, principal).await?;
        }
        connection.commit().await?;
    } else {
        connection.roll_back().await;
    }
    Ok(outcome)
}

async fn apply(
    table: &Table,
    connection: &mut Connection,
    key: &StoreKey,
    commit: &Commit,
    fields: Option<&Fields>,
) -> Result<CommitOutcome, Fault> {
    if let Some(fields) = fields {
        let answer = connection.run(&update(table, key, commit, fields)).await?;
        if let Some(outcome) = committed(answer, commit)? {
            return Ok(outcome);
        }
    }
    let mut rows = connection.run(&table.load_for_update(key)).await?.rows;
    let Some(row) = rows.pop() else { return Ok(CommitOutcome::Gone) };
    let mut record = row::record(row)?;
    let outcome = record.apply(commit);
    if let CommitOutcome::Committed { rotated, .. } = outcome {
        connection.run(&table.overwrite(key, &record, rotated)).await?;
    }
    Ok(outcome)
}

/// A log-in that may go on, and the sessions that are evicted for it.
struct Admission {
    evicted: Vec<String>,
}

impl Admission {
    /// Waits for the principal's lock and counts the sessions. Returns `None` if one more session
    /// is too many.
    async fn request(
        store: &SqlStore,
        connection: &mut Connection,
        key: &StoreKey,
        principal: &PrincipalKey,
        cap: Cap,
        now: Timestamp,
    ) -> Result<Option<Self>, Fault> {
        let table = &store.table;
        let number = table.name.number(&["turn", key.namespace.as_str(), principal.as_str()]);
        if let Some(lock) = table.dialect.advisory_lock(&table.name, number) {
            connection.run(&lock).await?;
        }
        let others = connection.run(&table.others(key, principal, now)).await?.rows;
        let most_others = cap.sessions.max(1) as usize - 1;
        let excess = others.len().saturating_sub(most_others);
        if excess > 0 && cap.on_max == OnMaxSessions::RefuseNew {
            return Ok(None);
        }
        let evicted = others.into_iter().take(excess).map(row::only_text);
        Ok(Some(Self { evicted: evicted.collect::<Result<_, _>>()? }))
    }

    /// Removes the evicted sessions. Returns those that it removed.
    async fn evict(
        self,
        store: &SqlStore,
        connection: &mut Connection,
        key: &StoreKey,
        principal: &PrincipalKey,
    ) -> Result<Vec<Selector>, Fault> {
        let mut ended = Vec::with_capacity(self.evicted.len());
        for selectors in self.evicted.chunks(Table::most_removed()) {
            for statement in store.table.remove(&key.namespace, principal, selectors) {
                for row in connection.run(&statement).await?.rows {
                    ended.extend(Selector::from_hex(&row::only_text(row)?));
                }
            }
        }
        // Databases return rows in any order.
        let order = |selector: &Selector| {
            let hex = selector.to_string();
            self.evicted.iter().position(|evicted| *evicted == hex)
        };
        ended.sort_by_key(order);
        Ok(ended)
    }
}
