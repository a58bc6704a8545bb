//! A record as a row: the columns, their values, and the way back to a record. It knows nothing of
//! statements.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    error::Fault,
    statement::{Bind, Cell, Kind},
    text::{self, Read, Value},
};
use crate::{
    clock::Timestamp,
    store::{
        Check, Commit, KeyId, Lifetime, Listed, Meta, Previous, PrincipalKey, Record, Selector,
    },
};

/// The columns of a record beside its key, in the order in which they are read and written.
pub(super) const COLUMNS: &[(&str, Kind)] = &[
    ("principal", Kind::Text),
    ("principal_bytes", Kind::Bytes),
    ("created_at", Kind::Int),
    ("logged_in_at", Kind::Int),
    ("last_seen_at", Kind::Int),
    ("rotated_at", Kind::Int),
    ("idle_millis", Kind::Int),
    ("absolute_until", Kind::Int),
    ("expires_at", Kind::Int),
    ("is_persistent", Kind::Flag),
    ("revision", Kind::Int),
    ("credential_check", Kind::Bytes),
    ("previous_check", Kind::Bytes),
    ("previous_until", Kind::Int),
    ("fields", Kind::Text),
    ("group_revisions", Kind::Text),
    ("exact_numbers", Kind::Text),
];

/// The kinds of the columns.
pub(super) const KINDS: &[Kind] = &{
    let mut kinds = [Kind::Int; COLUMNS.len()];
    let mut place = 0;
    while place < COLUMNS.len() {
        kinds[place] = COLUMNS[place].1;
        place += 1;
    }
    kinds
};

pub(super) fn is_json(column: &str) -> bool {
    matches!(column, "fields" | "group_revisions")
}

/// The largest number of a column, which stands for "never".
const NEVER: i64 = i64::MAX;

/// Returns a number as its column holds it. `u64::MAX`, which stands for "never", becomes the
/// largest number of the column; any other number that does not fit becomes the one below.
pub(super) fn number(number: u64) -> i64 {
    match i64::try_from(number) {
        Ok(number) if number < NEVER => number,
        _ if number == u64::MAX => NEVER,
        _ => NEVER - 1,
    }
}

/// Returns the number that a column's number stands for.
fn unsigned(number: i64) -> u64 {
    if number == NEVER { u64::MAX } else { u64::try_from(number).unwrap_or(0) }
}

/// Returns whether a column can hold this number exactly, so that the database can compare it and
/// add to it.
pub(super) fn fits(plain: u64) -> bool {
    unsigned(number(plain)) == plain && plain != NEVER.unsigned_abs() - 1
}

/// Returns a time as its column holds it: milliseconds since 1970.
pub(super) fn time(time: Timestamp) -> i64 {
    number(time.as_millis())
}

/// Returns a time to compare columns with. If the time does not fit, sessions that end at any time
/// that does not fit count as live.
pub(super) fn bound(time: Timestamp) -> i64 {
    number(time.as_millis()) - i64::from(!fits(time.as_millis()))
}

/// All numbers of a record of which one does not fit its column. No statement changes such a record
/// by itself: each commit reads the record first.
#[derive(Serialize, Deserialize)]
struct Exact {
    created_at: u64,
    logged_in_at: Option<u64>,
    last_seen_at: u64,
    rotated_at: u64,
    idle_millis: Option<u64>,
    absolute_until: u64,
    previous_until: Option<u64>,
    revision: u64,
}

impl Exact {
    fn of(record: &Record) -> Option<Self> {
        let meta = &record.meta;
        let exact = Self {
            created_at: meta.created.as_millis(),
            logged_in_at: meta.logged_in.map(Timestamp::as_millis),
            last_seen_at: meta.last_seen.as_millis(),
            rotated_at: meta.rotated.as_millis(),
            idle_millis: meta.lifetime.idle_millis,
            absolute_until: meta.lifetime.absolute_until.as_millis(),
            previous_until: meta.previous.as_ref().map(|previous| previous.until.as_millis()),
            revision: meta.revision,
        };
        let all = [exact.created_at, exact.last_seen_at, exact.rotated_at, exact.absolute_until];
        let some = [exact.logged_in_at, exact.idle_millis, exact.previous_until];
        let counts = record.groups().map(|(_, revision)| revision).chain([meta.revision]);
        let fit = all.into_iter().chain(some.into_iter().flatten()).all(fits)
            && counts.into_iter().all(|count| count != u64::MAX && fits(count));
        (!fit).then_some(exact)
    }

