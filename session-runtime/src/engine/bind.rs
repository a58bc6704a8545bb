//! Binding a session to what its client looks like. What is looked at and what a mismatch leads to
//! is settled here; how it is hashed is `token`'s business, and when it is renewed `plan`'s.

use std::{fmt, net::IpAddr, sync::Arc};

use http::{header::USER_AGENT, request::Parts};

use crate::{
    store::{FieldName, FieldValue, Record},
    token::{BindCodec, Match, RandomError, Shown},
};

/// What a session is bound to ([`SessionLayerBuilder::bind`](crate::SessionLayerBuilder::bind)).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Bind {
    /// The `User-Agent` header, all of it: an update of the browser counts as another client.
    UserAgent,
    /// The network that the client's address is in.
    Address {
        /// The client's address. Behind a proxy, the connection's is the proxy's: take it from what
        /// the proxy says, and only from what it says. `None` is an address like any other.
        of: fn(&Parts) -> Option<IpAddr>,
        /// How many leading bits of an IPv4 address count, 1 to 32. Mobile networks move clients
        /// within a /16 and beyond.
        v4_prefix: u8,
        /// How many leading bits of an IPv6 address count, 1 to 128. A household has a /64 to a
        /// /48.
        v6_prefix: u8,
    },
}

/// What it leads to when a session is presented by another client than it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnMismatch {
    /// An event at warning level; the request goes on.
    Observe,
    /// The same event, and the token counts as stale: no live session for this request. The
    /// session itself goes on for the client that it is bound to. A [`Writer`](crate::Writer) loads
    /// the session then, since a commit that has not looked cannot know.
    Reject,
}

impl Bind {
    const fn kind(&self) -> &'static str {
        match self {
            Self::UserAgent => "user_agent",
            Self::Address { .. } => "address",
        }
    }

    /// Where a record keeps it. No field's stored name begins with `:`.
    const fn name(&self) -> &'static str {
        match self {
            Self::UserAgent => ":user_agent",
            Self::Address { .. } => ":address",
        }
    }

    /// What is wrong with it.
    pub(crate) fn check(&self, others: &[(Self, OnMismatch)]) -> Result<(), String> {
        if others.iter().any(|(other, _)| other.kind() == self.kind()) {
            return Err(format!("`bind` is given twice for `{}`", self.kind()));
        }
        match *self {
            Self::Address { v4_prefix, .. } if !(1..=32).contains(&v4_prefix) => {
                Err(format!("`bind`: `v4_prefix` is 1 to 32 bits, not {v4_prefix}"))
            }
            Self::Address { v6_prefix, .. } if !(1..=128).contains(&v6_prefix) => {
                Err(format!("`bind`: `v6_prefix` is 1 to 128 bits, not {v6_prefix}"))
            }
            _ => Ok(()),
        }
    }

    /// What the client shows.
    fn look_at(&self, parts: &Parts) -> Option<Vec<u8>> {
        match self {
            Self::UserAgent => parts.headers.get(USER_AGENT).map(|agent| agent.as_bytes().to_vec()),
            Self::Address { of, v4_prefix, v6_prefix } => {
                of(parts).map(|address| network(address, *v4_prefix, *v6_prefix))
            }
        }
    }

    const fn form(&self) -> [u8; 2] {
        match *self {
            Self::UserAgent => [0, 0],
            Self::Address { v4_prefix, v6_prefix, .. } => [v4_prefix, v6_prefix],
        }
    }
}

/// The leading bits of an address; an IPv4 address in IPv6 clothes is one.
fn network(address: IpAddr, v4_prefix: u8, v6_prefix: u8) -> Vec<u8> {
    let (mut octets, prefix) = match address.to_canonical() {
        IpAddr::V4(address) => (address.octets().to_vec(), v4_prefix),
        IpAddr::V6(address) => (address.octets().to_vec(), v6_prefix),
    };
    for (octet, first) in octets.iter_mut().zip((0..=u8::MAX).step_by(8)) {
        let kept = prefix.saturating_sub(first).min(8);
        *octet &= !(0xff_u8.checked_shr(kept.into()).unwrap_or(0));
    }
    octets
}

