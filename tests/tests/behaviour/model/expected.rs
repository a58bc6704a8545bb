//! The model: what each call of a handler may answer, what the response may be, and what the next
//! request must see. Knows nothing of tokens or stores.

use super::{
    pending::{Asked, Ending, Pending, View},
    steps::Word,
    world::Kind,
};

/// The session that the handler is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Absent,
    Live,
    /// Over without this request.
    Lost,
    /// This request has destroyed it.
    Destroyed,
}

/// A request's session at one moment of the handler.
#[derive(Clone, Debug)]
pub(super) struct Model {
    kind: Kind,
    /// An operation of the store fails.
    pub(super) is_faulty: bool,
    status: Status,
    /// The session as this request has loaded it, with what this request has saved.
    base: View,
    /// The session as the next request would see it.
    pub(super) stored: Option<View>,
    pending: Pending,
    /// The token with which the request came is good no more.
    pub(super) is_renewed: bool,
    /// This request has ended its session.
    pub(super) has_ended: bool,
}

/// The answer to a commit: an outcome or an error, by its text.
type Answer = &'static str;

const LOST: Answer = "Lost";
const CONFLICT: Answer = "conflict";
const GONE: Answer = "gone";
const IN_VAIN: Answer = "status 500";
const UNAVAILABLE: Answer = "unavailable";

/// Returns the status of a response whose commit had this answer.
fn status_of(answer: Answer, own: u16) -> u16 {
    match answer {
        CONFLICT | GONE => 409,
        IN_VAIN => 500,
        UNAVAILABLE => 503,
        _ => own,
    }
}

const fn is_error(answer: &str) -> bool {
    matches!(answer.as_bytes(), b"conflict" | b"gone" | b"status 500" | b"unavailable")
}

impl Model {
    pub(super) fn new(kind: Kind, loaded: Option<&View>) -> Self {
        let base = loaded.cloned().unwrap_or_default();
        Self {
            kind,
            is_faulty: false,
            status: if loaded.is_some() { Status::Live } else { Status::Absent },
            pending: Pending::none(base.clone()),
            base,
            stored: loaded.cloned(),
            is_renewed: false,
            has_ended: false,
        }
    }

    /// Returns whether the client would have a token by now.
    pub(super) fn has_token(&self) -> bool {
        self.status == Status::Live
    }

    /// Carries out a word. Returns what the call may answer, if it answers, with what follows from
    /// that.
    pub(super) fn word(mut self, word: Word) -> Vec<(Option<String>, Self)> {
        match word {
            Word::Save => {
                let answers = self.commit(false).into_iter();
                answers.map(|(answer, model)| (Some(answer.to_owned()), model)).collect()
            }
            Word::Transact(item) => self.transact(item),
            Word::Claim => self.claim(),
            Word::Peek => {
                let seen = self.has_token().then_some(&self.pending.seen);
                vec![(Some(format!("{seen:?}")), self)]
            }
            word => {
                self.pending.add(word);
                vec![(None, self)]
            }
        }
    }

    /// Returns the responses that may follow a handler which itself answers `status`.
    pub(super) fn respond(mut self, status: u16) -> Vec<(u16, Self)> {
        if status >= 500 || status == 408 {
            let before = self.clone();
            if self.pending.asked.end.is_some() {
                self.end();
            } else {
                self.is_renewed |= self.pending.asked.rotate && self.stored.is_some();
            }
            let faulty = self.is_faulty.then_some((status, before));
            return [(status, self)].into_iter().chain(faulty).collect();
        }
        let mut responses = Vec::new();
        for (answer, mut model) in self.commit(true) {
            let answered = status_of(answer, status);
            if is_error(answer) {
                // An error stores no field, and stops no rotation.
                if model.is_faulty {
                    responses.push((answered, model.clone()));
                }
                let rotates = model.pending.asked.rotate && model.has_token();
                model.is_renewed |= rotates && model.stored.is_some();
            }
            responses.push((answered, model));
        }
        responses
    }

