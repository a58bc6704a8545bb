//! The steps of `cargo xtask test`, in order: each is one command, printed so that it can be
//! repeated by hand. Owns how they are run and reported; what they check is up to the commands.

use std::{env, ffi::OsStr, fmt, path::Path, process::Command, time::Instant};

/// One command of the whole.
struct Step {
    name: &'static str,
    /// Set for the command only.
    environment: &'static [(&'static str, &'static str)],
    /// The arguments of `cargo`.
    arguments: &'static [&'static str],
}

/// The quick ones first. `cargo test` runs unit, integration, compile-fail and documentation tests;
/// some of them start the examples, hence the build before it.
const STEPS: &[Step] = &[
    Step { name: "format", environment: &[], arguments: &["fmt", "--all", "--check"] },
    Step {
        name: "format of the benchmark",
        environment: &[],
        arguments: &["fmt", "--manifest-path", "benches/Cargo.toml", "--check"],
    },
    Step {
        name: "lints",
        environment: &[],
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ],
    },
    Step {
        name: "lints without features",
        environment: &[],
        arguments: &[
            "clippy",
            "-p",
            "session-runtime",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
    },
    Step {
        // With all features, ring computes what plain Rust does here.
        name: "library by itself",
        environment: &[],
        arguments: &["test", "-p", "session-runtime", "--lib"],
    },
    Step {
        name: "examples",
        environment: &[],
        arguments: &["build", "--workspace", "--all-features", "--examples"],
    },
    // All of them: what fails first may not be what fails most.
    Step {
        name: "tests",
        environment: &[],
        arguments: &["test", "--workspace", "--all-features", "--no-fail-fast"],
    },
    Step {
        name: "documentation",
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        arguments: &["doc", "--workspace", "--no-deps", "--all-features"],
    },
    Step {
        name: "lints of the benchmark",
        environment: &[],
        arguments: &[
            "clippy",
            "--manifest-path",
            "benches/Cargo.toml",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    },
    // As the next step builds it: in release, and without the other libraries.
    Step {
        name: "tests of the benchmark",
        environment: &[],
        arguments: &[
            "test",
            "--manifest-path",
            "benches/Cargo.toml",
            "--release",
            "--no-default-features",
            "--locked",
            "--lib",
        ],
    },
    Step { name: "instruction counts", environment: &[], arguments: &["xtask", "bench", "gate"] },
];

impl Step {
    fn command(&self) -> Command {
        let mut command = cargo();
        command.args(self.arguments).envs(self.environment.iter().copied());
        command
    }
}

impl fmt::Display for Step {
    /// The command as a shell takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.environment {
            write!(f, "{name}=\"{value}\" ")?;
        }
        write!(f, "cargo {}", self.arguments.join(" "))
    }
}

/// The cargo that runs us, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The step that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    step: &'static str,
    seconds: f64,
    repeat: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, seconds, repeat } = self;
        write!(f, "==> {step}: FAILED after {seconds:.1} s; to repeat it:\n\n    {repeat}\n")
    }
}

/// Runs the steps up to the first that fails; programs are looked for in `path`.
pub(crate) fn run(path: &OsStr) -> Result<(), Failed> {
    let start = Instant::now();
    for step in STEPS {
        println!("==> {}: {step}", step.name);
        let begun = Instant::now();
        let passed = step.command().env("PATH", path).status().is_ok_and(|status| status.success());
        let seconds = begun.elapsed().as_secs_f64();
        if !passed {
            return Err(Failed { step: step.name, seconds, repeat: step.to_string() });
        }
        println!("==> {}: passed in {seconds:.1} s", step.name);
    }
    println!("==> all passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_prints_as_a_line_to_type() {
        let lines: Vec<String> = STEPS.iter().map(Step::to_string).collect();
        assert_eq!(lines[0], "cargo fmt --all --check");
        let documentation =
            "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --all-features";
        assert!(lines.iter().any(|line| line == documentation));
        assert_eq!(lines.last().map(String::as_str), Some("cargo xtask bench gate"));
    }

    #[test]
    fn no_two_steps_share_a_name_or_a_command() {
        for (position, step) in STEPS.iter().enumerate() {
            for other in &STEPS[..position] {
                assert_ne!(step.name, other.name);
                assert_ne!(step.to_string(), other.to_string());
            }
        }
    }
}