/// What all sessions of a layer are bound to.
pub(crate) struct Binds {
    pub(crate) list: Vec<(Bind, OnMismatch)>,
    pub(crate) codec: BindCodec,
}

/// What one request shows of it.
pub(crate) struct Bound {
    binds: Arc<Binds>,
    values: Vec<Option<Vec<u8>>>,
}

/// What a mismatch is about, and what it leads to.
pub(crate) struct Mismatch {
    pub(crate) kind: &'static str,
    pub(crate) rejects: bool,
}

impl Binds {
    pub(crate) fn rejects(&self) -> bool {
        self.list.iter().any(|(_, on_mismatch)| *on_mismatch == OnMismatch::Reject)
    }

    pub(crate) fn look_at(self: &Arc<Self>, parts: &Parts) -> Bound {
        let values = self.list.iter().map(|(bind, _)| bind.look_at(parts)).collect();
        Bound { binds: Arc::clone(self), values }
    }
}

impl Bound {
    fn shown(&self) -> impl Iterator<Item = (&Bind, OnMismatch, Shown<'_>)> {
        self.binds.list.iter().zip(&self.values).map(|((bind, on_mismatch), value)| {
            let (kind, form) = (bind.kind(), bind.form());
            (bind, *on_mismatch, Shown { kind, form, value: value.as_deref() })
        })
    }

    fn compare(&self, record: &Record, bind: &Bind, shown: Shown<'_>) -> Match {
        match record.get(bind.name()) {
            None => Match::Unknown,
            Some(FieldValue::Bytes(kept)) => self.binds.codec.compare(kept, shown),
            Some(_) => Match::Other,
        }
    }

    /// Where the session is bound to another client.
    pub(crate) fn mismatches(&self, record: &Record) -> impl Iterator<Item = Mismatch> {
        self.shown()
            .filter(|(bind, _, shown)| self.compare(record, bind, *shown) == Match::Other)
            .map(|(bind, on_mismatch, _)| Mismatch {
                kind: bind.kind(),
                rejects: on_mismatch == OnMismatch::Reject,
            })
    }

    /// What the record must hold: what `before` has, and where it has nothing of use, what this
    /// request shows.
    pub(crate) fn fields(
        &self,
        before: Option<&Record>,
    ) -> Result<Vec<(FieldName, FieldValue)>, RandomError> {
        self.shown()
            .map(|(bind, _, shown)| {
                let kept = before.and_then(|record| {
                    let found = self.compare(record, bind, shown);
                    let stays = matches!(found, Match::Same | Match::Other);
                    record.get(bind.name()).filter(|_| stays).cloned()
                });
                let value = match kept {
                    Some(kept) => kept,
                    None => FieldValue::Bytes(self.binds.codec.keep(shown)?.into()),
                };
                Ok((bind.name().into(), value))
            })
            .collect()
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bound(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leading_bits_of_an_address_count() {
        let of = |address: &str, v4, v6| network(address.parse().expect("an address"), v4, v6);
        assert_eq!(of("203.0.113.77", 24, 64), [203, 0, 113, 0]);
        assert_eq!(of("203.0.113.77", 32, 64), [203, 0, 113, 77]);
        assert_eq!(of("203.0.113.77", 30, 64), [203, 0, 113, 76]);
        assert_eq!(of("203.0.113.77", 1, 64), [128, 0, 0, 0]);
        assert_eq!(of("::ffff:203.0.113.77", 8, 128), [203, 0, 0, 0]);
        let whole: std::net::Ipv6Addr = "2001:db8:1:2:3:4:5:6".parse().expect("an address");
        assert_eq!(of("2001:db8:1:2:3:4:5:6", 24, 128), whole.octets());
        assert_eq!(of("2001:db8:1:2:3:4:5:6", 24, 57)[7..], [0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(of("2001:db8:1:2:3:4:5:6", 24, 63)[..8], whole.octets()[..8]);
    }
}
