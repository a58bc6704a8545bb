//! The scripts, each for one key, and how one is run. What they do is written in them; what their
//! answers mean is for those who run them.

use std::{borrow::Cow, fmt::Display, sync::LazyLock};

use redis::{Cmd, Script, Value};

use super::link::{Link, Times, Trouble};

macro_rules! script {
    ($($file:literal),+) => {
        LazyLock::new(|| Lua {
            source: concat!($(include_str!($file)),+),
            hash: Script::new(concat!($(include_str!($file)),+)).get_hash().to_owned(),
        })
    };
}

pub(super) static COMMIT: LazyLock<Lua> = script!("number.lua", "session.lua", "commit.lua");
pub(super) static PUT: LazyLock<Lua> = script!("put.lua");
pub(super) static DELETE: LazyLock<Lua> = script!("session.lua", "delete.lua");
pub(super) static JUDGE: LazyLock<Lua> = script!("session.lua", "judge.lua");
pub(super) static ADMIT: LazyLock<Lua> = script!("expire.lua", "admit.lua");
pub(super) static AMEND: LazyLock<Lua> = script!("expire.lua", "amend.lua");
pub(super) static COVER: LazyLock<Lua> = script!("expire.lua", "cover.lua");
pub(super) static FORGET: LazyLock<Lua> = script!("forget.lua");

/// A script, and the name by which servers remember it.
pub(super) struct Lua {
    source: &'static str,
    hash: String,
}

/// What a script is given beside its key.
#[derive(Default)]
pub(super) struct Arguments<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> Arguments<'a> {
    pub(super) fn bytes(&mut self, bytes: impl Into<Cow<'a, [u8]>>) -> &mut Self {
        self.0.push(bytes.into());
        self
    }

    pub(super) fn text(&mut self, text: &'a str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn number(&mut self, number: impl Display + Copy) -> &mut Self {
        self.bytes(number.to_string().into_bytes())
    }
}

impl Lua {
    /// Runs it: one round trip, unless the server has never seen it.
    pub(super) async fn run(
        &self,
        link: &Link,
        key: &str,
        arguments: &Arguments<'_>,
        times: Times,
    ) -> Result<Value, Trouble> {
        let command = |verb: &str, script: &str| {
            let arguments = &arguments.0;
            let bytes = arguments.iter().map(|argument| argument.len()).sum::<usize>();
            let all = verb.len() + script.len() + 1 + key.len() + bytes;
            let mut command = Cmd::with_capacity(arguments.len() + 4, all);
            command.arg(verb).arg(script).arg(1).arg(key);
            for argument in arguments {
                command.arg(argument.as_ref());
            }
            command
        };
        let full = || command("EVAL", self.source);
        link.ask_or(&command("EVALSHA", &self.hash), Some(&full), times).await
    }
}
