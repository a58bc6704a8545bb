//! Assigning a session to a principal, and taking it away: the index first, then the session, both
//! in one step where one server has them, then the sessions that are evicted. It owns the order of
//! these steps and what follows when one fails; each step is somebody else's.

use redis::{Cmd, Value};

use super::{
    Inner,
    admission::{LogIn, Reservation},
    assignment::Assignment,
    commit::{self, Answer},
    connection::{Applied, CommandError, Retry},
    index::{Entered, Index, life},
    join_all::join_all,
    key::Token,
    layout::{PACKED, SessionHead, blob, items},
    pack::{Damaged, text},
    put::Stored,
    script::{CANCEL, COMMIT, DELETE},
};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Namespace, PrincipalKey, Record, Selector,
        StoreError, StoreKey,
    },
};

/// How often a log-in that another one cancelled begins again.
const ATTEMPTS: u32 = 3;

impl Inner {
    /// Stores a new record.
    pub(super) async fn insert(
        &self,
        key: &StoreKey,
        record: &Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, StoreError> {
        let Some(principal) = &record.meta.principal else {
            let stored = self.put_new(key, record).await?;
            return Ok(if stored == Stored::Yes {
                InsertOutcome::inserted()
            } else {
                InsertOutcome::Exists
            });
        };
        let until = record.meta.lifetime.absolute_until;
        let log_in = LogIn { key, principal, cap, now: record.meta.last_seen, until };
        for _ in 0..ATTEMPTS {
            let assignment = Assignment::New(record);
            let Some((reservation, stored)) =
                self.assign(&log_in, &assignment, Stored::read).await?
            else {
                return Ok(InsertOutcome::Full);
            };
            match stored {
                Stored::Yes => {
                    return Ok(InsertOutcome::Inserted {
                        ended: self.evict(&log_in, reservation).await,
                    });
                }
                Stored::Exists => {
                    self.leave(&reservation).await;
                    return Ok(InsertOutcome::Exists);
                }
                // A new session is never `Moved`.
                Stored::Cancelled | Stored::Moved => self.leave(&reservation).await,
            }
        }
        Err(self.contention().into())
    }

    /// A commit that gives the session to a principal.
    pub(super) async fn log_in(
        &self,
        key: &StoreKey,
        commit: &Commit,
        principal: &PrincipalKey,
    ) -> Result<CommitOutcome, StoreError> {
        let now = commit.now;
        let mut until = match commit.lifetime {
            Some(lifetime) => lifetime.absolute_until,
            // How long the session lives, only its record knows.
            None => self.usual_end(now),
        };
        for _ in 0..=ATTEMPTS {
            let log_in = LogIn { key, principal, cap: commit.cap, now, until };
            let assignment = Assignment::There(commit, until);
            let Some((reservation, answer)) =
                self.assign(&log_in, &assignment, Answer::read).await?
            else {
                return Ok(CommitOutcome::Full);
            };
            match answer {
                Answer::Committed { revision, rotated, former } => {
                    let ended = self.evict(&log_in, reservation).await;
                    self.leave_former(key, former).await;
                    return Ok(CommitOutcome::Committed { revision, rotated, ended });
                }
                Answer::OutlivesIndex { until: end, .. } => {
                    self.leave(&reservation).await;
                    self.learn_end(now, end);
                    until = end;
                }
                Answer::Cancelled => self.leave(&reservation).await,
                refused => {
                    self.leave(&reservation).await;
                    return Ok(refused.outcome());
                }
            }
        }
        Err(self.contention().into())
    }

    /// Enters a log-in into the index, and gives its session to the principal; what that answered.
    /// One round trip where one server has both and there is room, otherwise one each. `None`:
    /// there is no room, and nobody is evicted.
    async fn assign<A>(
        &self,
        log_in: &LogIn<'_>,
        assignment: &Assignment<'_>,
        read: fn(Value) -> Result<A, Damaged>,
    ) -> Result<Option<(Reservation, A)>, StoreError> {
        let session = self.keys.session(log_in.key);
        let index_key = self.keys.index(&log_in.key.namespace, log_in.principal);
        let mut reservation = Reservation::new(index_key, log_in)?;
        let (mut full, mut assigned) = (None, None);
        if self.connection.is_one_server() {
            let index = Index { connection: &self.connection, key: &reservation.index };
            match assignment.behind_entry(index, &session, &reservation.entry()).await {
                Ok((Entered::Yes(sample), answer)) => {
                    reservation.sample = sample;
                    assigned = Some(Ok(answer));
                }
                Ok((Entered::No(listing), _)) => full = Some(listing),
                // It has just said that it is several.
                Err(CommandError { applied: Applied::No, .. })
                    if !self.connection.is_one_server() => {}
                Err(error) => assigned = Some(Err(error)),
            }
        }
        let answer = match assigned {
            Some(answer) => answer,
            None if Box::pin(self.enter(log_in, &mut reservation, full)).await? => {
                assignment
                    .alone(&session, &reservation.token)
                    .make(&self.connection, Retry::AtMostOnce)
                    .await
            }
            None => return Ok(None),
        };
        let damaged = |damaged| self.damaged(log_in.key, damaged);
        match answer.and_then(|answer| read(answer).map_err(damaged)) {
            Ok(answer) => Ok(Some((reservation, answer))),
            Err(error) => Err(self.failed(error, &reservation).await),
        }
    }

    /// A commit that gives the session to nobody, or to nobody new.
    pub(super) async fn change(
        &self,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<CommitOutcome, StoreError> {
        match self.replace(key, commit).await? {
            Some(outcome) => Ok(outcome),
            // The rarer steps are boxed, here and below, and do not lie in each commit's future: if
            // that grows beyond 1 KiB, the allocator takes much longer.
            None => Box::pin(self.merge(key, commit)).await,
        }
    }

    /// The same at the server, whatever is there.
    async fn merge(&self, key: &StoreKey, commit: &Commit) -> Result<CommitOutcome, StoreError> {
        let mut index_until = Timestamp::default();
        for _ in 0..ATTEMPTS {
            match self.send(key, commit, index_until).await? {
                Answer::OutlivesIndex { until, principal, token } => {
                    let index_key = self.keys.index(&key.namespace, &principal);
                    let index = Index { connection: &self.connection, key: &index_key };
                    let life = life(until, commit.now);
                    Box::pin(index.extend_ttl(key.selector, &token, &life)).await?;
                    index_until = until;
                }
                Answer::Committed { revision, rotated, former } => {
                    if former.is_some() {
                        Box::pin(self.leave_former(key, former)).await;
                    }
                    return Ok(CommitOutcome::committed(revision, rotated));
                }
                refused => return Ok(refused.outcome()),
            }
        }
        Err(self.contention().into())
    }

    /// Removes a session, with a principal only if it is that principal's; whose it was, if it was
    /// there.
    pub(super) async fn remove(
        &self,
        key: &StoreKey,
        whose: Option<&PrincipalKey>,
    ) -> Result<Option<Option<(PrincipalKey, Token)>>, CommandError> {
        let mut call = DELETE.on(&self.keys.session(key));
        if let Some(principal) = whose {
            call.text(principal.as_str());
        }
        let answer = call.make(&self.connection, Retry::Idempotent).await?;
        let read = || -> Result<_, Damaged> {
            let mut parts = items(answer)?.into_iter();
            if parts.next() != Some(Value::Int(1)) {
                return Ok(None);
            }
            let mut next = || blob(parts.next().ok_or(Damaged)?);
            let (principal, token) = (next()?, next()?);
            Ok(Some(if token.is_empty() {
                None
            } else {
                Some((PrincipalKey::new(text(&principal)?), Token::read(text(&token)?)))
            }))
        };
        read().map_err(|damaged| self.damaged(key, damaged))
    }

    /// Removes those of these sessions that are a principal's; which they were, and the log-ins
    /// that made them so.
    pub(super) async fn remove_all(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        sessions: impl IntoIterator<Item = Selector>,
    ) -> Result<Vec<(Selector, Token)>, CommandError> {
        let removals = sessions.into_iter().map(|selector| async move {
            let key = StoreKey { namespace: namespace.clone(), selector };
            let removed = self.remove(&key, Some(principal)).await?;
            Ok(removed.flatten().map(|(_, token)| (selector, token)))
        });
        let removed =
            join_all(removals).await.into_iter().collect::<Result<Vec<_>, CommandError>>()?;
        Ok(removed.into_iter().flatten().collect())
    }

    /// What these sessions are, after these log-ins of them were cancelled.
    pub(super) async fn heads(
        &self,
        namespace: &Namespace,
        sessions: impl IntoIterator<Item = (Selector, Vec<Token>)>,
    ) -> Result<super::admission::SessionHeads, CommandError> {
        let asked = sessions.into_iter().map(|(selector, timed_out)| async move {
            let key = StoreKey { namespace: namespace.clone(), selector };
            let name = self.keys.session(&key);
            let answer = if timed_out.is_empty() {
                let mut command = Cmd::new();
                command.arg("HGET").arg(name).arg(PACKED);
                self.connection.ask(&command, Retry::Idempotent).await?
            } else {
                let mut call = CANCEL.on(&name);
                for token in &timed_out {
                    call.text(token.as_str());
                }
                call.make(&self.connection, Retry::Idempotent).await?
            };
            let head = SessionHead::read(selector, answer);
            Ok((selector, head.map_err(|damaged| self.damaged(&key, damaged))?))
        });
        join_all(asked).await.into_iter().collect()
    }

    /// The error of a record that cannot be read.
    pub(super) fn damaged(&self, key: &StoreKey, Damaged: Damaged) -> CommandError {
        let name = self.keys.session(key);
        let what = format!("{name} holds no session that this program wrote; delete it");
        CommandError::not_applied(self.connection.error(&what))
    }

    /// Has the server carry out a commit that is no log-in.
    pub(super) async fn send(
        &self,
        key: &StoreKey,
        commit: &Commit,
        index_until: Timestamp,
    ) -> Result<Answer, CommandError> {
        let name = self.keys.session(key);
        let call = commit::call(commit, None, index_until, |room| COMMIT.with_room([&name], room));
        let answer = call.make(&self.connection, Retry::AtMostOnce).await?;
        Answer::read(answer).map_err(|damaged| self.damaged(key, damaged))
    }

    /// After a log-in that took place: evicts sessions; which they were. What fails here
    /// the next log-in finishes, by the marks in the index.
    async fn evict(&self, log_in: &LogIn<'_>, reservation: Reservation) -> Vec<Selector> {
        if !reservation.sample.entries.is_empty() {
            // A failure leaves entries for others to find.
            let _ = Box::pin(self.prune(log_in, &reservation)).await;
        }
        if reservation.evicted.is_empty() {
            return Vec::new();
        }
        Box::pin(self.remove_evicted(log_in, reservation)).await
    }

    async fn remove_evicted(&self, log_in: &LogIn<'_>, reservation: Reservation) -> Vec<Selector> {
        let marked: Vec<Selector> =
            reservation.evicted.iter().map(|(session, _)| *session).collect();
        let namespace = &log_in.key.namespace;
        let removed = self.remove_all(namespace, log_in.principal, marked.iter().copied()).await;
        let Ok(removed) = removed else { return Vec::new() };
        let ended = removed.iter().map(|(session, _)| *session).collect();
        // What was removed may have logged in once more before it was.
        let mut over = reservation.evicted;
        over.extend(removed);
        let index = Index { connection: &self.connection, key: &reservation.index };
        let _ = index.forget(&over, Some((reservation.session, &reservation.token)), &marked).await;
        ended
    }

    /// Takes back the entry of a log-in that did not take place. What fails here is cancelled later
    /// by whoever depends on it.
    async fn leave(&self, reservation: &Reservation) {
        let index = Index { connection: &self.connection, key: &reservation.index };
        let marked: Vec<Selector> =
            reservation.evicted.iter().map(|(session, _)| *session).collect();
        let own = [(reservation.session, reservation.token.clone())];
        let _ =
            Box::pin(index.forget(&own, Some((reservation.session, &reservation.token)), &marked))
                .await;
    }

    async fn failed(&self, error: CommandError, reservation: &Reservation) -> StoreError {
        // If it may have taken place after all, the entry has to stay.
        if error.applied == Applied::No {
            self.leave(reservation).await;
        }
        error.into()
    }

    /// Takes a session out of the index of whoever had it before. An entry that stays is skipped
    /// by all who read it.
    pub(super) async fn leave_former(&self, key: &StoreKey, former: Option<(PrincipalKey, Token)>) {
        if let Some((principal, token)) = former {
            let index_key = self.keys.index(&key.namespace, &principal);
            let index = Index { connection: &self.connection, key: &index_key };
            let _ = index.forget(&[(key.selector, token)], None, &[]).await;
        }
    }
}

impl Answer {
    /// The outcome of a commit that did not apply, or that ended no other session.
    pub(super) fn outcome(self) -> CommitOutcome {
        match self {
            Self::Committed { revision, rotated, .. } => {
                CommitOutcome::committed(revision, rotated)
            }
            Self::Gone => CommitOutcome::Gone,
            Self::Conflict(field) => CommitOutcome::Conflict { field: field.into() },
            // The last two concern log-ins only, which begin again.
            Self::Superseded | Self::Cancelled | Self::OutlivesIndex { .. } => {
                CommitOutcome::Superseded
            }
        }
    }
}
