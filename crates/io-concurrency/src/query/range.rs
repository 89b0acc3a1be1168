//! Ranges of a table or of a key, which are asked for apart.

use serde::{Deserialize, Serialize};

/// Which rows of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Range {
    /// All.
    Whole,
    /// Those whose place in the table is in this range; no edge where there is none.
    Rows {
        /// The first one that is in it.
        from: Option<i64>,
        /// The first one that is not.
        to: Option<i64>,
    },
    /// Those whose key is in this range, and with the first range those without a key.
    Key {
        /// The first one that is in it.
        from: Option<i64>,
        /// The first one that is not.
        to: Option<i64>,
    },
}

impl Range {
    /// Ranges of about `size` places, the last ones open on the outer side.
    pub fn rows(least: Option<i64>, most: Option<i64>, size: i64) -> Vec<Self> {
        let places = i128::from(most.unwrap_or(0)) - i128::from(least.unwrap_or(0));
        let parts = u32::try_from(places / i128::from(size) + 1).unwrap_or(u32::MAX).min(4_096);
        Self::split(least, most, parts, |from, to| Self::Rows { from, to })
    }

    /// So many ranges of a key.
    pub fn keys(least: Option<i64>, most: Option<i64>, parts: u32) -> Vec<Self> {
        Self::split(least, most, parts, |from, to| Self::Key { from, to })
    }

    fn split(
        least: Option<i64>,
        most: Option<i64>,
        parts: u32,
        range: impl Fn(Option<i64>, Option<i64>) -> Self,
    ) -> Vec<Self> {
        let (Some(least), Some(most)) = (least, most) else { return vec![Self::Whole] };
        match split(least.into(), most.into(), parts) {
            ranges if ranges.len() > 1 => ranges.into_iter().map(|(from, to)| range(from, to)).collect(),
            _ => vec![Self::Whole],
        }
    }

    /// The conditions of the range, each to follow the name of what it bounds; `cast` goes behind each number.
    pub fn conditions(self, cast: &str) -> Vec<String> {
        let (Self::Rows { from, to } | Self::Key { from, to }) = self else { return Vec::new() };
        let from = from.map(|from| format!(">= {from}{cast}"));
        from.into_iter().chain(to.map(|to| format!("< {to}{cast}"))).collect()
    }
}

/// So many ranges of nearly one size, without an edge at either end.
fn split(least: i128, most: i128, parts: u32) -> Vec<(Option<i64>, Option<i64>)> {
    let width = (most - least + 1).max(1);
    let parts = i128::from(parts).clamp(1, width);
    let edge = |part: i128| i64::try_from(least + width * part / parts).ok();
    (0..parts)
        .map(|part| {
            (if part == 0 { None } else { edge(part) }, if part + 1 == parts { None } else { edge(part + 1) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_every_number_once(least: i64, width in 0_u64..1_000_000, parts in 1_u32..40, number: i64) {
            let most = i128::from(least) + i128::from(width);
            let ranges = split(least.into(), most, parts);
            prop_assert!(ranges.len() <= parts as usize);
            let holds = |(from, to): &&(Option<i64>, Option<i64>)| {
                from.is_none_or(|from| number >= from) && to.is_none_or(|to| number < to)
            };
            prop_assert_eq!(ranges.iter().filter(holds).count(), 1);
        }
    }
}
