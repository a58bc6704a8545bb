//! The names of the tables, as messages and as statements write them. It knows the quotation mark
//! and no other part of a statement.

use std::borrow::Cow;

#[cfg(any(feature = "mysql", feature = "postgres"))]
use sha2::{Digest, Sha256};

use crate::store::StoreError;

/// The longest name of a table: with what indexes append, it must fit every database.
const LONGEST_TABLE: usize = 40;

/// The name of the table that holds the sessions, on which the names of all others build.
#[derive(Clone)]
pub(super) struct TableName {
    schema: Option<String>,
    name: String,
    quote: char,
}

impl TableName {
    /// The table's name where none is given. Not `session`: too many programs have one.
    pub(super) const DEFAULT: &'static str = "http_session";

    /// The default name in a database that quotes with `quote`.
    pub(super) fn standard(quote: char) -> Self {
        Self { schema: None, name: Self::DEFAULT.to_owned(), quote }
    }

    pub(super) fn new(
        quote: char,
        schema: Option<String>,
        name: String,
    ) -> Result<Self, StoreError> {
        check("table", &name, LONGEST_TABLE)?;
        if let Some(schema) = &schema {
            check("schema", schema, 63)?;
        }
        Ok(Self { schema, name, quote })
    }

    /// Returns the name with its schema, without quotation marks.
    pub(super) fn plain(&self) -> Cow<'_, str> {
        match &self.schema {
            Some(schema) => Cow::Owned(format!("{schema}.{}", self.name)),
            None => Cow::Borrowed(&self.name),
        }
    }

    pub(super) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name with its schema and a suffix, as statements write it.
    pub(super) fn quoted(&self, suffix: &str) -> String {
        let quote = self.quote;
        let table = self.index(suffix);
        match &self.schema {
            Some(schema) => format!("{quote}{schema}{quote}.{table}"),
            None => table,
        }
    }

    /// Returns the name without the schema, as statements write the name of an index.
    pub(super) fn index(&self, suffix: &str) -> String {
        let quote = self.quote;
        format!("{quote}{}{suffix}{quote}", self.name)
    }

    /// Returns the name of the channel for notices. Schemas may share it: a notice too many costs a look.
    #[cfg(feature = "postgres")]
    pub(super) fn channel(&self) -> String {
        format!("{}_bus", self.name)
    }

    /// Returns a number that stands for these texts and this table wherever a database locks by
    /// number.
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(super) fn number(&self, texts: &[&str]) -> u64 {
        let mut digest = Sha256::new();
        for text in [self.plain().as_ref()].iter().chain(texts) {
            digest.update(text.len().to_be_bytes());
            digest.update(text);
        }
        digest.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Statements quote names, so this is no defence; it keeps names that people can type.
fn check(what: &str, name: &str, longest: usize) -> Result<(), StoreError> {
    let first = name.bytes().next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_');
    let rest = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    if first && rest && name.len() <= longest {
        return Ok(());
    }
    Err(StoreError::new(format!(
        "`{name}` cannot be the {what} of the sessions: use up to {longest} ASCII letters, digits \
         and `_`, and no digit first"
    )))
}
