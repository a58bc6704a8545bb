//! The application of [`app`](crate::app) in processes of its own, as many as a test wants: starts
//! them, kills them, and gives browsers for them. Knows the program's settings; which stores there
//! are is the caller's business.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use session_runtime::Key;
use tempfile::TempDir;

use crate::{
    Client,
    backend::{Process, User, find, run},
};

/// How much of what a process said is told when a test fails.
const LINES: usize = 12;

/// What the program is told.
#[derive(Clone)]
pub struct Settings {
    /// The URL of the store.
    pub store: String,
    /// The text of the key ring.
    pub keys: String,
    /// Separates tests that share a store.
    pub audience: String,
    /// True if the sessions are sealed at rest.
    pub encrypt: bool,
    /// `3:end-oldest`, `3:refuse-new`, or nothing.
    pub cap: &'static str,
    /// The deadline of each operation of the store in milliseconds, or nothing for the usual one.
    pub deadline: &'static str,
    /// How long the end of a session takes in milliseconds, or nothing for as long as it does; with it,
    /// `/ending` counts those that were begun.
    pub slow_end: &'static str,
    /// True if the store is opened at its first use.
    pub lazy: bool,
    /// The seconds by which the clock of the process is wrong: `+3600`, `-3600`, or nothing.
    pub clock: &'static str,
}

impl Settings {
    /// Sessions at `store`, under a new key and an audience that nobody else has.
    ///
    /// # Panics
    ///
    /// If the machine gives no random bytes.
    #[must_use]
    pub fn new(store: impl Into<String>) -> Self {
        static AUDIENCES: AtomicU32 = AtomicU32::new(0);
        let audience = AUDIENCES.fetch_add(1, Ordering::Relaxed);
        Self {
            store: store.into(),
            keys: Key::generate().expect("random bytes").to_base64().to_string(),
            audience: format!("test-{}-{audience}", std::process::id()),
            encrypt: false,
            cap: "",
            deadline: "",
            slow_end: "",
            lazy: false,
            clock: "",
        }
    }

    /// The same with the sessions sealed at rest, or not.
    #[must_use]
    pub fn encrypt(self, encrypt: bool) -> Self {
        Self { encrypt, ..self }
    }

    fn arguments(&self, program: &Path) -> Vec<String> {
        // A file that may grow no further is an error then, as on a full disk, and not the end.
        let mut arguments = vec!["--ignore-signal=XFSZ".to_owned()];
        arguments.extend(self.clock_arguments());
        arguments.extend([
            format!("STORE={}", self.store),
            format!("SESSION_KEYS={}", self.keys),
            format!("AUDIENCE={}", self.audience),
            format!("ENCRYPT={}", u8::from(self.encrypt)),
            format!("CAP={}", self.cap),
            format!("DEADLINE={}", self.deadline),
            format!("SLOW_END={}", self.slow_end),
            format!("LAZY={}", if self.lazy { "1" } else { "" }),
            program.display().to_string(),
        ]);
        arguments
    }

    /// What makes a clock wrong: that of the calendar alone, since timers go on as they are.
    fn clock_arguments(&self) -> Vec<String> {
        if self.clock.is_empty() {
            return Vec::new();
        }
        vec![
            format!("LD_PRELOAD={}", faketime().display()),
            format!("FAKETIME={}", self.clock),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ]
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("audience", &self.audience).finish_non_exhaustive()
    }
}

/// One process that serves the application; killed when dropped.
#[derive(Debug)]
pub struct Machine {
    program: PathBuf,
    settings: Settings,
    url: String,
    process: Process,
    /// A log for each start: the address is read there.
    logs: TempDir,
    starts: u32,
}

impl Machine {
    /// Starts `program` (`env!("CARGO_BIN_EXE_app")`), and waits until it serves.
    ///
    /// # Panics
    ///
    /// If it does not; with what it printed.
    #[must_use]
    pub fn start(program: &str, settings: &Settings) -> Self {
        let mut all = Self::start_all(program, settings, 1);
        all.pop().expect("as many as were asked for")
    }

