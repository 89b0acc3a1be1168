//! Exercises 01 to 05: work that waits.
//!
//! Such work spends its time waiting for a network or a disk. What helps is to wait for many things at once, and that
//! needs neither many cores nor, with an event loop, many threads.

pub mod crawl;
pub mod descriptors;
pub mod download;
pub mod ingest;
mod live;
pub mod monitor;
pub mod query;

use lab::cli::Entry;

/// The exercises of this program, in the order of the course.
pub static EXERCISES: &[Entry] = &[
    Entry::of::<crawl::Crawl>(),
    Entry::of::<ingest::Ingest>(),
    Entry::of::<monitor::Monitor>(),
    Entry::of::<download::Download>(),
    Entry::of::<query::Query>(),
];
