//! An assignment of a session to its principal, and its two ways to the server: behind the log-in's
//! entry in the index, in one script, if one server has both keys; or alone, once the entry is
//! there. This file owns the arguments of these scripts. The order of the steps and the meaning of
//! the answers are elsewhere.

use redis::Value;

use super::{
    commit,
    connection::{CommandError, Retry},
    index::{Entered, Entry, Index},
    key::Token,
    put,
    script::{ADMIT_AND_COMMIT, ADMIT_AND_PUT, COMMIT, Call, PUT},
};
use crate::{
    clock::Timestamp,
    store::{Commit, Record},
};

/// A new session, or a commit on an existing one.
pub(super) enum Assignment<'a> {
    New(&'a Record),
    /// With the time until which the principal's index lives.
    There(&'a Commit, Timestamp),
}

impl Assignment<'_> {
    /// Builds the call for the session alone. Another log-in may have cancelled this one meanwhile.
    pub(super) fn alone(&self, session: &str, token: &Token) -> Call {
        match self {
            Self::New(record) => put::new_session(record, Some(token), Some(token), |room| {
                PUT.with_room([session], room)
            }),
            Self::There(commit, index_until) => {
                commit::call(commit, Some(token), *index_until, |room| {
                    COMMIT.with_room([session], room)
                })
            }
        }
    }

    /// Enters a log-in, if there is room, and then assigns the session to the principal. Returns
    /// also the answer of the session's script, if there was room.
    pub(super) async fn behind_entry(
        &self,
        index: Index<'_>,
        session: &str,
        entry: &Entry<'_>,
    ) -> Result<(Entered, Value), CommandError> {
        let answer = self
            .with_entry(index.key, session, entry)
            .make(index.connection, Retry::AtMostOnce)
            .await?;
        Entered::read(answer).map_err(|damaged| index.damaged(damaged))
    }

    /// Builds the call for both. Nobody has seen the entry yet, so nobody can have cancelled the
    /// log-in.
    fn with_entry(&self, index: &str, session: &str, entry: &Entry<'_>) -> Call {
        let token = Some(entry.token);
        let keys = [index, session];
        match self {
            Self::New(record) => put::new_session(record, token, None, |room| {
                entry.written(ADMIT_AND_PUT.with_room(keys, room + Entry::ROOM))
            }),
            Self::There(commit, index_until) => commit::call(commit, token, *index_until, |room| {
                entry.written(ADMIT_AND_COMMIT.with_room(keys, room + Entry::ROOM))
            }),
        }
    }
}
