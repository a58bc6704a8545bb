//! The index of a principal: a hash with an entry for each session, whose value is the log-ins that
//! gave it to the principal, and an eviction mark (`-` and the session) for each session
//! that a log-in evicts. It owns that form and the scripts on it; who is evicted is not its business.

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

/// How much longer an index lives than the sessions in it: clocks may differ, and a session lives
/// on for a while at the server.
const SLACK_MILLIS: u64 = 3_600_000;

/// The index of one principal.
#[derive(Clone, Copy)]
pub(super) struct Index<'a> {
    pub(super) connection: &'a Connection,
    pub(super) key: &'a str,
}

/// What an index holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// As it is stored, to compare it with later.
    stored: Vec<(String, String)>,
    /// The log-ins of each session, the earliest first.
    pub(super) entries: BTreeMap<Selector, Vec<Token>>,
    /// The evicted sessions, each with the log-in of another session that evicts it.
    pub(super) eviction_marks: BTreeMap<Selector, (Selector, Token)>,
}

/// A log-in that is to be entered.
pub(super) struct Entry<'a> {
    pub(super) session: Selector,
    pub(super) token: &'a Token,
    /// There must not be more others than that.
    pub(super) most_others: Option<usize>,
    /// For how many milliseconds the index is kept; empty: for ever.
    pub(super) life: &'a str,
}

/// Whether a log-in is in the index.
pub(super) enum Entered {
    /// It is; and some entries to look at, in passing.
    Yes(Listing),
    /// There may be no room for it.
    No(Listing),
}

/// Changes to an index.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) remove: Vec<String>,
    pub(super) set: Vec<(String, String)>,
}

/// The name of the mark of a session that is evicted.
pub(super) fn eviction_mark(evicted: Selector) -> String {
    format!("-{evicted}")
}

/// What is written in such a mark.
pub(super) fn eviction_mark_value(winner: Selector, token: &Token) -> String {
    format!("{winner} {}", token.as_str())
}

/// For how many milliseconds an index is kept from `now` on; empty: for ever.
pub(super) fn life(until: Timestamp, now: Timestamp) -> String {
    commit::life(until, now, SLACK_MILLIS)
}

impl Index<'_> {
    /// Everything in it.
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

    /// Changes it and enters a log-in, however many there are, if it is still as `seen`.
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

    /// Lets it live longer.
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

    /// Takes out these log-ins, and the marks of these sessions that the log-in `for_whom`
    /// evicts.
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

    /// The error of an index that cannot be read.
    pub(super) fn damaged(&self, Damaged: Damaged) -> CommandError {
        let what = format!(
            "the index {} is not one that this program writes; delete its sessions and it",
            self.key
        );
        CommandError::not_applied(self.connection.error(&what))
    }
}

impl Entry<'_> {
    /// About as many bytes as it takes.
    pub(super) const ROOM: usize = 96;

    /// A call to which it was given.
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
    /// A word, alone or with some of the index, or all of it, and what the session's script
    /// answered.
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
    /// Every session in it, those that evict others included.
    pub(super) fn sessions(&self) -> impl Iterator<Item = Selector> {
        let winners = self.eviction_marks.values().map(|(winner, _)| *winner);
        self.entries.keys().copied().chain(winners)
    }

    /// Every log-in in it, those that evict others included.
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
