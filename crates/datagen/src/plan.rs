//! What will be written, decided before anything is: a pure function from arguments to files.
//!
//! The plan fixes which rows go into which file. Workers only decide when each file is made, so no number of workers can
//! change a byte.

use std::ops::Range;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::dirt::{Dialect, Dirt};
use crate::hive;
use crate::localities;
use crate::orders::{Orders, customers_of};
use crate::products;

/// How much data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// For CI: 32,000 orders.
    Tiny,
    /// The default: 192,000 orders.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableName {
    /// A shop's orders.
    Orders,
    /// The customers that orders name.
    Customers,
    /// The products that orders name.
    Products,
    /// Hourly readings at the state capitals.
    Weather,
    /// States, municipalities and districts.
    Localities,
    /// Application logs of several services.
    Logs,
    /// The ledger of the incidents planted in the logs.
    Incidents,
    /// The sales of one store each: a database.
    Stores,
    /// Pictures.
    Images,
}

impl TableName {
    /// The name on the command line and of the folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Weather => "weather",
            Self::Localities => "localities",
            Self::Logs => "logs",
            Self::Incidents => "incidents",
            Self::Stores => "stores",
            Self::Images => "images",
        }
    }

    /// Number of files and rows at a scale.
    pub fn size(self, scale: Scale) -> Size {
        let (files, rows) = match (self, scale) {
            (Self::Orders, Scale::Tiny) => (8, 32_000),
            (Self::Orders, Scale::Small) => (16, 192_000),
            (Self::Orders, Scale::Medium) => (16, 4_000_000),
            (Self::Orders, Scale::Large) => (64, 40_000_000),
            (Self::Customers, Scale::Tiny | Scale::Small) => (1, customers_of(Self::Orders.size(scale).rows)),
            (Self::Customers, Scale::Medium) => (4, customers_of(Self::Orders.size(scale).rows)),
            (Self::Customers, Scale::Large) => (16, customers_of(Self::Orders.size(scale).rows)),
            (Self::Products, _) => (1, u64::from(products::COUNT)),
            (Self::Weather, Scale::Tiny) => (1, 27 * 24 * 30),
            (Self::Weather, Scale::Small) => (4, 27 * 8_760),
            (Self::Weather, Scale::Medium) => (8, 27 * 8_760 * 10),
            (Self::Weather, Scale::Large) => (16, 27 * 8_760 * 100),
            (Self::Localities, _) => (1, u64::from(localities::DISTRICTS)),
            (Self::Logs, Scale::Tiny) => (4, 20_000),
            (Self::Logs, Scale::Small) => (8, 320_000),
            (Self::Logs, Scale::Medium) => (16, 4_800_000),
            (Self::Logs, Scale::Large) => (64, 64_000_000),
            (Self::Stores, Scale::Tiny) => (4, 8_000),
            (Self::Stores, Scale::Small) => (8, 160_000),
            (Self::Stores, Scale::Medium) => (16, 1_600_000),
            (Self::Stores, Scale::Large) => (64, 16_000_000),
            (Self::Images, Scale::Tiny) => (8, 8),
            (Self::Images, Scale::Small) => (64, 64),
            (Self::Images, Scale::Medium) => (512, 512),
            (Self::Images, Scale::Large) => (4_096, 4_096),
            (Self::Incidents, _) => (1, Self::Logs.size(scale).rows),
        };
        Size { files, rows }
    }

    /// The most rows that the table can have.
    pub fn limit(self) -> u64 {
        match self {
            Self::Localities => u64::from(localities::DISTRICTS),
            // Customers are numbered in 32 bits, and the eight digits of a document must stay unique.
            Self::Customers => 100_000_000,
            // Dates have four digits for the year.
            Self::Weather => 27 * 8_760 * 1_000,
            _ => 1_000_000_000_000,
        }
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180 with a header, UTF-8, `\n`.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Row groups of at most 65,536 rows unless another number is asked for.
    Parquet,
    /// Arrow IPC, the file format, not compressed.
    Arrow,
    /// Lines as the services wrote them.
    Log,
    /// The ledger of the dirt in a CSV file, one JSON object a line.
    Dirt,
    /// An SQLite database.
    Sqlite,
    /// SQL that PostgreSQL and MariaDB both read.
    Sql,
    /// A PNG picture.
    Png,
    /// A JPEG picture.
    Jpeg,
}

