//! What is expected of an answer, and whether it was met.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is expected of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// Statuses, as ranges with both ends.
    pub status: Vec<(u16, u16)>,
    /// What the body has.
    pub contains: Option<String>,
    /// What the body has not.
    pub lacks: Option<String>,
    /// The longest that the whole answer takes.
    pub within: Option<Duration>,
}

/// What became of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// All was as expected.
    Met,
    /// An answer came, and it is not as expected.
    Missed {
        /// `status`, `body` or `slow`.
        class: String,
        /// What was expected and what came.
        why: String,
    },
    /// No whole answer came.
    Failed {
        /// The class of the failure, such as `connect` or `timeout`.
        class: String,
        /// What happened.
        why: String,
    },
}

impl Verdict {
    /// Whether all was as expected.
    pub fn is_met(&self) -> bool {
        *self == Self::Met
    }

    /// The class of what was not as expected.
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::Met => None,
            Self::Missed { class, .. } | Self::Failed { class, .. } => Some(class),
        }
    }

    /// What was not as expected, in words.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Met => None,
            Self::Missed { why, .. } | Self::Failed { why, .. } => Some(why),
        }
    }
}

impl Expect {
    /// Reads a list of statuses: `200,204,300-399`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn statuses(text: &str) -> Result<Vec<(u16, u16)>, String> {
        let one = |text: &str| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            match (from.trim().parse(), to.trim().parse()) {
                (Ok(from), Ok(to)) if (100..=999).contains(&from) && from <= to && to <= 999 => {
                    Ok((from, to))
                }
                _ => Err(format!("`{text}` is no status: expected such as 200 or 200-299")),
            }
        };
        text.split(',').map(one).collect()
    }

    /// Holds an answer against what is expected: first its status, then its body, then its time.
    pub fn judge(&self, status: u16, body: &[u8], took: Duration) -> Verdict {
        let missed = |class: &str, why: String| Verdict::Missed { class: class.into(), why };
        if !self.status.iter().any(|(from, to)| (*from..=*to).contains(&status)) {
            return missed("status", format!("status {status} instead of {}", Ranges(&self.status)));
        }
        let has = |text: &String| memchr::memmem::find(body, text.as_bytes()).is_some();
        match (&self.contains, &self.lacks) {
            (Some(text), _) if !has(text) => return missed("body", format!("the body lacks {text:?}")),
            (_, Some(text)) if has(text) => return missed("body", format!("the body has {text:?}")),
            _ => {}
        }
        match self.within {
            Some(within) if took > within => missed(
                "slow",
                format!("{:.1} ms instead of {} ms", took.as_secs_f64() * 1e3, within.as_millis()),
            ),
            _ => Verdict::Met,
        }
    }
}

struct Ranges<'a>(&'a [(u16, u16)]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (from, to)) in self.0.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            if from == to { write!(out, "{comma}{from}")? } else { write!(out, "{comma}{from}-{to}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect() -> Expect {
        Expect {
            status: Expect::statuses("200,300-399").unwrap(),
            contains: Some("well".into()),
            lacks: Some("error".into()),
            within: Some(Duration::from_millis(100)),
        }
    }

    #[track_caller]
    fn check(status: u16, body: &str, ms: u64, why: Option<&str>) {
        let verdict = expect().judge(status, body.as_bytes(), Duration::from_millis(ms));
        assert_eq!(verdict.why(), why);
    }

    #[test]
    fn status_body_and_time_are_held_against_what_is_expected() {
        check(200, "all is well", 100, None);
        check(399, "well", 0, None);
        check(404, "well", 0, Some("status 404 instead of 200,300-399"));
        check(200, "ill", 0, Some("the body lacks \"well\""));
        check(200, "well, an error", 0, Some("the body has \"error\""));
        check(200, "well", 101, Some("101.0 ms instead of 100 ms"));
    }

    #[test]
    fn a_list_of_statuses_is_numbers_and_ranges() {
        for wrong in ["", "20", "200-", "300-200", "ok", "200,,201"] {
            assert!(Expect::statuses(wrong).is_err(), "{wrong}");
        }
    }
}
