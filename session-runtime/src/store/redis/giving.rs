//! What gives a session to its principal, and how it is sent: behind the log-in's entry in the
//! index in one script, where one server has both, or by itself when the entry is there. It owns
//! what these scripts are given; in which order things happen, and what their answers mean, is for
//! others.

use super::{
    commit,
    index::Entry,
    key::Token,
    put,
    script::{ADMIT_AND_COMMIT, ADMIT_AND_PUT, COMMIT, Call, PUT},
};
use crate::{
    clock::Timestamp,
    store::{Commit, Record},
};

/// A new session, or a commit on one that is there.
pub(super) enum Giving<'a> {
    New(&'a Record),
    /// And until when the index of the principal lives.
    There(&'a Commit, Timestamp),
}

impl Giving<'_> {
    /// By itself. Another log-in may have given up this one meanwhile.
    pub(super) fn alone(&self, session: &str, token: &Token) -> Call {
        match self {
            Self::New(record) => put::new_session(record, Some(token), Some(token), |room| {
                PUT.with_room([session], room)
            }),
            Self::There(commit, cover) => {
                commit::call(commit, Some(token), *cover, |room| COMMIT.with_room([session], room))
            }
        }
    }

    /// Behind its entry: nobody has seen that yet, so nobody can have given it up.
    pub(super) fn with_entry(&self, index: &str, session: &str, entry: &Entry<'_>) -> Call {
        let token = Some(entry.token);
        let keys = [index, session];
        match self {
            Self::New(record) => put::new_session(record, token, None, |room| {
                entry.written(ADMIT_AND_PUT.with_room(keys, room + Entry::ROOM))
            }),
            Self::There(commit, cover) => commit::call(commit, token, *cover, |room| {
                entry.written(ADMIT_AND_COMMIT.with_room(keys, room + Entry::ROOM))
            }),
        }
    }
}
