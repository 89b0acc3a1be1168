//! CSV and Parquet: dialects, exact parallel splitting, typed columns, rejects.
//!
//! | module | what it does |
//! |---|---|
//! | [`dialect`] | how a file is written: delimiter, quote, line end, encoding, header, each with its reason |
//! | [`unpack`] | gzip, Zstandard and UTF-16 to plain text that can be split |
//! | [`scan`] | where rows begin, for any chunk of a file, right also inside of quotes |
//! | [`rows`] | text to rows, block by block, and the rows that are none |
//! | [`infer`] | what a column is, by all of its values, and why |
//! | [`columns`], [`values`] | the types, and the text of one value to the value |
//! | [`table`] | rows to record batches |
//! | [`csv_batches`] | all of this in one loop, for a file whose schema is known |
//! | [`row_groups`] | record batches to a Parquet file, encoded by whoever has them |
//! | [`csv_text`] | record batches to CSV text |
//! | [`parquet_batches`] | a Parquet file to record batches, row group by row group, some columns or a piece of one |
//! | [`filter`] | which rows of a batch are wanted |
//! | [`text`] | letters without their accents, and composed ones |
//! | [`ipc`] | a record batch to bytes and back, to pass it between processes |
//! | [`calendar`] | days and microseconds to civil dates and back |
//!
//! Everything here works on one stream at a time and knows nothing of threads or strategies.

pub mod calendar;
pub mod columns;
pub mod csv_batches;
pub mod csv_text;
pub mod dialect;
mod error;
pub mod filter;
pub mod infer;
pub mod ipc;
pub mod parquet_batches;
#[cfg(any(test, fuzzing))]
pub mod promises;
pub mod row_groups;
pub mod rows;
pub mod scan;
pub mod table;
pub mod text;
pub mod unpack;
pub mod values;

pub use error::Error;
