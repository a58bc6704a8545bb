//! What one request takes in instructions (callgrind's count, which does not depend on the
//! machine's load) and in allocations. Each contestant and scenario is a process of its own, in
//! which only [`measured`] is counted: nothing of one leaks into another.

use std::{
    process::{Command, ExitCode},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    contestants::{BARE, Contestant},
    driver::{Driver, measured},
    workload::{CHANGES, CHANGES_EACH, Scenario},
};

/// How many requests are counted; a table shows the mean of these.
pub const REQUESTS: u32 = 200;
/// Of those with many changes, which are alike.
const REQUESTS_WITH_CHANGES: u32 = 4;

/// Returns how many requests of a scenario are counted.
fn requests(scenario: Scenario) -> u32 {
    if CHANGES.contains(&scenario) { REQUESTS_WITH_CHANGES } else { REQUESTS }
}

/// What is done once only (lazy statics, the first touch of the heap, tables that grow) is not
/// counted.
const BEFORE: usize = 8;

/// A contestant in a scenario.
pub type Entry = (&'static Contestant, Scenario);

/// In the process that is counted: the requests, with `around` around what counts.
pub fn run(contestant: &str, letter: &str, around: impl FnOnce(&mut dyn FnMut())) -> ExitCode {
    let entry = Contestant::by_name(contestant).zip(Scenario::by_letter(letter));
    let Some((contestant, scenario)) = entry else {
        eprintln!("there is no contestant `{contestant}`, or no scenario `{letter}`");
        return ExitCode::from(2);
    };
    let driver = Driver::new(contestant);
    let counted = requests(scenario) as usize;
    let mut requests = driver.requests(scenario, BEFORE + counted);
    for request in requests.split_off(counted) {
        // Not through `measured`, or they would be counted.
        assert!(driver.send(request).status().is_success());
    }
    let mut requests = Some(requests);
    around(&mut || measured(&driver, requests.take().expect("it is called once")));
    ExitCode::SUCCESS
}

/// Instructions of one request.
pub fn instructions((contestant, scenario): Entry) -> f64 {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["count", contestant.name, &scenario.letter.to_string()]);
    collected("benches::driver::measured", &command) / f64::from(requests(scenario))
}

/// Instructions that a command spends in a function.
pub fn collected(function: &str, command: &Command) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={function}"))
        .arg(command.get_program())
        .args(command.get_args())
        .output()
        .expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    collected.expect("a count").1.trim().parse().expect("a number")
}

/// Allocations of one request.
pub fn allocations((contestant, scenario): Entry) -> f64 {
    let output = beside("allocations")
        .args(["count", contestant.name, &scenario.letter.to_string()])
        .output()
        .expect("`allocations` is built beside this program: `cargo build --release`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let total = String::from_utf8_lossy(&output.stdout);
    total.trim().parse::<f64>().expect("a number") / f64::from(requests(scenario))
}

/// Instructions of one change, before anything is saved.
pub fn change((contestant, scenario): Entry) -> f64 {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["count", contestant.name, &scenario.letter.to_string()]);
    let requests = requests(scenario) + u32::try_from(BEFORE).expect("a few");
    collected("benches::changes::many*", &command) / f64::from(requests * CHANGES_EACH)
}

/// Bytes that the changes of a request keep until it commits.
pub fn kept((contestant, scenario): Entry) -> f64 {
    let output = beside("allocations")
        .args(["kept", contestant.name, &scenario.letter.to_string()])
        .output()
        .expect("`allocations` is built beside this program: `cargo build --release`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Another program of this package.
pub fn beside(name: &str) -> Command {
    let here = std::env::current_exe().expect("this program has a path");
    Command::new(here.with_file_name(name).with_extension(std::env::consts::EXE_EXTENSION))
}

/// Counts all of them, on every processor: counts do not disturb each other as times would.
pub fn all(entries: &[Entry], count: impl Fn(Entry) -> f64 + Sync) -> Vec<f64> {
    let next = AtomicUsize::new(0);
    let counted = Mutex::new(vec![f64::NAN; entries.len()]);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(entry) = entries.get(position) else { break };
                    let count = count(*entry);
                    counted.lock().expect("no worker panics under it")[position] = count;
                }
            });
        }
    });
    counted.into_inner().expect("all workers are done")
}

/// The counts of a contestant, less those of the bare application.
pub fn over_bare(
    contestant: &'static Contestant,
    scenarios: &[Scenario],
    count: impl Fn(Entry) -> f64 + Sync,
) -> Vec<f64> {
    over(BARE, contestant, scenarios, count)
}

/// The counts of a contestant, less those of another.
pub fn over(
    floor: &'static Contestant,
    contestant: &'static Contestant,
    scenarios: &[Scenario],
    count: impl Fn(Entry) -> f64 + Sync,
) -> Vec<f64> {
    let both = scenarios.iter().flat_map(|scenario| [(floor, *scenario), (contestant, *scenario)]);
    let counted = all(&both.collect::<Vec<_>>(), count);
    counted.chunks(2).map(|pair| pair[1] - pair[0]).collect()
}
