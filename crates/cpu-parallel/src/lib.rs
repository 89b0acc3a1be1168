//! Exercises 06 to 10: work that computes.
//!
//! | exercise | what is done |
//! |---|---|
//! | [`apply`] | a function, or a program of the user's own, over the rows of a table |
//! | [`convert`] | many Parquet files to CSV |
//! | [`relay`] | one process transforms rows, another one stores them |

pub mod apply;
pub mod convert;
mod handed;
pub mod relay;

/// The exercises of this program.
pub static EXERCISES: &[lab::cli::Entry] = &[
    lab::cli::Entry::of::<apply::Apply>(),
    lab::cli::Entry::of::<convert::Convert>(),
    lab::cli::Entry::of::<relay::Relay>(),
];
