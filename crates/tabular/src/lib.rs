//! CSV and Parquet: typed columns, exact text, errors with a place.
//!
//! | module | what it does |
//! |---|---|
//! | [`calendar`] | days and microseconds to civil dates and back |
//! | [`csv_text`] | record batches to CSV text |
//! | [`csv_batches`] | CSV text to record batches of a given schema |
//! | [`parquet_batches`] | a Parquet file to record batches, row group by row group |
//! | [`ipc`] | a record batch to bytes and back, to pass it between processes |
//!
//! Everything here works on one stream at a time and knows nothing of threads or strategies.

pub mod calendar;
pub mod csv_batches;
pub mod csv_text;
mod error;
pub mod ipc;
pub mod parquet_batches;

pub use error::Error;
