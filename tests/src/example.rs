//! A program of the `examples` crate, started as a process of its own, and `curl` to use it with:
//! its cookie jars behave like those of browsers. Knows nothing of any single example.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tempfile::{NamedTempFile, TempDir};

use crate::{
    backend::run,
    wait::{PATIENCE, comes_true},
};

const SETTINGS: [&str; 9] =
    ["PORT", "STORE", "STORE_LAZY", "SESSION_KEYS", "IDLE", "ABSOLUTE", "TLS", "RUST_LOG", "CLOCK"];

/// Where the programs are, all built once for all tests, with every store.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        // What cargo tells this test of its package is not for building others: build scripts that
        // read it would run again, and whatever rests on them.
        let of_package = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        for name in of_package {
            cargo.env_remove(name);
        }
        let output = cargo
            // As `cargo xtask test` builds them before the tests, so that this takes no time.
            .args(["build", "--workspace", "--all-features", "--examples"])
            .arg("--message-format=json")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "the examples do not build");
        let messages = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
        let program = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["kind"][0] == "example")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executables");
        program.parent().expect("a program is in a folder").to_owned()
    })
}

/// The example `name` with these settings and no others from the surroundings; unless they say
/// otherwise, its sessions are in memory, so that many of them run side by side.
#[must_use]
pub fn command(name: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = bare(&programs().join(name));
    command.env("STORE", "memory:").envs(settings.iter().copied());
    command
}

/// The program as somebody starts it who has set nothing.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in SETTINGS {
        command.env_remove(name);
    }
    command.env("PORT", "0").stdin(Stdio::null());
    command
}

/// A copy of an example in a folder of its own, where it keeps its sessions and its key.
#[derive(Debug)]
pub struct Copy {
    folder: TempDir,
    name: String,
}

impl Copy {
    /// # Panics
    ///
    /// If there is no such example.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the copy");
        // By another process: a program that this one has open for writing cannot be started, nor
        // while a child has it open that another test has started at that moment.
        run(Command::new("cp").arg(programs().join(name)).arg(folder.path()));
        Self { folder, name: name.to_owned() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The copy as somebody starts it who has set nothing.
    #[must_use]
    pub fn command(&self) -> Command {
        bare(&self.folder.path().join(&self.name))
    }
}

/// Runs a program that is expected to end by itself, and soon.
///
/// # Panics
///
/// If it cannot be started, or does not end.
pub fn run_to_end(command: &mut Command) -> Output {
    let mut process =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait(&mut process);
    process.wait_with_output().expect("it has ended")
}

/// Waits for a process to end by itself; one that does not is ended, and fails the test.
///
/// # Panics
///
/// If that takes too long.
pub fn wait(process: &mut Child) -> ExitStatus {
    let mut status = None;
    comes_true(|| {
        status = process.try_wait().expect("it can be waited for");
        status.is_some()
    });
    status.unwrap_or_else(|| {
        let _ = process.kill();
        panic!("the program was expected to end by itself")
    })
}

/// A running example; ended with the test, whatever the test's end.
#[derive(Debug)]
pub struct Example {
    /// The process itself.
    pub process: Child,
    /// What it says first: its address.
    pub first_line: String,
    /// The folder of what it stores.
    folder: Option<TempDir>,
}

impl Example {
    /// The example `name`, with these settings; its sessions are in memory unless they say
    /// otherwise.
    ///
    /// # Panics
    ///
    /// If it does not start, or does not say that it listens.
    #[must_use]
    pub fn start(name: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = command(name, settings);
        let says_store = settings.iter().any(|(setting, _)| *setting == "STORE");
        // Its key lasts, so what has ended must not be forgotten with the process.
        let folder = (name == "ktor_client" && !says_store)
            .then(|| tempfile::tempdir().expect("a folder for what has ended"));
        if let Some(folder) = &folder {
            command.env("STORE", format!("file:{}", folder.path().display()));
        }
        let mut example = Self::run(&mut command);
        example.folder = folder;
        example
    }

    /// # Panics
    ///
    /// If it does not start, or does not say that it listens.
    pub fn run(command: &mut Command) -> Self {
        Self::run_with_log(command, Stdio::null())
    }