    fn put_into(self, meta: &mut Meta) {
        let time = Timestamp::from_millis;
        meta.created = time(self.created_at);
        meta.logged_in = self.logged_in_at.map(time);
        meta.last_seen = time(self.last_seen_at);
        meta.rotated = time(self.rotated_at);
        meta.lifetime.idle_millis = self.idle_millis;
        meta.lifetime.absolute_until = time(self.absolute_until);
        if let (Some(previous), Some(until)) = (&mut meta.previous, self.previous_until) {
            previous.until = time(until);
        }
        meta.revision = self.revision;
    }
}

/// Returns whether no statement can change the record's row by itself.
pub(super) fn is_exact(record: &Record) -> bool {
    Exact::of(record).is_some()
}

/// Returns whether the columns can hold all numbers of a commit.
pub(super) fn holds(commit: &Commit) -> bool {
    let lifetime = commit.lifetime.as_ref();
    let times = [
        Some(commit.now.as_millis()),
        lifetime.map(|lifetime| lifetime.absolute_until.as_millis()),
        lifetime.and_then(|lifetime| lifetime.idle_millis),
        commit.rotation.as_ref().and_then(|it| it.grace_until).map(Timestamp::as_millis),
    ];
    let mut revisions = commit.expected.iter().map(|expected| expected.revision);
    times.into_iter().flatten().all(fits) && revisions.all(|it| it != u64::MAX && fits(it))
}

/// Returns a credential as its column holds it: the key's id, then the check value.
pub(super) fn credential(key_id: KeyId, check: &Check) -> Vec<u8> {
    [key_id.as_bytes().as_slice(), check.as_bytes()].concat()
}

/// Returns a principal as its columns hold it: the text to search by, and the whole principal if
/// that text is only a digest.
pub(super) fn principal(principal: Option<&PrincipalKey>) -> (Option<String>, Option<Vec<u8>>) {
    let Some(principal) = principal else { return (None, None) };
    let key = text::key(principal.as_str());
    let whole = (key != principal.as_str()).then(|| principal.as_str().as_bytes().to_vec());
    (Some(key.into_owned()), whole)
}

/// Returns the values of a record's columns.
pub(super) fn binds(record: &Record) -> [Bind; COLUMNS.len()] {
    let meta = &record.meta;
    let (principal, principal_bytes) = principal(meta.principal.as_ref());
    let previous = meta.previous.as_ref();
    let fields = record.fields().map(|(name, value)| (name, Value::Field(value)));
    let groups = record.groups().map(|(name, revision)| (name, Value::Revision(revision)));
    [
        principal.into(),
        principal_bytes.into(),
        time(meta.created).into(),
        meta.logged_in.map(time).into(),
        time(meta.last_seen).into(),
        time(meta.rotated).into(),
        meta.lifetime.idle_millis.map(number).into(),
        time(meta.lifetime.absolute_until).into(),
        time(meta.expires_at()).into(),
        meta.lifetime.persistent.into(),
        number(meta.revision).into(),
        credential(meta.key_id, &meta.check).into(),
        previous.map(|previous| credential(previous.key_id, &previous.check)).into(),
        previous.map(|previous| time(previous.until)).into(),
        text::object(fields).into(),
        text::object(groups).into(),
        Exact::of(record).and_then(|exact| serde_json::to_string(&exact).ok()).into(),
    ]
}

/// Reads the record in a row of [`COLUMNS`].
pub(super) fn record(row: Vec<Cell>) -> Result<Record, Fault> {
    let mut row = Cells::new(row);
    let (principal, principal_bytes) = (row.text()?, row.bytes()?);
    let created = row.time()?;
    let logged_in = row.optional_time()?;
    let last_seen = row.time()?;
    let rotated = row.time()?;
    let idle_millis = row.int()?.map(unsigned);
    let absolute_until = row.time()?;
    let _expires_at = row.int()?;
    let persistent = row.flag()?;
    let revision = row.required_int()?;
    let (key_id, check) = row.credential()?.ok_or_else(|| row.misfit())?;
    let previous = row.credential()?;
    let until = row.optional_time()?;
    let fields = row.text()?.ok_or_else(|| row.misfit())?;
    let groups = row.text()?.ok_or_else(|| row.misfit())?;
    let exact = row.text()?;

    let lifetime = Lifetime { idle_millis, absolute_until, persistent };
    let mut meta = Meta::new(check, key_id, created, lifetime);
    meta.last_seen = last_seen;
    meta.rotated = rotated;
    meta.logged_in = logged_in;
    meta.revision = unsigned(revision);
    meta.principal = match principal_bytes {
        Some(bytes) => Some(String::from_utf8(bytes).map_err(|_| row.misfit())?),
        None => principal,
    }
    .as_deref()
    .map(PrincipalKey::new);
    meta.previous =
        previous.zip(until).map(|((key_id, check), until)| Previous { check, key_id, until });

    if let Some(exact) = exact {
        serde_json::from_str::<Exact>(&exact).map_err(|_| row.misfit())?.put_into(&mut meta);
    }

    let mut record = Record::new(meta);
    let fields = object::<Read>("fields", &fields)?.into_iter();
    record.extend(fields.map(|(name, Read(value))| (name.into(), value)));
    for (name, revision) in object::<u64>("group_revisions", &groups)? {
        record.set_group_revision(name, revision);
    }
    Ok(record)
}

