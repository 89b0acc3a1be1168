//! The arguments of every command, and how their values are read.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use clap::{Args, Subcommand, ValueEnum};

use crate::encode::Compression;
use crate::plan::{Format, Scale};
use crate::size::parse_bytes;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Everything the laboratory reads: orders as CSV, as Parquet and as a lake, customers, logs, and stores as SQLite databases.
    All(AllArgs),
    /// A shop's orders over three years.
    Orders(OrdersArgs),
    /// The customers that orders name, with valid CPF, CNPJ, telephone and postal codes.
    Customers(TableArgs),
    /// The products that orders name.
    Products(TableArgs),
    /// Hourly readings at the 27 state capitals.
    Weather(TableArgs),
    /// States, municipalities and districts in the form of IBGE's data; names are invented.
    Localities(TableArgs),
    /// Application logs of several services, and a ledger of the incidents planted in them.
    Logs(LogsArgs),
    /// One database a store with its sales, as SQLite or as SQL for PostgreSQL and MariaDB.
    Stores(StoresArgs),
    /// Pictures of stated sizes.
    Images(ImagesArgs),
    /// Check a folder against its manifest, byte by byte.
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// How much data.
    #[arg(long, value_enum, default_value = "small")]
    pub(super) scale: Scale,
    /// The seed: another seed, other data.
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,
    /// The folder to write into.
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) how: How,
}

/// What changes the time and no byte.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Threads; all cores by default. They change the time and no byte.
    #[arg(long)]
    pub(super) workers: Option<NonZero<usize>>,
    /// Say nothing but errors.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl How {
    pub(super) fn workers(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        self.workers.map_or_else(cores, NonZero::get)
    }
}

#[derive(Debug, Args)]
pub(super) struct AllArgs {
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Amount {
    /// Rows in all files together, instead of the scale's.
    #[arg(long, conflicts_with = "bytes")]
    pub(super) rows: Option<u64>,
    /// About so many bytes in all files together, such as 10GB or 1.5GiB.
    #[arg(long, value_parser = parse_bytes)]
    pub(super) bytes: Option<u64>,
    /// Files, instead of the scale's.
    #[arg(long)]
    pub(super) files: Option<NonZero<u64>>,
}

#[derive(Debug, Args)]
pub(super) struct TableArgs {
    /// How rows are written.
    #[arg(long, value_enum, default_value = "csv")]
    pub(super) format: RowFormat,
    #[command(flatten)]
    pub(super) amount: Amount,
    /// Plant wrong records in CSV files, as a share of all (0.01 is one in a hundred), and write a ledger of them.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(super) dirty: Option<u32>,
    /// How Parquet pages are compressed.
    #[arg(long, value_enum, default_value = "snappy")]
    pub(super) compression: Compression,
    /// Rows of a Parquet row group or an Arrow batch.
    #[arg(long, value_name = "ROWS", default_value_t = 65_536, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub(super) row_group: u64,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct OrdersArgs {
    #[command(flatten)]
    pub(super) table: TableArgs,
    /// How files are laid out.
    #[arg(long, value_enum, default_value = "flat")]
    pub(super) layout: Layout,
}

/// How files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Layout {
    /// Files of equal size in one folder.
    Flat,
    /// A lake partitioned by year, month and state: `year=2024/month=3/uf=SP/`.
    Hive,
}

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    #[command(flatten)]
    pub(super) amount: Amount,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct StoresArgs {
    /// What kind of database.
    #[arg(long, value_enum, default_value = "sqlite")]
    pub(super) format: StoreFormat,
    #[command(flatten)]
    pub(super) amount: Amount,
    #[command(flatten)]
    pub(super) common: Common,
}

/// The forms of a store's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StoreFormat {
    /// A database file.
    Sqlite,
    /// Statements; load them with `psql URL -f FILE` or `mariadb … < FILE`.
    Sql,
}

#[derive(Debug, Args)]
pub(super) struct ImagesArgs {
    /// How pictures are written.
    #[arg(long, value_enum, default_value = "png")]
    pub(super) format: ImageFormat,
    /// Pictures, instead of the scale's number.
    #[arg(long)]
    pub(super) count: Option<NonZero<u64>>,
    /// Width and height in pixels; several sizes are taken in turn.
    #[arg(long, value_name = "WxH", value_delimiter = ',', default_value = "640x480", value_parser = parse_pixels)]
    pub(super) size: Vec<(u32, u32)>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// The forms of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ImageFormat {
    Png,
    Jpeg,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The folder that holds manifest.json.
    pub(super) folder: PathBuf,
    #[command(flatten)]
    pub(super) how: How,
}

/// The formats of a table of rows.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RowFormat {
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

impl From<RowFormat> for Format {
    fn from(format: RowFormat) -> Self {
        match format {
            RowFormat::Csv => Self::Csv,
            RowFormat::Ndjson => Self::Ndjson,
            RowFormat::Parquet => Self::Parquet,
            RowFormat::Arrow => Self::Arrow,
        }
    }
}

/// A share between 0 and 1, in millionths.
fn parse_rate(text: &str) -> Result<u32, String> {
    let rate: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if rate > 0.0 && rate <= 1.0 {
        Ok((rate * 1e6).round().max(1.0) as u32)
    } else {
        Err(format!("{text} is no share; write one above 0 and up to 1, such as 0.01"))
    }
}

/// Width and height, such as `640x480`.
fn parse_pixels(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("`{text}` is no size in pixels; write it like 640x480, up to 16384x16384");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=16_384).contains(side)).ok_or_else(wrong);
    Ok((side(width)?, side(height)?))
}
