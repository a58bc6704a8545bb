//! Giving a session to a principal, and taking it away: the index first, then the session, both in
//! one step where one server has them, then whoever had to give way. It owns the order of these
//! steps and what follows when one fails; each step is somebody else's.

use redis::{Cmd, Value};

use super::{
    Inner,
    admission::{LogIn, Place},
    commit::{self, Answer},
    giving::Giving,
    index::{Entered, Index, life},
    key::Token,
    layout::{Glimpse, PACKED, blob, items},
    link::{Fate, Times, Trouble},
    pack::{Damaged, text},
    put::Stored,
    script::{COMMIT, DELETE, JUDGE},
    together::together,
};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Namespace, PrincipalKey, Record, Selector,
        StoreError, StoreKey,
    },
};

/// How often a log-in that another one gave up begins again.
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
            let giving = Giving::New(record);
            let Some((place, stored)) = self.give(&log_in, &giving, Stored::read).await? else {
                return Ok(InsertOutcome::Full);
            };
            match stored {
                Stored::Yes => {
                    return Ok(InsertOutcome::Inserted {
                        ended: self.make_way(&log_in, place).await,
                    });
                }
                Stored::Exists => {
                    self.leave(&place).await;
                    return Ok(InsertOutcome::Exists);
                }
                // A new session is never `Moved`.
                Stored::Void | Stored::Moved => self.leave(&place).await,
            }
        }
        Err(self.crowded().into())
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
            let giving = Giving::There(commit, until);
            let Some((place, answer)) = self.give(&log_in, &giving, Answer::read).await? else {
                return Ok(CommitOutcome::Full);
            };
            match answer {
                Answer::Committed { revision, rotated, former } => {
                    let ended = self.make_way(&log_in, place).await;
                    self.leave_former(key, former).await;
                    return Ok(CommitOutcome::Committed { revision, rotated, ended });
                }
                Answer::Uncovered { until: end, .. } => {
                    self.leave(&place).await;
                    self.learn_end(now, end);
                    until = end;
                }
                Answer::Void => self.leave(&place).await,
                refused => {
                    self.leave(&place).await;
                    return Ok(refused.outcome());
                }
            }
        }
        Err(self.crowded().into())
    }

    /// Enters a log-in into the index, and gives its session to the principal; what that answered.
    /// One round trip where one server has both and there is room, otherwise one each. `None`:
    /// there is no room, and nobody gives way.
    async fn give<A>(
        &self,
        log_in: &LogIn<'_>,
        giving: &Giving<'_>,
        read: fn(Value) -> Result<A, Damaged>,
    ) -> Result<Option<(Place, A)>, StoreError> {
        let session = self.keys.session(log_in.key);
        let index_key = self.keys.index(&log_in.key.namespace, log_in.principal);
        let mut place = Place::new(index_key, log_in)?;
        let (mut full, mut given) = (None, None);
        if self.link.is_one_server() {
            let index = Index { link: &self.link, key: &place.index };
            match giving.behind_entry(index, &session, &place.entry()).await {
                Ok((Entered::Yes(sample), answer)) => {
                    place.sample = sample;
                    given = Some(Ok(answer));
                }
                Ok((Entered::No(listing), _)) => full = Some(listing),
                // It has just said that it is several.
                Err(Trouble { fate: Fate::Refused, .. }) if !self.link.is_one_server() => {}
                Err(trouble) => given = Some(Err(trouble)),
            }
        }
        let answer = match given {
            Some(answer) => answer,
            None if Box::pin(self.enter(log_in, &mut place, full)).await? => {
                giving.alone(&session, &place.token).make(&self.link, Times::Once).await
            }
            None => return Ok(None),
        };
        let damaged = |damaged| self.damaged(log_in.key, damaged);
        match answer.and_then(|answer| read(answer).map_err(damaged)) {
            Ok(answer) => Ok(Some((place, answer))),
            Err(trouble) => Err(self.failed(trouble, &place).await),
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
        let mut cover = Timestamp::default();
        for _ in 0..ATTEMPTS {
            match self.send(key, commit, cover).await? {
                Answer::Uncovered { until, principal, token } => {
                    let index_key = self.keys.index(&key.namespace, &principal);
                    let index = Index { link: &self.link, key: &index_key };
                    let life = life(until, commit.now);
                    Box::pin(index.cover(key.selector, &token, &life)).await?;
                    cover = until;
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
        Err(self.crowded().into())
    }

    /// Removes a session, with a principal only if it is that principal's; whose it was, if it was
    /// there.
    pub(super) async fn remove(
        &self,
        key: &StoreKey,
        whose: Option<&PrincipalKey>,
    ) -> Result<Option<Option<(PrincipalKey, Token)>>, Trouble> {
        let mut call = DELETE.on(&self.keys.session(key));
        if let Some(principal) = whose {
            call.text(principal.as_str());
        }
        let answer = call.make(&self.link, Times::Any).await?;
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
    ) -> Result<Vec<(Selector, Token)>, Trouble> {
        let removals = sessions.into_iter().map(|selector| async move {
            let key = StoreKey { namespace: namespace.clone(), selector };
            let removed = self.remove(&key, Some(principal)).await?;
            Ok(removed.flatten().map(|(_, token)| (selector, token)))
        });
        let removed = together(removals).await.into_iter().collect::<Result<Vec<_>, Trouble>>()?;
        Ok(removed.into_iter().flatten().collect())
    }

    /// What these sessions are, after these log-ins of them were given up.
    pub(super) async fn glimpses(
        &self,
        namespace: &Namespace,
        sessions: impl IntoIterator<Item = (Selector, Vec<Token>)>,
    ) -> Result<super::admission::Glimpses, Trouble> {
        let asked = sessions.into_iter().map(|(selector, hopeless)| async move {
            let key = StoreKey { namespace: namespace.clone(), selector };
            let name = self.keys.session(&key);
            let answer = if hopeless.is_empty() {
                let mut command = Cmd::new();
                command.arg("HGET").arg(name).arg(PACKED);
                self.link.ask(&command, Times::Any).await?
            } else {
                let mut call = JUDGE.on(&name);
                for token in &hopeless {
                    call.text(token.as_str());
                }
                call.make(&self.link, Times::Any).await?
            };
            let glimpse = Glimpse::read(selector, answer);
            Ok((selector, glimpse.map_err(|damaged| self.damaged(&key, damaged))?))
        });
        together(asked).await.into_iter().collect()
    }

    /// The error of a record that cannot be read.
    pub(super) fn damaged(&self, key: &StoreKey, Damaged: Damaged) -> Trouble {
        let name = self.keys.session(key);
        let what = format!("{name} holds no session that this program wrote; delete it");
        Trouble::refused(self.link.error(&what))
    }

    /// Has the server carry out a commit that is no log-in.
    pub(super) async fn send(
        &self,
        key: &StoreKey,
        commit: &Commit,
        cover: Timestamp,
    ) -> Result<Answer, Trouble> {
        let name = self.keys.session(key);
        let call = commit::call(commit, None, cover, |room| COMMIT.with_room([&name], room));
        let answer = call.make(&self.link, Times::Once).await?;
        Answer::read(answer).map_err(|damaged| self.damaged(key, damaged))
    }

    /// After a log-in that took place: ends those who give way; which they were. What fails here
    /// the next log-in finishes, by the marks in the index.
    async fn make_way(&self, log_in: &LogIn<'_>, place: Place) -> Vec<Selector> {
        if !place.sample.entries.is_empty() {
            // A failure leaves entries for others to find.
            let _ = Box::pin(self.tidy(log_in, &place)).await;
        }
        if place.surplus.is_empty() {
            return Vec::new();
        }
        Box::pin(self.end_surplus(log_in, place)).await
    }

    async fn end_surplus(&self, log_in: &LogIn<'_>, place: Place) -> Vec<Selector> {
        let marked: Vec<Selector> = place.surplus.iter().map(|(session, _)| *session).collect();
        let namespace = &log_in.key.namespace;
        let removed = self.remove_all(namespace, log_in.principal, marked.iter().copied()).await;
        let Ok(removed) = removed else { return Vec::new() };
        let ended = removed.iter().map(|(session, _)| *session).collect();
        // What was removed may have logged in once more before it was.
        let mut over = place.surplus;
        over.extend(removed);
        let index = Index { link: &self.link, key: &place.index };
        let _ = index.forget(&over, Some((place.session, &place.token)), &marked).await;
        ended
    }

    /// Takes back the entry of a log-in that did not take place. What fails here is given up later
    /// by whoever depends on it.
    async fn leave(&self, place: &Place) {
        let index = Index { link: &self.link, key: &place.index };
        let marked: Vec<Selector> = place.surplus.iter().map(|(session, _)| *session).collect();
        let own = [(place.session, place.token.clone())];
        let _ = Box::pin(index.forget(&own, Some((place.session, &place.token)), &marked)).await;
    }

    async fn failed(&self, trouble: Trouble, place: &Place) -> StoreError {
        // If it may have taken place after all, the entry has to stay.
        if trouble.fate == Fate::Refused {
            self.leave(place).await;
        }
        trouble.into()
    }

    /// Takes a session out of the index of whoever had it before. An entry that stays is skipped
    /// by all who read it.
    pub(super) async fn leave_former(&self, key: &StoreKey, former: Option<(PrincipalKey, Token)>) {
        if let Some((principal, token)) = former {
            let index_key = self.keys.index(&key.namespace, &principal);
            let index = Index { link: &self.link, key: &index_key };
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
            Self::Stale | Self::Void | Self::Uncovered { .. } => CommitOutcome::Stale,
        }
    }
}
