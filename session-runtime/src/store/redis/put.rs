//! Writing a whole session: a new one, or what a commit has made of one that was loaded, if it is
//! still as it was then. That costs the server a third of what taking the session apart and merging
//! there does. It owns what the script is given for it and what its answers mean; whoever was
//! slower than another request merges at the server, which is not its business.

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

/// The key lives for as long as it did.
const SAME_LIFE: &str = "=";
/// For what goes beside the packed part, in bytes.
const ROOM: usize = 64;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// There is a session already.
    Exists,
    /// Another log-in has cancelled this one.
    Cancelled,
    /// The session is not as it was loaded.
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

/// The call that writes a new session, of a script that `begin` gives room for so many bytes.
/// `token` is the log-in's that gives it to its principal, `unless_cancelled` that which somebody
/// may have cancelled.
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
    /// Writes a new session that is nobody's.
    pub(super) async fn put_new(
        &self,
        key: &StoreKey,
        record: &Record,
    ) -> Result<Stored, CommandError> {
        let name = self.keys.session(key);
        self.put(key, new_session(record, None, None, |room| PUT.with_room([&name], room))).await
    }

    /// Carries out a commit; `None` if nothing happened, and the session has to be looked at where
    /// it is: it was not loaded, or has changed since, or the index of a principal is concerned.
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
            // What is there now may say otherwise.
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
