//! A profile: everything that may go wrong, how often, and how.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the API misbehaves. A part that is left out never happens. At most one of the faults with a `share` hits a
/// request, so the shares add up to 1 at most; latency comes on top.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// What the profile is called.
    pub name: String,
    /// From this attempt on, counted from 1, nothing is decided against a request: a client that is patient enough
    /// always completes. Rate limits and outages by the clock stay.
    pub healthy_from_attempt: Option<u32>,
    /// Added to every answer.
    pub latency: Option<Latency>,
    /// Error statuses.
    pub errors: Option<Errors>,
    /// The connection is reset before any byte of the answer.
    pub reset: Option<Share>,
    /// The body ends early, against its own `Content-Length`.
    pub truncate: Option<Share>,
    /// The body comes in small pieces with pauses.
    pub drip: Option<Drip>,
    /// No answer ever comes.
    pub hang: Option<Share>,
    /// The body is right and its `Content-Type` is `text/html`.
    pub wrong_content_type: Option<Share>,
    /// The body of a JSON answer is cut within a value, and its `Content-Length` fits the cut.
    pub malformed_json: Option<Share>,
    /// A page of a collection holds the records of the page before it.
    pub duplicate_page: Option<Share>,
    /// Records appear in front of a collection while a client reads it by number: later pages repeat records.
    pub drift: Option<Drift>,
    /// A token bucket for each client and route.
    pub rate_limit: Option<RateLimit>,
    /// Times at which nothing works.
    pub outages: Vec<Outage>,
}

/// How often something happens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Of all requests, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
}

/// A distribution of waiting times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Fixed {
        /// The wait.
        ms: f64,
    },
    /// Anything between two bounds, equally likely.
    Uniform {
        /// The shortest wait.
        min_ms: f64,
        /// The longest wait.
        max_ms: f64,
    },
    /// Log-normal: what most services look like in the middle.
    LogNormal {
        /// Half of the waits are shorter.
        median_ms: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto: `min_ms / (1 - u)^(1 / alpha)`, cut at `max_ms`. Rare waits are very long.
    LongTail {
        /// The shortest wait.
        min_ms: f64,
        /// The smaller, the longer the tail; below 1 its mean would be infinite without the cut.
        alpha: f64,
        /// The longest wait.
        max_ms: f64,
    },
}

/// Error answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// Of all requests, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// One of these, equally likely: 400 to 599.
    #[schemars(length(min = 1), inner(range(min = 400, max = 599)))]
    pub statuses: Vec<u16>,
    /// Sent as `Retry-After`, in seconds.
    pub retry_after_s: Option<u32>,
}

/// A slow body.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    /// Of all requests, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Bytes in one piece.
    #[schemars(range(min = 1))]
    pub chunk_bytes: u32,
    /// Milliseconds between two pieces.
    #[schemars(range(max = 60_000))]
    pub every_ms: u32,
}

/// A collection that grows in front while it is read: after each `every` records, `rows` new ones have appeared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Records read between two arrivals.
    #[schemars(range(min = 1))]
    pub every: u64,
    /// Records that arrive at once; fewer than `every`.
    pub rows: u64,
}

/// A token bucket: `burst` requests at once, `per_second` in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Tokens that come back each second; more than none.
    #[schemars(range(min = 0.001))]
    pub per_second: f64,
    /// Tokens that the bucket holds.
    #[schemars(range(min = 1))]
    pub burst: u32,
    /// Whether each answer tells the limit and what is left of it, in the fields of the IETF's draft: `RateLimit-Policy`,
    /// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
    #[serde(default)]
    pub told: bool,
}

