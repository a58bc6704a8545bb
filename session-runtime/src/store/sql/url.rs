//! The parameters in the URL of a database: those of the store, and those that are the driver's. It
//! knows no connection. Its errors quote nothing of the URL, since any part of a mistyped URL may be the
//! password.

use std::time::Duration;

use crate::store::StoreError;

/// The parameters of the store.
pub(in crate::store) const OURS: &[&str] = &[
    "max_connections",
    "acquire_timeout",
    "statement_timeout",
    "statement_cache",
    "table",
    "schema",
    "migrate",
];

/// The parameters that the driver for PostgreSQL reads; beside them `options[NAME]`.
pub(in crate::store) const POSTGRES: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "options",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
];
/// The parameters that the driver for MySQL and MariaDB reads.
pub(in crate::store) const MYSQL: &[&str] =
    &["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "charset", "collation", "socket", "timezone"];
/// The parameters that the driver for SQLite reads.
pub(in crate::store) const SQLITE: &[&str] = &["mode", "cache", "immutable", "vfs"];

/// Other names of the driver for PostgreSQL for some of these. What a driver does not know it passes
/// over without a word: a certificate authority under the other driver's name would never be used.
const POSTGRES_ALIASES: &[&str] = &["ssl-mode", "ssl-root-cert", "ssl-ca", "ssl-cert", "ssl-key"];
/// Other names of the driver for MySQL and MariaDB.
const MYSQL_ALIASES: &[&str] = &["sslmode", "sslca", "sslcert", "sslkey", "time-zone"];

/// What a URL says to the store.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) connections: Option<u32>,
    pub(super) acquire_timeout: Option<Duration>,
    pub(super) statement_timeout: Option<Duration>,
    pub(super) statement_cache: Option<usize>,
    pub(super) table: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) migrates: Option<bool>,
}

/// Takes the store's parameters out of a URL. Returns them, and the URL that is the driver's. `scheme`
/// is in lower case.
pub(super) fn split(scheme: &str, url: &str) -> Result<(Parameters, String), StoreError> {
    let mut parameters = Parameters::default();
    if scheme != "sqlite" {
        check_host(url)?;
    }
    let Some((rest, query)) = url.split_once('?') else {
        return Ok((parameters, url.to_owned()));
    };
    let (drivers, aliases): (&[&str], &[&str]) = match scheme {
        "sqlite" => (SQLITE, &[]),
        "mysql" | "mariadb" => (MYSQL, MYSQL_ALIASES),
        _ => (POSTGRES, POSTGRES_ALIASES),
    };
    let mut left = String::new();
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = if name == "statement-cache-capacity" { "statement_cache" } else { name };
        if let Some(name) = OURS.iter().find(|ours| **ours == name) {
            if seen.contains(name) {
                return Err(refused(&format!("the parameter `{name}` is there twice")));
            }
            seen.push(*name);
            set(&mut parameters, name, value)
                .ok_or_else(|| refused(&format!("`{name}` is {}", expected(name))))?;
        } else if drivers.contains(&name)
            || aliases.contains(&name)
            || drivers == POSTGRES && name.starts_with("options[")
        {
            left.push(if left.is_empty() { '?' } else { '&' });
            left.push_str(pair);
        } else {
            return Err(refused(&unknown(drivers)));
        }
    }
    Ok((parameters, format!("{rest}{left}")))
}

/// Sets a parameter; `None` if the value is none of the parameter's.
fn set(parameters: &mut Parameters, name: &str, value: &str) -> Option<()> {
    let text = || Some(value.to_owned()).filter(|name| !name.is_empty());
    match name {
        "max_connections" => {
            parameters.connections = Some(value.parse().ok().filter(|count| *count > 0)?);
        }
        "acquire_timeout" => {
            parameters.acquire_timeout = Some(duration(value).filter(|limit| !limit.is_zero())?);
        }
        "statement_timeout" => parameters.statement_timeout = Some(duration(value)?),
        "statement_cache" => parameters.statement_cache = Some(value.parse().ok()?),
        "table" => parameters.table = Some(text()?),
        "schema" => parameters.schema = Some(text()?),
        _ => {
            parameters.migrates = Some(match value {
                "yes" => true,
                "no" => false,
                _ => return None,
            });
        }
    }
    Some(())
}

