//! What a machine must have beside Rust, and how it gets it. Owns the one table of programs and
//! packages, and the calls of the package manager; what the programs are used for in detail is the
//! business of the tests that call them.

use std::{
    env, fmt,
    path::Path,
    process::{Command, Stdio},
};

use crate::steps::cargo;

/// A program that the steps need.
struct Need {
    /// What is looked for in `PATH`.
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
        command: "kill",
        package: "procps",
        purpose: "tells the examples to stop, as a service manager does",
    },
];

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
/// to type.
pub(crate) fn provide() -> Result<(), Missing> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !is_in_path(need.command)).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    let absent: Vec<&str> = COMPONENTS
        .iter()
        .filter(|(subcommand, _)| !is_component(subcommand))
        .map(|(_, component)| *component)
        .collect();
    if absent.is_empty() {
        return Ok(());
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
        && missing.iter().all(|need| is_in_path(need.command));
    if done { Ok(()) } else { Err(failed()) }
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
            text.contains("apt-get install -y --no-install-recommends build-essential curl procps"),
            "{text}"
        );
    }
}
