//! Measuring: the one runner that starts cells, and the table that shows what it found.
//!
//! The exercise programs use it on themselves, the bench harness on all of them, so that their figures agree.

pub mod difference;
mod limits;
mod listing;
mod noise;
mod picture;
mod plan;
mod process;
mod recorded;
mod runner;
pub mod stats;
mod table;

pub use limits::Limits;
pub use listing::{Heard, hear, listen_to, listing};
pub use noise::{Calm, Noise, Probe};
pub use picture::picture;
pub use plan::{CellPlan, NARROW, Settings};
pub use recorded::{Pair, recorded_pairs};
pub use runner::{measure, measure_beside, timeline_name};
pub use table::{nanoseconds, screen_width, table};
