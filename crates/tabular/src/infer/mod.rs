//! What a column is, by all of its values.
//!
//! [`Evidence`] holds the types that every value so far could be. A value takes types away and never brings one back, so
//! evidence of any parts of a table in any order comes to the same, and [`decide`] looks at nothing else. Each type
//! remembers the first value that took it away: that is the explanation.

mod decide;
mod evidence;
mod variety;

pub use decide::{Decision, Leaning, decide};
pub use evidence::{Evidence, Place, Witness};
pub use variety::Variety;

#[cfg(test)]
mod tests;
