//! Exercises 06 to 10: work that computes.
//!
//! | exercise | what is done |
//! |---|---|
//! | [`transform`] | orders and customers cleaned, checked and pseudonymised |
//! | [`apply`] | a function, or a program of the user's own, over the rows of a table |
//! | [`convert`] | Parquet to CSV, many files or one large one |
//! | [`aggregate`] | the groups of a table, in one pass, with exact sums |
//! | [`relay`] | one process transforms rows, another one stores them |

pub mod aggregate;
pub mod apply;
pub mod convert;
pub mod csv_input;
mod handed;
pub mod relay;
pub mod table_file;
pub mod transform;

use lab::cli::Entry;

/// The exercises of this program, in the order of the course.
pub static EXERCISES: &[Entry] = &[
    Entry::of::<transform::Transform>(),
    Entry::of::<apply::Apply>(),
    Entry::of::<convert::Convert>(),
    Entry::of::<aggregate::Aggregate>(),
    Entry::of::<relay::Relay>(),
];
