//! Log-ins under a cap: decides whether a log-in may go on and which sessions are evicted for it.
//! The decision rests on the index and on the sessions in the index. It is entered into the index
//! only if the index has not changed meanwhile. This file leaves the sessions themselves alone,
//! except those that an earlier log-in has already evicted.
//!
//! A log-in is *pending* while it is in the index but its token is not yet in the session: it is in
//! progress, or its process died. A pending log-in counts as a session. When a decision depends on
//! a pending log-in, we wait for it. If that takes too long, or if the log-in is old, we cancel it
//! by recording its token in the session as cancelled; from then on the log-in has completed or
//! never can. No clock decides which of the two.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Inner,
    connection::CommandError,
    index::{Changes, Entered, Entry, Index, Listing, eviction_mark, eviction_mark_value, life},
    key::Token,
    layout::SessionHead,
};
use crate::{
    clock::Timestamp,
    store::{Cap, OnMaxSessions, PrincipalKey, Selector, StoreError, StoreKey},
};

/// The longest wait for one pending log-in, and for all of them.
const PATIENCE: Duration = Duration::from_millis(400);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// The age in seconds from which a pending log-in counts as abandoned.
pub(super) const OLD: u32 = 5;
/// The same age for entries that no decision depends on.
const FORGOTTEN: u32 = 60;

/// A log-in: a session that is assigned to a principal.
pub(super) struct LogIn<'a> {
    pub(super) key: &'a StoreKey,
    pub(super) principal: &'a PrincipalKey,
    pub(super) cap: Option<Cap>,
    pub(super) now: Timestamp,
    /// The time until which the index must live.
    pub(super) until: Timestamp,
}

/// A log-in's place in the index.
pub(super) struct Reservation {
    pub(super) index: String,
    pub(super) session: Selector,
    pub(super) token: Token,
    /// The most other sessions there may be, and the milliseconds for which the index is kept.
    most_others: Option<usize>,
    life: String,
    /// The sessions that are evicted, each with the log-in that assigned it to the principal.
    pub(super) evicted: Vec<(Selector, Token)>,
    /// Some entries of the index, to be pruned in passing.
    pub(super) sample: Listing,
}

impl Reservation {
    /// Draws a token for a log-in. The log-in is not in the index yet.
    pub(super) fn new(index: String, log_in: &LogIn<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            index,
            session: log_in.key.selector,
            token: Token::random()?,
            most_others: log_in.cap.map(|cap| cap.sessions.max(1) as usize - 1),
            life: life(log_in.until, log_in.now),
            evicted: Vec::new(),
            sample: Listing::default(),
        })
    }

    /// Returns the entry for the index.
    pub(super) fn entry(&self) -> Entry<'_> {
        let Self { session, token, most_others, life, .. } = self;
        Entry { session: *session, token, most_others: *most_others, life }
    }
}

pub(super) type SessionHeads = BTreeMap<Selector, Option<SessionHead>>;

