//! What is missing in an answer, and why. A gap that is not told would be a wrong answer.

use std::fmt;

use super::Code;

/// Something that could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What.
    pub missing: Missing,
    /// Why.
    pub why: Why,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// All cities of a state.
    Cities {
        /// Of which state.
        state: Code,
    },
    /// All districts of a city.
    Districts {
        /// In which state.
        state: Code,
        /// Of which city.
        city: u32,
    },
}

/// Why it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The class, for counting and for machines: `connect`, `timeout`, `status`, `malformed` and so on.
    pub class: &'static str,
    /// What happened, for people.
    pub detail: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cities { state } => write!(out, "the cities of {state}"),
            Self::Districts { state, city } => write!(out, "the districts of city {city} in {state}"),
        }
    }
}

impl Missing {
    /// What it is, for machines.
    pub fn what(self) -> &'static str {
        match self {
            Self::Cities { .. } => "cities",
            Self::Districts { .. } => "districts",
        }
    }

    /// The state that it is missing in.
    pub fn state(self) -> Code {
        match self {
            Self::Cities { state } | Self::Districts { state, .. } => state,
        }
    }

    /// The city that it is missing in.
    pub fn city(self) -> Option<u32> {
        match self {
            Self::Districts { city, .. } => Some(city),
            Self::Cities { .. } => None,
        }
    }
}
