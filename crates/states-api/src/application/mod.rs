//! What is done: the fan-out to the source, and keeping what came.

mod atlas;
mod flights;
mod gather;
mod keeper;
mod search;
mod shelf;

pub use atlas::{Atlas, Counts, Settings, Shown};
pub use gather::{Bulkheads, Gatherer};
pub use search::{Found, Index, Kind, Question};