impl Inner {
    /// Enters a log-in into the index. `full` is the index's content if the index was asked already
    /// and had no room; otherwise one round trip asks it. Returns `false` if the principal has too
    /// many sessions and the cap refuses new ones.
    pub(super) async fn enter(
        &self,
        log_in: &LogIn<'_>,
        reservation: &mut Reservation,
        full: Option<Listing>,
    ) -> Result<bool, CommandError> {
        let index = Index { connection: &self.connection, key: &reservation.index };
        let entry = reservation.entry();
        let entered = match full {
            Some(listing) => Entered::No(listing),
            None => index.admit(&entry).await?,
        };
        let (mut listing, most_others) = match (entered, entry.most_others) {
            (Entered::No(listing), Some(most_others)) => (listing, most_others),
            (Entered::No(sample) | Entered::Yes(sample), _) => {
                reservation.sample = sample;
                return Ok(true);
            }
        };
        let mut waiting = Waiting::default();
        loop {
            waiting.see(&listing);
            let count = self.count(log_in, &listing, &waiting).await?;
            let excess = (count.others.len() + count.pending).saturating_sub(most_others);
            if count.is_unfinished || (excess > 0 && count.has_pending) {
                waiting.pause().await.map_err(|()| self.contention())?;
                listing = match index.admit(&entry).await? {
                    Entered::No(listing) => listing,
                    Entered::Yes(sample) => {
                        reservation.sample = sample;
                        return Ok(true);
                    }
                };
                continue;
            }
            if excess > 0 && log_in.cap.is_some_and(|cap| cap.on_max == OnMaxSessions::RefuseNew) {
                return Ok(false);
            }
            let evicted = oldest(count.others, excess);
            let mut changes = count.changes;
            for (selector, _) in &evicted {
                changes.set.push((
                    eviction_mark(*selector),
                    eviction_mark_value(reservation.session, &reservation.token),
                ));
            }
            match index.amend(&listing, &changes, &entry).await? {
                Entered::Yes(sample) => {
                    (reservation.evicted, reservation.sample) = (evicted, sample);
                    return Ok(true);
                }
                Entered::No(moved) => listing = moved,
            }
        }
    }

    /// Returns the error of a log-in that other log-ins kept out of the index.
    pub(super) fn contention(&self) -> CommandError {
        CommandError::not_applied(
            self.connection.error("too many log-ins of one principal at once"),
        )
    }

    /// Counts the other sessions of the principal, and finishes what earlier log-ins left undone.
    async fn count(
        &self,
        log_in: &LogIn<'_>,
        listing: &Listing,
        waiting: &Waiting,
    ) -> Result<Count, CommandError> {
        let timed_out = listing.log_ins().filter(|token| waiting.is_timed_out(token)).collect();
        let heads = self.heads_after_cancel(log_in.key, listing, &timed_out).await?;
        let is_timed_out = |token: &Token| timed_out.contains(token);
        let head = |session: &Selector| heads.get(session).and_then(Option::as_ref);
        let bears = |session: &Selector, token: &Token| {
            head(session).is_some_and(|head| head.token == *token)
        };
        let mut count = Count::default();
        let mut being_evicted = BTreeSet::new();
        let mut gone = BTreeSet::new();
        for (evicted, (winner, token)) in &listing.eviction_marks {
            if bears(winner, token) {
                // The log-in that evicts the session is about to remove it and the mark, or its
                // process died.
                if is_timed_out(token) {
                    gone.insert(*evicted);
                } else {
                    being_evicted.insert(*evicted);
                    count.is_unfinished = true;
                }
            } else if listing.entries.get(winner).is_some_and(|tokens| tokens.contains(token))
                && !is_timed_out(token)
            {
                being_evicted.insert(*evicted);
                count.has_pending = true;
            } else {
                count.changes.remove.push(eviction_mark(*evicted));
            }
        }
        self.remove_all(&log_in.key.namespace, log_in.principal, gone.iter().copied()).await?;
        for evicted in &gone {
            count.changes.remove.extend([eviction_mark(*evicted), evicted.to_string()]);
        }
        for (session, tokens) in &listing.entries {
            if gone.contains(session) {
                continue;
            }
            let own = head(session).filter(|head| head.principal == *log_in.principal);
            let mine = |token: &&Token| own.is_some_and(|head| head.token == **token);
            let (_, others): (Vec<_>, Vec<_>) = tokens.iter().partition(mine);
            let (timed_out, pending): (Vec<_>, Vec<_>) =
                others.into_iter().partition(|token| is_timed_out(token));
            if !timed_out.is_empty() {
                let left = own.map(|head| &head.token).into_iter().chain(pending.iter().copied());
                let left: Vec<&str> = left.map(Token::as_str).collect();
                if left.is_empty() {
                    count.changes.remove.push(session.to_string());
                } else {
                    count.changes.set.push((session.to_string(), left.join(" ")));
                }
            }
            if *session == log_in.key.selector || being_evicted.contains(session) {
                continue;
            }
            let live = own.filter(|head| !head.is_expired(log_in.now));
            if let Some(head) = live {
                count.others.push(head.clone());
            } else if !pending.is_empty() {
                // A pending log-in cannot be evicted. It is waited for before anybody is.
                count.pending += 1;
            }
            count.has_pending |= !pending.is_empty();
        }
        Ok(count)
    }