impl Format {
    /// The ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Log => "log",
            Self::Dirt => "dirt.jsonl",
            Self::Sqlite => "db",
            Self::Sql => "sql",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }

    /// Rows that are made at once. It bounds the memory of a worker; for Parquet and Arrow it is the row group or batch,
    /// and so part of the output's bytes.
    pub fn rows_at_once(self) -> u64 {
        match self {
            Self::Csv | Self::Log | Self::Ndjson | Self::Sql => 8_192,
            // Made at once.
            Self::Dirt | Self::Sqlite | Self::Png | Self::Jpeg => u64::MAX,
            Self::Parquet | Self::Arrow => 65_536,
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
    /// Rows of one piece, at least 1.
    pub rows_at_once: u64,
    /// For a lake of orders: the partition that the rows are counted in.
    pub partition: Option<Partition>,
    /// What is planted in it.
    pub dirt: Option<Dirt>,
    /// For a picture: width and height in pixels.
    pub pixels: (u32, u32),
}

/// A partition of a lake, in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The rows of the table that the shard has.
    pub shard: Range<u64>,
    /// The partition's number.
    pub number: u16,
}

impl PlannedFile {
    /// A clean file without a path, with `rows_at_once` or the format's own number.
    pub(crate) fn new(table: TableName, format: Format, rows: Range<u64>, rows_at_once: Option<u64>) -> Self {
        let rows_at_once = rows_at_once.unwrap_or(format.rows_at_once());
        Self {
            path: String::new(),
            table,
            format,
            rows,
            rows_at_once,
            partition: None,
            dirt: None,
            pixels: (0, 0),
        }
    }
}

/// The files of one table in one format, under `folder` (empty for the manifest's own folder), with `rows_at_once` or
/// the format's own number.
pub fn files(
    folder: &str,
    table: TableName,
    format: Format,
    size: Size,
    rows_at_once: Option<u64>,
) -> Vec<PlannedFile> {
    let stem = match table {
        TableName::Logs => "app",
        TableName::Stores => "store",
        _ => "part",
    };
    (0..size.files)
        .map(|file| PlannedFile {
            path: below(folder, &format!("{stem}-{file:05}.{}", format.extension())),
            // Files differ by one row at most, and their sum is exact.
            ..PlannedFile::new(table, format, share(size, file)..share(size, file + 1), rows_at_once)
        })
        .collect()
}

