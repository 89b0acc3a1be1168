//! A table that many write: whoever made its rows encodes them, and one puts the parts together in order.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use lab::formats::Format;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::csv_text::{Dialect, write_batch, write_header};
use tabular::row_groups::{Assembler, Encoder, Encoding};

/// The formats that a table is written in.
pub(crate) const TABLES: &[Format] = &[Format::Parquet, Format::Csv];

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Parquet, a row group for each part.
    Parquet,
    /// CSV with a header.
    Csv,
}

const CANNOT: &str = "cannot write the table";

impl Form {
    /// CSV if the file is called so, otherwise Parquet.
    pub fn of(path: &Path) -> Self {
        if Format::from_path(path) == Some(Format::Csv) { Self::Csv } else { Self::Parquet }
    }
}

/// Rows that stand one after another in the table, encoded.
pub(crate) enum Part {
    Parquet(Box<Encoder>),
    Csv(Vec<u8>),
}

impl Part {
    pub(crate) fn new(form: Form, columns: SchemaRef, encoding: &Encoding) -> Result<Self, Problem> {
        Ok(match form {
            Form::Parquet => Self::Parquet(Box::new(Encoder::new(columns, encoding).or_problem(|| CANNOT)?)),
            Form::Csv => Self::Csv(Vec::new()),
        })
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Problem> {
        match self {
            Self::Parquet(encoder) => encoder.write(rows).or_problem(|| CANNOT),
            Self::Csv(text) => write_batch(rows, Dialect::default(), text).map_err(|error| {
                Problem::because("the rows have no text in CSV", &error)
                    .hint("write Parquet: --out FILE.parquet")
            }),
        }
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Parquet(encoder) => encoder.finish().or_problem(|| CANNOT),
            Self::Csv(text) => Ok(text),
        }
    }
}

/// The file that parts are appended to.
pub(crate) enum TableFile {
    Parquet(Box<Assembler<BufWriter<File>>>),
    Csv(BufWriter<File>),
}

impl TableFile {
    pub(crate) fn create(
        path: &Path,
        form: Form,
        columns: SchemaRef,
        encoding: &Encoding,
    ) -> Result<Self, Problem> {
        let cannot = || format!("cannot write {}", path.display());
        let mut file = BufWriter::with_capacity(1 << 18, File::create(path).or_problem(cannot)?);
        Ok(match form {
            Form::Parquet => {
                Self::Parquet(Box::new(Assembler::new(file, columns, encoding).or_problem(cannot)?))
            }
            Form::Csv => {
                let mut text = Vec::new();
                write_header(&columns, Dialect::default(), &mut text);
                file.write_all(&text).or_problem(cannot)?;
                Self::Csv(file)
            }
        })
    }

    /// Appends a part of the same format, columns and encoding.
    pub(crate) fn append(&mut self, part: Vec<u8>) -> Result<(), Problem> {
        match self {
            Self::Parquet(file) => file.append(part).or_problem(|| CANNOT),
            Self::Csv(file) => file.write_all(&part).or_problem(|| CANNOT),
        }
    }

    /// Completes the file; how many bytes it has.
    pub(crate) fn finish(self) -> Result<u64, Problem> {
        let file = match self {
            Self::Parquet(file) => file.finish().or_problem(|| CANNOT)?,
            Self::Csv(file) => file,
        };
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).or_problem(|| CANNOT)?;
        Ok(file.metadata().or_problem(|| CANNOT)?.len())
    }
}