    /// Cancels the log-ins in `timed_out`, and reads the head of each session in a listing.
    /// `timed_out` is a fixed set, since time goes by meanwhile: an entry may only be taken out of
    /// the index if its session has recorded the cancellation.
    async fn heads_after_cancel(
        &self,
        key: &StoreKey,
        listing: &Listing,
        timed_out: &BTreeSet<&Token>,
    ) -> Result<SessionHeads, CommandError> {
        let sessions: BTreeSet<Selector> = listing.sessions().collect();
        let asked = sessions.into_iter().map(|session| {
            let tokens = listing.entries.get(&session).into_iter().flatten();
            (session, tokens.filter(|token| timed_out.contains(token)).cloned().collect())
        });
        self.heads(&key.namespace, asked).await
    }

    /// Looks at some entries of a principal, and removes those whose sessions are gone.
    pub(super) async fn prune(
        &self,
        log_in: &LogIn<'_>,
        reservation: &Reservation,
    ) -> Result<(), CommandError> {
        let log_ins = reservation.sample.log_ins();
        let forgotten = log_ins.filter(|token| token.age() > FORGOTTEN).collect();
        let heads = self.heads_after_cancel(log_in.key, &reservation.sample, &forgotten).await?;
        let mut over = Vec::new();
        for (session, tokens) in &reservation.sample.entries {
            let head = heads.get(session).and_then(Option::as_ref);
            let own = head.filter(|head| head.principal == *log_in.principal);
            let is_over = |token: &&Token| {
                forgotten.contains(token) && own.is_none_or(|own| own.token != **token)
            };
            let is_other = *session != reservation.session;
            let tokens = tokens.iter().filter(|token| is_other && is_over(token));
            over.extend(tokens.map(|token| (*session, token.clone())));
        }
        if over.is_empty() {
            return Ok(());
        }
        Index { connection: &self.connection, key: &reservation.index }
            .forget(&over, None, &[])
            .await
    }
}

/// The pending log-ins that a log-in has waited for, each with the start of the wait.
struct Waiting {
    start: Instant,
    pause: Duration,
    seen: BTreeMap<Token, Instant>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { start: Instant::now(), pause: FIRST_PAUSE, seen: BTreeMap::new() }
    }
}

impl Waiting {
    fn see(&mut self, listing: &Listing) {
        for token in listing.log_ins() {
            self.seen.entry(token.clone()).or_insert_with(Instant::now);
        }
    }

    /// Waits a little. Returns an error if all waits have taken too long.
    async fn pause(&mut self) -> Result<(), ()> {
        if self.start.elapsed() > LONGEST_WAIT {
            return Err(());
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    fn is_timed_out(&self, token: &Token) -> bool {
        let waited = self.seen.get(token).map(Instant::elapsed);
        token.age() > OLD || waited.is_some_and(|waited| waited > PATIENCE)
    }
}

/// The other sessions of a principal.
#[derive(Default)]
struct Count {
    /// The live sessions.
    others: Vec<SessionHead>,
    /// Pending log-ins that will add a session.
    pending: usize,
    /// True if a pending log-in may still change the count.
    has_pending: bool,
    /// True if a session is still there that a completed log-in has evicted.
    is_unfinished: bool,
    /// Repairs to the index.
    changes: Changes,
}

/// Returns the `count` sessions with the earliest log-ins.
fn oldest(mut others: Vec<SessionHead>, count: usize) -> Vec<(Selector, Token)> {
    others.sort_by_key(|other| (other.listed.logged_in, other.listed.selector));
    others.truncate(count);
    others.into_iter().map(|other| (other.listed.selector, other.token)).collect()
}
