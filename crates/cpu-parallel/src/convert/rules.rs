//! What is converted how: which columns and rows, in which dialect, packed or not.

use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use lab::Problem;
use lab::out::{self, made};
use serde::{Deserialize, Serialize};
use tabular::csv_text::Dialect;
use tabular::filter::Filter;
use tabular::parquet_batches::ParquetFile;

/// The same for all files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rules {
    pub(super) dialect: Dialect,
    pub(super) packing: Packing,
    /// The columns that are written, in this order; all where none is named.
    pub(super) columns: Vec<String>,
    /// Which rows are written; all where there is none.
    pub(super) filter: Option<Filter>,
    /// Whether the manifest of the folder names the files that are made: it may hold files of the user's too.
    pub(super) noted: bool,
}

impl Rules {
    /// Gives a whole file its final name.
    pub(super) fn publish(&self, staged: &Path, to: &Path) -> Result<(), Problem> {
        if self.noted { made::publish_made(staged, to) } else { out::publish(staged, to) }
    }

    /// A file of which the columns are wanted that are written or that the filter looks at, and how many of them are
    /// written.
    pub(super) fn open(&self, from: &Path) -> Result<(ParquetFile, usize), Problem> {
        let file = ParquetFile::open(from).map_err(|error| read_problem(&error))?;
        let every = || file.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut wanted: Vec<String> = if self.columns.is_empty() { every() } else { self.columns.clone() };
        let written = wanted.len();
        for name in self.filter.iter().flat_map(Filter::columns) {
            if !wanted.iter().any(|wanted| wanted == name) {
                wanted.push(name.to_owned());
            }
        }
        if self.columns.is_empty() && wanted.len() == written {
            return Ok((file, written));
        }
        let file = file.with_columns(wanted.iter().map(String::as_str));
        Ok((file.map_err(|error| Problem::because("cannot choose the columns", &error))?, written))
    }
}

pub(super) fn read_problem(error: &tabular::Error) -> Problem {
    Problem::because("cannot read the file as Parquet", error)
        .hint("the file may be cut off or not Parquet at all; the others are converted")
}

/// How the text is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Packing {
    /// Not at all
    #[default]
    None,
    /// One gzip member for each part (RFC 1952, section 2.2), which every reader takes as one text
    Gzip,
    /// One Zstandard frame for each part (RFC 8878, section 3.1), which every reader takes as one text
    Zstd,
}

impl Packing {
    /// What a file's name ends with.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::None => "csv",
            Self::Gzip => "csv.gz",
            Self::Zstd => "csv.zst",
        }
    }

    /// A member or frame that goes to `out`.
    pub(super) fn pack<W: Write>(self, out: W) -> io::Result<Packer<W>> {
        Ok(match self {
            Self::None => Packer::Plain(out),
            Self::Gzip => Packer::Gzip(GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL))),
            Self::Zstd => Packer::Zstd(zstd::Encoder::new(out, ZSTD_LEVEL)?),
        })
    }
}

/// Level 6 of 9: the level of `gzip` itself.
const GZIP_LEVEL: u32 = 6;
/// Level 3 of 22: the level of `zstd` itself.
const ZSTD_LEVEL: i32 = 3;

/// A writer that packs what goes through it.
pub(super) enum Packer<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packer<W> {
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.write_all(text),
            Self::Gzip(out) => out.write_all(text),
            Self::Zstd(out) => out.write_all(text),
        }
    }

    /// Ends the member or frame and gives the writer back.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(out) => out.finish(),
            Self::Zstd(out) => out.finish(),
        }
    }
}
