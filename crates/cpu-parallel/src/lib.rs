//! Exercises 06 to 10: work that computes.
//!
//! | exercise | what is done |
//! |---|---|
//! | [`convert`] | many Parquet files to CSV |
//! | [`relay`] | one process transforms rows, another one stores them |

pub mod convert;
pub mod relay;

/// The exercises of this program.
pub static EXERCISES: &[lab::cli::Entry] = &[lab::cli::Entry::of::<convert::Convert>(), lab::cli::Entry::of::<relay::Relay>()];
