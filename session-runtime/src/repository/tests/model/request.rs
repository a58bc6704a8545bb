//! The requests of the model: each loads its session, judges the credential and commits, through the
//! library's own code. This file owns the use that requests make of the repository, and the faults
//! that a use can have. It knows nothing of the order of steps.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    map::{Answer, Verb},
    steps::{Steps, selector},
};
use crate::{
    clock::Timestamp,
    repository::Repository,
    store::{
        Cap, Check, Commit, CommitOutcome, Expected, FieldValue, InsertOutcome, KeyId, Lifetime,
        Meta, Namespace, Op, PrincipalKey, Record, Rotation, Store, StoreKey,
    },
};

pub(super) const KEY_ID: KeyId = KeyId::from_bytes([1; 4]);
/// The time after which a session that is not used expires.
pub(super) const IDLE: u64 = 500;
/// The grace of a credential after a rotation that has one.
pub(super) const GRACE: u64 = 25;

/// The tasks of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    LogIn,
    Write,
    Rotate,
    LogOut,
    Touch,
}

/// The mistakes of a caller that a broken variant makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Misuse {
    #[default]
    None,
    EvictsWithoutVersion,
    PutsGoneSessionBack,
    AnswersYesToConflict,
    WritesWholeRecord,
    LetsOldCredentialPass,
    ForgetsTheCap,
}

/// A token: a session, and the check value of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token {
    pub(super) session: u8,
    pub(super) check: u8,
}

/// One request.
#[derive(Clone)]
pub(super) struct Request {
    /// The number among all requests. A session, a credential or a value that comes from the request
    /// has the same number.
    pub(super) number: u8,
    pub(super) kind: Kind,
    pub(super) token: Option<Token>,
    pub(super) now: Timestamp,
    pub(super) cap: Cap,
    /// True if the request's writes rest on what the request has read, and its rotation has no grace.
    pub(super) is_strict: bool,
    pub(super) misuse: Misuse,
}

/// The response to a request, as far as it concerns the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// It happened; the token that the client has now.
    Yes(Option<Token>),
    /// Nothing happened.
    No,
}

/// The point that a request has come to.
pub(super) enum Point {
    Asks(Verb),
    Answers(Response),
}

/// Makes the record of a new session.
pub(super) fn new_record(number: u8, now: Timestamp) -> Record {
    let lifetime = Lifetime {
        idle_millis: Some(IDLE),
        absolute_until: Timestamp::from_millis(u64::MAX),
        persistent: false,
    };
    let mut meta = Meta::new(Check::from_bytes([number; 16]), KEY_ID, now, lifetime);
    meta.revision = 100 * (1 + u64::from(number));
    Record::new(meta)
}

pub(super) fn principal() -> PrincipalKey {
    PrincipalKey::new("\"ada\"")
}

fn key(session: u8) -> StoreKey {
    StoreKey { namespace: Namespace::new("shop"), selector: selector(session) }
}

impl Request {
    /// Begins the request and gives it these answers. Returns the point that it comes to, and whether
    /// its credential has passed, if it has got as far.
    pub(super) fn after(&self, answers: &[Answer]) -> (Point, Option<bool>) {
        loop {
            let forgets_version = self.misuse == Misuse::EvictsWithoutVersion;
            let steps = Steps::new(self.number, answers, forgets_version);
            let polled = pin!(self.respond(&steps)).poll(&mut Context::from_waker(Waker::noop()));
            let has_passed = steps.has_passed();
            match (polled, steps.asked()) {
                (Poll::Ready(response), _) => return (Point::Answers(response), has_passed),
                (Poll::Pending, Some(verb)) => return (Point::Asks(verb), has_passed),
                // Another test holds the queue of the session.
                (Poll::Pending, None) => std::thread::yield_now(),
            }
        }
    }

    async fn respond(&self, store: &Steps) -> Response {
        let mut live = None;
        if let Some(Token { session, .. }) = self.token {
            let found = store.load(&key(session)).await.expect("no step fails");
            live = found.filter(|record| record.admits(&self.touch()).is_ok());
            store.note_passed(live.is_some());
        }
        match (self.token.zip(live), self.kind) {
            (None, Kind::LogIn) => self.create(store).await,
            (None, _) => Response::No,
            (Some((token, _)), Kind::LogOut) => {
                store.remove(&key(token.session), None).await.expect("no step fails");
                Response::Yes(None)
            }
            (Some((token, live)), _) => self.change(store, token, live).await,
        }
    }