    /// Starts an example that writes its log to `log`.
    ///
    /// # Panics
    ///
    /// If it does not start, or does not say that it listens.
    pub fn run_with_log(command: &mut Command, log: impl Into<Stdio>) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let stdout = process.stdout.take().expect("standard output is piped");
        let mut example = Self { process, first_line: String::new(), folder: None };
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            // An error leaves the line empty, and the receiver's assertion shows that.
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = send.send(line);
        });
        example.first_line = receive.recv_timeout(PATIENCE).expect("it says that it listens");
        example
    }

    /// Without a path: `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// If the first line is something else.
    #[must_use]
    pub fn url(&self) -> &str {
        self.first_line.strip_prefix("listening on ").expect("the address comes first").trim_end()
    }

    /// # Panics
    ///
    /// If the first line has no port.
    #[must_use]
    pub fn port(&self) -> &str {
        self.url().rsplit(':').next().expect("an address ends with its port")
    }

    /// The name of the cookie that is `name` with a prefix over https: it has the port in its stead.
    #[must_use]
    pub fn dev_name(&self, name: &str) -> String {
        format!("{name}-{}", self.port())
    }

    /// A client with a cookie jar of its own.
    ///
    /// # Panics
    ///
    /// If there is no place for temporary files.
    #[must_use]
    pub fn browser(&self) -> Browser<'_> {
        let folder = tempfile::tempdir().expect("a folder for cookies");
        Browser { example: self, folder, restarted: false }
    }

    /// A request with these arguments for `curl`, from a client that keeps nothing.
    #[must_use]
    pub fn request(&self, path: &str, arguments: &[&str]) -> Reply {
        curl(&[arguments, &[&format!("{}{path}", self.url())]].concat())
    }

    /// A request with exactly this `Cookie` header, from a client that keeps nothing.
    #[must_use]
    pub fn replay(&self, path: &str, cookie: &str) -> Reply {
        self.request(path, &["--header", &format!("Cookie: {cookie}")])
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A clock for examples: the system's, and ahead of that by as much as a test has moved it.
#[derive(Debug)]
pub struct Clock {
    file: NamedTempFile,
    ahead: AtomicU64,
}

impl Clock {
    /// Shows the system's time.
    ///
    /// # Panics
    ///
    /// If there is no place for temporary files.
    #[must_use]
    pub fn new() -> Self {
        let file = NamedTempFile::new().expect("a place for temporary files");
        let clock = Self { file, ahead: AtomicU64::new(0) };
        clock.advance(Duration::ZERO);
        clock
    }

    /// The setting by which an example follows it.
    ///
    /// # Panics
    ///
    /// If the place for temporary files is no text.
    #[must_use]
    pub fn setting(&self) -> (&'static str, &str) {
        ("CLOCK", self.file.path().to_str().expect("a path that is text"))
    }

    /// Moves it forward by whole seconds.
    ///
    /// # Panics
    ///
    /// If its file cannot be written.
    pub fn advance(&self, by: Duration) {
        let ahead = self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst) + by.as_secs();
        std::fs::write(self.file.path(), ahead.to_string()).expect("a file of the test's own");
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// A client with a cookie jar of its own (`--cookie` and `--cookie-jar`).
#[derive(Debug)]
pub struct Browser<'a> {
    example: &'a Example,
    folder: TempDir,
    /// Whether it forgets what was only for its last run.
    pub restarted: bool,
}

impl Browser<'_> {
    /// A request with the jar and these arguments for `curl`.
    #[must_use]
    pub fn request(&self, path: &str, arguments: &[&str]) -> Reply {
        let jar = self.jar().display().to_string();
        let junk: &[&str] = if self.restarted { &["--junk-session-cookies"] } else { &[] };
        let jar = ["--cookie", &jar, "--cookie-jar", &jar];
        self.example.request(path, &[&jar, junk, arguments].concat())
    }

    /// A `GET` with the jar.
    #[must_use]
    pub fn get(&self, path: &str) -> Reply {
        self.request(path, &[])
    }

    /// Posts a form, given as `name=value`.
    pub fn post(&self, path: &str, form: &[&str]) -> Reply {
        self.request(path, &["--data", &form.join("&")])
    }

    /// Posts JSON.
    pub fn post_json(&self, path: &str, body: &serde_json::Value) -> Reply {
        let body = body.to_string();
        self.request(path, &["--header", "Content-Type: application/json", "--data", &body])
    }

    /// Lets time pass for the jar: each cookie ends so many seconds sooner.
    ///
    /// # Panics
    ///
    /// If there is no jar yet, or it is none of `curl`'s.
    pub fn age(&self, by: Duration) {
        let jar = std::fs::read_to_string(self.jar()).expect("the client has been somewhere");
        let aged = jar.lines().map(|line| {
            let mut columns: Vec<_> = line.split('\t').map(str::to_owned).collect();
            // The time in seconds; 0: for as long as the client runs.
            if let Some(end) = columns.get_mut(4).filter(|end| *end != "0") {
                let at: u64 = end.parse().expect("a number of seconds");
                *end = at.saturating_sub(by.as_secs()).max(1).to_string();
            }
            columns.join("\t") + "\n"
        });
        std::fs::write(self.jar(), aged.collect::<String>()).expect("a jar of the test's own");
    }

    /// What the jar would send of the cookie `name`: `name=value`.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let jar = std::fs::read_to_string(self.jar()).ok()?;
        let mut lines = jar.lines().map(|line| line.split('\t').skip(5));
        lines.find_map(|mut columns| {
            (columns.next()? == name).then_some(())?;
            Some(format!("{name}={}", columns.next()?))
        })
    }

    fn jar(&self) -> PathBuf {
        self.folder.path().join("cookies")
    }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Reply {
    /// The first value of the header `name`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every value of the header `name`, in order.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Every `Set-Cookie`.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers("set-cookie").collect()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the JSON of {self:?}"))
    }
}

/// Runs `curl` with these arguments, and nothing of what its user has configured.
///
/// # Panics
///
/// If it fails, or the answer is no HTTP in UTF-8.
#[must_use]
pub fn curl(arguments: &[&str]) -> Reply {
    let Output { status, stdout, stderr } = Command::new("curl")
        // First, as curl demands: whatever the user's own settings are.
        .arg("--disable")
        .args(["--silent", "--show-error", "--include", "--insecure"])
        .args(["--noproxy", "*", "--max-time", "90"])
        .args(arguments)
        .output()
        .expect("curl is installed");
    assert!(status.success(), "curl {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    let text = String::from_utf8(stdout).expect("the example speaks UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines.filter_map(|line| line.split_once(": "));
    Reply {
        status: status.parse().expect("a status is a number"),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: body.to_owned(),
    }
}
