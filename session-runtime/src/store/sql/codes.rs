//! The codes of servers' errors by their names: the meaning of each, and the advice that goes with it.
//! Codes that are not here refuse a statement, and nothing else. No error of a driver is known here.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::dialect::Meaning;

/// The advice where there is no table.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const NO_TABLE: &str =
    "; call `migrate()` with a role that may create tables, or run what `schema_sql` gives";
/// The advice where a right is missing.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const NO_RIGHT: &str = "; the documentation of `SqlStore` lists the rights that a role needs";
/// The advice where somebody else has locked the table or the row.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const LOCKED: &str = "; something holds a lock on the table or the row, such as a dump";
/// The advice where the server takes no further connection.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const CROWDED: &str = "; the server takes no further connection: set `max_connections` in the URL lower, so \
     that the pools of all processes fit, or the server's limit higher";

/// PostgreSQL's, by the names in the appendix of its manual.
#[cfg(feature = "postgres")]
pub(super) mod postgres {
    use super::{CROWDED, LOCKED, Meaning, NO_RIGHT, NO_TABLE};
    use crate::store::sql::error::POOLER;

    /// The class of failed connections: a pooler has lost the server.
    const CONNECTION_EXCEPTION: &str = "08";
    const READ_ONLY_SQL_TRANSACTION: &str = "25006";
    const IDLE_IN_TRANSACTION_SESSION_TIMEOUT: &str = "25P03";
    const INVALID_SQL_STATEMENT_NAME: &str = "26000";
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK_DETECTED: &str = "40P01";
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    const UNDEFINED_TABLE: &str = "42P01";
    const DUPLICATE_PREPARED_STATEMENT: &str = "42P05";
    const TOO_MANY_CONNECTIONS: &str = "53300";
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    /// The limit on the time of a statement.
    const QUERY_CANCELED: &str = "57014";
    /// The server is told to shut down, and gives the transaction up; or the connection was ended.
    const ADMIN_SHUTDOWN: &str = "57P01";
    /// Another process of the server has crashed.
    const CRASH_SHUTDOWN: &str = "57P02";
    /// The server is starting, or is shutting down.
    const CANNOT_CONNECT_NOW: &str = "57P03";
    const IDLE_SESSION_TIMEOUT: &str = "57P05";

    /// Returns the meaning of a code.
    pub(in crate::store::sql) fn meaning(code: &str) -> Meaning {
        match code {
            SERIALIZATION_FAILURE | DEADLOCK_DETECTED => Meaning::Busy,
            READ_ONLY_SQL_TRANSACTION => Meaning::OnlyReads,
            ADMIN_SHUTDOWN | CANNOT_CONNECT_NOW | IDLE_SESSION_TIMEOUT => Meaning::Elsewhere,
            CRASH_SHUTDOWN | IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Meaning::Broken,
            _ if code.starts_with(CONNECTION_EXCEPTION) => Meaning::Broken,
            QUERY_CANCELED | LOCK_NOT_AVAILABLE => Meaning::Late,
            TOO_MANY_CONNECTIONS => Meaning::Crowded,
            _ => Meaning::Refused,
        }
    }

    /// Returns the advice that goes with a code.
    pub(in crate::store::sql) fn advice(code: &str) -> &'static str {
        match code {
            UNDEFINED_TABLE => NO_TABLE,
            INSUFFICIENT_PRIVILEGE => NO_RIGHT,
            INVALID_SQL_STATEMENT_NAME | DUPLICATE_PREPARED_STATEMENT => POOLER,
            LOCK_NOT_AVAILABLE => LOCKED,
            TOO_MANY_CONNECTIONS => CROWDED,
            _ => "",
        }
    }

    /// Returns whether a code says that somebody else held a lock for too long.
    pub(in crate::store::sql) fn is_lock(code: &str) -> bool {
        code == LOCK_NOT_AVAILABLE
    }
}

/// MySQL's and MariaDB's, by the names in their manuals.
#[cfg(feature = "mysql")]
pub(super) mod mysql {
    use super::{CROWDED, LOCKED, Meaning, NO_RIGHT, NO_TABLE};

