//! The index of a principal: a hash with an entry for each session, whose value is the log-ins that
//! assigned the session to the principal, and an eviction mark (`-` and the session) for each
//! session that a log-in evicts. This file owns that form and the scripts on it. It does not decide
//! who is evicted.

use std::collections::BTreeMap;

use redis::{Cmd, Value};

use super::{
    commit,
    connection::{CommandError, Connection, Retry},
    key::Token,
    layout::{blob, pairs, parts, selector},
    pack::{Damaged, text},
    script::{ADMIT, AMEND, Call, EXTEND_INDEX, FORGET},
};
use crate::{clock::Timestamp, store::Selector};

/// The time by which an index outlives its sessions: clocks may differ, and the server keeps a
/// session for a while after its end.
const SLACK_MILLIS: u64 = 3_600_000;

/// The index of one principal.
#[derive(Clone, Copy)]
pub(super) struct Index<'a> {
    pub(super) connection: &'a Connection,
    pub(super) key: &'a str,
}

/// The content of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// The content as it is stored, to compare with later.
    stored: Vec<(String, String)>,
    /// The log-ins of each session, the earliest first.
    pub(super) entries: BTreeMap<Selector, Vec<Token>>,
    /// The evicted sessions, each with the session and the log-in that evicts it.
    pub(super) eviction_marks: BTreeMap<Selector, (Selector, Token)>,
}

/// A log-in that is to be entered into an index.
pub(super) struct Entry<'a> {
    pub(super) session: Selector,
    pub(super) token: &'a Token,
    /// The most other entries with which the log-in may be entered.
    pub(super) most_others: Option<usize>,
    /// The milliseconds for which the index is kept; empty: without end.
    pub(super) life: &'a str,
}

/// The answer to entering a log-in.
pub(super) enum Entered {
    /// The log-in is in the index. Some entries come along, to be pruned in passing.
    Yes(Listing),
    /// There may be no room for the log-in. The whole index comes along.
    No(Listing),
}

/// Changes to an index.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) remove: Vec<String>,
    pub(super) set: Vec<(String, String)>,
}

/// Returns the field name of the eviction mark of a session.
pub(super) fn eviction_mark(evicted: Selector) -> String {
    format!("-{evicted}")
}

/// Returns the value of an eviction mark: the session and the log-in that evicts.
pub(super) fn eviction_mark_value(winner: Selector, token: &Token) -> String {
    format!("{winner} {}", token.as_str())
}

/// Returns the milliseconds for which an index is kept from `now` on; empty: without end.
pub(super) fn life(until: Timestamp, now: Timestamp) -> String {
    commit::life(until, now, SLACK_MILLIS)
}

