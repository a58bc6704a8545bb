//! Real servers for the tests, as child processes on free loopback ports in directories of their
//! own. This file owns how a process is started, watched and ended; each file below it knows one
//! server.

#[cfg(feature = "redis")]
mod group;
pub mod kind;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod lasting;
#[cfg(feature = "mysql")]
pub mod mariadb;
#[cfg(feature = "mongodb")]
pub mod mongo;
#[cfg(feature = "postgres")]
pub mod pgbouncer;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub mod sql;

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::wait::comes_true;

/// A server process. Ended with SIGKILL when dropped, and by the kernel when the test process ends
/// in whatever way.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

/// As which user a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// As the tests do.
    Same,
    /// As nobody, if the tests run as root: database servers refuse to be root.
    Unprivileged,
}

impl Process {
    /// Starts `program`; what it prints goes to `log`.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(
        name: &'static str,
        user: User,
        program: &Path,
        arguments: &[String],
        log: &Path,
    ) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("a log file");
        let err = out.try_clone().expect("a second handle");
        let mut command = command(user, program);
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(err);
        let child = spawn(command).unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { child, name, log: log.to_owned() }
    }

    /// Waits until the process accepts connections on `port`.
    ///
    /// # Panics
    ///
    /// If it ends, or does not in time; with what it printed.
    pub fn wait_for_port(&mut self, port: u16) {
        self.wait_until("accepts connections", || {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
        });
    }

    /// Waits until `ready` is true.
    ///
    /// # Panics
    ///
    /// If the process ends before that, or takes too long; with what it printed.
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        let (mut is_ready, mut ended) = (false, None);
        comes_true(|| {
            is_ready = ready();
            ended = self.child.try_wait().expect("a child can be asked");
            is_ready || ended.is_some()
        });
        assert!(
            is_ready,
            "{} ({ended:?}) never {what}; it printed:\n{}",
            self.name,
            std::fs::read_to_string(&self.log).unwrap_or_default()
        );
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `-TERM`, `-STOP`, `-CONT`.
    ///
    /// # Panics
    ///
    /// If there is no such process any more.
    pub fn signal(&self, name: &str) {
        run(Command::new("kill").args([name, &self.id().to_string()]));
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        comes_true(|| {
            status = self.child.try_wait().expect("a child can be asked");
            status.is_some()
        });
        status.unwrap_or_else(|| panic!("{} was expected to end by itself", self.name))
    }

    /// Ends it as a crash would (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        // An error means that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that dies with the test process.
#[must_use]
pub fn command(user: User, program: &Path) -> Command {
    let mut command = Command::new(find("setpriv", "util-linux"));
    command.args(["--pdeathsig", "KILL"]);
    if user == User::Unprivileged && is_root() {
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

/// Spawns from a thread that lasts as long as the tests do: the kernel ends such a child with the
/// *thread* that started it, and a test's thread ends before the others.
fn spawn(command: Command) -> std::io::Result<Child> {
    type Job = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (send, jobs) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, answer) in jobs {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(send)
    });
    let (send, answer) = mpsc::channel();
    let gone = "the spawning thread never ends";
    spawner.lock().unwrap_or_else(PoisonError::into_inner).send((command, send)).expect(gone);
    answer.recv().expect(gone)
}

/// Runs a command to its end.
///
/// # Panics
///
/// If it fails; with what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("a program that was found starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Where a program is: in `PATH`, or where Debian keeps those that are not in it.
///
/// # Panics
///
/// If it is nowhere; with the line that installs it.
#[must_use]
pub fn find(program: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.push("/usr/sbin".into());
    // Debian keeps several versions of PostgreSQL side by side; the newest one will do.
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|it| it.path().join("bin")).collect();
    versions.sort();
    // Before `PATH`: what is there under these names may be another installation's.
    places.splice(0..0, versions.into_iter().rev());
    places.into_iter().map(|place| place.join(program)).find(|it| it.is_file()).unwrap_or_else(
        || panic!("`{program}` is missing; install it: sudo apt-get install -y {package}"),
    )
}

/// Where a program of the Python Package Index is: in `PATH`, where pip has put it, or where `cargo
/// xtask test` has.
///
/// # Panics
///
/// If it is nowhere.
#[must_use]
pub fn find_tool(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let python = find("python3", "python3");
    let script = "import sysconfig; print(sysconfig.get_path('scripts'))";
    let scripts = run(Command::new(python).args(["-c", script]));
    // The rule of `xtask/src/needs.rs`.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        |target| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(target),
    );
    let places = std::env::split_paths(&path)
        .chain([scripts.trim().into(), target.join("tools").join(program).join("bin")]);
    places.map(|place| place.join(program)).find(|it| it.is_file()).unwrap_or_else(|| {
        panic!("`{program}` is missing; run `cargo xtask test` once, which installs it")
    })
}

/// A port that nobody listens on, that nobody else in this process is given, and that the system
/// gives to nobody who connects somewhere: a server that was killed finds it free when it comes
/// back.
///
/// # Panics
///
/// Never: the ports are small numbers.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u32 = 15_000;
    // Up to where Linux begins to give out ports by itself.
    const PORTS: u32 = 17_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Test processes that run at the same time begin at different places.
        let offset = std::process::id().wrapping_mul(61);
        let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(offset) % PORTS;
        let port = u16::try_from(FIRST + number).expect("a small number");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A directory for a server's data, gone when dropped; a server that runs as nobody can use it.
///
/// # Panics
///
/// If it cannot be made.
#[must_use]
pub fn directory(user: User) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    if user == User::Unprivileged && is_root() {
        run(Command::new("chown").arg("nobody:nogroup").arg(directory.path()));
    }
    directory
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| run(Command::new("id").arg("-u")).trim() == "0")
}
