//! What will be written, decided before anything is: a pure function from arguments to files.
//!
//! The plan fixes which rows go into which file. Workers only decide when each file is made, so no number of workers can
//! change a byte.

use std::ops::Range;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How much data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// For CI: 32,000 orders.
    Tiny,
    /// The default: 400,000 orders.
    Small,
    /// 4 million orders.
    Medium,
    /// 40 million orders.
    Large,
}

impl Scale {
    /// The name on the command line and of the folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableName {
    /// A shop's orders.
    Orders,
    /// Application logs of several services.
    Logs,
    /// The incidents planted in the logs.
    Incidents,
}

impl TableName {
    /// The name on the command line and of the folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Logs => "logs",
            Self::Incidents => "incidents",
        }
    }

    /// Number of files and rows of each file at a scale.
    pub fn size(self, scale: Scale) -> Size {
        let (files, rows_per_file) = match (self, scale) {
            (Self::Orders, Scale::Tiny) => (8, 4_000),
            (Self::Orders, Scale::Small) => (16, 25_000),
            (Self::Orders, Scale::Medium) => (16, 250_000),
            (Self::Orders, Scale::Large) => (64, 625_000),
            (Self::Incidents, _) => return Size { files: 1, rows: Self::Logs.size(scale).rows },
            (Self::Logs, Scale::Tiny) => (4, 5_000),
            (Self::Logs, Scale::Small) => (8, 40_000),
            (Self::Logs, Scale::Medium) => (16, 300_000),
            (Self::Logs, Scale::Large) => (64, 1_000_000),
        };
        Size { files, rows: files * rows_per_file }
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180 with a header, UTF-8, `\n`.
    Csv,
    /// Row groups of at most 65,536 rows, Snappy.
    Parquet,
    /// Lines as the services wrote them.
    Log,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// The ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Log => "log",
            Self::Ndjson => "jsonl",
        }
    }

    /// Rows that are made at once. It bounds the memory of a worker; for Parquet it is the row group, and part of the
    /// output's bytes.
    pub fn rows_at_once(self) -> u64 {
        match self {
            Self::Csv | Self::Log | Self::Ndjson => 8_192,
            Self::Parquet => 65_536,
        }
    }
}

/// The size of a table: how many rows in how many files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Number of files, at least 1.
    pub files: u64,
    /// Rows in all files together.
    pub rows: u64,
}

/// A file that the plan asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Path relative to the manifest, with `/`.
    pub path: String,
    /// What is in it.
    pub table: TableName,
    /// How it is written.
    pub format: Format,
    /// Its rows, counted from 0 through the table; for the ledger of incidents, the events that it covers.
    pub rows: Range<u64>,
}

/// The files of one table in one format, under `folder` (empty for the manifest's own folder).
pub fn files(folder: &str, table: TableName, format: Format, size: Size) -> Vec<PlannedFile> {
    let stem = if format == Format::Log { "app" } else { "part" };
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    (0..size.files)
        .map(|file| PlannedFile {
            path: format!("{prefix}{stem}-{file:05}.{}", format.extension()),
            table,
            format,
            // Files differ by one row at most, and their sum is exact.
            rows: share(size, file)..share(size, file + 1),
        })
        .collect()
}

/// The first row of file `file`.
fn share(size: Size, file: u64) -> u64 {
    let product = u128::from(size.rows) * u128::from(file) / u128::from(size.files);
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// The files of the logs under `folder`, and the ledger of the incidents planted in them.
pub fn logs(folder: &str, size: Size) -> Vec<PlannedFile> {
    let mut planned = files(folder, TableName::Logs, Format::Log, size);
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    planned.push(PlannedFile {
        path: format!("{prefix}incidents.jsonl"),
        table: TableName::Incidents,
        format: Format::Ndjson,
        rows: 0..size.rows,
    });
    planned
}

/// Everything that `datagen all` writes at a scale.
pub fn everything(scale: Scale) -> Vec<PlannedFile> {
    let orders = TableName::Orders.size(scale);
    let logs = TableName::Logs.size(scale);
    [
        files("orders-csv", TableName::Orders, Format::Csv, orders),
        files("orders-parquet", TableName::Orders, Format::Parquet, orders),
        self::logs("logs", logs),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_table_hold_each_row_once() {
        for (files_wanted, rows) in [(1, 0), (1, 1), (3, 2), (7, 100), (64, 40_000_000)] {
            let planned = files("x", TableName::Orders, Format::Csv, Size { files: files_wanted, rows });
            assert_eq!(planned.len() as u64, files_wanted);
            let mut next = 0;
            for file in &planned {
                assert_eq!(file.rows.start, next);
                next = file.rows.end;
            }
            assert_eq!(next, rows);
        }
    }

    #[test]
    fn the_tiny_scale_has_eight_files_of_four_thousand_orders_in_each_format() {
        let planned = everything(Scale::Tiny);
        let of = |prefix: &str| planned.iter().filter(|file| file.path.starts_with(prefix)).count();
        assert_eq!(of("orders-csv/part-"), 8);
        assert_eq!(of("orders-parquet/part-"), 8);
        assert_eq!(of("logs/app-"), 4);
        assert_eq!(planned[7].path, "orders-csv/part-00007.csv");
        assert_eq!(planned[7].rows, 28_000..32_000);
    }
}
