//! The binding of a session to properties of its client. Decides which properties are read, and
//! what a mismatch leads to. Hashing is in `token`, renewal in `plan`.

use std::{fmt, net::IpAddr, sync::Arc};

use http::{header::USER_AGENT, request::Parts};

use crate::{
    store::{FieldName, FieldValue, KeyId, Record},
    token::{BindCodec, Match, RandomError, Shown},
};

/// A property of the client that a session is bound to
/// ([`SessionLayerBuilder::bind`](crate::SessionLayerBuilder::bind)).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Bind {
    /// The whole `User-Agent` header. **An updated browser counts as another client.**
    UserAgent,
    /// The network of the client's address.
    Address {
        /// Returns the client's address. **Behind a proxy, the connection's address is the
        /// proxy's:** take the client's address from the proxy's header, and from no other. `None`
        /// is an address like any other.
        of: fn(&Parts) -> Option<IpAddr>,
        /// The number of leading bits of an IPv4 address that count, 1 to 32. Mobile networks move
        /// clients within a /16 and beyond.
        v4_prefix: u8,
        /// The number of leading bits of an IPv6 address that count, 1 to 128. A household has a
        /// /64 to a /48.
        v6_prefix: u8,
    },
}

/// The reaction to a session that is presented by another client than it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnMismatch {
    /// An event at warning level. The request continues.
    Observe,
    /// The same event, and the token counts as stale, so this request has no live session. The
    /// session itself continues for the client that it is bound to.
    Reject,
}

impl Bind {
    const fn kind(&self) -> &'static str {
        match self {
            Self::UserAgent => "user_agent",
            Self::Address { .. } => "address",
        }
    }

    /// Returns the name of the hash in a record. No field's stored name begins with `:`.
    const fn name(&self) -> &'static str {
        match self {
            Self::UserAgent => ":user_agent",
            Self::Address { .. } => ":address",
        }
    }

    /// Checks the property. Returns what is wrong with it.
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

    /// Returns the property of the client that sent this request.
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

/// Returns the leading bits of an address. An IPv6 address that maps an IPv4 address counts as
/// that.
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

/// The properties that all sessions of a layer are bound to.
pub(crate) struct Binds {
    pub(crate) list: Vec<(Bind, OnMismatch)>,
    pub(crate) codec: BindCodec,
}

/// The properties that one request shows.
pub(crate) struct Bound {
    binds: Arc<Binds>,
    values: Vec<Option<Vec<u8>>>,
}

/// The property that differs, and the reaction.
pub(crate) struct Mismatch {
    pub(crate) kind: &'static str,
    pub(crate) rejects: bool,
}

impl Binds {
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

    /// Returns the properties in which the session is bound to another client.
    pub(crate) fn mismatches(&self, record: &Record) -> impl Iterator<Item = Mismatch> {
        self.shown()
            .filter(|(bind, _, shown)| self.compare(record, bind, *shown) == Match::Other)
            .map(|(bind, on_mismatch, _)| Mismatch {
                kind: bind.kind(),
                rejects: on_mismatch == OnMismatch::Reject,
            })
    }

    /// Returns the hashes that the record must hold: those of `before`, and where `before` has none
    /// that is usable, those of this request. The session's token is made under the key `key_id`.
    pub(crate) fn fields(
        &self,
        key_id: KeyId,
        before: Option<&Record>,
    ) -> Result<Vec<(FieldName, FieldValue)>, RandomError> {
        self.shown()
            .map(|(bind, _, shown)| {
                let kept = before.and_then(|record| {
                    let found = self.compare(record, bind, shown);
                    let stays = match found {
                        Match::Same(key) => key == self.binds.codec.writer(key_id),
                        Match::Other => true,
                        Match::Unknown => false,
                    };
                    record.get(bind.name()).filter(|_| stays).cloned()
                });
                let value = match kept {
                    Some(kept) => kept,
                    None => FieldValue::Bytes(self.binds.codec.keep(key_id, shown)?.into()),
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
