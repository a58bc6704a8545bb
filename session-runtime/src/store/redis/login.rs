//! Assigning a session to a principal, and taking it away: first the index, then the session, in
//! one script if one server has both; then the evicted sessions. This file owns the order of the
//! steps and what follows when a step fails. The steps themselves are elsewhere.

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

/// The number of attempts of a log-in that another one has cancelled.
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

    /// Carries out a commit that assigns the session to a principal.
    pub(super) async fn log_in(
        &self,
        key: &StoreKey,
        commit: &Commit,
        principal: &PrincipalKey,
    ) -> Result<CommitOutcome, StoreError> {
        let now = commit.now;
        let mut until = match commit.lifetime {
            Some(lifetime) => lifetime.absolute_until,
            // Only the session's record says how long the session lives.
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

    /// Enters a log-in into the index and assigns its session to the principal. Returns the
    /// log-in's reservation and the session's answer, or `None` if there is no room and the cap
    /// evicts nobody. Takes one round trip if one server has both keys and there is room, otherwise
    /// one for each step.
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
                // The server has just refused two keys in one script: it is several servers.
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

    /// Carries out a commit that assigns the session to nobody, or leaves the principal as it is.
    pub(super) async fn change(
        &self,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<CommitOutcome, StoreError> {
        match self.replace(key, commit).await? {
            Some(outcome) => Ok(outcome),
            // The rarer steps are boxed, here and below, so that they do not enlarge each commit's
            // future. Beyond 1 KiB, allocating that takes much longer.
            None => Box::pin(self.merge(key, commit)).await,
        }
    }

    /// Carries out a commit at the server, whatever the session has become since it was loaded.
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

    /// Removes a session; given a principal, only if the session is that principal's. Returns
    /// `None` if nothing was removed, otherwise the principal of the session, if it had one, and
    /// its log-in.
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

    /// Removes those of these sessions that are the principal's. Returns the removed sessions, each
    /// with the log-in that had assigned it.
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

    /// Reads the heads of these sessions, after cancelling these log-ins of them.
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

    /// Returns the error of a session that cannot be read.
    pub(super) fn damaged(&self, key: &StoreKey, Damaged: Damaged) -> CommandError {
        let name = self.keys.session(key);
        let what = format!("{name} holds no session that this program wrote; delete it");
        CommandError::not_applied(self.connection.error(&what))
    }

    /// Sends a commit that is no log-in, for the server to carry out.
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

    /// Evicts sessions after a log-in has taken place. Returns the evicted sessions. If this fails,
    /// the next log-in finishes it, by the eviction marks in the index.
    async fn evict(&self, log_in: &LogIn<'_>, reservation: Reservation) -> Vec<Selector> {
        if !reservation.sample.entries.is_empty() {
            // If pruning fails, the entries are left for others to find.
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
        // A removed session may have logged in once more just before.
        let mut over = reservation.evicted;
        over.extend(removed);
        let index = Index { connection: &self.connection, key: &reservation.index };
        let _ = index.forget(&over, Some((reservation.session, &reservation.token)), &marked).await;
        ended
    }

    /// Takes the entry of a log-in that failed out of the index. If this fails, whoever depends on
    /// the log-in cancels it later.
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
        // If the log-in may have taken place after all, the entry has to stay.
        if error.applied == Applied::No {
            self.leave(reservation).await;
        }
        error.into()
    }

    /// Takes a session out of its former principal's index. A failure is ignored: an entry that
    /// stays is skipped by all readers.
    pub(super) async fn leave_former(&self, key: &StoreKey, former: Option<(PrincipalKey, Token)>) {
        if let Some((principal, token)) = former {
            let index_key = self.keys.index(&key.namespace, &principal);
            let index = Index { connection: &self.connection, key: &index_key };
            let _ = index.forget(&[(key.selector, token)], None, &[]).await;
        }
    }
}

impl Answer {
    /// Returns the outcome of a commit that did not apply, or that evicted no other session.
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
