//! The scripts, each on one key or on the two keys of a log-in, and how a script is run. What a
//! script does is written in its file; the meaning of its answer is for its callers.

use std::{fmt::Display, sync::LazyLock};

use redis::{Arg, Cmd, RedisWrite as _, Script, Value};

use super::connection::{CommandError, Connection, Retry};

/// Joins the files, and adds the call of their functions if they only define some.
macro_rules! script {
    ($($file:literal),+ $(; $call:literal)?) => {
        LazyLock::new(|| Lua::new(concat!($(include_str!($file),)+ $($call)?)))
    };
}

pub(super) static COMMIT: LazyLock<Lua> =
    script!("number.lua", "session.lua", "commit.lua"; "return commit(KEYS[1], 1)");
pub(super) static PUT: LazyLock<Lua> = script!("put.lua"; "return put(KEYS[1], 1)");
pub(super) static DELETE: LazyLock<Lua> = script!("session.lua", "delete.lua");
pub(super) static CANCEL: LazyLock<Lua> = script!("session.lua", "cancel.lua");
pub(super) static ADMIT: LazyLock<Lua> =
    script!("expire.lua", "admit.lua"; "return admit(KEYS[1])");
/// Only these two use a second key.
pub(super) static ADMIT_AND_PUT: LazyLock<Lua> =
    script!("expire.lua", "admit.lua", "put.lua"; "return admit(KEYS[1], put, KEYS[2])");
pub(super) static ADMIT_AND_COMMIT: LazyLock<Lua> = script!(
    "expire.lua", "admit.lua", "number.lua", "session.lua", "commit.lua";
    "return admit(KEYS[1], commit, KEYS[2])"
);
pub(super) static AMEND: LazyLock<Lua> = script!("expire.lua", "amend.lua");
pub(super) static EXTEND_INDEX: LazyLock<Lua> = script!("expire.lua", "extend_index.lua");
pub(super) static FORGET: LazyLock<Lua> = script!("forget.lua");

/// A script, and the hash by which servers remember it.
pub(super) struct Lua {
    source: &'static str,
    hash: String,
}

/// One run of a script, with its keys and arguments.
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
        self.with_room([key], 128)
    }

    /// Prepares a run on these keys, with room for about so many bytes of arguments: growing step
    /// by step takes longer than writing.
    pub(super) fn with_room<const KEYS: usize>(
        &'static self,
        keys: [&str; KEYS],
        bytes: usize,
    ) -> Call {
        let keys_length: usize = keys.iter().map(|key| key.len()).sum();
        let room = "EVALSHA1".len() + self.hash.len() + keys_length + bytes;
        let mut command = Cmd::with_capacity(16, room);
        command.arg("EVALSHA").arg(&self.hash).arg(KEYS);
        for key in keys {
            command.arg(key);
        }
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
        connection.ask_or(&self.command, Some(&|| self.with_source()), retry).await
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