    /// Starts that many processes at once, and waits until all of them serve.
    ///
    /// # Panics
    ///
    /// If one does not; with what it printed.
    #[must_use]
    pub fn start_all(program: &str, settings: &Settings, machines: usize) -> Vec<Self> {
        let program = PathBuf::from(program);
        let launched: Vec<_> = (0..machines)
            .map(|_| {
                let logs = tempfile::tempdir().expect("a temporary directory");
                let process = launch(&program, settings, &logs.path().join("log-1"));
                (process, logs)
            })
            .collect();
        let serving = launched.into_iter().map(|(mut process, logs)| {
            let url = address(&mut process, &logs.path().join("log-1"));
            let (program, settings) = (program.clone(), settings.clone());
            Self { program, settings, url, process, logs, starts: 1 }
        });
        serving.collect()
    }

    /// Ends the process as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends the process a signal: `-STOP`, `-CONT`.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Lets the process write nothing beyond so many bytes in any file, or anything again: a full disk.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let bytes = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let limit = format!("--fsize={bytes}:unlimited");
        let pid = self.process.id().to_string();
        run(Command::new(find("prlimit", "util-linux")).args(["--pid", &pid, &limit]));
    }

    /// Asks the process to end (SIGTERM), and waits until it has. Returns whether it ended well.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[must_use]
    pub fn terminate(&mut self) -> bool {
        self.process.signal("-TERM");
        self.process.wait().success()
    }

    /// What it has printed since its latest start, its log included.
    #[must_use]
    pub fn said(&self) -> String {
        let log = self.logs.path().join(format!("log-{}", self.starts));
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// Starts the process anew after [`kill`](Self::kill), on another port.
    ///
    /// # Panics
    ///
    /// If it does not serve; with what it printed.
    pub fn restart(&mut self) {
        self.starts += 1;
        let log = self.logs.path().join(format!("log-{}", self.starts));
        self.process = launch(&self.program, &self.settings, &log);
        self.url = address(&mut self.process, &log);
    }

    /// Starts a process with other settings in this one's place: the new one serves before the old one
    /// is asked to end, which ends in order. `moved` is told in between where the new one serves.
    ///
    /// # Panics
    ///
    /// If the new one does not serve, or the old one does not end well.
    pub fn replace(&mut self, settings: &Settings, moved: impl FnOnce(&str)) {
        let program = self.program.display().to_string();
        let mut old = std::mem::replace(self, Self::start(&program, settings));
        moved(&self.url);
        assert!(old.terminate(), "it ends in order");
    }

    /// Where it serves: `http://127.0.0.1:3000`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A fresh browser for it.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::at(&self.url)
    }
}

impl Drop for Machine {
    /// Tells what the process said, if the test fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES)..];
            eprintln!("what {} said last:\n{}", self.url, last.join("\n"));
        }
    }
}

/// The library that makes clocks wrong, where Debian has it for this kind of machine.
fn faketime() -> PathBuf {
    // Its command is not used: a process between the test and the program would be killed instead.
    let _ = find("faketime", "faketime");
    let kinds = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut libraries = kinds.map(|kind| kind.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|it| it.is_file()).expect("the library of the command that was found")
}

fn launch(program: &Path, settings: &Settings, log: &Path) -> Process {
    let env = find("env", "coreutils");
    Process::start("app", User::Same, &env, &settings.arguments(program), log)
}

/// What the process says that it listens on, as soon as it does.
fn address(process: &mut Process, log: &Path) -> String {
    let mut url = None;
    process.wait_until("said where it listens", || {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        let whole_lines = said.rsplit_once('\n').map_or("", |(lines, _)| lines);
        url = whole_lines
            .lines()
            .find_map(|line| line.strip_prefix("listening on "))
            .map(str::to_owned);
        url.is_some()
    });
    url.expect("waited for it")
}