fn expected(name: &str) -> &'static str {
    match name {
        "max_connections" => "a number of connections, 1 or more",
        "acquire_timeout" => "a time, such as `500ms` or `2s`",
        "statement_timeout" => "a time, such as `500ms` or `2s`, or `0` for no limit",
        "statement_cache" => "a number of statements, or `0` for none",
        "migrate" => "`yes` or `no`",
        _ => "a name",
    }
}

/// Reads `500ms`, `2s`, `1m` or `0`.
fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let (number, millis) =
        units.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, millis)))?;
    let number: u32 = number.parse().ok()?;
    Some(Duration::from_millis(u64::from(number) * millis))
}

/// Refuses a URL that parses, but not as intended: a bare `/`, `?` or `#` in a password would end
/// the host, and the rest would become the database's name.
fn check_host(url: &str) -> Result<(), StoreError> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if rest.contains('@') && !authority.contains('@') {
        return Err(StoreError::new(
            "the database URL has an `@` after its host: write `/`, `?`, `#` and `@` in a user \
             or password as %2F, %3F, %23 and %40",
        ));
    }
    Ok(())
}

fn unknown(drivers: &[&str]) -> String {
    let mut told = "a parameter is unknown; there are ".to_owned();
    let names = OURS.iter().chain(drivers);
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    told += &names.join(", ");
    if drivers == POSTGRES {
        told += ", `options[NAME]`";
    }
    told + " (a `?` in a password is written `%3F`)"
}

fn refused(problem: &str) -> StoreError {
    StoreError::new(format!("the URL of the database cannot be used: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<(Parameters, String), String> {
        let scheme = url.split(':').next().unwrap_or_default();
        split(scheme, url).map_err(|error| error.to_string())
    }

    #[test]
    fn the_stores_parameters_are_taken_out_and_the_drivers_are_left() {
        let url = "postgres://u:p@h/d?sslmode=require&table=web&schema=s&max_connections=3&\
                   migrate=no&acquire_timeout=500ms&options[a]=b&statement_timeout=3s&\
                   statement_cache=0&application_name=x%26y";
        let (parameters, left) = of(url).expect("a URL");
        assert_eq!(left, "postgres://u:p@h/d?sslmode=require&options[a]=b&application_name=x%26y");
        let expected = Parameters {
            connections: Some(3),
            acquire_timeout: Some(Duration::from_millis(500)),
            statement_timeout: Some(Duration::from_secs(3)),
            statement_cache: Some(0),
            table: Some("web".to_owned()),
            schema: Some("s".to_owned()),
            migrates: Some(false),
        };
        assert_eq!(parameters, expected);
        for url in [
            "sqlite:a?mode=ro",
            "mysql://h/d?ssl-mode=required&sslca=x&ssl-cert=y&sslkey=z&time-zone=w",
            "postgres://h/d?ssl-mode=verify-ca&ssl-root-cert=x&ssl-cert=y&sslkey=z",
            "sqlite:a",
        ] {
            assert_eq!(of(url).expect("a URL"), (Parameters::default(), url.to_owned()));
        }
    }

    #[test]
    fn what_is_unknown_or_makes_no_sense_is_an_error_that_names_what_there_is() {
        for (url, told) in [
            ("postgres://h/d?hunter2=3", "`max_connections`, `acquire_timeout`"),
            ("postgres://h/d?hunter2", "`password`, `options[NAME]`"),
            ("mysql://h/d?application_name=hunter2", "`timezone`"),
            // Each driver passes over the other's name, and would trust any certificate.
            ("postgres://h/d?sslca=hunter2", "`sslrootcert`"),
            ("mysql://h/d?ssl-root-cert=hunter2", "`ssl-ca`"),
            ("mysql://h/d?sslrootcert=hunter2", "`ssl-ca`"),
            ("postgres://h/d?time-zone=hunter2", "`sslmode`"),
            ("sqlite:hunter2?sslmode=require", "`immutable`, `vfs`"),
            ("sqlite:x?max_connections=0", "1 or more"),
            ("sqlite:x?acquire_timeout=hunter2", "such as `500ms`"),
            ("sqlite:x?acquire_timeout=0", "such as `500ms`"),
            ("sqlite:x?statement_timeout=2", "`0` for no limit"),
            ("sqlite:x?statement_cache=-1", "`0` for none"),
            ("sqlite:x?migrate=hunter2", "`yes` or `no`"),
            ("sqlite:x?table=", "`table` is a name"),
            ("sqlite:x?table=a&table=hunter2", "is there twice"),
        ] {
            let error = of(url).expect_err(url);
            assert!(error.contains(told) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
