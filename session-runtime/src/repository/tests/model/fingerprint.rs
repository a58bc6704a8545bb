//! The fingerprint of a state, by which equal states are looked at once. Two states are equal if all
//! that can follow is equal: a version counts only by being the one that is
//! there now, a credential only by who has it, and a write only while its request is under way. It knows
//! nothing of moves.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    mem::discriminant,
};

use super::{
    map::{Answer, Map, Place, Row},
    request::Token,
    state::{State, UnderWay},
};
use crate::store::{Record, Written};

/// Returns the fingerprint of a state.
pub(super) fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    Seen::of(state).state(state, &mut hasher);
    hasher.finish()
}

/// The numbers that still make a difference.
struct Seen<'a> {
    map: &'a Map,
    /// The check values that a client has or draws.
    checks: Vec<u8>,
    /// The requests that are under way, as bits.
    under_way: u16,
}

impl<'a> Seen<'a> {
    fn of(state: &'a State) -> Self {
        let (mut checks, mut under_way) = (Vec::new(), 0);
        for client in &state.clients {
            let check = |token: Option<Token>| token.map_or(u8::MAX, |token| token.check);
            checks.push(check(client.token));
            if let Some(UnderWay { request, .. }) = &client.under_way {
                checks.extend([check(request.token), request.number]);
                under_way |= 1 << request.number;
            }
        }
        Self { map: &state.map, checks, under_way }
    }

    fn state(&self, state: &State, hasher: &mut DefaultHasher) {
        (state.era, state.crashes, state.told.gone, state.told.owes_the_cap).hash(hasher);
        for (place, record) in state.map.all() {
            (place, self.record(record)).hash(hasher);
        }
        let superseded = state.told.superseded.keys().map(|check| self.check(*check));
        superseded.fold(0, |all, check| all | check).hash(hasher);
        for client in &state.clients {
            (client.begun, client.token.map(|token| self.token(token))).hash(hasher);
            client.under_way.is_some().hash(hasher);
            if let Some(under_way) = &client.under_way {
                let UnderWay { request, answers, next, is_after_crash } = under_way;
                discriminant(next).hash(hasher);
                let token = request.token.map(|token| self.token(token));
                (request.kind, token, request.now, is_after_crash, answers.len()).hash(hasher);
                for answer in answers {
                    self.answer(answer, token, hasher);
                }
            }
        }
    }

    fn token(&self, token: Token) -> (u8, u16) {
        (token.session, self.check(token.check))
    }

    /// Returns those who have a check value, as bits.
    fn check(&self, check: u8) -> u16 {
        let same = self.checks.iter().enumerate().filter(|(_, there)| **there == check);
        same.map(|(at, _)| 1 << at).sum()
    }

    /// Returns all that makes a difference of a record that is there.
    fn record(&self, record: &Record) -> impl Hash + use<> {
        let row = Row::of(record);
        let previous = row.previous.map(|(check, until)| (self.check(check), until));
        let previous = previous.filter(|(check, _)| *check != 0);
        let log_in = (row.is_owned, row.logged_in, row.last_seen.as_millis() / 1000);
        (self.check(row.check), previous, log_in, row.by & self.under_way, row.until)
    }

    /// Returns all that makes a difference of a record that a request has read: another version
    /// only makes the request read again.
    fn read(&self, place: Place, record: &Record) -> impl Hash + use<> {
        let (row, now) = (Row::of(record), self.map.get(place).map(|record| Row::of(record)));
        let is_same = now.is_some_and(|now| now.revision == row.revision);
        let is_set = now.is_some_and(|now| now.last != row.last);
        (is_same, is_set, row.logged_in, row.until)
    }

    fn answer(&self, answer: &Answer, token: Option<(u8, u16)>, hasher: &mut DefaultHasher) {
        match answer {
            Answer::Loaded(record) => {
                let place = token.map_or(Place::Lease, |(session, _)| Place::Session(session));
                record.as_ref().map(|record| self.read(place, record)).hash(hasher);
            }
            Answer::Written(Written::Stored { of_principal }) => (1, of_principal).hash(hasher),
            Answer::Written(Written::Not) => 2.hash(hasher),
            Answer::Written(Written::Full) => 3.hash(hasher),
            Answer::Done(is_done) => is_done.hash(hasher),
            Answer::Listed((sessions, next)) => {
                next.is_some().hash(hasher);
                for (number, record) in sessions {
                    (number, self.read(Place::Session(*number), record)).hash(hasher);
                }
            }
            Answer::Counted(count) => count.hash(hasher),
        }
    }
}
