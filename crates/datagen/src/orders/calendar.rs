//! When people order: by year, month, weekday, sales event and hour.

use jiff::civil::{Date, Weekday, date};

use crate::alias::Alias;
use crate::page::Page;
use crate::stream::below;

/// The first and the last day of the table.
const FIRST: Date = date(2023, 1, 1);
const LAST: Date = date(2025, 12, 31);

/// Growth of the shop, in percent of the first year.
const YEARS: [u64; 3] = [100, 116, 131];

/// Demand of each month in percent of the mean: Mother's Day in May, gifts from November on.
const MONTHS: [u64; 12] = [88, 82, 92, 93, 112, 95, 96, 101, 95, 99, 118, 129];

/// Demand of each weekday from Monday, in percent of the mean.
const WEEKDAYS: [u64; 7] = [110, 108, 106, 104, 100, 88, 84];

/// Demand of each hour of the day.
const HOURS: [u64; 24] =
    [16, 9, 5, 4, 4, 7, 15, 27, 42, 54, 62, 63, 58, 56, 60, 62, 61, 59, 58, 62, 68, 66, 50, 32];

const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// The days and hours of orders.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    days: Alias,
    hours: Alias,
    /// The month of each day, counted from the first one.
    months: Vec<u8>,
    /// Each day as `YYYY-MM-DD`.
    texts: Vec<[u8; 10]>,
    /// Microseconds from the epoch to the first day.
    start: i64,
}

impl Calendar {
    pub(super) fn new() -> Self {
        let days: Vec<Date> =
            FIRST.series(jiff::Span::new().days(1)).take_while(|day| *day <= LAST).collect();
        let weights: Vec<u64> = days.iter().map(|day| demand(*day)).collect();
        let texts = days.iter().map(|day| {
            let mut text = [0; 10];
            text.copy_from_slice(day.to_string().as_bytes());
            text
        });
        let months =
            days.iter().map(|day| ((day.year() - FIRST.year()) * 12 + i16::from(day.month()) - 1) as u8);
        let epoch_days = (FIRST - date(1970, 1, 1)).get_days();
        Self {
            days: Alias::new(&weights),
            hours: Alias::new(&HOURS),
            months: months.collect(),
            texts: texts.collect(),
            start: i64::from(epoch_days) * DAY_MICROSECONDS,
        }
    }

    /// A day, counted from the first one.
    #[inline]
    pub(super) fn day(&self, word: u32) -> usize {
        self.days.draw(word)
    }

    /// The month of a day, counted from the first one.
    #[inline]
    pub(super) fn month(&self, day: usize) -> usize {
        usize::from(self.months[day])
    }

    /// A second of the day, 0 to 86,399.
    #[inline]
    pub(super) fn second_of_day(&self, hour: u32, second: u32) -> u32 {
        self.hours.draw(hour) as u32 * 3_600 + below(second, 3_600)
    }

    /// Microseconds since the epoch, UTC.
    #[inline]
    pub(super) fn microseconds(&self, day: usize, second: u32) -> i64 {
        self.start + day as i64 * DAY_MICROSECONDS + i64::from(second) * 1_000_000
    }

    /// Writes `YYYY-MM-DD HH:MM:SS`.
    #[inline]
    pub(super) fn write(&self, day: usize, second: u32, page: &mut Page) {
        page.fixed(&self.texts[day]);
        page.byte(b' ');
        page.two_digits(second / 3_600);
        page.byte(b':');
        page.two_digits(second / 60 % 60);
        page.byte(b':');
        page.two_digits(second % 60);
    }
}

/// The demand of a day relative to others: the product of its year, month, weekday and event.
fn demand(day: Date) -> u64 {
    let year = YEARS[usize::try_from(day.year() - FIRST.year()).unwrap_or(0)];
    let month = MONTHS[usize::from(day.month().unsigned_abs()) - 1];
    let weekday = WEEKDAYS[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())];
    year * month * weekday * event(day)
}

/// Sales events in percent: the week of Black Friday (the day after the fourth Thursday of November), Consumer Day on 15 March, the
/// fortnight before Christmas, and the quiet of Christmas Day.
fn event(day: Date) -> u64 {
    let thanksgiving = date(day.year(), 11, 1).nth_weekday_of_month(4, Weekday::Thursday);
    let black_friday = thanksgiving.and_then(Date::tomorrow).unwrap_or(day);
    match (day.month(), day.day()) {
        (3, 15) => 180,
        (11, _) if day == black_friday => 520,
        (11 | 12, _) if (black_friday - day).get_days().abs() <= 3 => 230,
        (12, 8..=22) => 135,
        (12, 25) => 40,
        _ => 100,
    }
}