    /// Commits. `is_last`: with the response.
    fn commit(mut self, is_last: bool) -> Vec<(Answer, Self)> {
        let before = self.clone();
        let is_written = std::mem::take(&mut self.pending.is_written);
        let asked = &self.pending.asked;
        let mut answers = match (self.status, asked.end, asked.log_in) {
            (Status::Destroyed, _, Some(_)) => vec![(IN_VAIN, self)],
            (Status::Destroyed, ..) => vec![self.over("Ended", is_written, false)],
            (_, Some(end), _) => self.commit_end(end),
            (Status::Absent, ..) => self.commit_absent(),
            (Status::Lost, _, Some(_)) => self.log_in_anew(),
            (Status::Lost, ..) => vec![self.over(LOST, is_written, is_last)],
            (Status::Live, ..) => self.commit_live(is_last, is_written),
        };
        if before.is_faulty {
            // Nothing happened, or only the first half: the end of the session that was there, or
            // that a log-in went to a fresh one.
            let mut ended = before.clone();
            if ended.pending.asked.end.is_some() {
                ended.end();
            }
            let mut anew = before.clone();
            if anew.stored.is_none() && anew.pending.asked.log_in.is_some() {
                anew.start_anew();
            }
            answers.extend([before, ended, anew].map(|half| (UNAVAILABLE, half)));
        }
        answers
    }

    fn commit_live(mut self, is_last: bool, is_written: bool) -> Vec<(Answer, Self)> {
        if !self.pending.changes(&self.base) {
            // The session may have been used too long ago, which is then noted: in a store, by what
            // the request has loaded, so that another log-in to the session is not noticed.
            let mut used = self.clone();
            used.pending.settle();
            let mut answers = vec![("Unchanged", self.clone())];
            if self.stored.is_some() || self.kind.is_stored() {
                answers.push(("Updated", used));
            }
            if self.stored.is_none() {
                answers.push(("Unchanged", self.clone().lost(false).1));
                answers.push(self.clone().lost(false));
                answers.push(self.lost(is_last && is_written));
            }
            return answers;
        }
        let Some(there) = self.stored.clone() else {
            if self.pending.asked.log_in.is_some() {
                return self.log_in_anew();
            }
            return vec![self.lost(is_last)];
        };
        if self.pending.conflicts(&self.base, &there) {
            return vec![(CONFLICT, self)];
        }
        self.update(&there);
        vec![("Updated", self)]
    }

    /// Writes to the session, which has `there` now.
    fn update(&mut self, there: &View) {
        let asked = &self.pending.asked;
        // An ended note lasts as long as its token, so another lifetime is another token.
        let is_another_life = asked.remember && self.kind.is_revocable();
        self.is_renewed |= asked.log_in.is_some() || asked.rotate || is_another_life;
        self.stored = Some(self.pending.on(there, &self.base));
        self.base = self.pending.on(&self.base, &self.base);
        self.pending.settle();
    }

    fn commit_absent(self) -> Vec<(Answer, Self)> {
        if self.is_empty() { vec![("Unchanged", self)] } else { self.create("Created") }
    }

    fn is_empty(&self) -> bool {
        self.pending.seen == View::default()
    }

    /// Stores a new session, if the store has room.
    fn create(mut self, answer: Answer) -> Vec<(Answer, Self)> {
        let full = self.kind.may_be_full().then(|| (UNAVAILABLE, self.clone()));
        self.base = self.pending.seen.clone();
        self.stored = Some(self.base.clone());
        self.status = Status::Live;
        self.pending.settle();
        full.into_iter().chain([(answer, self)]).collect()
    }

    fn commit_end(mut self, end: Ending) -> Vec<(Answer, Self)> {
        let was_there = matches!(self.status, Status::Live | Status::Lost);
        let is_in_vain = end == Ending::Destroy && self.pending.asked.log_in.is_some();
        if was_there || !is_in_vain {
            self.end();
        }
        if is_in_vain {
            return vec![(IN_VAIN, self)];
        }
        if end == Ending::LogOut && !self.is_empty() {
            let is_new = !was_there && self.kind.is_stored();
            return self.create(if is_new { "Created" } else { "Ended" });
        }
        self.pending.asked = Asked::default();
        vec![("Ended", self)]
    }

    fn end(&mut self) {
        if self.stored.take().is_some() {
            (self.is_renewed, self.has_ended) = (true, true);
        }
        let is_out = self.pending.asked.end == Some(Ending::LogOut);
        self.status = if is_out { Status::Absent } else { Status::Destroyed };
    }

