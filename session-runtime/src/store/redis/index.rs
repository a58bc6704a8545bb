//! The index of a principal: a sorted set of entries, all with the score 0, so that the server keeps
//! the entries in the order of their text. This file owns the commands on an index. It does not
//! decide which entries are made or pruned.

use redis::{Cmd, Value};

use super::{
    connection::{CommandError, Connection, Retry},
    entry::{Member, place},
    script::{Call, WRITE},
};
use crate::store::{Cursor, Order};

/// The index of one principal.
pub(super) struct Index<'a> {
    pub(super) connection: &'a Connection,
    pub(super) key: String,
}

/// The answer to a new entry.
#[derive(Debug, Default)]
pub(super) struct Entered {
    pub(super) count: u64,
    /// Some of the entries, if there are many.
    pub(super) sample: Vec<Member>,
}

impl Index<'_> {
    /// Makes the call that adds an entry and lets the index live for `life` at least.
    pub(super) fn entering(&self, member: &str, life: &str) -> Call {
        let mut call = WRITE.on(&self.key);
        call.text(member).text(life);
        call
    }

    pub(super) async fn enter(&self, member: &str, life: &str) -> Result<Entered, CommandError> {
        let answer = self.entering(member, life).make(self.connection, Retry::Idempotent).await?;
        self.entered(answer)
    }

    /// Reads the answer to [`entering`](Self::entering).
    pub(super) fn entered(&self, answer: Value) -> Result<Entered, CommandError> {
        let Value::Array(parts) = answer else { return Err(self.damaged()) };
        let mut parts = parts.into_iter();
        let count = match parts.next() {
            Some(Value::Int(count)) => u64::try_from(count).unwrap_or(0),
            _ => return Err(self.damaged()),
        };
        Ok(Entered { count, sample: parts.filter_map(|part| member(&part)).collect() })
    }

    /// Returns the number of entries.
    pub(super) async fn count(&self) -> Result<u64, CommandError> {
        let mut command = Cmd::new();
        command.arg("ZCARD").arg(&self.key);
        match self.connection.ask(&command, Retry::Idempotent).await? {
            Value::Int(count) => Ok(u64::try_from(count).unwrap_or(0)),
            _ => Err(self.damaged()),
        }
    }

    /// Removes entries.
    pub(super) async fn remove(
        &self,
        members: impl IntoIterator<Item = String>,
    ) -> Result<(), CommandError> {
        let mut command = Cmd::new();
        command.arg("ZREM").arg(&self.key);
        for member in members {
            command.arg(member);
        }
        if command.args_iter().len() > 2 {
            self.connection.ask(&command, Retry::Idempotent).await?;
        }
        Ok(())
    }

    /// Returns up to `limit` entries after a place, in an order, and whether the index ends there.
    pub(super) async fn range(
        &self,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Member>, bool), CommandError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(&self.key);
        match order {
            // No digit of an attempt comes after `g`: all entries of the place are passed over.
            Order::Oldest => {
                let from = after.map_or("-".to_owned(), |after| format!("({}g", place(after)));
                command.arg(from).arg("+").arg("BYLEX");
            }
            Order::Newest => {
                let from = after.map_or("+".to_owned(), |after| format!("({}", place(after)));
                command.arg(from).arg("-").arg("BYLEX").arg("REV");
            }
        }
        command.arg("LIMIT").arg(0).arg(limit);
        match self.connection.ask(&command, Retry::Idempotent).await? {
            Value::Array(members) => {
                let is_end = members.len() < limit;
                Ok((members.iter().filter_map(member).collect(), is_end))
            }
            _ => Err(self.damaged()),
        }
    }

    fn damaged(&self) -> CommandError {
        let what = format!("{} holds no index that this program wrote; delete it", self.key);
        CommandError::unknown(self.connection.error(&what))
    }
}

/// Reads an entry; `None` for what this program has not written.
fn member(value: &Value) -> Option<Member> {
    match value {
        Value::BulkString(text) => Member::read(text),
        _ => None,
    }
}
