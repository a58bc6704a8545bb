//! Writing a whole session: a new one, or one that a commit has changed since it was loaded, if the
//! stored session is still the loaded one. This costs the server a third of unpacking and merging
//! the session there. This file owns the arguments of the script and the meaning of its answers. A
//! commit that came too late is merged at the server, which is not part of this file.

use redis::Value;

use super::{
    Inner,
    commit::{SLACK_MILLIS, life},
    connection::{CommandError, Retry},
    key::Token,
    layout::{Form, StoredForm, apart_name, blob, form, lies_apart},
    pack::Damaged,
    script::{Call, PUT},
};
use crate::store::{Commit, CommitOutcome, Record, StoreKey};

/// The argument that leaves the key's expiry as it is.
const SAME_LIFE: &str = "=";
/// The bytes that a call needs beside the packed part, roughly.
const ROOM: usize = 64;

/// The outcome of writing a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// There is a session already.
    Exists,
    /// Another log-in has cancelled this one.
    Cancelled,
    /// The session has changed since it was loaded.
    Moved,
}

impl Stored {
    pub(super) fn read(answer: Value) -> Result<Self, Damaged> {
        match blob(answer)?.as_ref() {
            b"ok" => Ok(Self::Yes),
            b"exists" => Ok(Self::Exists),
            b"cancelled" => Ok(Self::Cancelled),
            b"moved" => Ok(Self::Moved),
            _ => Err(Damaged),
        }
    }
}

/// Builds the call that stores a new session. `begin` makes the call of a script, with room for so
/// many bytes. `token` is the log-in that assigns the session to its principal. With
/// `unless_cancelled`, the script refuses if that log-in was cancelled.
pub(super) fn new_session(
    record: &Record,
    token: Option<&Token>,
    unless_cancelled: Option<&Token>,
    begin: impl FnOnce(usize) -> Call,
) -> Call {
    let end = record.meta.expires_at();
    let Form { packed, apart } = form(record, token, end);
    let mut call = begin(packed.len() + ROOM);
    call.text("").text(&life(end, record.meta.last_seen, SLACK_MILLIS));
    call.text(unless_cancelled.map_or("", Token::as_str)).bytes(&packed).number(0);
    for (name, value) in &apart {
        call.bytes(&apart_name(name)).bytes(value);
    }
    call
}

impl Inner {
    /// Writes a new session that has no principal.
    pub(super) async fn put_new(
        &self,
        key: &StoreKey,
        record: &Record,
    ) -> Result<Stored, CommandError> {
        let name = self.keys.session(key);
        self.put(key, new_session(record, None, None, |room| PUT.with_room([&name], room))).await
    }

    /// Carries out a commit on the loaded session and writes the result. Returns `None` if nothing
    /// happened and the server has to merge: the session was not loaded, has changed since, or the
    /// index of a principal is concerned.
    pub(super) async fn replace(
        &self,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<Option<CommitOutcome>, CommandError> {
        let Some((call, outcome)) = self.replacing(key, commit) else { return Ok(None) };
        let stored = self.put(key, call).await?;
        Ok((stored == Stored::Yes).then_some(outcome))
    }

    fn replacing(&self, key: &StoreKey, commit: &Commit) -> Option<(Call, CommitOutcome)> {
        let loaded = commit.loaded.as_ref()?;
        let StoredForm { packed: loaded_bytes, token, kept_until } = loaded.stored_form()?;
        if commit.principal.is_some() || commit.lifetime.is_some() {
            return None;
        }
        let mut record = Record::clone(loaded);
        let outcome = record.apply(commit);
        if !matches!(outcome, CommitOutcome::Committed { .. }) {
            // The stored session may say otherwise by now.
            return None;
        }
        // An end that hardly moves costs no command.
        let end = record.meta.expires_at();
        let is_same_life = end.as_millis().abs_diff(kept_until.as_millis()) <= SLACK_MILLIS / 2;
        let Form { packed, apart } =
            form(&record, token.as_ref(), if is_same_life { *kept_until } else { end });
        let is_apart = |name: &str| apart.iter().any(|(there, _)| *there == name);
        let removed: Vec<_> = loaded
            .fields()
            .filter(|(name, value)| lies_apart(value) && !is_apart(name))
            .map(|(name, _)| apart_name(name))
            .collect();
        let room = loaded_bytes.len() + packed.len() + ROOM;
        let mut call = PUT.with_room([&self.keys.session(key)], room);
        call.bytes(loaded_bytes);
        if is_same_life {
            call.text(SAME_LIFE);
        } else {
            call.text(&life(end, commit.now, SLACK_MILLIS));
        }
        call.text("").bytes(&packed).number(removed.len());
        for name in removed {
            call.bytes(&name);
        }
        for (name, value) in &apart {
            if loaded.get(name) != record.get(name) {
                call.bytes(&apart_name(name)).bytes(value);
            }
        }
        Some((call, outcome))
    }

    async fn put(&self, key: &StoreKey, call: Call) -> Result<Stored, CommandError> {
        let answer = call.make(&self.connection, Retry::AtMostOnce).await?;
        Stored::read(answer).map_err(|damaged| self.damaged(key, damaged))
    }
}