/// A time at which nothing works: 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outage {
    /// A share of the paths is down for each client's first attempts. Repeatable, as it looks at no clock.
    Attempts {
        /// Of all paths, from 0 to 1.
        share: f64,
        /// How many attempts fail.
        attempts: u32,
    },
    /// Everything is down for a while after the start or the last reset. This one follows the clock.
    Clock {
        /// From so many milliseconds after the start on.
        after_ms: u64,
        /// For so many milliseconds.
        for_ms: u64,
    },
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, or keys and values that no profile has.
    #[error("not a profile")]
    Parse(#[from] toml::de::Error),
    /// A value that makes no sense.
    #[error("{field}: {expected}")]
    Value {
        /// The key.
        field: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
}

/// The built-in profiles, by name.
const BUILT_IN: [(&str, &str); 5] = [
    ("calm", include_str!("../../profiles/calm.toml")),
    ("flaky", include_str!("../../profiles/flaky.toml")),
    ("rate-limited", include_str!("../../profiles/rate-limited.toml")),
    ("drifting", include_str!("../../profiles/drifting.toml")),
    ("outage", include_str!("../../profiles/outage.toml")),
];

/// The longest wait that a profile may ask for.
const LONGEST_MS: f64 = 600_000.0;

impl Profile {
    /// The names of the built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The built-in profile of that name.
    ///
    /// # Panics
    /// Never: the built-in profiles are part of the program, and a test reads them all.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::from_toml(text).expect("the built-in profiles are tested"))
    }

    /// Reads a profile and checks it.
    ///
    /// # Errors
    /// [`ProfileError`] tells the line, or the key whose value makes no sense.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text)?;
        profile.check()?;
        Ok(profile)
    }

    /// Whether nothing in it can ever happen.
    pub fn is_calm(&self) -> bool {
        *self
            == Self {
                name: self.name.clone(),
                healthy_from_attempt: self.healthy_from_attempt,
                ..Self::default()
            }
    }

    /// Says which value makes no sense, if one does.
    ///
    /// # Errors
    /// [`ProfileError::Value`] with the key.
    pub fn check(&self) -> Result<(), ProfileError> {
        let need = |ok: bool, field, expected| {
            if ok { Ok(()) } else { Err(ProfileError::Value { field, expected }) }
        };
        let wait = |ms: f64| (0.0..=LONGEST_MS).contains(&ms);
        let mut sum = 0.0;
        for (field, share) in self.shares() {
            need((0.0..=1.0).contains(&share), field, "its share must be between 0 and 1")?;
            sum += share;
        }
        need(sum <= 1.0 + 1e-9, "share", "the shares of all faults must add up to 1 at most")?;
        if let Some(errors) = &self.errors {
            let known = errors.statuses.iter().all(|status| (400..=599).contains(status));
            need(known && !errors.statuses.is_empty(), "errors.statuses", "one or more of 400 to 599")?;
        }
        match self.latency {
            None => {}
            Some(Latency::Fixed { ms }) => need(wait(ms), "latency.ms", "0 to 600000")?,
            Some(Latency::Uniform { min_ms, max_ms }) => {
                need(
                    wait(min_ms) && wait(max_ms) && min_ms <= max_ms,
                    "latency",
                    "0 <= min_ms <= max_ms <= 600000",
                )?;
            }
            Some(Latency::LogNormal { median_ms, sigma }) => {
                need(
                    wait(median_ms) && (0.0..=5.0).contains(&sigma),
                    "latency",
                    "median_ms to 600000, sigma to 5",
                )?;
            }
            Some(Latency::LongTail { min_ms, alpha, max_ms }) => {
                let order = wait(min_ms) && wait(max_ms) && min_ms <= max_ms;
                need(order && alpha > 0.0, "latency", "0 <= min_ms <= max_ms <= 600000, alpha above 0")?;
            }
        }
        if let Some(Drip { chunk_bytes, every_ms, .. }) = self.drip {
            need(
                chunk_bytes > 0 && every_ms <= 60_000,
                "drip",
                "a piece of 1 byte or more, at most 60000 ms apart",
            )?;
        }
        if let Some(Drift { every, rows }) = self.drift {
            need(every > 0 && rows < every, "drift", "rows below every")?;
        }
        if let Some(RateLimit { per_second, burst, .. }) = self.rate_limit {
            let sane = per_second >= 0.001 && per_second.is_finite() && burst > 0;
            need(sane, "rate_limit", "per_second from 0.001 and a burst of 1 or more")?;
        }
        for outage in &self.outages {
            if let Outage::Attempts { share, .. } = outage {
                need((0.0..=1.0).contains(share), "outages.share", "between 0 and 1")?;
            }
        }
        Ok(())
    }

    /// The faults that exclude one another, with their shares.
    fn shares(&self) -> [(&'static str, f64); 8] {
        let share = |part: Option<Share>| part.map_or(0.0, |part| part.share);
        [
            ("errors", self.errors.as_ref().map_or(0.0, |part| part.share)),
            ("reset", share(self.reset)),
            ("truncate", share(self.truncate)),
            ("drip", self.drip.map_or(0.0, |part| part.share)),
            ("hang", share(self.hang)),
            ("wrong_content_type", share(self.wrong_content_type)),
            ("malformed_json", share(self.malformed_json)),
            ("duplicate_page", share(self.duplicate_page)),
        ]
    }
}

impl Latency {
    /// The wait for two numbers of `0..1` that chance chose.
    pub(super) fn wait(&self, u: f64, v: f64) -> Duration {
        let ms = match *self {
            Self::Fixed { ms } => ms,
            Self::Uniform { min_ms, max_ms } => min_ms + (max_ms - min_ms) * u,
            Self::LogNormal { median_ms, sigma } => {
                // Box and Muller, 1958: two uniform numbers make a normal one. `1 - u` is never 0.
                let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
                median_ms * (sigma * normal).exp()
            }
            Self::LongTail { min_ms, alpha, max_ms } => (min_ms / (1.0 - u).powf(1.0 / alpha)).min(max_ms),
        };
        Duration::from_secs_f64(ms.clamp(0.0, LONGEST_MS) / 1e3)
    }
}
