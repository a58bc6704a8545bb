//! The settings of an example, from environment variables. Every refusal names the variable, what
//! is wrong and what to give instead. Knows nothing of sockets and session layers.

use std::{ffi::OsString, fmt, time::Duration};

use tracing_subscriber::filter::Targets;

use crate::{Failure, clock::AheadBy};

/// The variable that holds the secrets; only the key ring reads its value.
pub(crate) const KEYS: &str = "SESSION_KEYS";

/// The URL of a store, which may hold a password.
pub(crate) struct StoreUrl(pub(crate) String);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(<redacted>)")
    }
}

/// All settings but the secrets.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) port: u16,
    /// Printed nowhere: there may be a password in it.
    pub(crate) store: Option<StoreUrl>,
    pub(crate) store_lazy: bool,
    pub(crate) has_keys: bool,
    pub(crate) idle: Option<Duration>,
    pub(crate) absolute: Option<Duration>,
    pub(crate) tls: bool,
    pub(crate) log: Targets,
    pub(crate) clock: Option<AheadBy>,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, Failure> {
        Self::read(|name| std::env::var_os(name))
    }

    /// From any source of variables, so that tests need not change those of the process.
    fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let text = |name: &str| match get(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(Failure::config(format!("{name}: not valid UTF-8"))),
        };
        let duration = |name: &str| match text(name)? {
            None => Ok(None),
            Some(value) => parse_duration(name, &value).map(Some),
        };
        Ok(Self {
            port: text("PORT")?.map_or(Ok(3000), |value| parse_port(&value))?,
            store: text("STORE")?.map(StoreUrl),
            store_lazy: text("STORE_LAZY")?
                .map_or(Ok(false), |value| parse_switch("STORE_LAZY", &value, "a lazy start"))?,
            has_keys: get(KEYS).is_some(),
            idle: duration("IDLE")?,
            absolute: duration("ABSOLUTE")?,
            tls: text("TLS")?.map_or(Ok(false), |value| parse_switch("TLS", &value, "https"))?,
            log: parse_log(text("RUST_LOG")?.as_deref().unwrap_or("warn"))?,
            clock: text("CLOCK")?.map(AheadBy::file).transpose()?,
        })
    }
}

fn parse_port(value: &str) -> Result<u16, Failure> {
    value.parse().map_err(|_| {
        Failure::config(format!(
            "PORT: {value:?} is no port number; give one from 1 to 65535, or 0 for any free one"
        ))
    })
}

fn parse_duration(name: &str, value: &str) -> Result<Duration, Failure> {
    match humantime::parse_duration(value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(Failure::config(format!(
            "{name}: {value:?} is no length of time above zero; give one like 45s, 30m or 12h"
        ))),
    }
}

fn parse_switch(name: &str, value: &str, what: &str) -> Result<bool, Failure> {
    match value {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err(Failure::config(format!(
            "{name}: {value:?} is neither on nor off; give 1 for {what}, or 0"
        ))),
    }
}

fn parse_log(value: &str) -> Result<Targets, Failure> {
    value.parse().map_err(|_| {
        Failure::config(format!(
            "RUST_LOG: {value:?} is no log filter; give one like info or session_runtime=debug"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        Settings::read(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        let settings = read(&[]).expect("defaults are valid");
        assert_eq!(settings.port, 3000);
        assert!(!settings.has_keys && !settings.tls && settings.store.is_none());
        assert!(!settings.store_lazy);
        assert_eq!((settings.idle, settings.absolute), (None, None));
        assert!(settings.clock.is_none());
        assert_eq!(settings.log.to_string(), "warn");
    }

    #[test]
    fn each_variable_is_read() {
        let settings = read(&[
            ("PORT", "0"),
            ("STORE", "redis://user:hunter2@cache/"),
            ("SESSION_KEYS", ""),
            ("IDLE", "90s"),
            ("ABSOLUTE", "1h 30m"),
            ("TLS", "1"),
            ("RUST_LOG", "session_runtime=debug"),
        ])
        .expect("all valid");
        assert_eq!(settings.port, 0);
        assert!(settings.has_keys && settings.tls);
        let url = settings.store.as_ref().map(|url| url.0.as_str());
        assert_eq!(url, Some("redis://user:hunter2@cache/"));
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.idle, Some(Duration::from_secs(90)));
        assert_eq!(settings.absolute, Some(Duration::from_secs(5400)));
        assert_eq!(settings.log.to_string(), "session_runtime=debug");
    }

    #[test]
    fn a_wrong_value_is_refused_by_name_in_one_line() {
        for (name, value) in [
            ("PORT", "abc"),
            ("PORT", ""),
            ("PORT", "65536"),
            ("IDLE", "soon"),
            ("IDLE", "0s"),
            ("ABSOLUTE", "-5m"),
            ("ABSOLUTE", "1h\n2h3"),
            ("TLS", "yes"),
            ("STORE_LAZY", "yes"),
            ("CLOCK", "Cargo.toml"),
            ("CLOCK", "/no/such/file"),
            ("RUST_LOG", "session_runtime=loud"),
        ] {
            let failure = read(&[(name, value)]).expect_err(value).to_string();
            assert!(failure.starts_with(&format!("{name}: ")), "{failure}");
            assert!(!failure.contains('\n'), "{failure}");
        }
    }
}