    /// Logs in although the session is over.
    fn log_in_anew(mut self) -> Vec<(Answer, Self)> {
        if self.pending.rests_on_the_session() {
            self.status = Status::Lost;
            return vec![(CONFLICT, self)];
        }
        self.start_anew();
        self.create("Created")
    }

    fn start_anew(&mut self) {
        self.pending.start_anew();
        (self.status, self.base) = (Status::Absent, View::default());
    }

    /// Loses what was asked for with the session.
    fn lost(mut self, is_told: bool) -> (Answer, Self) {
        self.status = Status::Lost;
        self.pending.asked = Asked::default();
        let is_told = is_told && self.kind.tells_lost();
        (if is_told { GONE } else { LOST }, self)
    }

    /// Commits to a session that is known to be over.
    fn over(mut self, answer: Answer, is_written: bool, is_last: bool) -> (Answer, Self) {
        let is_news = is_written || self.pending.asked.any();
        self.pending.asked = Asked::default();
        match answer {
            _ if !is_news => ("Unchanged", self),
            LOST => self.lost(is_last),
            answer => (answer, self),
        }
    }

    /// Saves, and then adds the number to the hits for the theme, and pushes the number.
    fn transact(self, item: u32) -> Vec<(Option<String>, Self)> {
        let mut answers = Vec::new();
        for (answer, model) in self.commit(false) {
            if is_error(answer) {
                answers.push((Some(answer.to_owned()), model));
            } else {
                answers.extend(model.attempt(item));
            }
        }
        answers
    }

    fn attempt(mut self, item: u32) -> Vec<(Option<String>, Self)> {
        let faulty = self.is_faulty.then(|| (Some(UNAVAILABLE.to_owned()), self.clone()));
        let mut answers: Vec<_> = faulty.into_iter().collect();
        let there = match (self.status, self.stored.clone()) {
            (Status::Absent, _) => None,
            (Status::Live, Some(there)) => {
                // A fresh load, which the handler sees from then on.
                self.base.clone_from(&there);
                self.pending = Pending::none(there.clone());
                Some(there)
            }
            (Status::Live | Status::Lost, _) => {
                self.status = Status::Lost;
                answers.push((Some(GONE.to_owned()), self));
                return answers;
            }
            (Status::Destroyed, _) => {
                answers.push((Some(GONE.to_owned()), self));
                return answers;
            }
        };
        let (before, asked) = (self.clone(), std::mem::take(&mut self.pending.asked));
        let sum = self.pending.seen.hits + item;
        self.pending.add(Word::Theme(sum));
        self.pending.add(Word::Push(item));
        self.pending.is_written = false;
        if let Some(there) = there {
            self.update(&there);
            answers.push((Some(sum.to_string()), self));
            return answers;
        }
        for (answer, mut model) in self.create("Created") {
            // What was asked for without a session is asked for still.
            model.pending.asked = asked.clone();
            answers.push(match answer {
                UNAVAILABLE => (Some(answer.to_owned()), before.clone()),
                _ => (Some(sum.to_string()), model),
            });
        }
        answers
    }

    /// Takes the flow out of the store.
    fn claim(mut self) -> Vec<(Option<String>, Self)> {
        if self.pending.has_flow() {
            let flow = self.pending.seen.flow;
            self.pending.add(Word::TakeFlow);
            return vec![(Some(format!("{flow:?}")), self)];
        }
        let faulty = self.is_faulty.then(|| (Some(UNAVAILABLE.to_owned()), self.clone()));
        let mut claimed = None;
        if let (Status::Live, Some(stored)) = (self.status, &mut self.stored) {
            // A request that has loaded none claims none.
            claimed = self.base.flow.take().and_then(|_| stored.flow.take());
        }
        let own = self.pending.seen.flow;
        self.pending.note_claimed();
        // Of a destroyed session nothing is stored: what the handler has written after that is its own.
        let is_destroyed = self.status == Status::Destroyed;
        let own = is_destroyed.then(|| (Some(format!("{own:?}")), self.clone()));
        let claimed = (Some(format!("{claimed:?}")), self);
        faulty.into_iter().chain(own).chain([claimed]).collect()
    }
}
