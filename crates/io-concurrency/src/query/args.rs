//! What the user says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::Lab;
use lab::formats::{Format as FileFormat, Out};
use lab::out::Files;

/// What becomes of the united table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For reading, on the terminal
    Table,
    /// A Parquet file
    Parquet,
    /// An Arrow IPC file (Feather version 2)
    Arrow,
    /// Comma-separated values
    Csv,
    /// A line of JSON for each row
    Ndjson,
}

impl Format {
    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Table => "txt",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A database is an SQLite file, a folder with .db files, a quoted pattern, or a URL: postgres://USER@HOST/DATABASE,
mysql://USER@HOST/DATABASE. NAME= before it says what it is called in the table.

Each statement becomes one table of all sources, in the order of the sources, with a column that says from which source a
row is. Columns must have the same names everywhere; a column's type is the narrowest that holds all values of all sources
(whole numbers and floats are floats; whatever else differs is text). A source that fails, is late or has other columns is
listed at the end and is not in the table, not even in part; the others are, and the exit code is 1. Where no source
answered, no table is written.

Databases are only read unless --write is given. A statement that reads one large table is asked by ranges of its rows, in
parallel: SQLite by rowid, PostgreSQL by ctid. --key NAME does the same by a whole-numbered column of any answer. Ranges
are read at different moments: with --parts 1 each source is read in one.

A text of several statements (semicolons between them) makes several tables; a remark `-- name: sales` names one. Strings,
quoted names and comments are those of each database: backslashes and # in MariaDB, $tag$ and E'' in PostgreSQL.

Examples:
  io-concurrency query 'stores/*.db' --sql 'SELECT status, count(*) AS n FROM sale GROUP BY status'
  io-concurrency query a.db pg=postgres://me@db/shop --sql @sales.sql --out sales.parquet
  io-concurrency query mysql://me@db/shop --sql 'SELECT * FROM sale' --key sale_id --out sale.arrow
  io-concurrency query 'stores/*.db' --sql 'SELECT * FROM sale' --limit 5 --source-timeout 2
  io-concurrency query --compare                     the lab's own stores, in every way")]
/// The inputs of `query`.
pub struct QueryArgs {
    /// Databases [default: the lab's own stores]
    #[arg(value_name = "DATABASE")]
    pub sources: Vec<String>,
    /// What each is asked, or @FILE with it [default: sales by category and status]
    #[arg(long, value_name = "SQL")]
    pub sql: Option<String>,
    /// What becomes of the table [default: by the ending of --out, else table]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// The most rows of one source
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The longest that one source may take, in seconds, from its first statement on
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub source_timeout: Option<Duration>,
    /// Servers that are asked at once, whatever the number of processors; --workers says how many sources at once of any kind
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Ask by ranges of this column of the answer; it holds whole numbers
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// How many ranges of --key there are; 1 also keeps large tables from being read by ranges
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub parts: Option<u32>,
    /// Let statements change the databases
    #[arg(long)]
    pub write: bool,
    /// What the column with the source is called; `none` for no such column
    #[arg(long, value_name = "NAME", default_value = "source")]
    pub source_column: String,
    /// Write a line of JSON for each source and statement here: state, rows, time
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
}

impl QueryArgs {
    /// The files that these arguments name.
    pub(super) fn files(&self, lab: &Lab) -> Files {
        const FORMATS: &[FileFormat] =
            &[FileFormat::Parquet, FileFormat::Arrow, FileFormat::Csv, FileFormat::Ndjson, FileFormat::Text];
        let path_of = |source: &String| match source.split_once('=') {
            Some((_, path)) if !Path::new(source).exists() => path.to_owned(),
            _ => source.clone(),
        };
        let sources: Vec<String> = self.sources.iter().map(path_of).collect();
        let statements = self.sql.as_deref().and_then(|sql| sql.strip_prefix('@'));

        Files::new(Out::File(FORMATS)).inputs(lab, &sources, "stores", "db").reads(statements).writes(
            "--summary",
            self.summary.as_ref(),
            &[FileFormat::Ndjson, FileFormat::Json],
        )
    }

    /// The format that was asked for, or that the name of the output tells.
    pub fn format_for(&self, out: Option<&Path>) -> Format {
        let ending = out.and_then(Path::extension).and_then(|ending| ending.to_str()).unwrap_or_default();
        self.format.unwrap_or(match ending {
            "parquet" => Format::Parquet,
            "arrow" | "feather" | "ipc" => Format::Arrow,
            "csv" => Format::Csv,
            "json" | "ndjson" | "jsonl" => Format::Ndjson,
            _ => Format::Table,
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= 86_400.0 => Ok(duration),
        _ => Err("expected more than 0 and at most 86400".into()),
    }
}
