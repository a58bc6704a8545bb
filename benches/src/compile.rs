//! What the library costs whoever compiles it: an axum application alone, with us and with
//! tower-sessions, built from nothing; and the derive beside serde's, in a crate of structs. Writes
//! the crates beside this program, has cargo build them, and knows what is in them.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use serde::Serialize;

use crate::{
    machine::{LOCK, Machine},
    report::Table,
    rounds::median,
};

const BUILDS: usize = 3;
const CHECKS: usize = 7;
const STRUCTS: usize = 100;

/// What axum's own examples begin with.
const AXUM: &str = r#"
axum = "0.8"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
"#;
const OURS: &str =
    concat!("session-runtime = { path = \"", env!("CARGO_MANIFEST_DIR"), "/../session-runtime\" }");

const SERVE: &str = r#"
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
"#;

const ALONE: &str = r#"
use axum::{Router, routing::get};

#[tokio::main]
async fn main() {
    let app: Router = Router::new().route("/", get(async || "hello"));
"#;

const WITH_OURS: &str = r#"
use axum::{Router, routing::get};
use session_runtime::{KeyRing, Session, SessionLayer, store::MemoryStore};

#[derive(Session)]
struct Visitor {
    #[session(counter)]
    visits: i64,
}

async fn hello(session: Session<Visitor>) -> String {
    session.add_visits(1);
    format!("visit {}", session.visits())
}

#[tokio::main]
async fn main() {
    let keys = KeyRing::ephemeral().unwrap();
    let layer = SessionLayer::<Visitor>::new(MemoryStore::default(), keys).unwrap();
    let app: Router = Router::new().route("/", get(hello)).layer(layer);
"#;

const WITH_TOWER_SESSIONS: &str = r#"
use axum::{Router, routing::get};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

async fn hello(session: Session) -> String {
    let visits = session.get::<i64>("visits").await.unwrap().unwrap_or_default() + 1;
    session.insert("visits", visits).await.unwrap();
    format!("visit {visits}")
}

#[tokio::main]
async fn main() {
    let layer = SessionManagerLayer::new(MemoryStore::default());
    let app: Router = Router::new().route("/", get(hello)).layer(layer);
"#;

#[derive(Serialize)]
pub struct Compile {
    machine: Machine,
    processors: usize,
    /// The first is axum alone.
    builds: Vec<Build>,
    /// The first is without a derive.
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Build {
    what: &'static str,
    seconds: f64,
    /// Without those that only build scripts need.
    crates: usize,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    seconds: f64,
}

/// A crate of our own, with a target directory of its own.
struct Crate(PathBuf);

impl Crate {
    fn write(name: &str, dependencies: &str, file: &str, source: &str) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let beside = program.parent().unwrap_or(Path::new("."));
        let it = Self(beside.join("compile").join(name));
        fs::create_dir_all(it.0.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [workspace]\n\n[dependencies]\n{dependencies}\n"
        );
        fs::write(it.0.join("Cargo.toml"), manifest)?;
        // Everybody gets what they share in the same versions; cargo strikes out the rest.
        fs::write(it.0.join("Cargo.lock"), LOCK)?;
        fs::write(it.0.join("src").join(file), source)?;
        it.cargo(&["fetch"])?;
        Ok(it)
    }

    /// What cargo prints.
    fn cargo(&self, arguments: &[&str]) -> io::Result<String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .arg("--quiet")
            .args(arguments)
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", self.target())
            // What was compiled before is to save nothing.
            .env("CARGO_INCREMENTAL", "0")
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{}: {said}", self.0.display())))
    }

    fn target(&self) -> PathBuf {
        self.0.join("target")
    }

    /// Seconds of a build from nothing.
    fn built(&self) -> io::Result<f64> {
        if self.target().exists() {
            fs::remove_dir_all(self.target())?;
        }
        self.timed("build")
    }

    /// Seconds of a check of this crate alone.
    fn checked(&self) -> io::Result<f64> {
        let source = self.0.join("src/lib.rs");
        fs::File::options().append(true).open(source)?.set_modified(std::time::SystemTime::now())?;
        self.timed("check")
    }

    fn timed(&self, command: &str) -> io::Result<f64> {
        let begun = Instant::now();
        self.cargo(&[command, "--offline"])?;
        Ok(begun.elapsed().as_secs_f64())
    }

    fn crates(&self) -> io::Result<usize> {
        let tree = self.cargo(&["tree", "--offline", "--edges", "normal", "--prefix", "none"])?;
        let crates = tree.lines().filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some((name, rest.split(' ').next()?))
        });
        // It is not a dependency of itself.
        Ok(crates.collect::<BTreeSet<_>>().len() - 1)
    }
}

