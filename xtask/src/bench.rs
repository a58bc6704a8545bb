//! `cargo xtask bench`: reads what is asked for, and has the benchmark, a workspace of its own under
//! `benches/`, built and run. What is measured and how is up to the benchmark.

use std::process::{Command, ExitCode};

use crate::steps::cargo;

/// What of the benchmark to run, and how to show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bench {
    subject: Subject,
    /// With the library's feature `ring`.
    ring: bool,
    /// The benchmark's own arguments, after its subject.
    options: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Subject {
    #[default]
    InProcess,
    Memory,
    Growth,
    Crypto,
    Redis,
    Embedded,
    Compile,
    Gate,
}

impl Subject {
    const ALL: [Self; 8] = [
        Self::InProcess,
        Self::Memory,
        Self::Growth,
        Self::Crypto,
        Self::Redis,
        Self::Embedded,
        Self::Compile,
        Self::Gate,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Memory => "memory",
            Self::Growth => "growth",
            Self::Crypto => "crypto",
            Self::Redis => "redis",
            Self::Embedded => "embedded",
            Self::Compile => "compile",
            Self::Gate => "gate",
        }
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::InProcess => &["--instructions", "--json", "--record", "--ring", "--svg"],
            Self::Growth => &["--json", "--record", "--svg"],
            Self::Memory | Self::Redis | Self::Compile => &["--json", "--record"],
            Self::Crypto => &["--json", "--record", "--ring"],
            Self::Embedded => &["--json", "--record", "--dir"],
            Self::Gate => &["--record", "--ring"],
        }
    }
}

impl Bench {
    /// Reads what follows `bench` on the command line. What is wrong is said before anything is
    /// built.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (subject, rest) = match arguments {
            [name, rest @ ..] if !name.starts_with('-') => {
                let found = Subject::ALL.into_iter().find(|subject| subject.name() == *name);
                (found.ok_or_else(|| format!("there is no benchmark `{name}`"))?, rest)
            }
            _ => (Subject::default(), arguments),
        };
        let mut options = Vec::new();
        let mut ring = false;
        let mut rest = rest.iter();
        while let Some(&option) = rest.next() {
            if !subject.options().contains(&option) {
                return Err(format!("`bench {}` has no option `{option}`", subject.name()));
            }
            if option == "--ring" {
                ring = true;
                continue;
            }
            options.push(option.to_owned());
            let wants = match option {
                "--svg" => "a file",
                "--dir" => "a directory",
                _ => continue,
            };
            let path = rest.next().ok_or_else(|| format!("`{option}` wants {wants}"))?;
            options.push(in_current_directory(path));
        }
        if ring && options.iter().any(|option| option == "--record") {
            return Err("what is recorded is without `--ring`".to_owned());
        }
        Ok(Self { subject, ring, options })
    }

    /// Builds and runs it; its exit code.
    pub(crate) fn run(&self) -> ExitCode {
        // All of its programs: the one that is run calls another. `cargo run` builds only one.
        let mut build = self.cargo("build");
        let mut run = self.cargo("run");
        run.arg("--").arg(self.subject.name()).args(&self.options);
        for command in [build.arg("--bins"), &mut run] {
            match command.status() {
                Ok(status) if status.success() => {}
                Ok(status) => {
                    let code = status.code().and_then(|code| u8::try_from(code).ok());
                    return ExitCode::from(code.unwrap_or(1));
                }
                Err(error) => {
                    eprintln!("error: cargo: {error}");
                    return ExitCode::from(2);
                }
            }
        }
        ExitCode::SUCCESS
    }

    fn cargo(&self, what: &str) -> Command {
        let mut command = cargo();
        command.args([what, "--quiet", "--release", "--manifest-path", "benches/Cargo.toml"]);
        let with_peers = [Subject::InProcess, Subject::Memory, Subject::Growth, Subject::Redis];
        if !with_peers.contains(&self.subject) {
            // Nobody waits for what is not measured to be built.
            command.arg("--no-default-features");
        }
        if let Subject::Redis | Subject::Embedded = self.subject {
            // Drivers and databases that take long to build.
            command.args(["--features", self.subject.name()]);
        }
        if self.ring {
            command.args(["--features", "ring"]);
        }
        if self.subject == Subject::Gate && self.options.is_empty() {
            // What is committed is what is counted.
            command.arg("--locked");
        }
        command
    }
}

/// The benchmark runs in the workspace's root, the user need not.
fn in_current_directory(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    here.join(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Bench, String> {
        Bench::parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn without_a_subject_it_is_the_contest_in_one_process() {
        assert_eq!(parsed(""), Ok(Bench::default()));
        assert_eq!(parsed("--json"), parsed("in-process --json"));
        assert_eq!(parsed("memory").map(|bench| bench.subject), Ok(Subject::Memory));
    }

    #[test]
    fn a_path_is_where_the_user_is() {
        let options = parsed("--instructions --svg chart.svg").expect("sound").options;
        assert_eq!(options[..2], ["--instructions", "--svg"]);
        assert!(options[2].ends_with("chart.svg") && options[2].len() > "chart.svg".len());
        let options = parsed("embedded --dir disk --json").expect("sound").options;
        assert!(options[1].ends_with("/disk") && options[2] == "--json", "{options:?}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parsed("memmory"), Err("there is no benchmark `memmory`".to_owned()));
        let recorded = parsed("gate --ring --record");
        assert_eq!(recorded, Err("what is recorded is without `--ring`".to_owned()));
        assert_eq!(parsed("gate --ring").map(|bench| bench.ring), Ok(true));
        assert_eq!(
            parsed("memory --svg x"),
            Err("`bench memory` has no option `--svg`".to_owned())
        );
        assert_eq!(parsed("--svg"), Err("`--svg` wants a file".to_owned()));
        assert_eq!(parsed("embedded --dir"), Err("`--dir` wants a directory".to_owned()));
    }
}
