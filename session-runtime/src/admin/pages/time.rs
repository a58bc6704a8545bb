//! Points in time as the pages print them: RFC 3339 in UTC, to the second. Reads none.

use crate::clock::Timestamp;

/// Writes `2027-01-31T00:00:00Z`; `never` for the latest point in time.
pub(super) fn print(time: Timestamp) -> String {
    const DAY: u64 = 24 * 3600;
    // The year 9999 is the last that the form has.
    const LAST: u64 = 253_402_300_799;
    if time == Timestamp::MAX {
        return "never".to_owned();
    }
    let seconds = (time.as_millis() / 1000).min(LAST);
    let (year, month, day) = date(seconds / DAY);
    let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the date so many days after 1 January 1970. Years begin with March here, so that the day
/// which only some years have is the last one.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + next, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn every_day_is_printed_as_another_crate_prints_it() {
        for day in 0..530 * 366_u64 {
            let time = Timestamp::from_millis(day * 86_401_000);
            let expected = humantime::format_rfc3339_seconds(SystemTime::from(time)).to_string();
            assert_eq!(print(time), expected);
        }
        assert_eq!(print(Timestamp::MAX), "never");
        assert_eq!(print(Timestamp::from_millis(u64::MAX - 1)), "9999-12-31T23:59:59Z");
    }
}