/// A path in a folder; the empty folder adds nothing.
fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The first row of file `file`.
fn share(size: Size, file: u64) -> u64 {
    let product = u128::from(size.rows) * u128::from(file) / u128::from(size.files);
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// The files of the logs under `folder`, and the ledger of the incidents planted in them.
pub fn logs(folder: &str, size: Size) -> Vec<PlannedFile> {
    let mut planned = files(folder, TableName::Logs, Format::Log, size, None);
    planned.push(PlannedFile {
        path: below(folder, "incidents.jsonl"),
        // The ledger is made at once, because an incident is cut off where the logs end.
        ..PlannedFile::new(TableName::Incidents, Format::Ndjson, 0..size.rows, Some(u64::MAX))
    });
    planned
}

/// A lake of orders under `folder`.
fn lake(folder: &str, format: Format, rows: u64, seed: u64) -> Vec<PlannedFile> {
    let files = hive::plan(&Orders::new(seed), format, rows, None).into_iter();
    files.map(|file| PlannedFile { path: below(folder, &file.path), ..file }).collect()
}

/// One picture a file, in the sizes in turn.
pub fn images(count: u64, format: Format, sizes: &[(u32, u32)]) -> Vec<PlannedFile> {
    let picture = |(number, pixels): (u64, &(u32, u32))| PlannedFile {
        path: format!("image-{number:05}.{}", format.extension()),
        pixels: *pixels,
        ..PlannedFile::new(TableName::Images, format, number..number + 1, None)
    };
    (0..count).zip(sizes.iter().cycle()).map(picture).collect()
}

/// Plants dirt in CSV files, `per_million` wrong records in a million, and adds a ledger for each.
pub fn dirty(planned: Vec<PlannedFile>, per_million: u32) -> Vec<PlannedFile> {
    let with_ledger = |(number, mut file): (usize, PlannedFile)| {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path).to_owned();
        let dirt = Dirt { per_million, dialect: Dialect::of_file(number as u64), file: name };
        file.dirt = Some(dirt);
        let mut ledger = file.clone();
        ledger.path = format!("{}.dirt.jsonl", file.path);
        ledger.format = Format::Dirt;
        // A ledger counts lines from the file's beginning, so it is made at once.
        ledger.rows_at_once = u64::MAX;
        [file, ledger]
    };
    planned.into_iter().enumerate().flat_map(with_ledger).collect()
}

/// The lake has a part of the orders: it is there for its many uneven partitions, and not for its size.
const ORDERS_A_LAKE_ORDER: u64 = 4;

/// The year that the lake has at the lesser scales: a thousand files of a few rows each would take longer to open than to read.
const LAKE_YEAR: &str = "/year=2024/";

fn lab_lake(scale: Scale, rows: u64, seed: u64) -> Vec<PlannedFile> {
    let mut files = lake("orders-lake-csv", Format::Csv, rows / ORDERS_A_LAKE_ORDER, seed);
    if matches!(scale, Scale::Tiny | Scale::Small) {
        files.retain(|file| file.path.contains(LAKE_YEAR));
    }
    files
}

/// Everything that `datagen all` writes at a scale. The seed decides which partitions the lake has.
pub fn everything(scale: Scale, seed: u64) -> Vec<PlannedFile> {
    let orders = TableName::Orders.size(scale);
    let mut planned = [
        files("orders-csv", TableName::Orders, Format::Csv, orders, None),
        files("orders-parquet", TableName::Orders, Format::Parquet, orders, None),
        files(
            "customers-parquet",
            TableName::Customers,
            Format::Parquet,
            TableName::Customers.size(scale),
            None,
        ),
        logs("logs", TableName::Logs.size(scale)),
        lab_lake(scale, orders.rows, seed),
    ]
    .concat();
    // A build without SQLite leaves the databases away; the laboratory's own has it.
    if cfg!(feature = "stores") {
        let stores = TableName::Stores.size(scale);
        planned.extend(files("stores-db", TableName::Stores, Format::Sqlite, stores, None));
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_table_hold_each_row_once() {
        for (files_wanted, rows) in [(1, 0), (1, 1), (3, 2), (7, 100), (64, 40_000_000)] {
            let planned =
                files("x", TableName::Orders, Format::Csv, Size { files: files_wanted, rows }, None);
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
        let planned = everything(Scale::Tiny, 42);
        let of = |prefix: &str| planned.iter().filter(|file| file.path.starts_with(prefix)).count();
        assert_eq!(of("orders-csv/part-"), 8);
        assert_eq!(of("orders-parquet/part-"), 8);
        assert_eq!(of("logs/app-"), 4);
        assert!(of("orders-lake-csv/year=2024/month=3/uf=") > 20);
        assert_eq!(of("stores-db/store-"), if cfg!(feature = "stores") { 4 } else { 0 });
        assert_eq!(planned[7].path, "orders-csv/part-00007.csv");
        assert_eq!(planned[7].rows, 28_000..32_000);
    }
}
