//! The statements on the table that read the same in every database. It knows columns and
//! conditions; what a commit changes is written elsewhere.

use super::{
    dialect::Dialect,
    row::{self, COLUMNS},
    statement::{Bind, Kind, Sql, Statement},
    table_name::TableName,
    text,
};
use crate::{
    clock::Timestamp,
    store::{Namespace, PrincipalKey, Record, Selector, StoreKey},
};

/// The number of sessions that one statement removes by name. Shorter lists are filled up, so that
/// there are two texts instead of one for each length.
const LISTED: usize = 50;

/// The table that holds the sessions, and the dialect of its database.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) dialect: &'static dyn Dialect,
    pub(super) name: TableName,
}

impl Table {
    pub(super) fn new(dialect: &'static dyn Dialect, name: TableName) -> Self {
        Self { dialect, name }
    }

    /// Returns the table's name with a suffix, as statements write it.
    pub(super) fn quoted(&self, suffix: &str) -> String {
        self.name.quoted(suffix)
    }

    /// Begins a statement.
    pub(super) fn sql(&self) -> Sql {
        Sql::new(self.dialect.placeholders())
    }

    /// Returns the statement that reads a record.
    pub(super) fn load(&self, key: &StoreKey) -> Statement {
        self.read(key, "")
    }

    /// Returns the statement that reads a record and locks it until the transaction ends.
    pub(super) fn load_for_update(&self, key: &StoreKey) -> Statement {
        self.read(key, self.dialect.for_update())
    }

    fn read(&self, key: &StoreKey, lock: &str) -> Statement {
        let mut sql = self.sql();
        sql.text("SELECT ");
        for (place, (column, _)) in COLUMNS.iter().enumerate() {
            let cast = if row::is_json(column) { self.dialect.text_cast() } else { "" };
            sql.text(if place > 0 { ", " } else { "" }).text(column).text(cast);
        }
        sql.text(" FROM ").text(&self.quoted(""));
        is_key(&mut sql, key);
        sql.text(lock);
        sql.answering(row::KINDS)
    }

    /// Returns the statement that stores a new record. An existing record is left alone, or makes
    /// the statement an error.
    pub(super) fn insert(&self, key: &StoreKey, record: &Record) -> Statement {
        let mut sql = self.sql();
        sql.text("INSERT INTO ").text(&self.quoted("")).text(" (namespace, selector");
        for (column, _) in COLUMNS {
            sql.text(", ").text(column);
        }
        sql.text(", rotated_revision) VALUES (");
        sql.value(text::key(key.namespace.as_str()).as_ref()).text(", ");
        sql.value(key.selector.to_string());
        for ((column, _), bind) in COLUMNS.iter().zip(row::binds(record)) {
            sql.text(", ");
            column_value(&mut sql, column, bind);
        }
        sql.text(", ").value(row::number(record.meta.revision)).text(")");
        if self.dialect.is_returning() {
            sql.text(" ON CONFLICT DO NOTHING");
        }
        sql.finish()
    }

    /// Returns the statement that overwrites a record.
    pub(super) fn overwrite(&self, key: &StoreKey, record: &Record, rotated: bool) -> Statement {
        let mut sql = self.sql();
        sql.text("UPDATE ").text(&self.quoted("")).text(" SET ");
        for ((column, _), bind) in COLUMNS.iter().zip(row::binds(record)) {
            sql.text(column).text(" = ");
            column_value(&mut sql, column, bind);
            sql.text(", ");
        }
        let rotated = rotated.then(|| row::number(record.meta.revision));
        sql.text("rotated_revision = COALESCE(").value(rotated).text(", rotated_revision)");
        is_key(&mut sql, key);
        sql.finish()
    }

    pub(super) fn delete(&self, key: &StoreKey) -> Statement {
        let mut sql = self.sql();
        sql.text("DELETE FROM ").text(&self.quoted(""));
        is_key(&mut sql, key);
        sql.finish()
    }

    /// Returns the statement that lists the live sessions of a principal, the newest first.
    pub(super) fn list(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Statement {
        let mut sql = self.sql();
        sql.text("SELECT selector, created_at, logged_in_at, last_seen_at FROM ");
        sql.text(&self.quoted(""));
        is_principal(&mut sql, namespace, principal);
        sql.text(" AND expires_at > ").value(row::bound(now));
        sql.text(" ORDER BY created_at DESC, selector");
        sql.answering(&[Kind::Text, Kind::Int, Kind::Int, Kind::Int])
    }

    pub(super) fn delete_all(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        except: Option<Selector>,
    ) -> Statement {
        let mut sql = self.sql();
        sql.text("DELETE FROM ").text(&self.quoted(""));
        is_principal(&mut sql, namespace, principal);
        let except = except.map(|selector| selector.to_string()).unwrap_or_default();
        sql.text(" AND selector <> ").value(except);
        sql.finish()
    }

    /// Returns the statement that lists the other live sessions of a principal, the earliest log-in
    /// first.
    pub(super) fn others(
        &self,
        key: &StoreKey,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Statement {
        let mut sql = self.sql();
        sql.text("SELECT selector FROM ").text(&self.quoted(""));
        is_principal(&mut sql, &key.namespace, principal);
        sql.text(" AND expires_at > ").value(row::bound(now));
        sql.text(" AND selector <> ").value(key.selector.to_string());
        sql.text(" ORDER BY COALESCE(logged_in_at, created_at), selector");
        sql.answering(&[Kind::Text])
    }

    /// Returns the statements that remove these sessions if they still are the principal's. The one
    /// with columns answers the sessions that were.
    pub(super) fn remove(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        selectors: &[String],
    ) -> Vec<Statement> {
        let condition = |sql: &mut Sql| {
            sql.text(&self.quoted(""));
            is_principal(sql, namespace, principal);
            let places = if selectors.len() > 1 { LISTED } else { 1 };
            for place in 0..places {
                sql.text(if place == 0 { " AND selector IN (" } else { ", " });
                let selector = selectors.get(place).or(selectors.first());
                sql.value(selector.cloned().unwrap_or_default());
            }
            sql.text(")");
        };
        let mut delete = self.sql();
        delete.text("DELETE FROM ");
        condition(&mut delete);
        if self.dialect.is_returning() {
            delete.text(" RETURNING selector");
            return vec![delete.answering(&[Kind::Text])];
        }
        let mut select = self.sql();
        select.text("SELECT selector FROM ");
        condition(&mut select);
        select.text(self.dialect.for_update());
        vec![select.answering(&[Kind::Text]), delete.finish()]
    }

    /// Returns the number of sessions that [`remove`](Self::remove) takes at once.
    pub(super) const fn most_removed() -> usize {
        LISTED
    }
}

fn column_value(sql: &mut Sql, column: &str, bind: Bind) {
    let slot = sql.bind(bind);
    if row::is_json(column) {
        sql.json_slot(slot);
    } else {
        sql.slot(slot);
    }
}

/// Writes the condition that selects a record's row.
pub(super) fn is_key(sql: &mut Sql, key: &StoreKey) {
    sql.text(" WHERE namespace = ").value(text::key(key.namespace.as_str()).as_ref());
    sql.text(" AND selector = ").value(key.selector.to_string());
}

fn is_principal(sql: &mut Sql, namespace: &Namespace, principal: &PrincipalKey) {
    sql.text(" WHERE namespace = ").value(text::key(namespace.as_str()).as_ref());
    sql.text(" AND principal = ").value(text::key(principal.as_str()).as_ref());
}
