//! The gate: a change may not make a request dearer unnoticed. Owns `gate.json`, in which is what a
//! request took when it was last recorded; what is compared is ours over the bare application.

use std::{collections::BTreeMap, fs, process::ExitCode};

use serde::{Deserialize, Serialize};

use crate::{
    contestants::OURS,
    count,
    machine::Machine,
    report::{Table, number},
    workload::SCENARIOS,
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
        Self {
            with: With { rustc, libc, features },
            scenarios: SCENARIOS.iter().map(|scenario| scenario.letter).zip(counted).collect(),
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
    print!("{}", table(&now, &now));
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
    print!("{}", table(&committed, &now));
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
    let dearer: Vec<String> = SCENARIOS
        .iter()
        .filter(|it| is_dearer(&committed, &now, it.letter, tolerance))
        .map(|it| format!("{} ({})", it.title, it.what))
        .collect();
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
        Recorded { with, scenarios: BTreeMap::from([('c', counted)]) }
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
    fn a_scenario_without_a_record_does_not_pass() {
        let then = recorded(10_000.0, 4.0);
        assert!(is_dearer(&then, &recorded(1.0, 0.0), 'd', TOLERANCE));
    }
}
