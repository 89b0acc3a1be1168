//! Up or down: by so many of the last probes.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// When a target is down: so many of so many probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// So many that missed.
    pub missed: u16,
    /// Of so many that were the last.
    pub of: u16,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// There were too few probes to say.
    Unknown,
    /// It answers as expected.
    Up,
    /// It does not.
    Down,
}

impl State {
    /// The state in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Quorum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').map(|(missed, of)| (missed.trim().parse(), of.trim().parse()));
        match numbers {
            Some((Ok(missed), Ok(of))) if (1..=of).contains(&missed) && of <= 1_000 => {
                Ok(Self { missed, of })
            }
            _ => Err("expected K/N with 1 <= K <= N <= 1000, such as 2/3".into()),
        }
    }
}

/// The last probes of a target.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    met: VecDeque<bool>,
    missed: u16,
}

impl Window {
    /// Adds a probe, and forgets the oldest where there are more than count.
    pub(super) fn add(&mut self, met: bool, quorum: Quorum) {
        self.met.push_back(met);
        self.missed += u16::from(!met);
        if self.met.len() > usize::from(quorum.of)
            && let Some(oldest) = self.met.pop_front()
        {
            self.missed -= u16::from(!oldest);
        }
    }

    /// The state that no probe still to come within the window could change: down with `missed` misses, up when there are
    /// too few probes left for as many.
    pub(super) fn state(&self, quorum: Quorum) -> State {
        let left = usize::from(quorum.of) - self.met.len();
        if self.missed >= quorum.missed {
            State::Down
        } else if usize::from(self.missed) + left < usize::from(quorum.missed) {
            State::Up
        } else {
            State::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The states after each probe of a row such as `+-+`.
    #[track_caller]
    fn check(quorum: &str, probes: &str, states: &str) {
        let quorum = quorum.parse().unwrap();
        let mut window = Window::default();
        let found = probes.chars().map(|probe| {
            window.add(probe == '+', quorum);
            match window.state(quorum) {
                State::Unknown => '?',
                State::Up => 'u',
                State::Down => 'd',
            }
        });
        assert_eq!(found.collect::<String>(), states);
    }

    #[test]
    fn a_target_is_down_by_so_many_of_its_last_probes() {
        check("1/1", "+-+", "udu");
        check("2/3", "--", "?d");
        check("2/3", "++-+--+--", "?uuuddddd");
        check("3/3", "--+---+", "??uuudu");
    }

    proptest! {
        #[test]
        fn the_window_counts_what_a_recount_counts(probes in proptest::collection::vec(any::<bool>(), 1..40), of in 1_u16..8, missed in 1_u16..8) {
            prop_assume!(missed <= of);
            let quorum = Quorum { missed, of };
            let mut window = Window::default();
            for (number, probe) in probes.iter().enumerate() {
                window.add(*probe, quorum);
                let last = &probes[(number + 1).saturating_sub(of.into())..=number];
                let misses = last.iter().filter(|met| !**met).count();
                prop_assert_eq!(window.state(quorum) == State::Down, misses >= missed.into());
                if last.len() == usize::from(of) {
                    prop_assert!(window.state(quorum) != State::Unknown);
                }
            }
        }
    }
}
