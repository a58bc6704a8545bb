//! The project's own commands, run as `cargo xtask …`. This file reads the command line; `needs`
//! knows what a machine must have, `steps` what is run, `features` which there are, `bench` what is
//! measured. Nothing here knows
//! what the library does.

mod bench;
mod features;
mod needs;
mod steps;

use std::{
    ffi::{OsStr, OsString},
    process::ExitCode,
};

use bench::Bench;
use needs::Missing;
use steps::Failed;

const USAGE: &str = "\
usage: cargo xtask <command>

commands:
  test    everything that CI does: format, lints, tests, documentation;
          installs the servers and the browser that the tests need:
          Debian packages when run as root (otherwise it prints the
          line to type), and one Python program under target/
  extra   what is heavy or rarely fails: the licences, sources and advisories
          of all dependencies, and the packages built from themselves;
          installs cargo-deny under target/
  api [--record]
          whether session-runtime/public-api.txt lists what is public; `test`
          asks, too. --record writes the list anew
  alerts [--record]
          whether docs/alerts.md, docs/alerts.yml and docs/grafana.json say what
          the code does; `test` asks, too. --record writes them anew
  bench [in-process] [--instructions] [--json] [--record] [--ring] [--svg FILE]
          what a request costs, beside other libraries; needs valgrind for
          the instructions and the chart
  bench memory [--json] [--record]
          what a session takes in memory, and the store on two threads
  bench growth [--json] [--record] [--svg FILE]
          what a request takes the more sessions there are, and the more bytes
          are in a field
  bench crypto [--json] [--record] [--ring]
          what the cryptography in a request costs on this processor
  bench redis [--json] [--record]
          requests a second on a Redis server, 64 at once
  bench embedded [--json] [--record] [--dir DIR]
          durable writes a second of the embedded store, beside SQLite; in DIR,
          or where it is built
  bench compile [--json] [--record]
          seconds and crates that an axum application takes more to compile, and
          the derive beside serde's
  bench gate [--record] [--ring]
          whether a request takes more instructions or allocations than
          benches/gate.json says, which `test` asks, too
          --record writes docs/performance.md, or benches/gate.json, anew;
          --ring builds the library with its feature of that name
  help    print this text
";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    Test,
    Extra,
    Api { record: bool },
    Alerts { record: bool },
    Bench(Bench),
    Help,
}

fn parse(arguments: &[String]) -> Result<Command, String> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => Ok(Command::Test),
        ["extra"] => Ok(Command::Extra),
        ["api"] => Ok(Command::Api { record: false }),
        ["api", "--record"] => Ok(Command::Api { record: true }),
        ["alerts"] => Ok(Command::Alerts { record: false }),
        ["alerts", "--record"] => Ok(Command::Alerts { record: true }),
        ["help" | "--help" | "-h"]
        | ["test" | "extra" | "api" | "alerts" | "bench", "--help" | "-h"] => Ok(Command::Help),
        ["bench", ref rest @ ..] => Bench::parse(rest).map(Command::Bench),
        [] => Err("a command is missing".to_owned()),
        [command @ ("test" | "extra"), surplus, ..] => {
            Err(format!("`{command}` takes no arguments, and got `{surplus}`"))
        }
        [command @ ("api" | "alerts"), ..] => {
            Err(format!("`{command}` takes `--record`, and nothing else"))
        }
        [unknown, ..] => Err(format!("there is no command `{unknown}`")),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    match parse(&arguments) {
        Ok(Command::Help) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Command::Test) => run(needs::provide(), steps::test),
        Ok(Command::Extra) => run(needs::provide_extra(), steps::extra),
        Ok(Command::Api { record }) => {
            recorded("-p xtask --test api", record.then_some("RECORD_API"))
        }
        Ok(Command::Alerts { record }) => {
            recorded("-p session-runtime --lib observe::tests", record.then_some("RECORD_ALERTS"))
        }
        Ok(Command::Bench(bench)) => bench.run(),
        Err(problem) => {
            eprint!("error: {problem}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// 0: all passed; 1: a step failed; 2: the machine lacks something that could not be installed.
fn run(
    path: Result<OsString, Missing>,
    steps: impl FnOnce(&OsStr) -> Result<(), Failed>,
) -> ExitCode {
    let path = match path {
        Ok(path) => path,
        Err(missing) => {
            eprintln!("error: {missing}");
            return ExitCode::from(2);
        }
    };
    match steps(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("{failed}");
            ExitCode::from(1)
        }
    }
}

/// Has the tests that compare a record with the code compare it, or write it, if `record` is the
/// variable that asks them to.
fn recorded(tests: &str, record: Option<&str>) -> ExitCode {
    let mut test = steps::cargo();
    test.args(["test", "--quiet"]).args(tests.split(' '));
    test.envs(record.map(|variable| (variable, "1")));
    match test.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn commands_are_known_by_name() {
        assert_eq!(parsed("test"), Ok(Command::Test));
        assert_eq!(parsed("bench"), Ok(Command::Bench(Bench::default())));
        assert_eq!(parsed("extra"), Ok(Command::Extra));
        assert_eq!(parsed("api"), Ok(Command::Api { record: false }));
        assert_eq!(parsed("api --record"), Ok(Command::Api { record: true }));
        assert_eq!(parsed("alerts"), Ok(Command::Alerts { record: false }));
        assert_eq!(parsed("alerts --record"), Ok(Command::Alerts { record: true }));
        for help in ["help", "--help", "-h", "test --help", "extra -h", "api -h", "bench -h"] {
            assert_eq!(parsed(help), Ok(Command::Help));
        }
    }

    #[test]
    fn anything_else_is_named_in_the_error() {
        assert_eq!(parsed("tset"), Err("there is no command `tset`".to_owned()));
        assert_eq!(parsed("test now"), Err("`test` takes no arguments, and got `now`".to_owned()));
        assert_eq!(
            parsed("extra now"),
            Err("`extra` takes no arguments, and got `now`".to_owned())
        );
        assert_eq!(parsed("api now"), Err("`api` takes `--record`, and nothing else".to_owned()));
        assert_eq!(parsed(""), Err("a command is missing".to_owned()));
    }

    #[test]
    fn the_usage_names_every_command() {
        assert!(
            ["  test ", "  extra ", "  api ", "  alerts ", "  bench ", "  help "]
                .iter()
                .all(|command| USAGE.contains(command))
        );
    }
}
