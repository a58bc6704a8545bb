//! The cryptography of a request by itself, in the versions that the library has: the part of its
//! cost that depends on the processor most. Its instructions are counted where valgrind runs, which
//! knows fewer of a processor's instructions than the processor.

use std::{
    hint::black_box,
    process::{Command, ExitCode},
    time::Instant,
};

use chacha20poly1305::{XChaCha20Poly1305, aead::Aead};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use crate::{
    count::collected,
    machine::Machine,
    report::{Table, number},
    rounds::median,
};

const COUNTED: u32 = 1_000;
const TIMED: u32 = 20_000;
const ROUNDS: usize = 9;

const KINDS: [(&str, &str); 3] = [
    ("hmac", "HMAC-SHA256 of 38 bytes, the key taken in"),
    ("seal", "XChaCha20-Poly1305 of 256 bytes, to seal"),
    ("open", "XChaCha20-Poly1305 of 256 bytes, to open"),
];

#[derive(Serialize)]
pub struct Crypto {
    machine: Machine,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    what: &'static str,
    nanoseconds: f64,
    instructions: f64,
}

/// One of them, ready to be done.
fn work(kind: &str) -> Option<Box<dyn FnMut()>> {
    let cipher = XChaCha20Poly1305::new(&[7; 32].into());
    let nonce = [9; 24].into();
    match kind {
        "hmac" => {
            let keyed = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("any length");
            Some(Box::new(move || {
                let mac = keyed.clone().chain_update(black_box([1; 38])).finalize();
                black_box(mac.into_bytes());
            }))
        }
        "seal" => Some(Box::new(move || {
            black_box(cipher.encrypt(&nonce, &black_box([1; 256])[..]).expect("short enough"));
        })),
        "open" => {
            let sealed = cipher.encrypt(&nonce, &[1; 256][..]).expect("short enough");
            Some(Box::new(move || {
                black_box(cipher.decrypt(&nonce, black_box(&sealed[..])).expect("it was sealed"));
            }))
        }
        _ => None,
    }
}

/// What is timed and counted. Callgrind finds it by its name.
#[inline(never)]
fn repeated(times: u32, work: &mut dyn FnMut()) {
    for _ in 0..times {
        work();
    }
}

/// In the process that is counted.
pub fn count(kind: &str) -> ExitCode {
    let Some(mut work) = work(kind) else { return ExitCode::from(2) };
    // Which code to run is asked once.
    work();
    repeated(COUNTED, &mut work);
    ExitCode::SUCCESS
}

pub fn run() -> Crypto {
    let rows = KINDS.map(|(kind, what)| Row {
        what,
        nanoseconds: nanoseconds(kind),
        instructions: instructions(kind),
    });
    Crypto { machine: Machine::this(), rows: rows.into() }
}

fn nanoseconds(kind: &str) -> f64 {
    let mut work = work(kind).expect("it is in the table");
    let mut round = || {
        let begun = Instant::now();
        repeated(TIMED, &mut work);
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(TIMED)
    };
    median((0..ROUNDS).map(|_| round()).collect())
}

fn instructions(kind: &str) -> f64 {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["count-crypto", kind]);
    collected("benches::crypto::repeated", &command) / f64::from(COUNTED)
}

impl Crypto {
    pub fn markdown(&self) -> String {
        let mut table = Table::new(&["", "ns", "instructions in callgrind"]);
        for Row { what, nanoseconds, instructions } in &self.rows {
            table.row([(*what).to_owned(), number(*nanoseconds), number(*instructions)]);
        }
        format!("{table}\n{}; {}.\n", self.machine.features, self.machine.caption())
    }
}
