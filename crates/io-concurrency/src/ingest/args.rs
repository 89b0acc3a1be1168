//! What the user says.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use lab::Lab;
use lab::formats::{Format as FileFormat, Out};
use lab::out::Files;
use serde::{Deserialize, Serialize};
use tabular::dialect::Encoding;
use tabular::row_groups::PageCompression;

/// What becomes of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Format {
    /// A Parquet file
    Parquet,
    /// An Arrow IPC file (Feather version 2)
    Arrow,
    /// A line of JSON for each column: counts, least, greatest, sum
    Summary,
}

/// Whether the first row names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Header {
    /// It does
    Yes,
    /// It is a row like the others
    No,
}

/// How the pages of a Parquet file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    /// Not at all
    None,
    /// Fast
    Snappy,
    /// Small
    Zstd,
}

impl From<Compression> for PageCompression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Snappy => Self::Snappy,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// The inputs of `ingest`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The dialect of each file is found: delimiter, quote, line end, header, and the encoding (UTF-8 with and without a byte
order mark, latin-1 or Windows-1252, UTF-16). Types are inferred from all values and not from a sample; dates may be
dd/mm/yyyy and numbers may have a decimal comma. A number with a leading zero is text, and one that is too long for its
type is never wrapped: it becomes a decimal, or text. --explain says what was found, and why.

A row that does not fit (too few or too many fields, bytes that are no characters, a value that is not of the type that
--schema gives its column) is left out of the table. With --rejects it is kept there with its file, line, column, byte and
reason; without, the first ones are listed and the exit code is 1. Rows read = rows written + rows rejected, or there is no
table at all.

Examples:
  io-concurrency ingest 'in/*.csv' --out table.parquet
  io-concurrency ingest a.csv.gz b.csv.zst --out table.arrow --rejects bad.csv
  io-concurrency ingest 'in/*.csv' --explain
  io-concurrency ingest 'in/*.csv' --schema 'cep: text, valor: decimal(2,comma), data: date(dmy)'
  io-concurrency ingest huge.csv --format summary
  io-concurrency ingest huge.csv --compare")]
pub struct IngestArgs {
    /// CSV files, folders with .csv files, or quoted patterns; compressed ones are known by their content [default: the
    /// lab's orders]
    pub inputs: Vec<String>,
    /// What becomes of the rows [default: by the ending of --out, else parquet]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Types of columns, `NAME: TYPE, …`, or @FILE with one on each line; the others are inferred
    #[arg(long, value_name = "TYPES")]
    pub schema: Option<String>,
    /// Say what was found and why, and write no table
    #[arg(long)]
    pub explain: bool,
    /// Keep the rows that do not fit here, as CSV
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// The byte between two fields [default: found]
    #[arg(long, value_name = "CHARACTER", value_parser = one_byte)]
    pub delimiter: Option<u8>,
    /// The byte around fields, or `none` [default: found]
    #[arg(long, value_name = "CHARACTER", value_parser = quote)]
    pub quote: Option<Quote>,
    /// utf-8, latin-1, windows-1252, utf-16le or utf-16be [default: found]
    #[arg(long)]
    pub encoding: Option<Encoding>,
    /// Whether the first row names the columns [default: found]
    #[arg(long, value_enum)]
    pub header: Option<Header>,
    /// Make decimals and not floats of numbers with a fraction
    #[arg(long)]
    pub decimals: bool,
    /// How the pages of a Parquet file are compressed
    #[arg(long, value_enum, default_value = "snappy")]
    pub compression: Compression,
    /// How much text becomes one row group
    #[arg(long, value_name = "SIZE", default_value = "8MiB")]
    pub piece: ByteSize,
}

/// What stands around fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote(pub Option<u8>);

fn one_byte(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
        _ => Err("expected one character of ASCII that is no line break, or \\t".into()),
    }
}

fn quote(text: &str) -> Result<Quote, String> {
    if text == "none" { Ok(Quote(None)) } else { one_byte(text).map(|byte| Quote(Some(byte))) }
}

impl IngestArgs {
    /// The files that these arguments name.
    pub(super) fn files(&self, lab: &Lab) -> Files {
        let out = match self.format {
            Some(Format::Summary) => Out::File(&[FileFormat::Ndjson, FileFormat::Json]),
            _ => Out::File(&[FileFormat::Parquet, FileFormat::Arrow]),
        };
        let asked = match self.format {
            Some(Format::Parquet) => Some(FileFormat::Parquet),
            Some(Format::Arrow) => Some(FileFormat::Arrow),
            Some(Format::Summary) | None => None,
        };
        let schema = self.schema.as_deref().and_then(|schema| schema.strip_prefix('@'));

        Files::new(out)
            .asked(asked)
            .default_out("ingest.parquet")
            .inputs(lab, &self.inputs, "orders-csv", "csv")
            .reads(schema)
            .writes("--rejects", self.rejects.as_ref(), &[FileFormat::Csv])
    }

    /// The format that was asked for, or that the name of the output tells.
    pub fn format_for(&self, out: Option<&Path>) -> Format {
        let ending = out.and_then(Path::extension).and_then(|ending| ending.to_str()).unwrap_or_default();
        self.format.unwrap_or(match ending {
            "arrow" | "feather" | "ipc" => Format::Arrow,
            "json" | "ndjson" | "jsonl" => Format::Summary,
            _ => Format::Parquet,
        })
    }
}
