//! Exercises 06 to 10: work that computes.
//!
//! | exercise | what is done |
//! |---|---|
//! | [`transform`] | orders and customers cleaned, checked and pseudonymised |
//! | [`convert`] | many Parquet files to CSV |
//! | [`aggregate`] | the groups of a table, in one pass, with exact sums |

pub mod aggregate;
pub mod convert;
pub mod csv_input;
pub mod transform;

/// The exercises of this program.
pub static EXERCISES: &[lab::cli::Entry] = &[
    lab::cli::Entry::of::<transform::Transform>(),
    lab::cli::Entry::of::<convert::Convert>(),
    lab::cli::Entry::of::<aggregate::Aggregate>(),
];
