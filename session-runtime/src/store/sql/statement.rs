//! A statement and its answer, independent of the driver: the text, the values bound to it, and
//! the kinds of its columns. It owns how binds are numbered; what a statement says is written by
//! others, and no value ever becomes part of the text.

use std::sync::Arc;

/// A value that is sent beside a statement.
#[derive(Clone, Debug)]
pub(super) enum Bind {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Bind {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Bind {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Bind {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Bind {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// The kind of value in a column of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
}

/// One value of an answer.
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The answer to a statement.
pub(super) struct Answer {
    /// The rows, for a statement that has columns.
    pub(super) rows: Vec<Vec<Cell>>,
    /// The number of rows that a statement without columns found.
    pub(super) affected: u64,
    /// The argument of `LAST_INSERT_ID(…)`, on MySQL and MariaDB.
    pub(super) last_id: u64,
}

/// A statement that is ready to be sent. Clones share the text and the binds: a statement may
/// outlive its request.
#[derive(Clone)]
pub(super) struct Statement {
    pub(super) text: Arc<str>,
    /// The values, in the order of the placeholders.
    pub(super) binds: Arc<[Bind]>,
    /// The kinds of the columns that it answers; empty if it answers none.
    pub(super) columns: &'static [Kind],
}

/// The form of a database's placeholders for binds.
#[derive(Clone, Copy)]
pub(super) struct Placeholders {
    /// The character that begins a placeholder.
    pub(super) mark: char,
    /// True if the bind's number, counted from 1, follows; otherwise each placeholder stands for
    /// the next value.
    pub(super) is_numbered: bool,
    /// The text that follows a bound text that is to be JSON.
    pub(super) json_cast: &'static str,
}

/// Writes a statement.
pub(super) struct Sql {
    placeholders: Placeholders,
    text: String,
    binds: Vec<Bind>,
}

impl Sql {
    pub(super) fn new(placeholders: Placeholders) -> Self {
        let text = String::with_capacity(512);
        Self { placeholders, text, binds: Vec::with_capacity(16) }
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and names it.
    pub(super) fn value(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.binds.push(value.into());
        self.text.push(self.placeholders.mark);
        if self.placeholders.is_numbered {
            self.text.push_str(&self.binds.len().to_string());
        }
        self
    }

    /// Binds a JSON text and names it as JSON.
    pub(super) fn json(&mut self, json: String) -> &mut Self {
        self.value(json);
        self.text(self.placeholders.json_cast)
    }

    /// Finishes a statement that answers the number of rows that it found.
    pub(super) fn finish(self) -> Statement {
        self.answering(&[])
    }

    /// Finishes a statement that answers rows of these columns.
    pub(super) fn answering(self, columns: &'static [Kind]) -> Statement {
        Statement { text: self.text.into(), binds: self.binds.into(), columns }
    }
}
