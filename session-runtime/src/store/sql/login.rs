//! What takes more than one statement: log-ins under a cap, and commits that only a look at the
//! record can carry out. It owns the order of steps in such a transaction; each step is a
//! statement from elsewhere.
//!
//! A log-in under a cap waits until no other one of that principal is under way, counts, applies,
//! and removes who gives way, in one transaction. Whatever ends it early undoes all of it.

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
    let Some(turn) = Turn::take(store, &mut connection, key, principal, cap, now).await? else {
        connection.roll_back().await;
        return Ok(InsertOutcome::Full);
    };
    if !store.insert_on(&mut connection, key, record).await? {
        connection.roll_back().await;
        return Ok(InsertOutcome::Exists);
    }
    let ended = turn.make_way(store, &mut connection, key, principal).await?;
    connection.commit().await?;
    Ok(InsertOutcome::Inserted { ended })
}

/// Applies a commit in a transaction: with its cap, and with a look at the record if `fields` says
/// that no statement can apply it.
pub(super) async fn commit(
    store: &SqlStore,
    key: &StoreKey,
    commit: &Commit,
    fields: Option<&Fields>,
) -> Result<CommitOutcome, Fault> {
    let mut connection = store.pool.writer().await?;
    connection.begin().await?;
    let mut turn = None;
    if let (Some(cap), Some(Some(principal))) = (commit.cap, &commit.principal) {
        turn = Turn::take(store, &mut connection, key, principal, cap, commit.now).await?;
        if turn.is_none() {
            connection.roll_back().await;
            return Ok(CommitOutcome::Full);
        }
    }
    let mut outcome = apply(&store.table, &mut connection, key, commit, fields).await?;
    if let CommitOutcome::Committed { ended, .. } = &mut outcome {
        if let (Some(turn), Some(Some(principal))) = (turn, &commit.principal) {
            *ended = turn.make_way(store, &mut connection, key, principal).await?;
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

/// A log-in that may go on, and who gives way to it.
struct Turn {
    surplus: Vec<String>,
}

impl Turn {
    /// Waits for the principal's turn and counts; `None` if one more session is too many.
    async fn take(
        store: &SqlStore,
        connection: &mut Connection,
        key: &StoreKey,
        principal: &PrincipalKey,
        cap: Cap,
        now: Timestamp,
    ) -> Result<Option<Self>, Fault> {
        let table = &store.table;
        let number = table.name.number(&["turn", key.namespace.as_str(), principal.as_str()]);
        if let Some(turn) = table.dialect.turn(&table.name, number) {
            connection.run(&turn).await?;
        }
        let others = connection.run(&table.others(key, principal, now)).await?.rows;
        let most_others = cap.sessions.max(1) as usize - 1;
        let surplus = others.len().saturating_sub(most_others);
        if surplus > 0 && cap.on_max == OnMaxSessions::RefuseNew {
            return Ok(None);
        }
        let surplus = others.into_iter().take(surplus).map(row::only_text);
        Ok(Some(Self { surplus: surplus.collect::<Result<_, _>>()? }))
    }

    /// Removes those who give way; which they were.
    async fn make_way(
        self,
        store: &SqlStore,
        connection: &mut Connection,
        key: &StoreKey,
        principal: &PrincipalKey,
    ) -> Result<Vec<Selector>, Fault> {
        let mut ended = Vec::with_capacity(self.surplus.len());
        for selectors in self.surplus.chunks(Table::most_removed()) {
            for statement in store.table.remove(&key.namespace, principal, selectors) {
                for row in connection.run(&statement).await?.rows {
                    ended.extend(Selector::from_hex(&row::only_text(row)?));
                }
            }
        }
        // Databases return rows in any order.
        let order = |selector: &Selector| {
            let hex = selector.to_string();
            self.surplus.iter().position(|surplus| *surplus == hex)
        };
        ended.sort_by_key(order);
        Ok(ended)
    }
}
