//! Writing a whole session: a new one, or what a commit has made of one that was loaded, if it is
//! still as it was then. That costs the server a third of what taking the session apart and merging
//! there does. It owns what the script is given for it and what its answers mean; whoever was slower
//! than another request merges at the server, which is not its business.

use super::{
    Inner,
    commit::{SLACK_MILLIS, life},
    key::Token,
    layout::{Damaged, Form, Head, apart_name, blob, form, lies_apart},
    link::{Times, Trouble},
    pack::Packed,
    script::{Arguments, PUT},
};
use crate::store::{Commit, CommitOutcome, Record, StoreKey};

/// The key lives for as long as it did.
const SAME_LIFE: &str = "=";

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// There is a session already.
    Exists,
    /// Another log-in has given this one up.
    Void,
    /// The session is not as it was loaded.
    Moved,
}

impl Inner {
    /// Writes a new session. `token` is the log-in's that gives it to its principal.
    pub(super) async fn put_new(
        &self,
        key: &StoreKey,
        record: &Record,
        token: Option<&Token>,
    ) -> Result<Stored, Trouble> {
        let end = record.meta.expires_at();
        let Form { packed, apart } = form(record, token, end);
        let life = life(end, record.meta.last_seen, SLACK_MILLIS);
        let mut arguments = Arguments::default();
        arguments.text("").bytes(life.into_bytes()).text(token.map_or("", Token::as_str));
        arguments.bytes(packed).number(0);
        for (name, value) in &apart {
            arguments.bytes(apart_name(name)).bytes(&value[..]);
        }
        self.put(key, &arguments).await
    }

    /// Carries out a commit; `None` if nothing happened, and the session has to be looked at where
    /// it is: it was not loaded, or has changed since, or the index of a principal is concerned.
    pub(super) async fn replace(
        &self,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<Option<CommitOutcome>, Trouble> {
        let Some(loaded) = &commit.loaded else { return Ok(None) };
        let Some(origin) = loaded.origin() else { return Ok(None) };
        if commit.principal.is_some() || commit.lifetime.is_some() {
            return Ok(None);
        }
        let mut record = Record::clone(loaded);
        let outcome = record.apply(commit);
        if !matches!(outcome, CommitOutcome::Committed { .. }) {
            // What is there now may say otherwise.
            return Ok(None);
        }
        let head = Head::read(&mut Packed(origin.clone()));
        let Head { token, mut kept_until, .. } =
            head.map_err(|damaged| self.damaged(key, damaged))?;
        // An end that hardly moves costs no command.
        let end = record.meta.expires_at();
        let mut new_life = SAME_LIFE.to_owned();
        if end.as_millis().abs_diff(kept_until.as_millis()) > SLACK_MILLIS / 2 {
            (kept_until, new_life) = (end, life(end, commit.now, SLACK_MILLIS));
        }
        let Form { packed, apart } = form(&record, token.as_ref(), kept_until);
        let is_apart = |name: &str| apart.iter().any(|(there, _)| *there == name);
        let removed: Vec<_> = loaded
            .fields()
            .filter(|(name, value)| lies_apart(value) && !is_apart(name))
            .map(|(name, _)| apart_name(name))
            .collect();
        let mut arguments = Arguments::default();
        arguments.bytes(&origin[..]).bytes(new_life.into_bytes()).text("").bytes(packed);
        arguments.number(removed.len());
        for name in removed {
            arguments.bytes(name);
        }
        for (name, value) in &apart {
            if loaded.get(name) != record.get(name) {
                arguments.bytes(apart_name(name)).bytes(&value[..]);
            }
        }
        let stored = self.put(key, &arguments).await?;
        Ok((stored == Stored::Yes).then_some(outcome))
    }

    async fn put(&self, key: &StoreKey, arguments: &Arguments<'_>) -> Result<Stored, Trouble> {
        let name = self.keys.session(key);
        let answer = PUT.run(&self.link, &name, arguments, Times::Once).await?;
        match blob(answer).as_deref() {
            Ok(b"ok") => Ok(Stored::Yes),
            Ok(b"exists") => Ok(Stored::Exists),
            Ok(b"void") => Ok(Stored::Void),
            Ok(b"moved") => Ok(Stored::Moved),
            _ => Err(self.damaged(key, Damaged)),
        }
    }
}
