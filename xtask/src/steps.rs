//! The steps of `cargo xtask test` and `cargo xtask extra`, in order: each is one command, printed so that it can be
//! repeated by hand. Owns how they are run and reported; what they check is up to the commands.

use std::{env, ffi::OsStr, fmt, path::Path, process::Command, time::Instant};

use crate::features;

/// One command of the whole.
struct Step {
    name: String,
    /// Set for the command only.
    environment: Vec<(&'static str, &'static str)>,
    /// The arguments of `cargo`, as they are typed; none has a space in it.
    arguments: String,
}

/// Packs changes that are not committed, too: whoever runs this wants to know about those.
const PACKAGE: &str = "package -p session-derive -p session-runtime -p session-cli --allow-dirty";

/// The steps of `cargo xtask test`, the quick ones first. `cargo test` runs unit, integration,
/// compile-fail and documentation tests; some of them start the examples, hence the build before it.
fn of_test() -> Vec<Step> {
    let mut steps = vec![
        Step::new("format", "fmt --all --check"),
        Step::new("format of the benchmark", "fmt --manifest-path benches/Cargo.toml --check"),
        Step::new("lints", "clippy --workspace --all-targets --all-features -- -D warnings"),
        Step::new(
            "lints without features",
            "clippy -p session-runtime --no-default-features -- -D warnings",
        ),
        // With all features, ring computes what plain Rust does here.
        Step::new("library by itself", "test -p session-runtime --lib"),
        Step::new("examples", "build --workspace --all-features --examples"),
        Step::new("tests", "test --workspace --all-features --no-fail-fast"),
        // With what docs.rs has switched on, so that the marks of features are built, too.
        Step::new("documentation", "doc --workspace --no-deps --all-features")
            .with("RUSTDOC", ".ci/rustdoc")
            .with("RUSTDOCFLAGS", "--cfg docsrs -D warnings"),
        Step::new("packages", format!("{PACKAGE} --no-verify")),
    ];
    steps.extend(features::of_the_library().into_iter().map(|feature| {
        Step::new(
            format!("feature `{feature}` by itself"),
            format!(
                "clippy -p session-runtime --no-default-features --features {feature} -- -D warnings"
            ),
        )
    }));
    let benchmark = "--manifest-path benches/Cargo.toml";
    steps.extend([
        Step::new(
            "lints of the benchmark",
            format!("clippy {benchmark} --all-targets --all-features --locked -- -D warnings"),
        ),
        // As the next step builds it: in release, and without the other libraries.
        Step::new(
            "tests of the benchmark",
            format!("test {benchmark} --release --no-default-features --locked --lib"),
        ),
        Step::new("instruction counts", "xtask bench gate"),
    ]);
    steps
}

/// The steps of `cargo xtask extra`. Advisories come from a database on another host.
fn of_extra(with_advisories: bool) -> Vec<Step> {
    let advisories = Step::new("advisories", "deny check advisories");
    let steps = vec![
        Step::new("licences, sources and bans", "deny check licenses sources bans"),
        Step::new("packages by themselves", PACKAGE),
    ];
    with_advisories.then_some(advisories).into_iter().chain(steps).collect()
}

impl Step {
    fn new(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { name: name.into(), environment: Vec::new(), arguments: arguments.into() }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    fn command(&self) -> Command {
        let mut command = cargo();
        command.args(self.arguments.split(' ')).envs(self.environment.iter().copied());
        command
    }
}

impl fmt::Display for Step {
    /// The command as a shell takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}=\"{value}\" ")?;
        }
        write!(f, "cargo {}", self.arguments)
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
    step: String,
    seconds: f64,
    repeat: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, seconds, repeat } = self;
        write!(f, "==> {step}: FAILED after {seconds:.1} s; to repeat it:\n\n    {repeat}\n")
    }
}

/// Runs what `cargo xtask test` does; programs are looked for in `path`.
pub(crate) fn test(path: &OsStr) -> Result<(), Failed> {
    run(&of_test(), path)
}

/// Runs what `cargo xtask extra` does; programs are looked for in `path`.
pub(crate) fn extra(path: &OsStr) -> Result<(), Failed> {
    let mut fetch = cargo();
    let fetched = fetch.args(["deny", "fetch", "db"]).env("PATH", path).output();
    let with_advisories = fetched.is_ok_and(|output| output.status.success());
    run(&of_extra(with_advisories), path)?;
    if !with_advisories {
        println!("==> NOT checked: advisories; `cargo deny fetch db` cannot reach their database");
    }
    Ok(())
}

/// Runs the steps up to the first that fails.
fn run(steps: &[Step], path: &OsStr) -> Result<(), Failed> {
    let start = Instant::now();
    for step in steps {
        println!("==> {}: {step}", step.name);
        let begun = Instant::now();
        let passed = step.command().env("PATH", path).status().is_ok_and(|status| status.success());
        let seconds = begun.elapsed().as_secs_f64();
        if !passed {
            return Err(Failed { step: step.name.clone(), seconds, repeat: step.to_string() });
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
        let lines: Vec<String> = of_test().iter().map(Step::to_string).collect();
        assert_eq!(lines[0], "cargo fmt --all --check");
        let documentation = "RUSTDOC=\".ci/rustdoc\" RUSTDOCFLAGS=\"--cfg docsrs -D warnings\" \
                             cargo doc --workspace --no-deps --all-features";
        assert!(lines.iter().any(|line| line == documentation));
        assert_eq!(lines.last().map(String::as_str), Some("cargo xtask bench gate"));
    }

    #[test]
    fn no_two_steps_share_a_name_or_a_command() {
        let steps: Vec<Step> = of_test().into_iter().chain(of_extra(true)).collect();
        for (position, step) in steps.iter().enumerate() {
            for other in &steps[..position] {
                assert_ne!(step.name, other.name);
                assert_ne!(step.to_string(), other.to_string());
            }
        }
    }

    #[test]
    fn each_feature_has_a_step_that_its_failure_names() {
        let failed = |feature: &str| {
            let step = of_test().into_iter().find(|step| step.arguments.contains(feature));
            let step = step.expect("a step for each feature");
            Failed { step: step.name.clone(), seconds: 1.0, repeat: step.to_string() }.to_string()
        };
        let text = failed("--features mongodb ");
        assert!(text.starts_with("==> feature `mongodb` by itself: FAILED"), "{text}");
    }

    #[test]
    fn advisories_are_left_out_where_their_database_cannot_be_reached() {
        let has = |steps: Vec<Step>| steps.iter().any(|step| step.name == "advisories");
        assert!(has(of_extra(true)) && !has(of_extra(false)));
    }
}
