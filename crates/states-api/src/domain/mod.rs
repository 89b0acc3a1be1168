//! What there is: states, their cities, and the districts of those; what is missing of them; and how old they may be.
//!
//! Types and rules, without input and output. Nothing in here uses anything but the standard library, and a test sees to it.

mod age;
mod gap;
mod name;
mod place;
mod selection;

pub use age::{Ages, Freshness};
pub use gap::{Gap, Missing, Why};
pub use name::{Match, fold, matches};
pub use place::{City, Code, Country, District, Oddity, Region, State, StateTree, Tally};
pub use selection::{CityFields, DistrictFields, Selection, StateFields, UnknownField};
