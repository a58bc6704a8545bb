//! Log-ins under a cap: whether one may go on, and who gives way to it. It decides by what the
//! index and the sessions in it say, and enters the decision into the index only if that has not
//! changed meanwhile; the sessions themselves it leaves alone, but for those that had to go
//! already.
//!
//! A log-in is *open* while it is in the index and the session does not bear its token: it is under
//! way, or whoever began it is no more. An open log-in counts as a session. When a decision depends
//! on one, it is waited for; if that takes too long, or it is old, it is given up: the session is
//! told to refuse its token, after which it has either taken place or never will. No clock decides
//! about that.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Inner,
    index::{Changes, Entered, Entry, Index, Listing, life, mark, mark_value},
    key::Token,
    layout::Glimpse,
    link::Trouble,
};
use crate::{
    clock::Timestamp,
    store::{Cap, OnMaxSessions, PrincipalKey, Selector, StoreError, StoreKey},
};

/// How long one log-in under way is waited for, and how long all of them.
const PATIENCE: Duration = Duration::from_millis(400);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// In seconds: a log-in that is open for longer is nobody's any more.
pub(super) const OLD: u32 = 5;
/// The same for entries that nothing depends on.
const FORGOTTEN: u32 = 60;

/// A session that is given to a principal.
pub(super) struct LogIn<'a> {
    pub(super) key: &'a StoreKey,
    pub(super) principal: &'a PrincipalKey,
    pub(super) cap: Option<Cap>,
    pub(super) now: Timestamp,
    /// Until when the index must live.
    pub(super) until: Timestamp,
}

/// A log-in's entry in the index.
pub(super) struct Place {
    pub(super) index: String,
    pub(super) session: Selector,
    pub(super) token: Token,
    /// How many other sessions there may be, and for how many milliseconds the index is kept.
    most_others: Option<usize>,
    life: String,
    /// Who gives way, and by which log-in it was the principal's.
    pub(super) surplus: Vec<(Selector, Token)>,
    /// Entries to look at, in passing.
    pub(super) sample: Listing,
}

impl Place {
    /// One that is still to be entered into this index.
    pub(super) fn new(index: String, log_in: &LogIn<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            index,
            session: log_in.key.selector,
            token: Token::random()?,
            most_others: log_in.cap.map(|cap| cap.sessions.max(1) as usize - 1),
            life: life(log_in.until, log_in.now),
            surplus: Vec::new(),
            sample: Listing::default(),
        })
    }

    /// What enters it.
    pub(super) fn entry(&self) -> Entry<'_> {
        let Self { session, token, most_others, life, .. } = self;
        Entry { session: *session, token, most_others: *most_others, life }
    }
}

pub(super) type Glimpses = BTreeMap<Selector, Option<Glimpse>>;

impl Inner {
    /// Enters a log-in into the index, which was `full` if it was asked already; otherwise that is
    /// one round trip, unless the principal may have too many sessions. `false`: it has, and no
    /// more are wanted.
    pub(super) async fn enter(
        &self,
        log_in: &LogIn<'_>,
        place: &mut Place,
        full: Option<Listing>,
    ) -> Result<bool, Trouble> {
        let index = Index { link: &self.link, key: &place.index };
        let entry = place.entry();
        let entered = match full {
            Some(listing) => Entered::No(listing),
            None => index.admit(&entry).await?,
        };
        let (mut listing, most_others) = match (entered, entry.most_others) {
            (Entered::No(listing), Some(most_others)) => (listing, most_others),
            (Entered::No(sample) | Entered::Yes(sample), _) => {
                place.sample = sample;
                return Ok(true);
            }
        };
        let mut waiting = Waiting::default();
        loop {
            waiting.see(&listing);
            let count = self.count(log_in, &listing, &waiting).await?;
            let surplus = (count.others.len() + count.unborn).saturating_sub(most_others);
            if count.is_unfinished || (surplus > 0 && count.is_open) {
                waiting.pause().await.map_err(|()| self.crowded())?;
                listing = match index.admit(&entry).await? {
                    Entered::No(listing) => listing,
                    Entered::Yes(sample) => {
                        place.sample = sample;
                        return Ok(true);
                    }
                };
                continue;
            }
            if surplus > 0 && log_in.cap.is_some_and(|cap| cap.on_max == OnMaxSessions::RefuseNew) {
                return Ok(false);
            }
            let surplus = oldest(count.others, surplus);
            let mut changes = count.changes;
            for (victim, _) in &surplus {
                changes.set.push((mark(*victim), mark_value(place.session, &place.token)));
            }
            match index.amend(&listing, &changes, &entry).await? {
                Entered::Yes(sample) => {
                    (place.surplus, place.sample) = (surplus, sample);
                    return Ok(true);
                }
                Entered::No(moved) => listing = moved,
            }
        }
    }

    /// The error of a log-in that others kept from being entered.
    pub(super) fn crowded(&self) -> Trouble {
        Trouble::refused(self.link.error("too many log-ins of one principal at once"))
    }

