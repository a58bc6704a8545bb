//! The gate: a change may not make a request dearer unnoticed. Owns `gate.json`, in which is what a
//! request took when it was last recorded; what is compared is ours over the bare application.

use std::{collections::BTreeMap, fs, process::ExitCode};

use serde::{Deserialize, Serialize};

use crate::{
    contestants::{CHANGING, OURS},
    count,
    machine::Machine,
    report::{Table, number},
    workload::{CHANGES, CHANGES_EACH, SCENARIOS},
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gate.json");
const RECORD: &str = "cargo xtask bench gate --record";

/// Several times what counts vary by from run to run (the seeds of hash maps, random ids).
const TOLERANCE: f64 = 0.05;
/// Another compiler or libc is another count of the same source. What it may differ by is a guess
/// that only finds blunders; the strict comparison is for the machine that records.
const ELSEWHERE: f64 = 0.25;
/// Counts are means of some hundred requests: a table that happens to grow is no allocation.
const ALLOCATIONS: f64 = 0.5;

#[derive(Serialize, Deserialize)]
struct Recorded {
    with: With,
    /// By the scenario's letter.
    scenarios: BTreeMap<char, Counted>,
    /// Requests with many changes, by the scenario's letter.
    changes: BTreeMap<char, Changed>,
}

/// What counts depend on beside the code.
#[derive(PartialEq, Serialize, Deserialize)]
struct With {
    rustc: String,
    libc: String,
    features: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Counted {
    instructions: f64,
    allocations: f64,
}

/// The cost of one of many changes, beyond the same work without a session.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Changed {
    /// Of the change alone.
    instructions: f64,
    /// Of the whole request, a change.
    saved: f64,
    /// The bytes that the changes keep until the commit, as a multiple of the value's.
    memory: f64,
}

/// The most instructions of one change, whatever is recorded: adding to a counter, and pushing.
const MOST: [(char, f64); 2] = [('k', 60.0), ('p', 60.0)];
/// The most bytes that changes may keep which need no closure, as a multiple of the value's.
const MOST_MEMORY: [(char, f64); 1] = [('p', 3.0)];

impl Recorded {
    fn now() -> Self {
        let Machine { rustc, libc, features, .. } = Machine::this();
        let instructions = count::over_bare(OURS, &SCENARIOS, count::instructions);
        let allocations = count::over_bare(OURS, &SCENARIOS, count::allocations);
        let counted =
            instructions.into_iter().zip(allocations).map(|(instructions, allocations)| {
                // Digits that are noise would change at every recording.
                let allocations = (allocations * 10.0).round() / 10.0;
                Counted { instructions: instructions.round(), allocations }
            });
        let rounded = |number: f64| (number * 10.0).round() / 10.0;
        let [floor, ours] = [&CHANGING[0], &CHANGING[1]];
        let alone = count::over(floor, ours, &CHANGES, count::change);
        let saved = count::over(floor, ours, &CHANGES, count::instructions);
        let counts = alone.into_iter().zip(saved).zip(CHANGES);
        let changes = counts.map(|((instructions, saved), scenario)| {
            let [value, kept] = [floor, ours].map(|whose| count::kept((whose, scenario)));
            let changed = Changed {
                instructions: rounded(instructions),
                saved: rounded(saved / f64::from(CHANGES_EACH)),
                // A counter is a number, which nothing is a multiple of.
                memory: rounded(if value > 0.0 { kept / value } else { 0.0 }),
            };
            (scenario.letter, changed)
        });
        Self {
            with: With { rustc, libc, features },
            scenarios: SCENARIOS.iter().map(|scenario| scenario.letter).zip(counted).collect(),
            changes: changes.collect(),
        }
    }
}

/// Writes down what requests take now.
pub fn record() -> ExitCode {
    let now = Recorded::now();
    let text = serde_json::to_string_pretty(&now).expect("it is JSON");
    if let Err(error) = fs::write(FILE, text + "\n") {
        eprintln!("{FILE}: {error}");
        return ExitCode::from(2);
    }
    print!("{}\n{}", table(&now, &now), table_of_changes(&now, &now));
    ExitCode::SUCCESS
}

/// Fails if a request takes more than was written down.
pub fn check() -> ExitCode {
    let text = fs::read_to_string(FILE).map_err(|error| error.to_string());
    let committed = text.and_then(|text| {
        serde_json::from_str::<Recorded>(&text).map_err(|error| error.to_string())
    });
    let committed = match committed {
        Ok(committed) => committed,
        Err(error) => {
            eprintln!("{FILE}: {error}; to write it anew: {RECORD}");
            return ExitCode::from(2);
        }
    };
    let now = Recorded::now();
    print!("{}\n{}", table(&committed, &now), table_of_changes(&committed, &now));
    let mut tolerance = TOLERANCE;
    if committed.with != now.with {
        tolerance = ELSEWHERE;
        println!(
            "\nRecorded with {}; here are {}. Counts differ between them, so that only more than \
             +{:.0} % fails.",
            committed.with,
            now.with,
            tolerance * 100.0
        );
    }
    let dearer = SCENARIOS.iter().filter(|it| is_dearer(&committed, &now, it.letter, tolerance));
    let changes =
        CHANGES.iter().filter(|it| changes_dearer(&committed, &now, it.letter, tolerance));
    let dearer: Vec<String> =
        dearer.chain(changes).map(|it| format!("{} ({})", it.title, it.what)).collect();
    if dearer.is_empty() {
        println!(
            "\nNo request takes more than +{:.0} %. To record anew: {RECORD}",
            tolerance * 100.0
        );
        return ExitCode::SUCCESS;
    }
    println!(
        "\nDearer by more than {:.0} % or an allocation: {}.\nIf that is meant, record it: {RECORD}",
        tolerance * 100.0,
        dearer.join(", ")
    );
    ExitCode::FAILURE
}

fn is_dearer(committed: &Recorded, now: &Recorded, letter: char, tolerance: f64) -> bool {
    let pair = committed.scenarios.get(&letter).zip(now.scenarios.get(&letter));
    // A scenario that was never recorded is not compared with anything, so it does not pass.
    pair.is_none_or(|(then, now)| {
        now.instructions > then.instructions * (1.0 + tolerance)
            || now.allocations > then.allocations + ALLOCATIONS
    })
}

/// Returns whether many changes of one kind take more than was recorded, or more than any may.
fn changes_dearer(committed: &Recorded, now: &Recorded, letter: char, tolerance: f64) -> bool {
    let most = |of: &[(char, f64)]| {
        of.iter().find(|(of, _)| *of == letter).map_or(f64::INFINITY, |(_, most)| *most)
    };
    let pair = committed.changes.get(&letter).zip(now.changes.get(&letter));
    pair.is_none_or(|(then, now)| {
        now.instructions > most(&MOST)
            || now.memory > most(&MOST_MEMORY)
            // Of a few instructions, one more is many per cent.
            || now.instructions > then.instructions * (1.0 + tolerance) + 2.0
            || now.saved > then.saved * (1.0 + tolerance) + 2.0
            || now.memory > then.memory * (1.0 + tolerance)
    })
}

fn table_of_changes(committed: &Recorded, now: &Recorded) -> Table {
    let header =
        ["each change, over the same work", "committed", "now", "saved", "now", "memory", "now"];
    let mut table = Table::new(&header);
    for scenario in CHANGES {
        let then = committed.changes.get(&scenario.letter);
        let now = now.changes[&scenario.letter];
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        table.row([
            format!("{}: {}", scenario.title, scenario.what),
            or_none(then.map(|then| number(then.instructions))),
            number(now.instructions),
            or_none(then.map(|then| number(then.saved))),
            number(now.saved),
            or_none(then.map(|then| format!("{:.1}", then.memory))),
            format!("{:.1}", now.memory),
        ]);
    }
    table
}

fn table(committed: &Recorded, now: &Recorded) -> Table {
    let header = ["ours over bare", "committed", "now", "change", "allocations committed", "now"];
    let mut table = Table::new(&header);
    for scenario in SCENARIOS {
        let then = committed.scenarios.get(&scenario.letter);
        let now = now.scenarios[&scenario.letter];
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let change = then.map(|then| (now.instructions / then.instructions - 1.0) * 100.0);
        table.row([
            format!("{}: {}", scenario.title, scenario.what),
            or_none(then.map(|then| number(then.instructions))),
            number(now.instructions),
            or_none(change.map(|change| format!("{change:+.1} %"))),
            or_none(then.map(|then| format!("{:.1}", then.allocations))),
            format!("{:.1}", now.allocations),
        ]);
    }
    table
}

impl std::fmt::Display for With {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}, {}", self.rustc, self.libc, self.features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(instructions: f64, allocations: f64) -> Recorded {
        let with = With { rustc: String::new(), libc: String::new(), features: String::new() };
        let counted = Counted { instructions, allocations };
        Recorded { with, scenarios: BTreeMap::from([('c', counted)]), changes: BTreeMap::new() }
    }

    #[test]
    fn what_costs_more_than_the_tolerance_is_dearer() {
        let then = recorded(10_000.0, 4.0);
        assert!(!is_dearer(&then, &recorded(10_499.0, 4.4), 'c', TOLERANCE));
        assert!(is_dearer(&then, &recorded(10_501.0, 4.0), 'c', TOLERANCE));
        assert!(!is_dearer(&then, &recorded(12_000.0, 4.0), 'c', ELSEWHERE));
        assert!(is_dearer(&then, &recorded(9_000.0, 5.0), 'c', TOLERANCE));
    }

    #[test]
    fn changes_have_a_limit_whatever_is_recorded() {
        let of = |letter, instructions, memory| {
            let changes = BTreeMap::from([(letter, Changed { instructions, saved: 1.0, memory })]);
            Recorded { changes, ..recorded(1.0, 0.0) }
        };
        let dearer = |letter, then, now| changes_dearer(&then, &now, letter, TOLERANCE);
        assert!(!dearer('k', of('k', 50.0, 0.0), of('k', 54.0, 0.0)));
        assert!(dearer('k', of('k', 50.0, 0.0), of('k', 55.0, 0.0)));
        assert!(dearer('p', of('p', 70.0, 2.0), of('p', 61.0, 2.0)));
        assert!(dearer('p', of('p', 50.0, 4.0), of('p', 50.0, 3.1)));
        assert!(!dearer('u', of('u', 300.0, 9.0), of('u', 300.0, 9.0)));
        assert!(dearer('u', of('k', 300.0, 9.0), of('u', 300.0, 9.0)));
    }

    #[test]
    fn a_scenario_without_a_record_does_not_pass() {
        let then = recorded(10_000.0, 4.0);
        assert!(is_dearer(&then, &recorded(1.0, 0.0), 'd', TOLERANCE));
    }
}
