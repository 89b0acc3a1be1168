//! Measuring: the one runner that starts cells, and the table that shows what it found.
//!
//! The exercise programs use it on themselves, the bench harness on all of them, so that their figures agree.

mod listing;
mod plan;
mod process;
mod runner;
pub mod stats;
mod table;

pub use listing::{hear, listing};
pub use plan::{CellPlan, Settings};
pub use runner::{measure, timeline_name};
pub use table::{nanoseconds, table};
