//! The scripts, each on one key, and how a script is run. What a script does is written in its file;
//! the meaning of its answer is for its callers.

use std::{borrow::Cow, slice, sync::LazyLock};

use redis::{Arg, Cmd, RedisWrite as _, Script, Value};

use super::connection::{CommandError, Connection, Retry};

/// Makes an entry, or puts a record in its place. These are one script with two uses: in a
/// transaction of both, a server knows the script for both or for neither.
pub(super) static WRITE: LazyLock<Lua> = LazyLock::new(|| {
    let (enter, put) = (include_str!("enter.lua"), include_str!("put.lua"));
    Lua::new(format!("if #ARGV == {ENTER_ARGUMENTS} then\n{enter}end\n{put}"))
});
pub(super) static TOUCH: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("touch.lua")));
pub(super) static REMOVE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("remove.lua")));

/// Returns the time of the server's clock: whole seconds, and a part of a second.
pub(super) static TIME: LazyLock<Lua> = LazyLock::new(|| Lua::new("return redis.call('TIME')"));

/// The number of arguments by which [`WRITE`] makes an entry.
const ENTER_ARGUMENTS: usize = 2;

/// A script, and the hash by which servers remember it.
pub(super) struct Lua {
    source: Cow<'static, str>,
    hash: String,
}

/// One run of a script, with its key and arguments.
pub(super) struct Call {
    script: &'static Lua,
    /// Names the script by its hash.
    command: Cmd,
}

impl Lua {
    fn new(source: impl Into<Cow<'static, str>>) -> Self {
        let source = source.into();
        let hash = Script::new(&source).get_hash().to_owned();
        Self { source, hash }
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

    /// Adds a number, in hex digits of a fixed length.
    pub(super) fn hex(&mut self, number: u64) -> &mut Self {
        self.command.write_arg_fmt(format_args!("{number:016x}"));
        self
    }

    /// Adds a version; nothing stands for none.
    pub(super) fn version(&mut self, version: Option<u64>) -> &mut Self {
        match version {
            Some(version) => self.hex(version),
            None => self.text(""),
        }
    }

    /// Returns the command that runs the script if the server knows it.
    pub(super) fn command(self) -> Cmd {
        self.command
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

    /// Runs this script and then `next`, in one transaction. Returns both answers. If the server does
    /// not know the script, `next` may be carried out alone; then this script runs, and after that
    /// the call that `instead` makes.
    pub(super) async fn make_before(
        self,
        next: Cmd,
        instead: impl Fn() -> Self + Sync,
        connection: &Connection,
    ) -> Result<(Value, Value), CommandError> {
        let with_sources = || vec![self.with_source(), instead().with_source()];
        let commands = [self.command.clone(), next];
        let answer = connection.ask_or(&commands, Some(&with_sources), Retry::AtMostOnce).await?;
        match answer {
            Value::Array(answers) => match <[Value; 2]>::try_from(answers) {
                Ok(answers) => Ok(answers.into()),
                Err(_) => Err(unreadable(connection)),
            },
            _ => Err(unreadable(connection)),
        }
    }

    fn with_source(&self) -> Cmd {
        let mut command = Cmd::new();
        command.arg("EVAL").arg(&*self.script.source);
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
