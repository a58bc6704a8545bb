//! The scripts, each on one key, and how a script is run. What a script does is written in its file;
//! the meaning of its answer is for its callers.

use std::{fmt::Display, slice, sync::LazyLock};

use redis::{Arg, Cmd, RedisWrite as _, Script, Value};

use super::connection::{CommandError, Connection, Retry};

pub(super) static PUT: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("put.lua")));
pub(super) static TOUCH: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("touch.lua")));
pub(super) static REMOVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("remove.lua")));
pub(super) static ENTER: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("enter.lua")));

/// A script, and the hash by which servers remember it.
pub(super) struct Lua {
    source: &'static str,
    hash: String,
}

/// One run of a script, with its key and arguments.
pub(super) struct Call {
    script: &'static Lua,
    /// Names the script by its hash.
    command: Cmd,
}

impl Lua {
    fn new(source: &'static str) -> Self {
        Self { source, hash: Script::new(source).get_hash().to_owned() }
    }

    /// Prepares a run on one key.
    pub(super) fn on(&'static self, key: &str) -> Call {
        self.with_room(key, 256)
    }

    /// Prepares a run on one key, with room for about so many bytes of arguments: growing step by
    /// step takes longer than writing.
    pub(super) fn with_room(&'static self, key: &str, bytes: usize) -> Call {
        let room = "EVALSHA1".len() + self.hash.len() + key.len() + bytes;
        let mut command = Cmd::with_capacity(16, room);
        command.arg("EVALSHA").arg(&self.hash).arg(1).arg(key);
        Call { script: self, command }
    }
}

impl Call {
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.command.arg(bytes);
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a number, or anything else that has a text.
    pub(super) fn number(&mut self, number: impl Display) -> &mut Self {
        self.command.write_arg_fmt(number);
        self
    }

    /// Runs the script: one round trip, unless the server has never seen the script.
    pub(super) async fn make(
        self,
        connection: &Connection,
        retry: Retry,
    ) -> Result<Value, CommandError> {
        let with_source = || vec![self.with_source()];
        connection.ask_or(slice::from_ref(&self.command), Some(&with_source), retry).await
    }

    /// Runs `first` and then this script, in one transaction. Returns both answers. `first` comes
    /// with its text: if the server did not know it, this script would run without it.
    pub(super) async fn make_after(
        self,
        first: Self,
        connection: &Connection,
    ) -> Result<(Value, Value), CommandError> {
        let (first, with_source) = (first.with_source(), || self.with_source());
        let commands = [first.clone(), self.command.clone()];
        let with_sources = || vec![first.clone(), with_source()];
        let answer = connection.ask_or(&commands, Some(&with_sources), Retry::AtMostOnce).await?;
        match answer {
            Value::Array(answers) => match <[Value; 2]>::try_from(answers) {
                Ok([first, this]) => Ok((first, this)),
                Err(_) => Err(unreadable(connection)),
            },
            _ => Err(unreadable(connection)),
        }
    }

    fn with_source(&self) -> Cmd {
        let mut command = Cmd::new();
        command.arg("EVAL").arg(self.script.source);
        for argument in self.command.args_iter().skip(2) {
            if let Arg::Simple(argument) = argument {
                command.arg(argument);
            }
        }
        command
    }
}

fn unreadable(connection: &Connection) -> CommandError {
    CommandError::unknown(connection.error("the answer to a transaction does not read back"))
}