    /// Commits to a session that was live when it was loaded.
    async fn change(&self, store: &Steps, token: Token, live: Arc<Record>) -> Response {
        let key = key(token.session);
        let commit = Commit { loaded: Some(Arc::clone(&live)), ..self.commit(&live) };
        if self.misuse == Misuse::WritesWholeRecord {
            return self.write_whole(store, token, &key, Record::clone(&live), &commit).await;
        }
        match Repository::commit(store, &key, &commit).await.expect("no step fails") {
            CommitOutcome::Committed { rotated, .. } => {
                let check = if rotated { self.number } else { token.check };
                Response::Yes(Some(Token { check, ..token }))
            }
            CommitOutcome::Gone if self.misuse == Misuse::PutsGoneSessionBack => {
                store.insert(&key, live).await.expect("no step fails");
                Response::Yes(Some(token))
            }
            // A log-in is new: it takes place in a fresh session.
            CommitOutcome::Gone | CommitOutcome::Superseded if self.kind == Kind::LogIn => {
                self.create(store).await
            }
            _ if self.misuse == Misuse::AnswersYesToConflict => Response::Yes(Some(token)),
            _ => Response::No,
        }
    }

    async fn create(&self, store: &Steps) -> Response {
        let mut record = new_record(self.number, self.now);
        record.meta.set_principal(Some(principal()), self.now);
        record.set("n", FieldValue::Int(1));
        record.set("by", FieldValue::Set([vec![self.number].into()].into()));
        let cap = Some(self.cap).filter(|_| self.misuse != Misuse::ForgetsTheCap);
        let inserted = Repository::insert_capped(store, &key(self.number), record, cap).await;
        match inserted.expect("no step fails") {
            InsertOutcome::Inserted { .. } => {
                Response::Yes(Some(Token { session: self.number, check: self.number }))
            }
            InsertOutcome::Exists | InsertOutcome::Full => Response::No,
        }
    }

    /// Writes the record that was loaded first, in the place of the one that is there now.
    async fn write_whole(
        &self,
        store: &Steps,
        token: Token,
        key: &StoreKey,
        mut record: Record,
        commit: &Commit,
    ) -> Response {
        let _ = record.apply(commit);
        let Some(there) = store.load(key).await.expect("no step fails") else {
            return Response::No;
        };
        record.meta.revision = there.meta.revision + 1;
        let written = store.replace(key, there.meta.revision, Arc::new(record));
        let _ = written.await.expect("no step fails");
        let check = if commit.rotation.is_some() { self.number } else { token.check };
        Response::Yes(Some(Token { check, ..token }))
    }

    fn touch(&self) -> Commit {
        let check = self.token.map_or(self.number, |token| token.check);
        Commit::touch(self.now, Check::from_bytes([check; 16]), KEY_ID)
    }

    fn commit(&self, loaded: &Record) -> Commit {
        let mut commit = self.touch();
        if self.kind == Kind::Touch {
            return commit;
        }
        let (number, member) = (i64::from(self.number), vec![self.number].into());
        commit.ops.push(Op::Add { field: "n".into(), by: 1, min: 0, max: 100 });
        commit.ops.push(Op::Insert { field: "by".into(), member });
        if self.kind == Kind::Write {
            let value = FieldValue::Int(number);
            commit.ops.push(Op::Set { field: "last".into(), value });
            if self.is_strict {
                let seen = loaded.get("last").cloned();
                commit.expected.push(Expected { field: "last".into(), seen });
            }
            return commit;
        }
        let has_grace = self.kind == Kind::Rotate && !self.is_strict
            || self.misuse == Misuse::LetsOldCredentialPass;
        let grace_until = self.now.saturating_add(Duration::from_millis(GRACE));
        commit.rotation = Some(Rotation {
            check: Check::from_bytes([self.number; 16]),
            key_id: KEY_ID,
            grace_until: has_grace.then_some(grace_until),
        });
        if self.kind == Kind::LogIn {
            commit.principal = Some(Some(principal()));
            commit.cap = Some(self.cap).filter(|_| self.misuse != Misuse::ForgetsTheCap);
        }
        commit
    }
}