    /// A record has changed since the snapshot.
    const CHECKREAD: u16 = 1020;
    const CON_COUNT_ERROR: u16 = 1040;
    const DBACCESS_DENIED_ERROR: u16 = 1044;
    const SERVER_SHUTDOWN: u16 = 1053;
    const DUP_FIELDNAME: u16 = 1060;
    const DUP_KEYNAME: u16 = 1061;
    const CANT_DROP_FIELD_OR_KEY: u16 = 1091;
    const TABLEACCESS_DENIED_ERROR: u16 = 1142;
    const COLUMNACCESS_DENIED_ERROR: u16 = 1143;
    const NO_SUCH_TABLE: u16 = 1146;
    const TOO_MANY_USER_CONNECTIONS: u16 = 1203;
    const LOCK_WAIT_TIMEOUT: u16 = 1205;
    const LOCK_DEADLOCK: u16 = 1213;
    const USER_LIMIT_REACHED: u16 = 1226;
    const SPECIFIC_ACCESS_DENIED_ERROR: u16 = 1227;
    /// The server only reads, by its option.
    const OPTION_PREVENTS_STATEMENT: u16 = 1290;
    /// The connection's transactions only read.
    const CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: u16 = 1792;
    /// The server only reads, by its mode.
    const READ_ONLY_MODE: u16 = 1836;
    /// The connection was killed, on MariaDB.
    const CONNECTION_KILLED: u16 = 1927;
    /// The limit on the time of a statement, on MariaDB.
    const STATEMENT_TIMEOUT: u16 = 1969;
    /// The limit on the time of a query, on MySQL.
    const QUERY_TIMEOUT: u16 = 3024;
    /// The connection was killed, on MySQL.
    const SESSION_WAS_KILLED: u16 = 3169;
    /// The connection was idle for too long, on MySQL.
    const CLIENT_INTERACTION_TIMEOUT: u16 = 4031;

    /// Returns the meaning of a number.
    pub(in crate::store::sql) fn meaning(number: u16) -> Meaning {
        match number {
            CHECKREAD | LOCK_DEADLOCK => Meaning::Busy,
            OPTION_PREVENTS_STATEMENT | CANT_EXECUTE_IN_READ_ONLY_TRANSACTION | READ_ONLY_MODE => {
                Meaning::OnlyReads
            }
            CLIENT_INTERACTION_TIMEOUT => Meaning::Elsewhere,
            SERVER_SHUTDOWN | CONNECTION_KILLED | SESSION_WAS_KILLED => Meaning::Broken,
            LOCK_WAIT_TIMEOUT | STATEMENT_TIMEOUT | QUERY_TIMEOUT => Meaning::Late,
            CON_COUNT_ERROR | TOO_MANY_USER_CONNECTIONS | USER_LIMIT_REACHED => Meaning::Crowded,
            _ => Meaning::Refused,
        }
    }

    /// Returns the advice that goes with a number.
    pub(in crate::store::sql) fn advice(number: u16) -> &'static str {
        match number {
            NO_SUCH_TABLE => NO_TABLE,
            DBACCESS_DENIED_ERROR
            | TABLEACCESS_DENIED_ERROR
            | COLUMNACCESS_DENIED_ERROR
            | SPECIFIC_ACCESS_DENIED_ERROR => NO_RIGHT,
            LOCK_WAIT_TIMEOUT => LOCKED,
            CON_COUNT_ERROR | TOO_MANY_USER_CONNECTIONS | USER_LIMIT_REACHED => CROWDED,
            _ => "",
        }
    }

    /// Returns whether a number says that somebody else held a lock for too long.
    pub(in crate::store::sql) fn is_lock(number: u16) -> bool {
        number == LOCK_WAIT_TIMEOUT
    }

    /// Returns whether a number says that a statement of a migration has been carried out before.
    pub(in crate::store::sql) fn is_done_already(number: u16) -> bool {
        matches!(number, DUP_FIELDNAME | DUP_KEYNAME | CANT_DROP_FIELD_OR_KEY)
    }
}

#[cfg(all(test, feature = "postgres", feature = "mysql"))]
mod tests {
    use super::*;
    use crate::store::sql::error::POOLER;

