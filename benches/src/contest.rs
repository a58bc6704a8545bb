//! The contest in one process: who takes how long for what. Times come from rounds in which the
//! contestants take turns, so that whatever else the machine does hits all of them; counts come
//! from [`count`](crate::count).

use std::time::Instant;

use http::{HeaderName, HeaderValue, header};
use serde::Serialize;

use crate::{
    contestants::{BARE, CONTESTANTS, Contestant},
    count::{self, Entry},
    driver::{Driver, measured},
    machine::Machine,
    rounds::median_when_warm,
    workload::{SCENARIOS, Scenario, request},
};

/// Whose struct under one key is what one would write without thinking of speed.
pub const USUAL: &str = "ts-struct";

pub struct Options {
    pub rounds: usize,
    pub requests: usize,
    pub instructions: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 15, requests: 2_000, instructions: false }
    }
}

#[derive(Serialize)]
pub struct Contest {
    pub machine: Machine,
    pub rounds: usize,
    pub requests: usize,
    pub scenarios: Vec<Played>,
}

/// A scenario with what came out.
#[derive(Serialize)]
pub struct Played {
    pub letter: char,
    pub title: &'static str,
    pub what: &'static str,
    pub store: &'static str,
    pub rows: Vec<Row>,
}

#[derive(Serialize)]
pub struct Row {
    pub contestant: &'static str,
    pub of_a_request: Cost,
    pub over_bare: Cost,
    /// The time over bare, as a part of that of [`USUAL`].
    pub time_to_usual: Option<f64>,
    /// The session's part of the `Cookie` header.
    pub cookie_bytes: usize,
    /// The values of the `Set-Cookie` headers.
    pub set_cookie_bytes: usize,
    /// All header lines that the bare application does not send.
    pub answer_bytes: usize,
}

#[derive(Clone, Copy, Serialize)]
pub struct Cost {
    pub nanoseconds: f64,
    pub allocations: f64,
    /// Counted only if asked for.
    pub instructions: Option<f64>,
}

impl Cost {
    fn over(self, bare: Self) -> Self {
        Self {
            nanoseconds: self.nanoseconds - bare.nanoseconds,
            allocations: self.allocations - bare.allocations,
            instructions: self.instructions.zip(bare.instructions).map(|(ours, bare)| ours - bare),
        }
    }
}

impl Played {
    pub fn row(&self, contestant: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.contestant == contestant)
    }
}

/// Those who take part in a scenario.
fn entries(scenario: Scenario) -> Vec<Entry> {
    let takes_part = CONTESTANTS.iter().filter(|it| it.takes_part(scenario));
    takes_part.map(|contestant| (contestant, scenario)).collect()
}

pub fn run(options: &Options) -> Contest {
    let entries: Vec<Vec<Entry>> = SCENARIOS.into_iter().map(entries).collect();
    let flat = entries.concat();
    eprintln!("counting allocations …");
    let allocations = count::all(&flat, count::allocations);
    let instructions = options.instructions.then(|| {
        eprintln!("counting instructions …");
        count::all(&flat, count::instructions)
    });
    let mut position = 0;
    let mut scenarios = Vec::new();
    for (scenario, entries) in SCENARIOS.into_iter().zip(entries) {
        eprintln!("timing {}: {} …", scenario.title, scenario.what);
        let costs = times(&entries, options).into_iter().map(|nanoseconds| {
            let allocations = allocations[position];
            let instructions = instructions.as_ref().map(|counted| counted[position]);
            position += 1;
            Cost { nanoseconds, allocations, instructions }
        });
        scenarios.push(played(scenario, &entries, &costs.collect::<Vec<_>>()));
    }
    let Options { rounds, requests, .. } = *options;
    Contest { machine: Machine::this(), rounds, requests, scenarios }
}

/// The median of each one's rounds, in nanoseconds of a request.
fn times(entries: &[Entry], options: &Options) -> Vec<f64> {
    let drivers: Vec<Driver> = entries.iter().map(|(it, _)| Driver::new(it)).collect();
    let mut rounds = vec![Vec::new(); entries.len()];
    for round in 0..=options.rounds {
        for turn in 0..entries.len() {
            // Nobody always comes after the same one.
            let position = (turn + round) % entries.len();
            let requests = drivers[position].requests(entries[position].1, options.requests);
            let begun = Instant::now();
            measured(&drivers[position], requests);
            let nanoseconds = begun.elapsed().as_secs_f64() * 1e9;
            rounds[position].push(nanoseconds / options.requests as f64);
        }
    }
    rounds.into_iter().map(median_when_warm).collect()
}

fn played(scenario: Scenario, entries: &[Entry], costs: &[Cost]) -> Played {
    let bare = costs[0];
    let over = |name: &str| {
        let position = entries.iter().position(|(contestant, _)| contestant.name == name)?;
        Some(costs[position].over(bare))
    };
    let usual = over(USUAL);
    let bare_bytes = wire(BARE, scenario).2;
    let rows = entries.iter().zip(costs).map(|((contestant, _), cost)| {
        let over_bare = cost.over(bare);
        let (cookie_bytes, set_cookie_bytes, answer_bytes) = wire(contestant, scenario);
        let time_to_usual = usual.map(|usual| over_bare.nanoseconds / usual.nanoseconds);
        Row {
            contestant: contestant.name,
            of_a_request: *cost,
            over_bare,
            time_to_usual,
            cookie_bytes,
            set_cookie_bytes,
            answer_bytes: answer_bytes - bare_bytes,
        }
    });
    assert_eq!(entries[0].0.name, BARE.name);
    Played {
        letter: scenario.letter,
        title: scenario.title,
        what: scenario.what,
        store: scenario.store,
        rows: rows.collect(),
    }
}

/// Bytes of the session's cookie that come and go with a request, and of all of the answer's header
/// lines.
fn wire(contestant: &Contestant, scenario: Scenario) -> (usize, usize, usize) {
    let driver = Driver::new(contestant);
    let cookie = driver.cookie(scenario);
    let response = driver.send(request(scenario.path, cookie.as_deref()));
    let came = cookie.filter(|_| contestant.keeps_sessions).map_or(0, |cookie| cookie.len());
    let set = response.headers().get_all(header::SET_COOKIE).iter();
    let lines = response.headers().iter();
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().len() + ": ".len() + value.len() + "\r\n".len()
    };
    (came, set.map(HeaderValue::len).sum(), lines.map(line).sum())
}
