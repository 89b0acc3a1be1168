//! Exercises 11 to 15: work in stages.
//!
//! | exercise | what is done |
//! |---|---|
//! | [`stages`] | CSV is ingested, transformed and stored as Parquet, one stage after another or overlapped |

pub mod stages;

/// The exercises of this program.
pub static EXERCISES: &[lab::cli::Entry] = &[lab::cli::Entry::of::<stages::Stages>()];
