//! How what a request costs grows: with the number of live sessions, and with the bytes of a field.
//! In nanoseconds over the application without sessions: what grows is the waiting for memory and the
//! copying of it, neither of which a count of instructions shows as it is.

use std::{slice, time::Instant};

use axum::Router;
use serde::Serialize;
use session_runtime::store::MemoryStore;

use crate::{
    contestants::{Contestant, stored_on},
    driver::{Driver, measured},
    machine::Machine,
    plot::{self, Axis, Line, Panel},
    report::{Table, number},
    rounds::median,
    sized,
    workload::{Scenario, request},
};

const SESSIONS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const BYTES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const ROUNDS: usize = 9;
/// Of a round.
const REQUESTS: usize = 2_000;
const SIZED_REQUESTS: usize = 200;
/// A round that makes sessions makes no more than a part of those that are there.
const PART: usize = 20;

/// Reading, writing, logging in.
const LETTERS: [&str; 3] = ["c", "d", "e"];

const OURS: &str = "ours";
const BY_HAND: &str = "written by hand";
const KEYS: &str = "tower-sessions, a key for each field";
const USUAL: &str = "tower-sessions, usual";

/// The contestants, and what figures call them.
const STORED: [(&str, &str); 4] =
    [("ours", OURS), ("floor-map", BY_HAND), ("ts-keys", KEYS), ("ts-struct", USUAL)];

type Sized = fn(usize) -> Router;
const SIZED: [(Sized, &str); 3] =
    [(sized::ours, OURS), (sized::with_keys, KEYS), (sized::with_struct, USUAL)];

#[derive(Serialize)]
pub struct Growth {
    machine: Machine,
    panels: Vec<Panel>,
}

pub fn run() -> Growth {
    let mut panels = by_sessions();
    panels.extend(by_bytes());
    Growth { machine: Machine::this(), panels }
}

/// A contestant with the cookies of sessions that it has.
struct Player {
    driver: Driver,
    cookies: Vec<String>,
    next: usize,
}

impl Player {
    fn new(driver: Driver) -> Self {
        Self { driver, cookies: Vec::new(), next: 0 }
    }

    /// Has so many sessions.
    fn grow(&mut self, scenario: Scenario, sessions: usize) {
        while self.cookies.len() < sessions {
            self.cookies.push(self.driver.cookie(scenario).expect("a session"));
        }
    }

    /// Nanoseconds of a request.
    fn round(&mut self, scenario: Scenario, count: usize) -> f64 {
        let mut next = || {
            // A stride that has no factor in common with their number visits all of them.
            self.next = (self.next + 7_368_787) % self.cookies.len();
            request(scenario.path, scenario.has_session.then(|| &*self.cookies[self.next]))
        };
        let requests: Vec<_> = (0..count).map(|_| next()).collect();
        let begun = Instant::now();
        measured(&self.driver, requests);
        begun.elapsed().as_secs_f64() * 1e9 / count as f64
    }
}

/// The median of each one's rounds, which they take in turn.
fn in_turn(players: &mut [Player], scenario: Scenario, requests: usize) -> Vec<f64> {
    let mut rounds = vec![Vec::new(); players.len()];
    for _ in 0..ROUNDS {
        for (player, rounds) in players.iter_mut().zip(&mut rounds) {
            rounds.push(player.round(scenario, requests));
        }
    }
    rounds.into_iter().map(median).collect()
}

fn by_sessions() -> Vec<Panel> {
    let scenarios = LETTERS.map(|letter| Scenario::by_letter(letter).expect("it is in the table"));
    let named = |name| Driver::new(Contestant::by_name(name).expect("it is in the table"));
    let mut bare = Player::new(named("bare"));
    bare.grow(scenarios[0], 1);
    let bare = scenarios.map(|scenario| in_turn(slice::from_mut(&mut bare), scenario, REQUESTS)[0]);
    let mut panels = scenarios.map(|scenario| Panel {
        title: scenario.what,
        along: "live sessions",
        axis: Axis::Even,
        at: SESSIONS.into(),
        lines: Vec::new(),
    });
    // One after the other: a million sessions of each would not leave much memory.
    for (name, label) in STORED {
        eprintln!("by sessions: {label} …");
        let mut player = Player::new(match name {
            // Its default limit would refuse those who log in when there are a million.
            "ours" => Driver::of(|| stored_on(MemoryStore::with_limit(2 * SESSIONS[3])), true),
            _ => named(name),
        });
        let mut lines = scenarios.map(|_| Line { label, values: Vec::new() });
        for sessions in SESSIONS {
            player.grow(scenarios[0], sessions);
            for ((scenario, bare), line) in scenarios.into_iter().zip(bare).zip(&mut lines) {
                let most = if scenario.has_session { REQUESTS } else { sessions / PART };
                let time = in_turn(slice::from_mut(&mut player), scenario, REQUESTS.min(most))[0];
                line.values.push(time - bare);
            }
        }
        for (panel, line) in panels.iter_mut().zip(lines) {
            panel.lines.push(line);
        }
    }
    panels.into()
}

fn by_bytes() -> Vec<Panel> {
    let mut panels = sized::SCENARIOS.map(|scenario| Panel {
        title: scenario.what,
        along: "bytes of a field",
        axis: Axis::Powers,
        at: BYTES.into(),
        lines: SIZED.map(|(_, label)| Line { label, values: Vec::new() }).into(),
    });
    for bytes in BYTES {
        eprintln!("by bytes: {bytes} …");
        let bare = Driver::of(|| sized::bare(bytes), false);
        let others = SIZED.map(|(router, _)| Driver::of(|| router(bytes), true));
        let drivers = std::iter::once(bare).chain(others);
        let mut players: Vec<Player> = drivers.map(Player::new).collect();
        for (panel, scenario) in panels.iter_mut().zip(sized::SCENARIOS) {
            for player in &mut players {
                player.grow(scenario, SIZED_REQUESTS);
            }
            let times = in_turn(&mut players, scenario, SIZED_REQUESTS);
            for (line, time) in panel.lines.iter_mut().zip(&times[1..]) {
                line.values.push(time - times[0]);
            }
        }
    }
    panels.into()
}

impl Growth {
    pub fn svg(&self) -> String {
        plot::svg("What a request takes over the bare application", &self.panels, &self.machine)
    }

    pub fn markdown(&self) -> String {
        let tables = self.panels.iter().map(|panel| {
            let at: Vec<String> = panel.at.iter().map(|&at| number(at as f64)).collect();
            let what = format!("{}: ns at {}", panel.title, panel.along);
            let header: Vec<&str> =
                std::iter::once(&*what).chain(at.iter().map(String::as_str)).collect();
            let mut table = Table::new(&header);
            for Line { label, values } in &panel.lines {
                let values = values.iter().map(|&value| number(value));
                table.row(std::iter::once((*label).to_owned()).chain(values));
            }
            format!("{table}\n")
        });
        format!("{}{}.\n", tables.collect::<String>(), self.machine.caption())
    }
}
