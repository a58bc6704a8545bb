//! The time after `@` in the text of a key. Only one form of RFC 3339 is read, in UTC and to the
//! second. Knows nothing of keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads `2027-01-31T00:00:00Z`. Returns `None` if a digit is missing or the calendar has no such
/// time.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let digit_as_0 = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    if !text.bytes().map(digit_as_0).eq(*b"0000-00-00T00:00:00Z") {
        return None;
    }
    let number = |at: usize, digits: usize| text.get(at..at + digits)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let days = days(year, month, day)?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Returns the number of days from 1 January 1970 to a date.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    const EPOCH: u64 = 1970;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if is_leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (before, from) = months.split_at_checked(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if day == 0 || day > *from.first()? {
        return None;
    }
    let leap_days_before = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let years = year.checked_sub(EPOCH)? * 365 + leap_days_before(year) - leap_days_before(EPOCH);
    Some(years + before.iter().sum::<u64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_reads_back_as_another_crate_writes_it() {
        // Up to the year 2500, so past every kind of century; one second later each day.
        for day in 0..530 * 366 {
            let time = UNIX_EPOCH + Duration::from_secs(day * 86_401);
            let text = humantime::format_rfc3339_seconds(time).to_string();
            assert_eq!(parse(&text), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_in_no_calendar_is_refused() {
        assert!(parse("2028-02-29T23:59:59Z").is_some());
        for text in [
            "2027-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2027-04-31T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T00:60:00Z",
            "2027-01-31T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2027-01-31T00:00:00",
            "2027-01-31t00:00:00z",
            "2027-01-31 00:00:00Z",
            "2027-01-31T00:00:00.5Z",
            "2027-01-31T00:00:00+00:00",
            "+027-01-31T00:00:00Z",
            "2027-01-31T00:00:00Z ",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
