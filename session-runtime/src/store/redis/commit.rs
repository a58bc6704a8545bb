//! The arguments of the commit script, and the meaning of its answer.

use redis::Value;

use super::{
    key::Token,
    layout::{PACKED_BYTES, blob, parts, value_parts},
    pack::{Damaged, Packer, number, text},
    script::Call,
};
use crate::{
    clock::Timestamp,
    store::{Commit, FieldValue, Op, PrincipalKey},
};

/// The longest time that the server keeps an expired session, which is kept for at least half as
/// long: clocks may differ, and an end that hardly moves is not worth a command.
pub(super) const SLACK_MILLIS: u64 = 60_000;

/// A longer life than this (300 years) becomes one without end.
const FOR_EVER_MILLIS: u64 = 10_000_000_000_000;

/// Returns the milliseconds for which the server keeps a value that ends at `until`; empty: for
/// ever. A span and not a date, since the server's clock may differ from ours.
pub(super) fn life(until: Timestamp, now: Timestamp, slack: u64) -> String {
    let left = until.as_millis().saturating_sub(now.as_millis());
    if until == Timestamp::MAX || left > FOR_EVER_MILLIS {
        String::new()
    } else {
        (left + slack).to_string()
    }
}

/// The answer of the commit script.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Committed {
        revision: u64,
        rotated: bool,
        /// The former principal and its log-in, if the commit changed the principal.
        former: Option<(PrincipalKey, Token)>,
    },
    Gone,
    Superseded,
    Conflict(String),
    /// Another log-in has cancelled this one.
    Cancelled,
    /// Nothing applied: the session would outlive the index of its principal.
    OutlivesIndex {
        until: Timestamp,
        principal: PrincipalKey,
        token: Token,
    },
}

/// Builds the call that carries out a commit. `begin` makes the call of a script, with room for so
/// many bytes. `token` is set for a log-in. `index_until` is the time until which the principal's
/// index lives.
pub(super) fn call(
    commit: &Commit,
    token: Option<&Token>,
    index_until: Timestamp,
    begin: impl FnOnce(usize) -> Call,
) -> Call {
    let packed = packed(commit, token, index_until);
    let mut call = begin(packed.len());
    call.bytes(&packed);
    call
}

/// Packs a commit for the script.
fn packed(commit: &Commit, token: Option<&Token>, index_until: Timestamp) -> Vec<u8> {
    let mut to = Packer::new();
    to.number(commit.now.as_millis());
    to.credential(&commit.check, commit.key_id);
    to.option(token, |to, token| to.text(token.as_str()));
    to.number(index_until.as_millis()).number(SLACK_MILLIS).number(PACKED_BYTES as u64);
    to.list(commit.expected.len());
    for expected in &commit.expected {
        to.list(2).text(&expected.group).number(expected.revision);
    }
    to.list(commit.bump.len());
    for group in &commit.bump {
        to.text(group);
    }
    to.list(commit.ops.len());
    for op in &commit.ops {
        write(op, &mut to);
    }
    to.option(commit.principal.as_ref(), |to, principal| match principal {
        None => to.list(0),
        Some(principal) => to.list(1).text(principal.as_str()),
    });
    to.option(commit.rotation.as_ref(), |to, rotation| {
        to.list(2).credential(&rotation.check, rotation.key_id);
        to.option(rotation.grace_until, |to, until| to.number(until.as_millis()))
    });
    to.option(commit.lifetime.as_ref(), |to, lifetime| {
        to.list(3).option(lifetime.idle_millis, Packer::number);
        to.number(lifetime.absolute_until.as_millis()).flag(lifetime.persistent)
    });
    to.finish()
}

fn write(op: &Op, to: &mut Packer) {
    match op {
        Op::Clear { keep } => {
            to.list(2).text("C").list(keep.len());
            for name in keep {
                to.text(name);
            }
        }
        Op::Set { field, value } => write_with_value("S", field, value, to),
        Op::Unset { field } => {
            to.list(2).text("U").text(field);
        }
        Op::Add { field, by, min, max } => {
            to.list(5).text("A").text(field).number(*by).number(*min).number(*max);
        }
        Op::Insert { field, member } => {
            to.list(3).text("I").text(field).bytes(member);
        }
        Op::Remove { field, member } => {
            to.list(3).text("R").text(field).bytes(member);
        }
        Op::Max { field, value } => {
            to.list(3).text("M").text(field).number(*value);
        }
        Op::Once { field, value } => write_with_value("O", field, value, to),
        Op::Take { field, seen } => write_with_value("T", field, seen, to),
    }
}

fn write_with_value(op: &str, field: &str, value: &FieldValue, to: &mut Packer) {
    let (kind, value) = value_parts(value);
    to.list(3).text(op).text(field).parts([&[kind], &value]);
}

impl Answer {
    /// Reads the revision alone, or a word and its details.
    pub(super) fn read(answer: Value) -> Result<Self, Damaged> {
        if let Value::Int(revision) = answer {
            let revision = revision.try_into().map_err(|_| Damaged)?;
            return Ok(Self::Committed { revision, rotated: false, former: None });
        }
        let mut parts = parts(answer).into_iter();
        let mut next = || parts.next().ok_or(Damaged);
        Ok(match blob(next()?)?.as_ref() {
            b"ok" => {
                let revision = number(&blob(next()?)?)?;
                let rotated = next()? == Value::Int(1);
                let former = match (next(), next()) {
                    (Ok(principal), Ok(token)) => {
                        let (principal, token) = (blob(principal)?, blob(token)?);
                        Some((PrincipalKey::new(text(&principal)?), Token::read(text(&token)?)))
                    }
                    _ => None,
                };
                Self::Committed { revision, rotated, former }
            }
            b"gone" => Self::Gone,
            b"superseded" => Self::Superseded,
            b"conflict" => Self::Conflict(text(&blob(next()?)?)?.to_owned()),
            b"cancelled" => Self::Cancelled,
            b"outlives_index" => Self::OutlivesIndex {
                until: Timestamp::from_millis(number(&blob(next()?)?)?),
                principal: PrincipalKey::new(text(&blob(next()?)?)?),
                token: Token::read(text(&blob(next()?)?)?),
            },
            _ => return Err(Damaged),
        })
    }
}
