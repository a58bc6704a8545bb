//! What the commit script is given, and what its answer means.

use redis::Value;

use super::{
    key::Token,
    layout::{Damaged, blob, items, number, text, value_parts},
    script::Arguments,
};
use crate::{
    clock::Timestamp,
    store::{Commit, Op, PrincipalKey},
};

/// How long a server keeps a session that is over: clocks may differ.
pub(super) const SLACK_MILLIS: u64 = 60_000;

/// What would be kept for longer than this (300 years) is kept for ever.
const FOR_EVER_MILLIS: u64 = 10_000_000_000_000;

/// For how many milliseconds a server keeps what ends at `until`; empty: for ever. The span, not
/// the time, since the server's clock may be another than ours.
pub(super) fn life(until: Timestamp, now: Timestamp, slack: u64) -> String {
    let left = until.as_millis().saturating_sub(now.as_millis());
    if until == Timestamp::MAX || left > FOR_EVER_MILLIS {
        String::new()
    } else {
        (left + slack).to_string()
    }
}

/// What became of a commit at the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Committed {
        revision: u64,
        rotated: bool,
        /// Whose it was before a commit that changed that, and by which log-in.
        former: Option<(PrincipalKey, Token)>,
    },
    Gone,
    Stale,
    Conflict(String),
    /// Another log-in has given this one up.
    Void,
    /// Nothing applied: the session would outlive the index of its principal.
    Uncovered {
        until: Timestamp,
        principal: PrincipalKey,
        token: Token,
    },
}

/// `token` is the log-in's, if it is one; `cover`, how long the index of the principal lives.
pub(super) fn arguments<'a>(
    commit: &'a Commit,
    token: Option<&'a Token>,
    cover: Timestamp,
) -> Arguments<'a> {
    let mut to = Arguments::default();
    to.number(commit.now.as_millis());
    to.bytes(&commit.check.as_bytes()[..]).bytes(&commit.key_id.as_bytes()[..]);
    to.text(token.map_or("", Token::as_str)).number(cover.as_millis()).number(SLACK_MILLIS);
    to.number(commit.expected.len());
    for expected in &commit.expected {
        to.text(&expected.group).number(expected.revision);
    }
    to.number(commit.bump.len());
    for group in &commit.bump {
        to.text(group);
    }
    to.number(commit.ops.len());
    for op in &commit.ops {
        write(op, &mut to);
    }
    match &commit.principal {
        None => to.text("="),
        Some(None) => to.text("-"),
        Some(Some(principal)) => to.text("+").text(principal.as_str()),
    };
    match &commit.rotation {
        None => to.text("0"),
        Some(rotation) => {
            to.text("1").bytes(&rotation.check.as_bytes()[..]);
            to.bytes(&rotation.key_id.as_bytes()[..]);
            match rotation.grace_until {
                None => to.text(""),
                Some(until) => to.number(until.as_millis()),
            }
        }
    };
    match &commit.lifetime {
        None => to.text("0"),
        Some(lifetime) => {
            to.text("1");
            match lifetime.idle_millis {
                None => to.text(""),
                Some(idle) => to.number(idle),
            };
            to.number(lifetime.absolute_until.as_millis());
            to.text(if lifetime.persistent { "1" } else { "0" })
        }
    };
    to
}

fn write<'a>(op: &'a Op, to: &mut Arguments<'a>) {
    match op {
        Op::Clear { keep } => {
            to.text("C").number(keep.len());
            for name in keep {
                to.text(name);
            }
        }
        Op::Set { field, value } => {
            let (kind, value) = value_parts(value);
            to.text("S").text(field).text(kind).bytes(value);
        }
        Op::Unset { field } => {
            to.text("U").text(field);
        }
        Op::Add { field, by, min, max } => {
            to.text("A").text(field).number(by).number(min).number(max);
        }
        Op::Insert { field, member } => {
            to.text("I").text(field).bytes(member.as_ref());
        }
        Op::Remove { field, member } => {
            to.text("R").text(field).bytes(member.as_ref());
        }
        Op::Max { field, value } => {
            to.text("M").text(field).number(value);
        }
        Op::Once { field, value } => {
            let (kind, value) = value_parts(value);
            to.text("O").text(field).text(kind).bytes(value);
        }
        Op::Take { field, seen } => {
            let (kind, seen) = value_parts(seen);
            to.text("T").text(field).text(kind).bytes(seen);
        }
    }
}

impl Answer {
    pub(super) fn read(answer: Value) -> Result<Self, Damaged> {
        let mut parts = items(answer)?.into_iter();
        let mut next = || parts.next().ok_or(Damaged);
        Ok(match blob(next()?)?.as_ref() {
            b"ok" => {
                let revision = number(&blob(next()?)?)?;
                let rotated = next()? == Value::Int(1);
                let (principal, token) = (blob(next()?)?, blob(next()?)?);
                let former = if token.is_empty() {
                    None
                } else {
                    Some((PrincipalKey::new(text(&principal)?), Token::read(text(&token)?)))
                };
                Self::Committed { revision, rotated, former }
            }
            b"gone" => Self::Gone,
            b"stale" => Self::Stale,
            b"conflict" => Self::Conflict(text(&blob(next()?)?)?.to_owned()),
            b"void" => Self::Void,
            b"uncovered" => Self::Uncovered {
                until: Timestamp::from_millis(number(&blob(next()?)?)?),
                principal: PrincipalKey::new(text(&blob(next()?)?)?),
                token: Token::read(text(&blob(next()?)?)?),
            },
            _ => return Err(Damaged),
        })
    }
}
