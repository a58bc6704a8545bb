//! A state of the model: the store, the clients with their requests, and what has been answered so
//! far. This file owns the moves that are possible in a state, and what each of them leads to.

use super::{
    map::{Answer, Fault, Map, Place, Verb},
    request::{Kind, Misuse, Point, Request, Response, Token, new_record, principal},
    rules::{self, Told},
};
use crate::{
    clock::Timestamp,
    store::{Cap, FieldValue, OnMaxSessions, Record},
};

/// The numbers of the sessions that are there at first; smaller numbers are those of requests.
pub(super) const FIRST: [u8; 2] = [14, 15];

/// The bounds of a model.
#[derive(Clone)]
pub(super) struct Scope {
    /// The number of requests of each client.
    pub(super) requests: u8,
    pub(super) kinds: Vec<Kind>,
    /// True if once, in the place of a request of the second client, the time may pass after which
    /// sessions expire.
    pub(super) expires: bool,
    /// The number of requests that may crash between two operations.
    pub(super) crashes: u8,
    pub(super) on_max: OnMaxSessions,
    /// True if both clients begin with one session, false if one client has none.
    pub(super) is_shared: bool,
    pub(super) fault: Fault,
    pub(super) misuse: Misuse,
}

/// One step of somebody.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// A client sends a request, whose first operation happens.
    Begin(usize, Kind),
    /// The next operation of a client's request happens.
    Step(usize),
    /// A client's request comes to an end between two operations, without an answer.
    Crash(usize),
    /// In the place of a client's request, the time passes after which sessions expire.
    Expire(usize),
}

/// A request that is under way.
#[derive(Clone)]
pub(super) struct UnderWay {
    pub(super) request: Request,
    pub(super) answers: Vec<Answer>,
    pub(super) next: Verb,
    /// True if no crash has happened since the request has begun.
    pub(super) is_after_crash: bool,
}

#[derive(Clone, Default)]
pub(super) struct Client {
    pub(super) begun: u8,
    pub(super) token: Option<Token>,
    pub(super) under_way: Option<UnderWay>,
}

/// A state.
#[derive(Clone)]
pub(super) struct State {
    pub(super) map: Map,
    /// The number of times that sessions have expired.
    pub(super) era: u64,
    pub(super) clients: [Client; 2],
    pub(super) crashes: u8,
    pub(super) told: Told,
}

impl State {
    pub(super) fn first(scope: &Scope) -> Self {
        let mut map = Map::new(scope.fault);
        let mut clients = [Client::default(), Client::default()];
        let at = Timestamp::from_millis(1000);
        let mut record = new_record(FIRST[0], at);
        record.meta.set_principal(Some(principal()), at);
        map.put(Place::Session(FIRST[0]), record);
        clients[0].token = Some(Token { session: FIRST[0], check: FIRST[0] });
        if scope.is_shared {
            clients[1].token = clients[0].token;
        } else {
            map.put(Place::Session(FIRST[1]), new_record(FIRST[1], at));
            clients[1].token = Some(Token { session: FIRST[1], check: FIRST[1] });
        }
        Self { map, era: 0, clients, crashes: 0, told: Told::default() }
    }