/// Reads an entry of the answer to a list.
pub(super) fn listed(row: Vec<Cell>) -> Result<Listed, Fault> {
    let mut row = Cells::new(row);
    let selector = row.text()?.as_deref().and_then(Selector::from_hex);
    let selector = selector.ok_or_else(|| row.misfit())?;
    let created = row.time()?;
    let logged_in = row.optional_time()?.unwrap_or(created);
    Ok(Listed { selector, created, logged_in, last_seen: row.time()? })
}

/// Reads the one text of a row.
pub(super) fn only_text(row: Vec<Cell>) -> Result<String, Fault> {
    let mut row = Cells::new(row);
    row.text()?.ok_or_else(|| row.misfit())
}

/// Reads the first number of a row; NULL counts as 0.
pub(super) fn first_int(row: Vec<Cell>) -> Result<i64, Fault> {
    Ok(Cells::new(row).int()?.unwrap_or(0))
}

/// Reads a revision, and whether that revision has rotated the credential.
pub(super) fn revisions(row: Vec<Cell>) -> Result<(u64, bool), Fault> {
    let mut row = Cells::new(row);
    let (revision, rotated) = (row.required_int()?, row.required_int()?);
    Ok((unsigned(revision), revision == rotated))
}

fn object<'de, T: Deserialize<'de>>(
    column: &'static str,
    json: &'de str,
) -> Result<BTreeMap<String, T>, Fault> {
    // Neither the text nor the parser's message may be in the error: both hold the user's data.
    let read: BTreeMap<String, T> =
        serde_json::from_str(json).map_err(|_| Fault::Row { column })?;
    let plain = |(name, value): (String, T)| Some((text::plain_name(&name)?, value));
    read.into_iter().map(plain).collect::<Option<_>>().ok_or(Fault::Row { column })
}

/// The cells of a row, one after the other.
struct Cells {
    cells: std::vec::IntoIter<Cell>,
    read: usize,
}

impl Cells {
    fn new(cells: Vec<Cell>) -> Self {
        Self { cells: cells.into_iter(), read: 0 }
    }

    fn next(&mut self) -> Option<Cell> {
        self.read += 1;
        self.cells.next()
    }

    /// Makes the error that the column read last holds an unexpected value.
    fn misfit(&self) -> Fault {
        let place = self.read.saturating_sub(1);
        Fault::Row { column: COLUMNS.get(place).map_or("selector", |(column, _)| *column) }
    }

    fn int(&mut self) -> Result<Option<i64>, Fault> {
        match self.next() {
            Some(Cell::Int(number)) => Ok(Some(number)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.misfit()),
        }
    }

    fn required_int(&mut self) -> Result<i64, Fault> {
        self.int()?.ok_or_else(|| self.misfit())
    }

    fn optional_time(&mut self) -> Result<Option<Timestamp>, Fault> {
        Ok(self.int()?.map(unsigned).map(Timestamp::from_millis))
    }

    fn time(&mut self) -> Result<Timestamp, Fault> {
        self.optional_time()?.ok_or_else(|| self.misfit())
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        match self.next() {
            Some(Cell::Flag(flag)) => Ok(flag),
            _ => Err(self.misfit()),
        }
    }

    fn text(&mut self) -> Result<Option<String>, Fault> {
        match self.next() {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.misfit()),
        }
    }

    fn bytes(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        match self.next() {
            Some(Cell::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.misfit()),
        }
    }

    fn credential(&mut self) -> Result<Option<(KeyId, Check)>, Fault> {
        let Some(bytes) = self.bytes()? else { return Ok(None) };
        let key_id = bytes.get(..4).and_then(|id| id.try_into().ok()).map(KeyId::from_bytes);
        let check = bytes.get(4..).and_then(|check| check.try_into().ok()).map(Check::from_bytes);
        key_id.zip(check).map(Some).ok_or_else(|| self.misfit())
    }
}
