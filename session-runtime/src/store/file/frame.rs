//! The content of a session's file around the record: magic bytes that identify the file, a
//! checksum, the data that the sweep needs at a glance, and the key of the session.
//!
//! All numbers are big endian:
//!
//! `magic (7) ‖ version (1) ‖ checksum (8) ‖ expires at (8) ‖ owner (32) ‖ log-in (8) ‖ namespace
//! length (4) ‖ namespace ‖ selector (16) ‖ record`. The checksum is the beginning of the SHA-256 of all that
//! follows it; for the record see [`encoding`](crate::store::encoding).

use sha2::{Digest, Sha256};

use super::name::Owner;
use crate::{
    clock::Timestamp,
    store::{
        Cursor, Namespace, Record, Selector, StoreKey,
        encoding::{decode, encode},
        layout::{Input, put_u32, put_u64},
    },
};

const MAGIC: &[u8; 7] = b"session";
/// The version of the layout above. A new layout takes a new number; this one stays readable.
const VERSION: u8 = 2;
const CHECKSUM: usize = 8;
/// The number of bytes of a file that [`glance`] looks at.
pub(super) const GLANCE: usize = 8 + CHECKSUM + 8 + 32 + 8;

/// The reason why the bytes of a file are not the expected session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// Written by a later version of this crate.
    Newer,
    /// Torn, changed, or not a session file at all.
    Torn,
    /// Whole, but the file of another session, which was moved here.
    Misplaced,
}

/// Returns the bytes of a session's file.
pub(super) fn write(key: &StoreKey, record: &Record) -> Vec<u8> {
    let namespace = key.namespace.as_str();
    let owner = owner_of(&key.namespace, record);
    let log_in = Cursor::of(key.selector, record).logged_in;
    let record_bytes = encode(record);
    let mut out = Vec::with_capacity(GLANCE + 4 + namespace.len() + 16 + record_bytes.len());
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&[0; CHECKSUM]);
    put_u64(&mut out, record.meta.expires_at().as_millis());
    out.extend_from_slice(&owner.0);
    put_u64(&mut out, log_in.as_millis());
    put_u32(&mut out, namespace.len());
    out.extend_from_slice(namespace.as_bytes());
    out.extend_from_slice(key.selector.as_bytes());
    out.extend_from_slice(&record_bytes);
    let checksum = checksum(&out[8 + CHECKSUM..]);
    out[8..8 + CHECKSUM].copy_from_slice(&checksum);
    out
}

/// Reads the bytes that [`write`] wrote: the key of the session, and the record.
pub(super) fn read(bytes: &[u8]) -> Result<(StoreKey, Record), Damage> {
    let mut input = Input::new(bytes);
    version(&mut input)?;
    parts(&mut input).ok_or(Damage::Torn)
}

fn parts(input: &mut Input<'_>) -> Option<(StoreKey, Record)> {
    let stored: &[u8; CHECKSUM] = input.array()?;
    if *stored != checksum(input.rest) {
        return None;
    }
    let glance = Glance::read(input)?;
    let length = input.u32()?;
    let namespace = Namespace::new(std::str::from_utf8(input.take(length)?).ok()?);
    let selector = Selector::from_bytes(*input.array()?);
    let record = decode(input.rest)?;
    let agrees = glance == Glance::of(&namespace, selector, &record);
    agrees.then_some((StoreKey { namespace, selector }, record))
}

/// What the beginning of a file says of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    pub(super) expires_at: Timestamp,
    pub(super) owner: Owner,
    pub(super) logged_in: Timestamp,
}

impl Glance {
    fn of(namespace: &Namespace, selector: Selector, record: &Record) -> Self {
        Self {
            expires_at: record.meta.expires_at(),
            owner: owner_of(namespace, record),
            logged_in: Cursor::of(selector, record).logged_in,
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            expires_at: input.time()?,
            owner: Owner(*input.array()?),
            logged_in: input.time()?,
        })
    }
}

/// Reads the beginning of a file without checking it. Returns `None` for a file that is no session.
/// Good only for deciding whether reading the whole file is worthwhile.
pub(super) fn glance(beginning: &[u8; GLANCE]) -> Option<Glance> {
    let mut input = Input::new(beginning);
    version(&mut input).ok()?;
    input.take(CHECKSUM)?;
    Glance::read(&mut input)
}

fn version(input: &mut Input<'_>) -> Result<(), Damage> {
    match (input.array(), input.array()) {
        (Some(MAGIC), Some([VERSION])) => Ok(()),
        (Some(MAGIC), Some([version])) if *version > VERSION => Err(Damage::Newer),
        _ => Err(Damage::Torn),
    }
}

/// Returns the owner of a record, as the record's file and the index name the owner.
pub(super) fn owner_of(namespace: &Namespace, record: &Record) -> Owner {
    let principal = record.meta.principal.as_ref();
    principal.map_or(Owner::NOBODY, |principal| Owner::of(namespace, principal))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|position| digest[position])
}
