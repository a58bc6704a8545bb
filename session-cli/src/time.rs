//! Times and lengths of time, as they are typed and printed: RFC 3339 in UTC, to the second.

use std::time::{Duration, SystemTime};

use session_runtime::clock::Timestamp;

/// The end of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    In(Duration),
    At(SystemTime),
}

impl End {
    /// Returns the point in time, for somebody who asks at `now`.
    pub(crate) fn after(self, now: SystemTime) -> SystemTime {
        match self {
            Self::In(length) => now + length,
            Self::At(time) => time,
        }
    }
}

/// Reads a length of time, such as `90s`, `15m` or `12h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    // A longer time than this overflows somewhere, and is a mistake.
    const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);
    match humantime::parse_duration(text) {
        Ok(length) if length <= LONGEST => Ok(length),
        _ => Err("give a length of time like 90s, 15m or 12h".to_owned()),
    }
}

/// Reads a length of time, or a point in time such as `2027-01-31T00:00:00Z`.
pub(crate) fn end(text: &str) -> Result<End, String> {
    let at = humantime::parse_rfc3339(text).map(End::At);
    at.or_else(|_| duration(text).map(End::In))
        .map_err(|_| "give a time like 12h or 2027-01-31T00:00:00Z".to_owned())
}

/// Reads a point in time, such as `2027-01-31T00:00:00Z`, or `@1801353600`.
pub(crate) fn point(text: &str) -> Result<SystemTime, String> {
    let seconds = text.strip_prefix('@').and_then(|seconds| seconds.parse().ok());
    let at = seconds.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it)));
    at.or_else(|| humantime::parse_rfc3339(text).ok())
        .ok_or_else(|| "give a time like 2027-01-31T00:00:00Z or @1801353600".to_owned())
}

/// Writes a point in time, to the second.
pub(crate) fn print(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Writes a point in time that a store has kept; `never` for the latest.
pub(crate) fn print_stored(time: Timestamp) -> String {
    if time == Timestamp::MAX { "never".to_owned() } else { print(time.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_a_date_or_its_seconds() {
        let time = humantime::parse_rfc3339("2027-01-31T00:00:00Z").expect("a time");
        for text in ["2027-01-31T00:00:00Z", "@1801353600"] {
            assert_eq!(point(text), Ok(time), "{text}");
        }
        for text in ["12h", "1801353600", "@", "@-1", "@18446744073709551615", "2027-01-31"] {
            assert!(point(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_is_a_length_or_a_point() {
        let point = humantime::parse_rfc3339("2027-01-31T00:00:00Z").expect("a time");
        assert_eq!(end("12h"), Ok(End::In(Duration::from_hours(12))));
        assert_eq!(end("2027-01-31T00:00:00Z"), Ok(End::At(point)));
        assert_eq!(print(point), "2027-01-31T00:00:00Z");
        for text in ["soon", "", "-5m", "1000000000000y", "2027-01-31"] {
            assert!(end(text).is_err(), "{text}");
        }
    }
}