    /// The consequences of a code, as an operator meets them.
    #[derive(Debug, PartialEq)]
    struct Then {
        closed: bool,
        /// After an answer to a query, and to a change.
        tried_again: [bool; 2],
        unreachable: bool,
    }

    fn then(meaning: Meaning) -> Then {
        Then {
            closed: meaning.closes_the_connection(),
            tried_again: [meaning.is_read_elsewhere(), meaning.is_written_elsewhere()]
                .map(|is_elsewhere| is_elsewhere || meaning == Meaning::Busy),
            unreachable: meaning.is_unreachable(),
        }
    }

    const REFUSED: Then = Then { closed: false, tried_again: [false; 2], unreachable: false };
    const BUSY: Then = Then { tried_again: [true; 2], ..REFUSED };
    const LATE: Then = Then { unreachable: true, ..REFUSED };
    const CROWDED_OUT: Then = Then { closed: true, ..LATE };
    const ONLY_READS: Then = Then { closed: true, tried_again: [false, true], ..REFUSED };
    const ELSEWHERE: Then = Then { tried_again: [true; 2], ..CROWDED_OUT };
    const BROKEN: Then = Then { tried_again: [true, false], ..CROWDED_OUT };

    #[test]
    fn each_code_of_postgresql_has_its_consequences_and_its_advice() {
        for (code, expected, advice) in [
            ("08006", BROKEN, ""),
            ("08P01", BROKEN, ""),
            ("22P02", REFUSED, ""),
            ("23505", REFUSED, ""),
            ("25006", ONLY_READS, ""),
            ("25P03", BROKEN, ""),
            ("26000", REFUSED, POOLER),
            ("40001", BUSY, ""),
            ("40P01", BUSY, ""),
            ("42501", REFUSED, NO_RIGHT),
            ("42P01", REFUSED, NO_TABLE),
            ("42P05", REFUSED, POOLER),
            ("53100", REFUSED, ""),
            ("53300", CROWDED_OUT, CROWDED),
            ("55P03", LATE, LOCKED),
            ("57014", LATE, ""),
            ("57P01", ELSEWHERE, ""),
            ("57P02", BROKEN, ""),
            ("57P03", ELSEWHERE, ""),
            ("57P05", ELSEWHERE, ""),
        ] {
            assert_eq!(then(postgres::meaning(code)), expected, "{code}");
            assert_eq!(postgres::advice(code), advice, "{code}");
            assert_eq!(postgres::is_lock(code), advice == LOCKED, "{code}");
        }
    }

    #[test]
    fn each_number_of_mysql_and_mariadb_has_its_consequences_and_its_advice() {
        for (number, expected, advice) in [
            (1020, BUSY, ""),
            (1021, REFUSED, ""),
            (1040, CROWDED_OUT, CROWDED),
            (1044, REFUSED, NO_RIGHT),
            (1053, BROKEN, ""),
            (1062, REFUSED, ""),
            (1142, REFUSED, NO_RIGHT),
            (1143, REFUSED, NO_RIGHT),
            (1146, REFUSED, NO_TABLE),
            (1203, CROWDED_OUT, CROWDED),
            (1205, LATE, LOCKED),
            (1213, BUSY, ""),
            (1226, CROWDED_OUT, CROWDED),
            (1227, REFUSED, NO_RIGHT),
            (1290, ONLY_READS, ""),
            (1792, ONLY_READS, ""),
            (1836, ONLY_READS, ""),
            (1927, BROKEN, ""),
            (1969, LATE, ""),
            (3024, LATE, ""),
            (3169, BROKEN, ""),
            (4031, ELSEWHERE, ""),
        ] {
            assert_eq!(then(mysql::meaning(number)), expected, "{number}");
            assert_eq!(mysql::advice(number), advice, "{number}");
            assert_eq!(mysql::is_lock(number), advice == LOCKED, "{number}");
        }
        for number in [1060, 1061, 1091] {
            assert!(mysql::is_done_already(number), "{number}");
            assert_eq!(then(mysql::meaning(number)), REFUSED, "{number}");
        }
    }
}