impl Index<'_> {
    /// Reads the whole index.
    pub(super) async fn read(&self) -> Result<Listing, CommandError> {
        let mut command = Cmd::new();
        command.arg("HGETALL").arg(self.key);
        let answer = self.connection.ask(&command, Retry::Idempotent).await?;
        Listing::read(answer).map_err(|damaged| self.damaged(damaged))
    }

    /// Enters a log-in, if there is room.
    pub(super) async fn admit(&self, entry: &Entry<'_>) -> Result<Entered, CommandError> {
        self.entered(entry.written(ADMIT.on(self.key))).await
    }

    /// Changes the index and enters a log-in, without counting, if the index is still as `seen`.
    pub(super) async fn amend(
        &self,
        seen: &Listing,
        changes: &Changes,
        entry: &Entry<'_>,
    ) -> Result<Entered, CommandError> {
        let mut call = AMEND.on(self.key);
        call.number(entry.session).text(entry.token.as_str()).text(entry.life);
        call.number(seen.stored.len());
        for (field, value) in &seen.stored {
            call.text(field).text(value);
        }
        call.number(changes.remove.len());
        for field in &changes.remove {
            call.text(field);
        }
        call.number(changes.set.len());
        for (field, value) in &changes.set {
            call.text(field).text(value);
        }
        self.entered(call).await
    }

    /// Extends the life of the index.
    pub(super) async fn extend_ttl(
        &self,
        session: Selector,
        token: &Token,
        life: &str,
    ) -> Result<(), CommandError> {
        let mut call = EXTEND_INDEX.on(self.key);
        call.number(session).text(token.as_str()).text(life);
        call.make(self.connection, Retry::Idempotent).await.map(drop)
    }

    /// Takes these log-ins out, and of the eviction marks of `marked` those that the log-in
    /// `for_whom` has set.
    pub(super) async fn forget(
        &self,
        log_ins: &[(Selector, Token)],
        for_whom: Option<(Selector, &Token)>,
        marked: &[Selector],
    ) -> Result<(), CommandError> {
        let mut call = FORGET.on(self.key);
        match for_whom {
            Some((winner, token)) => call.text(&eviction_mark_value(winner, token)),
            None => call.text(""),
        };
        call.number(log_ins.len());
        for (session, token) in log_ins {
            call.number(session).text(token.as_str());
        }
        for evicted in marked {
            call.text(&eviction_mark(*evicted));
        }
        call.make(self.connection, Retry::Idempotent).await.map(drop)
    }

    async fn entered(&self, call: Call) -> Result<Entered, CommandError> {
        let answer = call.make(self.connection, Retry::Idempotent).await?;
        let (entered, _) = Entered::read(answer).map_err(|damaged| self.damaged(damaged))?;
        Ok(entered)
    }

    /// Returns the error of an index that cannot be read.
    pub(super) fn damaged(&self, Damaged: Damaged) -> CommandError {
        let what = format!(
            "the index {} is not one that this program writes; delete its sessions and it",
            self.key
        );
        CommandError::not_applied(self.connection.error(&what))
    }
}

impl Entry<'_> {
    /// About the bytes that an entry takes in a call.
    pub(super) const ROOM: usize = 96;

    /// Adds the entry to a call.
    pub(super) fn written(&self, mut call: Call) -> Call {
        call.number(self.session).text(self.token.as_str());
        match self.most_others {
            Some(most) => call.number(most),
            None => call.text(""),
        };
        call.text(self.life);
        call
    }
}

impl Entered {
    /// Reads a script's answer: a word, alone or with entries of the index, and then the answer of
    /// the session's script.
    pub(super) fn read(answer: Value) -> Result<(Self, Value), Damaged> {
        let mut parts = parts(answer).into_iter();
        let verdict = blob(parts.next().ok_or(Damaged)?)?;
        let listing = parts.next().filter(|part| *part != Value::Nil);
        let listing = listing.map(Listing::read).transpose()?.unwrap_or_default();
        let entered = if verdict == "ok" { Self::Yes(listing) } else { Self::No(listing) };
        Ok((entered, parts.next().unwrap_or(Value::Nil)))
    }
}

impl Listing {
    /// Returns every session in the listing, also those that only evict others.
    pub(super) fn sessions(&self) -> impl Iterator<Item = Selector> {
        let winners = self.eviction_marks.values().map(|(winner, _)| *winner);
        self.entries.keys().copied().chain(winners)
    }

    /// Returns every log-in in the listing, also those that only evict others.
    pub(super) fn log_ins(&self) -> impl Iterator<Item = &Token> {
        let winners = self.eviction_marks.values().map(|(_, token)| token);
        self.entries.values().flatten().chain(winners)
    }

    fn read(answer: Value) -> Result<Self, Damaged> {
        let mut listing = Self::default();
        for (field, value) in pairs(answer)? {
            let (field, value) = (text(&field)?.to_owned(), text(&value)?.to_owned());
            if let Some(evicted) = field.strip_prefix('-') {
                let (winner, token) = value.split_once(' ').ok_or(Damaged)?;
                let winner = selector(winner.as_bytes())?;
                listing
                    .eviction_marks
                    .insert(selector(evicted.as_bytes())?, (winner, Token::read(token)));
            } else {
                let tokens = value.split(' ').map(Token::read).collect();
                listing.entries.insert(selector(field.as_bytes())?, tokens);
            }
            listing.stored.push((field, value));
        }
        Ok(listing)
    }
}
