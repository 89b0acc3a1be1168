//! Exercises 06 to 10: work that computes.
//!
//! | exercise | what is done |
//! |---|---|
//! | [`convert`] | many Parquet files to CSV |

pub mod convert;

/// The exercises of this program.
pub static EXERCISES: &[lab::cli::Entry] = &[lab::cli::Entry::of::<convert::Convert>()];