    /// Returns the time at the end of the present era, when no grace lasts any more.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(1000 * (1 + self.era) + 300)
    }

    /// Returns whether no request is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.clients.iter().all(|client| client.under_way.is_none())
    }

    /// Returns whether every client has had all of its answers.
    pub(super) fn is_over(&self, scope: &Scope) -> bool {
        self.is_quiet() && self.clients.iter().all(|client| client.begun == scope.requests)
    }

    /// Returns the states that can follow, or the rule that one of them breaks.
    pub(super) fn next(&self, scope: &Scope) -> Result<Vec<(Move, Self)>, (Move, String)> {
        let mut next = Vec::new();
        for who in [0, 1] {
            for step in self.moves(scope, who) {
                let mut state = self.clone();
                match state.go(scope, step) {
                    Ok(true) => next.push((step, state)),
                    Ok(false) => {}
                    Err(broken) => return Err((step, broken)),
                }
            }
        }
        Ok(next)
    }

    fn moves(&self, scope: &Scope, who: usize) -> Vec<Move> {
        let client = &self.clients[who];
        if client.under_way.is_some() {
            let crash = (self.crashes < scope.crashes).then_some(Move::Crash(who));
            return [Move::Step(who)].into_iter().chain(crash).collect();
        }
        if client.begun == scope.requests {
            return Vec::new();
        }
        let kinds = scope.kinds.iter().map(|kind| Move::Begin(who, *kind));
        let may_expire = scope.expires && self.era == 0 && who == 1;
        kinds.chain(may_expire.then_some(Move::Expire(who))).collect()
    }

    /// Makes a move. Returns whether it changes anything.
    fn go(&mut self, scope: &Scope, step: Move) -> Result<bool, String> {
        match step {
            Move::Begin(who, kind) => {
                let Some(under_way) = self.begin(scope, who, kind) else { return Ok(false) };
                if self.waits(&under_way.next) {
                    return Ok(false);
                }
                self.clients[who].begun += 1;
                self.step(who, under_way)?;
            }
            Move::Step(who) => {
                let under_way = self.clients[who].under_way.take();
                let under_way = under_way.expect("only a request that is under way has a step");
                if self.waits(&under_way.next) {
                    return Ok(false);
                }
                self.step(who, under_way)?;
            }
            Move::Crash(who) => {
                let under_way = self.clients[who].under_way.take();
                let number = under_way.expect("only a request can crash").request.number;
                self.crashes += 1;
                self.told.owes_the_cap = true;
                self.clients.iter_mut().flat_map(|it| &mut it.under_way).for_each(|other| {
                    other.is_after_crash = false;
                });
                self.let_lease_end(1 + u64::from(number));
            }
            Move::Expire(who) => {
                self.clients[who].begun += 1;
                self.era += 1;
            }
        }
        rules::check(self, scope)?;
        self.forget();
        Ok(true)
    }

    fn begin(&self, scope: &Scope, who: usize, kind: Kind) -> Option<UnderWay> {
        let client = &self.clients[who];
        // The clock of the second client's server is behind.
        let millis = 20 * u64::from(client.begun) + 13 * (1 - who as u64);
        let number = u8::try_from(who).ok()? * scope.requests + client.begun;
        let request = Request {
            number,
            kind,
            token: client.token,
            now: Timestamp::from_millis(1000 * (1 + self.era) + millis),
            cap: Cap::new(1, scope.on_max),
            is_strict: who == 0,
            misuse: scope.misuse,
        };
        match request.after(&[]).0 {
            Point::Asks(next) => {
                Some(UnderWay { request, answers: Vec::new(), next, is_after_crash: true })
            }
            Point::Answers(_) => None,
        }
    }

    /// Returns whether an operation would only find that another request still has the lease.
    fn waits(&self, next: &Verb) -> bool {
        let lease = self.map.get(Place::Lease);
        matches!(next, Verb::Load(Place::Lease)) && lease.is_some_and(|lease| !has_ended(lease))
    }

    fn step(&mut self, who: usize, mut under_way: UnderWay) -> Result<(), String> {
        let before = self.map.clone();
        let answer = self.map.carry_out(&under_way.next);
        rules::check_step(self, &before, &under_way, &under_way.next, &answer)?;
        under_way.answers.push(answer);
        let (point, has_passed) = under_way.request.after(&under_way.answers);
        if under_way.answers.len() == 1 {
            rules::check_pass(self, &under_way.request, has_passed)?;
        }
        match point {
            Point::Asks(next) => {
                self.clients[who].under_way = Some(UnderWay { next, ..under_way });
            }
            Point::Answers(response) => {
                let is_after_crash = under_way.is_after_crash;
                rules::check_answer(self, &under_way.request, response, is_after_crash)?;
                if let Response::Yes(token) = response {
                    self.clients[who].token = token;
                } else if has_passed == Some(false) {
                    self.clients[who].token = None;
                }
            }
        }
        Ok(())
    }

    /// Forgets what nobody can ask about any more.
    fn forget(&mut self) {
        let (mut sessions, mut checks) = (0, 0);
        for Client { token, under_way, .. } in &self.clients {
            let request = under_way.as_ref().map(|it| &it.request);
            for token in token.iter().chain(request.and_then(|it| it.token.as_ref())) {
                checks |= 1 << token.check;
            }
            if let Some(Request { number, token, .. }) = request {
                sessions |= 1 << number | token.map_or(0, |token| 1 << token.session);
            }
        }
        self.told.forget_but(&self.map, sessions, checks);
    }

    /// Lets the time of a lease run out whose holder is no more.
    fn let_lease_end(&mut self, version: u64) {
        let held = self.map.get(Place::Lease).filter(|lease| lease.meta.revision == version);
        if let Some(mut lease) = held.map(|lease| Record::clone(lease)) {
            lease.set("until", FieldValue::Int(0));
            self.map.put(Place::Lease, lease);
        }
    }
}

fn has_ended(lease: &Record) -> bool {
    lease.get("until") == Some(&FieldValue::Int(0))
}