    /// Counts the other sessions of the principal, and finishes what earlier log-ins left undone.
    async fn count(
        &self,
        log_in: &LogIn<'_>,
        listing: &Listing,
        waiting: &Waiting,
    ) -> Result<Count, Trouble> {
        let hopeless = listing.log_ins().filter(|token| waiting.is_hopeless(token)).collect();
        let glimpses = self.judge(log_in.key, listing, &hopeless).await?;
        let is_hopeless = |token: &Token| hopeless.contains(token);
        let glimpse = |session: &Selector| glimpses.get(session).and_then(Option::as_ref);
        let bears = |session: &Selector, token: &Token| {
            glimpse(session).is_some_and(|glimpse| glimpse.token == *token)
        };
        let mut count = Count::default();
        let mut giving_way = BTreeSet::new();
        let mut gone = BTreeSet::new();
        for (victim, (winner, token)) in &listing.marks {
            if bears(winner, token) {
                // Whoever logged in is about to end it, and to say so; or is no more.
                if is_hopeless(token) {
                    gone.insert(*victim);
                } else {
                    giving_way.insert(*victim);
                    count.is_unfinished = true;
                }
            } else if listing.entries.get(winner).is_some_and(|open| open.contains(token))
                && !is_hopeless(token)
            {
                giving_way.insert(*victim);
                count.is_open = true;
            } else {
                count.changes.remove.push(mark(*victim));
            }
        }
        self.remove_all(&log_in.key.namespace, log_in.principal, gone.iter().copied()).await?;
        for victim in &gone {
            count.changes.remove.extend([mark(*victim), victim.to_string()]);
        }
        for (session, tokens) in &listing.entries {
            if gone.contains(session) {
                continue;
            }
            let own = glimpse(session).filter(|glimpse| glimpse.principal == *log_in.principal);
            let mine = |token: &&Token| own.is_some_and(|glimpse| glimpse.token == **token);
            let (_, others): (Vec<_>, Vec<_>) = tokens.iter().partition(mine);
            let (hopeless, open): (Vec<_>, Vec<_>) =
                others.into_iter().partition(|token| is_hopeless(token));
            if !hopeless.is_empty() {
                let left =
                    own.map(|glimpse| &glimpse.token).into_iter().chain(open.iter().copied());
                let left: Vec<&str> = left.map(Token::as_str).collect();
                if left.is_empty() {
                    count.changes.remove.push(session.to_string());
                } else {
                    count.changes.set.push((session.to_string(), left.join(" ")));
                }
            }
            if *session == log_in.key.selector || giving_way.contains(session) {
                continue;
            }
            let live = own.filter(|glimpse| !glimpse.is_expired(log_in.now));
            if let Some(glimpse) = live {
                count.others.push(glimpse.clone());
            } else if !open.is_empty() {
                // It cannot give way, and need not: it is waited for first.
                count.unborn += 1;
            }
            count.is_open |= !open.is_empty();
        }
        Ok(count)
    }

    /// What the sessions in a listing are; log-ins that are `hopeless` are given up. That is a set,
    /// since time goes by meanwhile: an entry may only be taken out if this has told its session.
    async fn judge(
        &self,
        key: &StoreKey,
        listing: &Listing,
        hopeless: &BTreeSet<&Token>,
    ) -> Result<Glimpses, Trouble> {
        let sessions: BTreeSet<Selector> = listing.sessions().collect();
        let asked = sessions.into_iter().map(|session| {
            let tokens = listing.entries.get(&session).into_iter().flatten();
            (session, tokens.filter(|token| hopeless.contains(token)).cloned().collect())
        });
        self.glimpses(&key.namespace, asked).await
    }

    /// Looks at some entries of a principal, and takes out those that are not sessions any more.
    pub(super) async fn tidy(&self, log_in: &LogIn<'_>, place: &Place) -> Result<(), Trouble> {
        let log_ins = place.sample.log_ins();
        let forgotten = log_ins.filter(|token| token.age() > FORGOTTEN).collect();
        let glimpses = self.judge(log_in.key, &place.sample, &forgotten).await?;
        let mut over = Vec::new();
        for (session, tokens) in &place.sample.entries {
            let glimpse = glimpses.get(session).and_then(Option::as_ref);
            let own = glimpse.filter(|glimpse| glimpse.principal == *log_in.principal);
            let is_over = |token: &&Token| {
                forgotten.contains(token) && own.is_none_or(|own| own.token != **token)
            };
            let is_other = *session != place.session;
            let tokens = tokens.iter().filter(|token| is_other && is_over(token));
            over.extend(tokens.map(|token| (*session, token.clone())));
        }
        if over.is_empty() {
            return Ok(());
        }
        Index { link: &self.link, key: &place.index }.forget(&over, None, &[]).await
    }
}

/// Which open log-ins a log-in has waited for, and since when.
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

    /// Waits a little; an error if that has taken too long in all.
    async fn pause(&mut self) -> Result<(), ()> {
        if self.start.elapsed() > LONGEST_WAIT {
            return Err(());
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    fn is_hopeless(&self, token: &Token) -> bool {
        let waited = self.seen.get(token).map(Instant::elapsed);
        token.age() > OLD || waited.is_some_and(|waited| waited > PATIENCE)
    }
}

/// The other sessions of a principal.
#[derive(Default)]
struct Count {
    /// Those that are live.
    others: Vec<Glimpse>,
    /// Log-ins under way that will add one.
    unborn: usize,
    /// Whether it may change by what is under way.
    is_open: bool,
    /// Whether a session is still there that had to give way to a log-in that took place.
    is_unfinished: bool,
    /// What is to be put right in the index.
    changes: Changes,
}

/// The `surplus` sessions with the earliest log-ins.
fn oldest(mut others: Vec<Glimpse>, surplus: usize) -> Vec<(Selector, Token)> {
    others.sort_by_key(|other| (other.listed.logged_in, other.listed.selector));
    others.truncate(surplus);
    others.into_iter().map(|other| (other.listed.selector, other.token)).collect()
}
