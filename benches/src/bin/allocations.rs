//! The same scenarios under an allocator that counts. A program of its own, since counting costs
//! most those who allocate most, and would show in their times and instructions. `benches` runs it.

use std::{process::ExitCode, sync::atomic::Ordering};

use benches::{changes, count, memory};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["count", contestant, letter] => count::run(contestant, letter, |measure| {
            let region = Region::new(ALLOCATOR);
            measure();
            println!("{}", region.change().allocations);
        }),
        ["kept", contestant, letter] => {
            let live = || {
                let stats = ALLOCATOR.stats();
                stats.bytes_allocated - stats.bytes_deallocated
            };
            changes::LIVE.get_or_init(|| live);
            let code = count::run(contestant, letter, |measure| measure());
            println!("{}", changes::KEPT.load(Ordering::Relaxed));
            code
        }
        ["memory", which] => memory::fill(which, || {
            let stats = ALLOCATOR.stats();
            stats.bytes_allocated - stats.bytes_deallocated
        }),
        _ => {
            eprintln!("`benches` runs this program");
            ExitCode::from(2)
        }
    }
}
