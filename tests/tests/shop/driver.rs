//! Starts the built shop as a process of its own, and speaks to it with `curl`, whose cookie jars
//! behave like those of browsers. Knows the pages' landmarks, and nothing of what is tested.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const SETTINGS: [&str; 7] =
    ["PORT", "STORE", "SESSION_KEYS", "IDLE", "ABSOLUTE", "TLS", "RUST_LOG"];

/// The program, built once for all tests.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--package", "examples", "--example", "shop"])
            .arg("--message-format=json")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "the shop does not build");
        let messages = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "shop")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    })
}

/// The program with these settings and no others from the surroundings; unless they say otherwise,
/// its sessions are in memory, so that many shops run side by side.
pub(crate) fn command(settings: &[(&str, &str)]) -> Command {
    let mut command = bare(program());
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

/// A copy of the program in a folder of its own, where it keeps its sessions.
pub(crate) struct Copy {
    folder: TempDir,
}

impl Copy {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the copy");
        std::fs::copy(program(), folder.path().join("shop")).expect("the program can be copied");
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self) -> Command {
        bare(&self.folder.path().join("shop"))
    }
}

/// Runs a program that is expected to end by itself, and soon.
pub(crate) fn run_to_end(command: &mut Command) -> Output {
    let mut process =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the shop starts");
    wait(&mut process);
    process.wait_with_output().expect("it has ended")
}

/// Waits for a process to end by itself; one that does not is ended, and fails the test.
pub(crate) fn wait(process: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = process.try_wait().expect("it can be waited for") {
            return status;
        }
        if Instant::now() > deadline {
            let _ = process.kill();
            panic!("the shop was expected to end by itself");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// A running shop; ended with the test, whatever the test's end.
pub(crate) struct Shop {
    pub(crate) process: Child,
    pub(crate) first_line: String,
}

impl Shop {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::run(&mut command(settings))
    }

    pub(crate) fn run(command: &mut Command) -> Self {
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the shop starts");
        let stdout = process.stdout.take().expect("standard output is piped");
        let mut shop = Self { process, first_line: String::new() };
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            // An error leaves the line empty, and the receiver's assertion shows that.
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = send.send(line);
        });
        shop.first_line =
            receive.recv_timeout(Duration::from_secs(30)).expect("the shop says that it listens");
        shop
    }

    pub(crate) fn url(&self) -> &str {
        self.first_line.strip_prefix("listening on ").expect("the address comes first").trim_end()
    }

    pub(crate) fn port(&self) -> &str {
        self.url().rsplit(':').next().expect("an address ends with its port")
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        let folder = tempfile::tempdir().expect("a folder for cookies");
        Browser { shop: self, folder, restarted: false }
    }

    /// A request with exactly this `Cookie` header, from a client that keeps nothing.
    pub(crate) fn replay(&self, cookie: &str) -> Reply {
        curl(&["--header", &format!("Cookie: {cookie}"), self.url()])
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A cookie jar of its own.
pub(crate) struct Browser<'a> {
    shop: &'a Shop,
    folder: TempDir,
    /// Whether it forgets what was only for its last run.
    pub(crate) restarted: bool,
}

impl Browser<'_> {
    pub(crate) fn request(&self, path: &str, more: &[&str]) -> Reply {
        let jar = self.folder.path().join("cookies").display().to_string();
        let url = format!("{}{path}", self.shop.url());
        let mut arguments = vec!["--cookie", &jar, "--cookie-jar", &jar];
        if self.restarted {
            arguments.push("--junk-session-cookies");
        }
        arguments.extend_from_slice(more);
        arguments.push(&url);
        curl(&arguments)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.request(path, &[])
    }

    pub(crate) fn post(&self, path: &str, form: &[&str]) -> Reply {
        self.request(path, &["--data", &form.join("&")])
    }

    pub(crate) fn log_in(&self, form: &[&str]) -> Reply {
        let reply = self.post("/login", form);
        assert_eq!((reply.status, reply.header("location")), (303, Some("/")), "{reply:?}");
        reply
    }

    pub(crate) fn log_in_ada(&self) -> Reply {
        self.log_in(&["username=ada", "password=lovelace"])
    }

    /// What the jar would send.
    pub(crate) fn cookie(&self) -> Option<String> {
        let jar = std::fs::read_to_string(self.folder.path().join("cookies")).ok()?;
        let line = jar.lines().find(|line| line.contains("shop\t"))?;
        let mut columns = line.split('\t').skip(5);
        Some(format!("{}={}", columns.next()?, columns.next()?))
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whose name the page's head shows.
    pub(crate) fn user(&self) -> Option<&str> {
        between(&self.body, "Hello, <strong>", "</strong>")
    }

    /// The theme that somebody chose.
    pub(crate) fn theme(&self) -> Option<&str> {
        between(&self.body, "<html lang=\"en\" data-theme=\"", "\">")
    }

    pub(crate) fn visits(&self) -> Option<&str> {
        between(&self.body, "<span id=\"visits\">", "</span>")
    }

    /// The pieces on the page of the cart.
    pub(crate) fn cart(&self) -> Vec<&str> {
        self.all("action=\"/cart/remove/", "\"")
    }

    pub(crate) fn notice(&self) -> Option<&str> {
        between(&self.body, "role=\"status\">", "</p>")
    }

    /// The handles of the log-ins on the page of devices: this browser's first.
    pub(crate) fn devices(&self) -> Vec<&str> {
        assert_eq!(self.status, 200, "{self:?}");
        self.all("action=\"/devices/", "/end\"")
    }

    fn all(&self, start: &str, end: &str) -> Vec<&str> {
        let parts = self.body.split(start).skip(1);
        parts.filter_map(|part| part.split_once(end)).map(|(found, _)| found).collect()
    }
}

/// What stands between the first `start` and the next `end`.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

pub(crate) fn curl(arguments: &[&str]) -> Reply {
    let Output { status, stdout, stderr } = Command::new("curl")
        // First, as curl demands: whatever the user's own settings are.
        .arg("--disable")
        .args(["--silent", "--show-error", "--include", "--insecure"])
        .args(["--noproxy", "*", "--max-time", "30"])
        .args(arguments)
        .output()
        .expect("curl is installed");
    assert!(status.success(), "curl {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    let text = String::from_utf8(stdout).expect("the shop speaks UTF-8");
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
