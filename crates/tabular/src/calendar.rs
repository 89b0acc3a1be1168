//! Days and microseconds to civil dates and back.
//!
//! The arithmetic counts years from 1 March, so that the leap day is the last of its year and every 400 years are alike:
//! an era has 146 097 days. The formulas are those of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"
//! (2013), and hold for every instant that a 64-bit count of seconds can tell.

/// Days of an era of 400 years.
const ERA: i64 = 146_097;
/// Days from 1 March of the year 0 to 1 January 1970.
const EPOCH: i64 = 719_468;

/// Year, month (1 to 12) and day (1 to 31) of a day counted from 1 January 1970, in the proleptic Gregorian calendar.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let from_march = days + EPOCH;
    let (era, day_of_era) = (from_march.div_euclid(ERA), from_march.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day counted from 1 January 1970; the inverse of [`civil`]. `None` of a date that no calendar has.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year.unsigned_abs() > 1_000_000_000_000 {
        return None;
    }
    let days = days_of_valid(year, month, day);
    // Only the 31st of a shorter month and the 29th of February can still be wrong; they do not come back as they went.
    (civil(days) == (year, month, day)).then_some(days)
}

/// The day of a date that is known to be one.
#[inline]
pub(crate) fn days_of_valid(year: i64, month: i64, day: i64) -> i64 {
    let shifted = year - i64::from(month <= 2);
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA + day_of_era - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_agrees_with_another_calendar() {
        let mut date = jiff::civil::date(1600, 1, 1);
        let first = days(1600, 1, 1).unwrap();
        for number in first..first + 2 * 146_097 {
            let expected = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            assert_eq!(civil(number), expected);
            assert_eq!(days(expected.0, expected.1, expected.2), Some(number));
            date = date.tomorrow().unwrap();
        }
    }

    #[test]
    fn dates_that_no_calendar_has_are_refused() {
        for (year, month, day) in
            [(2025, 2, 29), (1900, 2, 29), (2025, 4, 31), (2025, 0, 1), (2025, 13, 1), (2025, 1, 0)]
        {
            assert_eq!(days(year, month, day), None, "{year}-{month}-{day}");
        }
        assert!(days(2000, 2, 29).is_some());
    }

    #[test]
    fn the_ends_of_the_range_come_back() {
        for number in [i64::MIN / 86_400, i64::from(i32::MIN), -1, 0, i64::from(i32::MAX), i64::MAX / 86_400]
        {
            let (year, month, day) = civil(number);
            assert_eq!(days(year, month, day), Some(number));
        }
        assert_eq!((civil(0), days(1970, 1, 1)), ((1970, 1, 1), Some(0)));
    }
}
