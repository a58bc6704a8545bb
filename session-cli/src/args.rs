//! The command line: its commands and options, with the help that `--help` prints.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::{Args, Parser, Subcommand};
use session_runtime::SessionId;

use crate::time::{End, duration, end, point};

const PRINCIPALS: &str = "\
A PRINCIPAL is the id of the one whose session it is, as JSON: 42, or '\"ada\"'. A text that is no JSON \
stands for itself: ada. A text that looks like a number needs its quotes: '\"42\"'.

Exit codes: 0 done; 1 no such session, or the store is not healthy; 2 wrong usage, or a failure.";

/// Lists, shows and ends the sessions in a store; inspects tokens; makes and rotates keys.
#[derive(Parser)]
#[command(name = "session-admin", version, after_help = PRINCIPALS, after_long_help = PRINCIPALS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Prints JSON instead of a table.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The store, and the session type in the store.
#[derive(Args)]
pub(crate) struct Place {
    /// The URL of the store, as the application opens it. Everybody on this machine can read the
    /// command line: put a URL with a password into the variable instead.
    #[arg(long, global = true, value_name = "URL", env = "SESSION_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// The name of the session type in the store: the struct's name in kebab case, unless
    /// `#[session(namespace)]` says another.
    #[arg(long = "type", global = true, value_name = "NAME", env = "SESSION_TYPE")]
    pub(crate) name: Option<String>,
    /// The audience of the deployment, if the application sets one.
    #[arg(
        long,
        global = true,
        value_name = "AUDIENCE",
        env = "SESSION_AUDIENCE",
        default_value = ""
    )]
    pub(crate) audience: String,
    /// The table of an SQL store, if the application sets one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The schema of an SQL store's table, if the application sets one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) schema: Option<String>,
    /// The longest time that the store may take for one operation.
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) deadline: Duration,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the live sessions of a principal, the latest log-in first.
    List(List),
    /// Shows sessions with their fields, as they are stored.
    Show(Which),
    /// Ends a session, or every session of a principal.
    ///
    /// Ending many sessions can be interrupted: run the command again, and it goes on.
    End(Which),
    /// Ends every session of the type and the audience, everybody's and nobody's, in the store or, with a
    /// store of revocation, in tokens.
    ///
    /// Every process notices within a second, and log-ins from now on count. The records of the sessions
    /// stay until they expire and are swept.
    EndAll(Sure),
    /// Ends every session of the type and the audience that began before a time: that was created before,
    /// or whose principal logged in before.
    ///
    /// Otherwise as end-all. An earlier time than that of the last call changes nothing.
    EndBefore(EndBefore),
    /// Counts the sessions of a principal, with those that are over and not swept yet.
    Count(Whose),
    /// Removes the sessions of the store that have expired more than five minutes ago, of every
    /// session type.
    ///
    /// Applications do that by themselves, now and then. The command can be interrupted and run again.
    Sweep,
    /// Checks the store: does once what requests do, with a session of its own, and says what kind of
    /// store it is. The tables of an SQL store must have the version that this program knows.
    Check,
    /// Inspects tokens.
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Makes, inspects and rotates keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
}

/// A principal.
#[derive(Args)]
pub(crate) struct Whose {
    /// The id of the principal: JSON, or a text that stands for itself.
    pub(crate) principal: String,
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// Adds a stored field to the list. May be repeated.
    #[arg(long = "field", value_name = "NAME")]
    pub(crate) fields: Vec<String>,
}

/// One session, or all of a principal.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// The id of the principal: JSON, or a text that stands for itself.
    pub(crate) principal: Option<String>,
    /// The id of one session: 32 hex digits.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<SessionId>,
}

/// The answer to the question before everything ends.
#[derive(Args)]
pub(crate) struct Sure {
    /// Does not ask. Needed where there is no terminal.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct EndBefore {
    /// The time: 2027-01-31T00:00:00Z, or the seconds since 1970 as @1801353600.
    #[arg(value_name = "TIME", value_parser = point)]
    pub(crate) time: SystemTime,
    #[command(flatten)]
    pub(crate) sure: Sure,
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Says what a token is: its kind, its key and its session. Never prints a secret.
    ///
    /// Reads the token from standard input, since everybody on this machine can read the command
    /// line. Nothing is verified. With a store and a session type, looks for the token's session.
    Inspect(KeySource),
}

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Prints a new key: 32 random bytes in base64. Keep the output secret.
    Generate,
    /// Says which keys there are, by their ids: which key writes, which only read, and until when.
    Inspect(KeySource),
    /// Does the next step of replacing the key that writes, in a key file.
    ///
    /// The first call adds a new key in front that only reads. Give the file to every process; then the
    /// second call removes the new key's mark, so that it writes. With `--end`, the key before it stops
    /// being accepted then, and a call after that time removes it from the file; before that time, a
    /// call is refused. Everything else in the file stays as it is. No key is printed.
    Rotate(Rotate),
}

/// The place of a key ring.
#[derive(Args)]
pub(crate) struct KeySource {
    /// The key file. Without it, the keys are in the variable.
    #[arg(long = "keys", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The variable with the keys.
    #[arg(long = "keys-variable", value_name = "NAME", default_value = "SESSION_KEYS")]
    pub(crate) variable: String,
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// The key file.
    pub(crate) file: PathBuf,
    /// Does the second step and no other: fails if no key waits.
    #[arg(long)]
    pub(crate) promote: bool,
    /// Adds a new key although the last rotation goes on: a key that it has replaced has not ended yet.
    #[arg(long, conflicts_with = "promote")]
    pub(crate) add: bool,
    /// The time that every process needs to get to know a new key. A key that waits for less does not
    /// write.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub(crate) wait: Duration,
    /// The end of the key that the second step replaces: a time from now (12h), or a point in time
    /// (2027-01-31T00:00:00Z). Take the longest time that a session lives in all. Refused in other
    /// steps.
    #[arg(long, value_name = "TIME", value_parser = end)]
    pub(crate) end: Option<End>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
