//! The rules that hold in every state and at every step. This file owns what has been answered, and
//! what follows from that for the store; it knows nothing of how a state came about.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    map::{Answer, Map, Place, Row, Verb},
    request::{GRACE, KEY_ID, Kind, Request, Response},
    state::{Scope, State, UnderWay},
};
use crate::store::{Check, OnMaxSessions, Record, Standing, Written};

/// The answers and the removals so far, as far as somebody can still ask about it.
/// Sets of small numbers are bits.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// The sessions that have been removed while a request that knows them is under way.
    pub(super) gone: u16,
    /// The check values that were superseded without grace by a request that was answered yes, each
    /// with its session.
    pub(super) superseded: BTreeMap<u8, u8>,
    /// True from a crash until a log-in that begins later is answered yes.
    pub(super) owes_the_cap: bool,
}

impl Told {
    pub(super) fn forget_but(&mut self, map: &Map, sessions: u16, checks: u16) {
        self.gone &= sessions;
        self.superseded.retain(|check, session| {
            has(checks, *check) && map.get(Place::Session(*session)).is_some()
        });
    }
}

fn has(bits: u16, number: u8) -> bool {
    bits >> number & 1 == 1
}

fn hold(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

/// Checks what one operation has done, and notes what it has removed.
pub(super) fn check_step(
    state: &mut State,
    before: &Map,
    under_way: &UnderWay,
    verb: &Verb,
    answer: &Answer,
) -> Result<(), String> {
    let is_read = matches!(verb, Verb::Load(_) | Verb::List(..) | Verb::Count);
    let nothing = is_read || matches!(answer, Answer::Written(Written::Not) | Answer::Done(false));
    let now = state.now();
    for (number, record) in state.map.sessions() {
        let Some(old) = before.get(Place::Session(number)) else {
            let inserts =
                matches!(verb, Verb::Insert(place, _) if *place == Place::Session(number));
            hold(inserts, "only an insert creates")?;
            hold(!has(state.told.gone, number), "a session that has ended never lives again")?;
            continue;
        };
        if Arc::ptr_eq(old, record) {
            continue;
        }
        hold(!nothing, "an operation that is answered no changes nothing")?;
        check_change(&under_way.request, &Row::of(old), &Row::of(record))?;
        let revives = old.meta.is_expired(now) && !record.meta.is_expired(now);
        hold(!revives, "a session that has expired never lives again")?;
    }
    for (number, old) in before.sessions() {
        if state.map.get(Place::Session(number)).is_some() {
            continue;
        }
        let Request { kind, token, .. } = under_way.request;
        let ends = kind == Kind::LogOut && token.is_some_and(|token| token.session == number);
        let as_listed = || was_listed(under_way, number) == Some(old.meta.revision);
        hold(ends || as_listed(), "a session is evicted only as the log-in has found it")?;
        state.told.gone |= 1 << number;
    }
    Ok(())
}

/// Returns the revision of a session in the last list that a request has seen.
fn was_listed(under_way: &UnderWay, number: u8) -> Option<u64> {
    let list = under_way.answers.iter().rev().find_map(|answer| match answer {
        Answer::Listed((sessions, _)) => Some(sessions),
        _ => None,
    })?;
    list.iter().find(|(there, _)| *there == number).map(|(_, record)| record.meta.revision)
}

/// Checks the difference that an operation of a request has made to a session.
fn check_change(request: &Request, old: &Row, new: &Row) -> Result<(), String> {
    let (own, kind) = (request.number, request.kind);
    hold(new.last_seen >= old.last_seen, "the time of use never goes back")?;
    hold(new.revision >= old.revision, "the version never goes back")?;
    let is_same = Row { last_seen: old.last_seen, ..*new } == *old;
    hold(is_same || new.revision > old.revision, "every change but a touch raises the version")?;
    hold(new.by & old.by == old.by, "no write is lost")?;
    hold(new.n == i64::from(new.by.count_ones()), "a counter adds up to the writes, each once")?;
    hold(
        (new.by & !old.by) | 1 << own == 1 << own,
        "a request writes only what it has been asked for",
    )?;
    let is_ours = new.by != old.by;
    let is_kept = |is_same: bool, may: bool| is_same || is_ours && may;
    let last = is_kept(new.last == old.last, kind == Kind::Write && new.last == Some(own.into()));
    hold(last, "a value that was set stays until a later one is set")?;
    let rotates = matches!(kind, Kind::LogIn | Kind::Rotate) && new.check == own;
    let credential = (new.check, new.previous) == (old.check, old.previous);
    hold(is_kept(credential, rotates), "a credential that was replaced never comes back")?;
    let grace = new.previous.is_none_or(|(_, until)| {
        credential || until.as_millis() <= request.now.as_millis() + GRACE
    });
    hold(grace, "a grace is no longer than it may be")?;
    // The cap moves the time of a log-in, and nothing else.
    let owner = new.is_owned == old.is_owned && new.logged_in >= old.logged_in;
    let may = kind == Kind::LogIn;
    hold(
        owner && (may || new.logged_in == old.logged_in) || is_ours && may,
        "only a log-in logs in",
    )
}

/// Checks what has become of a credential that was presented.
pub(super) fn check_pass(
    state: &State,
    request: &Request,
    has_passed: Option<bool>,
) -> Result<(), String> {
    let (Some(token), Some(has_passed)) = (request.token, has_passed) else { return Ok(()) };
    let is_superseded = state.told.superseded.contains_key(&token.check);
    hold(!(has_passed && is_superseded), "a superseded credential never passes")?;
    let check = Check::from_bytes([token.check; 16]);
    let there = state.map.get(Place::Session(token.session));
    let is_good = there.is_some_and(|record| {
        !record.meta.is_expired(request.now)
            && record.meta.standing(&check, KEY_ID, request.now) != Standing::Superseded
    });
    let was_good = request.kind == Kind::LogOut && has_passed;
    hold(has_passed || !is_good || was_good, "a live session is found by its credential")
}

/// Checks a response against the store, and notes what follows from the response. Each later step is
/// checked for leaving that in the store.
pub(super) fn check_answer(
    state: &mut State,
    request: &Request,
    response: Response,
    is_after_crash: bool,
) -> Result<(), String> {
    let Request { number, kind, .. } = *request;
    let has_written = |record: &Record| has(Row::of(record).by, number);
    let Response::Yes(token) = response else {
        let has_changed =
            state.map.sessions().any(|(there, record)| there == number || has_written(record));
        return hold(!has_changed, "a request that is answered no has changed nothing");
    };
    let Some(token) = token else {
        let session = request.token.map(|token| Place::Session(token.session));
        let is_there = session.is_some_and(|session| state.map.get(session).is_some());
        return hold(!is_there, "what was answered yes has happened, and stays");
    };
    if kind == Kind::Touch {
        return Ok(());
    }
    let is_kept = match state.map.get(Place::Session(token.session)) {
        Some(there) => {
            has_written(there) && (there.meta.principal.is_some() || kind != Kind::LogIn)
        }
        None => has(state.told.gone, token.session),
    };
    hold(is_kept, "what was answered yes has happened, and stays")?;
    let told = &mut state.told;
    let presented = request.token.filter(|before| before.session == token.session);
    if let Some(before) = presented
        && (kind == Kind::LogIn || kind == Kind::Rotate && request.is_strict)
    {
        told.superseded.insert(before.check, before.session);
    }
    told.owes_the_cap &= !(kind == Kind::LogIn && is_after_crash);
    Ok(())
}

/// Checks a state by itself.
pub(super) fn check(state: &State, scope: &Scope) -> Result<(), String> {
    let (told, now) = (&state.told, state.now());
    for (_, record) in state.map.sessions() {
        for check in told.superseded.keys() {
            let check = Check::from_bytes([*check; 16]);
            let standing = record.meta.standing(&check, KEY_ID, now);
            hold(standing == Standing::Superseded, "a superseded credential never passes")?;
        }
    }
    let live = state
        .map
        .sessions()
        .filter(|(_, record)| record.meta.principal.is_some() && !record.meta.is_expired(now));
    let is_in_bounds = live.count() <= 1;
    if scope.on_max == OnMaxSessions::RefuseNew {
        return hold(is_in_bounds, "a cap that refuses is never passed");
    }
    let is_due = state.is_quiet() && !told.owes_the_cap;
    hold(!is_due || is_in_bounds, "log-ins leave what the cap allows")
}