pub fn run() -> io::Result<Compile> {
    let app = |name: &str, dependency: &str, main: &str| {
        Crate::write(name, &format!("{AXUM}{dependency}"), "main.rs", &format!("{main}{SERVE}"))
    };
    let apps = [
        ("axum alone", app("alone", "", ALONE)?),
        ("with session-runtime", app("ours", OURS, WITH_OURS)?),
        ("with tower-sessions", app("theirs", "tower-sessions = \"0.15\"", WITH_TOWER_SESSIONS)?),
    ];
    let lib = |name: &str, dependencies: &str, uses: &str, derive: &str| {
        Crate::write(name, dependencies, "lib.rs", &structs(uses, derive))
    };
    let serde = "serde = { version = \"1\", features = [\"derive\"] }";
    let libs = [
        ("plain", lib("plain", "", "", "")?),
        (
            "`Serialize, Deserialize`",
            lib("serde", serde, "use serde::{Deserialize, Serialize};", "Serialize, Deserialize")?,
        ),
        ("`Session`", lib("derive", OURS, "use session_runtime::Session;", "Session")?),
    ];
    let seconds = in_turn(&apps, BUILDS, Crate::built)?;
    let builds = apps.iter().zip(seconds).map(|((what, it), seconds)| {
        let (what, crates) = (*what, it.crates()?);
        Ok(Build { what, seconds, crates })
    });
    let builds = builds.collect::<io::Result<Vec<_>>>()?;
    for (_, it) in &libs {
        // Their dependencies are not what is measured.
        it.timed("check")?;
    }
    let seconds = in_turn(&libs, CHECKS, Crate::checked)?;
    let checks = libs.iter().zip(seconds).map(|((what, _), seconds)| Check { what, seconds });
    Ok(Compile {
        machine: Machine::with(&["axum", "serde", "tokio", "tower-sessions"]),
        processors: thread::available_parallelism().map_or(1, usize::from),
        builds,
        checks: checks.collect(),
    })
}

/// The median of each one's rounds.
fn in_turn(
    crates: &[(&str, Crate)],
    rounds: usize,
    time: fn(&Crate) -> io::Result<f64>,
) -> io::Result<Vec<f64>> {
    let mut times = vec![Vec::new(); crates.len()];
    for round in 1..=rounds {
        eprintln!("compiling, {round} of {rounds} …");
        for ((_, it), times) in crates.iter().zip(&mut times) {
            times.push(time(it)?);
        }
    }
    Ok(times.into_iter().map(median).collect())
}

fn structs(uses: &str, derive: &str) -> String {
    let derive = if derive.is_empty() { String::new() } else { format!("#[derive({derive})]") };
    let one = |number: usize| {
        format!(
            "
{derive}
pub struct S{number} {{
    pub a: u64,
    pub b: String,
    pub c: Option<String>,
    pub d: Vec<u32>,
    pub e: bool,
    pub f: i64,
    pub g: Option<u32>,
    pub h: Vec<String>,
    pub i: u8,
    pub j: String,
}}
"
        )
    };
    format!("{uses}\n{}", (0..STRUCTS).map(one).collect::<String>())
}

impl Compile {
    pub fn markdown(&self) -> String {
        let header = ["`cargo build` of an application", "seconds", "more", "crates", "more"];
        let mut builds = Table::new(&header);
        let alone = &self.builds[0];
        for Build { what, seconds, crates } in &self.builds {
            builds.row([
                (*what).to_owned(),
                format!("{seconds:.1}"),
                format!("{:.1}", seconds - alone.seconds),
                crates.to_string(),
                (crates - alone.crates).to_string(),
            ]);
        }
        let what = format!("`cargo check` of {STRUCTS} structs of 10 fields");
        let mut checks = Table::new(&[&what, "seconds"]);
        for Check { what, seconds } in &self.checks {
            checks.row([(*what).to_owned(), format!("{seconds:.2}")]);
        }
        let Self { processors, machine, .. } = self;
        format!("{builds}\n{checks}\n{processors} processors; {}.\n", machine.caption())
    }
}
