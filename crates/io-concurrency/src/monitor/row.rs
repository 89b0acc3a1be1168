//! A probe as a row.

use super::look::Sighting;
use super::state::State;

/// One probe, with its target's state after it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) target: String,
    /// The number of the round, from 0.
    pub(super) round: u32,
    pub(super) state: State,
    pub(super) seen: Sighting,
}

/// The columns, in their order.
pub(super) const COLUMNS: [&str; 18] = [
    "at",
    "target",
    "round",
    "met",
    "state",
    "status",
    "class",
    "why",
    "remote",
    "dns_us",
    "connect_us",
    "tls_us",
    "first_byte_us",
    "total_us",
    "late_us",
    "lag_us",
    "unread_us",
    "bytes",
];

impl Row {
    /// The whole numbers, from `dns_us` on.
    pub(super) fn numbers(&self) -> [u64; 9] {
        let seen = &self.seen;
        [
            seen.dns_us,
            seen.connect_us,
            seen.tls_us,
            seen.first_byte_us,
            seen.total_us,
            seen.late_us,
            seen.lag_us,
            seen.unread_us,
            seen.bytes,
        ]
    }

    /// The values as text; the time as RFC 3339 in UTC.
    pub(super) fn texts(&self) -> [String; 18] {
        let seen = &self.seen;
        let [dns, connect, tls, first_byte, total, late, lag, unread, bytes] =
            self.numbers().map(|number| number.to_string());
        [
            rfc3339(seen.at_us),
            self.target.clone(),
            self.round.to_string(),
            seen.verdict.is_met().to_string(),
            self.state.to_string(),
            seen.status.map_or_else(String::new, |status| status.to_string()),
            seen.verdict.class().unwrap_or_default().into(),
            seen.verdict.why().unwrap_or_default().into(),
            seen.remote.clone(),
            dns,
            connect,
            tls,
            first_byte,
            total,
            late,
            lag,
            unread,
            bytes,
        ]
    }
}

fn rfc3339(at_us: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    let (year, month, day) = tabular::calendar::civil(at_us.div_euclid(DAY));
    let in_day = at_us.rem_euclid(DAY);
    let (seconds, micros) = (in_day / 1_000_000, in_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        // 2024-02-29 23:59:59.000001 UTC, by `date -u -d @1709251199`.
        assert_eq!(rfc3339(1_709_251_199_000_001), "2024-02-29T23:59:59.000001Z");
    }
}
