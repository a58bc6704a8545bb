//! `session-admin`: the sessions of a store, tokens and key files, for administrators. This file
//! decides which command runs and which exit code its end has; each command has a file of its own.

mod args;
mod check;
mod everything;
mod key;
mod output;
mod progress;
mod sessions;
mod store;
mod sweep;
mod time;
mod token;

use std::{error::Error, fmt, process::ExitCode};

use clap::Parser as _;

use args::{Arguments, Command, KeyCommand, TokenCommand};

/// The end of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The work is done.
    Done,
    /// There is no such session, or the store is not healthy.
    No,
}

/// The reason why a command could not do its work, in a line that says what to do.
struct Failure(String);

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<Outcome, Failure> {
    let Arguments { command, place, json } = arguments;
    match command {
        Command::List(list) => sessions::list(&place, &list, json).await,
        Command::Show(which) => sessions::show(&place, &which, json).await,
        Command::End(which) => sessions::end(&place, &which, json).await,
        Command::EndAll(sure) => everything::end_all(&place, &sure, json).await,
        Command::EndBefore(which) => everything::end_before(&place, &which, json).await,
        Command::Count(whose) => sessions::count(&place, &whose, json).await,
        Command::Sweep => sweep::sweep(&place, json).await,
        Command::Check => check::check(&place, json).await,
        Command::Token { command: TokenCommand::Inspect(inspect) } => {
            token::inspect(&place, &inspect, json).await
        }
        Command::Key { command: KeyCommand::Generate } => key::generate(json),
        Command::Key { command: KeyCommand::Inspect(source) } => key::inspect(&source, json),
        Command::Key { command: KeyCommand::Rotate(rotate) } => key::rotate(&rotate, json),
    }
}
