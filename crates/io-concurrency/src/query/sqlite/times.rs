//! Texts that are days and moments.

use tabular::values::time::{self, Order};

use crate::query::column::Value;

/// Whether texts of a column are taken for days or moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    Not,
    Date,
    Instant,
}

impl Times {
    pub(super) fn of(declared: &str) -> Self {
        if declared.starts_with("TIMESTAMP") || declared.starts_with("DATETIME") {
            Self::Instant
        } else if declared.starts_with("DATE") {
            Self::Date
        } else {
            Self::Not
        }
    }

    #[inline]
    pub(super) fn read(self, value: Value<'_>) -> Value<'_> {
        match (self, value) {
            (Self::Date, Value::Text(text)) => date(text).map_or(value, Value::Date),
            (Self::Instant, Value::Text(text)) => {
                instant(text).map_or(value, |micros| Value::Instant { micros, zoned: false })
            }
            (_, value) => value,
        }
    }
}

/// A day that is written back as it stood.
fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.get(4) == Some(&b'-') { time::date(bytes, Order::Ymd) } else { None }
}

/// A moment that is written back as it stood: `YYYY-MM-DD HH:MM:SS`, or with six digits of a fraction that is not zero.
#[inline]
fn instant(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if !matches!(bytes.len(), 19 | 26) || bytes[10] != b' ' || bytes[4] != b'-' {
        return None;
    }
    let moment = time::instant(bytes, Order::Ymd)?;
    let whole = bytes.len() == 19 && moment.fraction == 0 || moment.fraction == 6 && moment.nanos > 0;
    if whole && !moment.zoned { moment.micros() } else { None }
}
