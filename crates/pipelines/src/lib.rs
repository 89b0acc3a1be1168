//! Exercises 11 to 15: work in stages.
//!
//! | exercise | what is done |
//! |---|---|
//! | [`alerts`] | log files are searched by rules, and events counted in windows of time become alerts |
//! | [`etl`] | a partitioned lake of orders is cleaned, joined, added up and written as a lake: only what has changed |
//! | [`extract`] | an API that gives its records out in pages becomes one table |
//! | [`queue`] | messages pass from many producers to many consumers through a bounded queue |
//! | [`stages`] | CSV is ingested, transformed and stored as Parquet, one stage after another or overlapped |

pub mod alerts;
pub mod etl;
pub mod extract;
pub mod queue;
pub mod stages;

/// The exercises of this program.
pub static EXERCISES: &[lab::cli::Entry] = &[
    lab::cli::Entry::of::<etl::Etl>(),
    lab::cli::Entry::of::<extract::Extract>(),
    lab::cli::Entry::of::<queue::Queue>(),
    lab::cli::Entry::of::<stages::Stages>(),
    lab::cli::Entry::of::<alerts::Alerts>(),
];
