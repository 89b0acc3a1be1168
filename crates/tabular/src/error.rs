//! What can go wrong in a file, and where.

use std::io;
use std::path::PathBuf;

/// An error in tabular data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be opened, read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A Parquet file that is damaged or uses what is not supported.
    #[error("{place}: {source}", place = place(path, *row_group, found.as_deref()))]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The row group, from 0; `None` where the file's own description is damaged.
        row_group: Option<usize>,
        /// The column and the page, where they could be found.
        found: Option<String>,
        /// The reader's error.
        source: parquet::errors::ParquetError,
    },
    /// A column that a file does not have.
    #[error("{path} has no column `{column}`, only {known}", path = path.display(), known = known.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        column: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A row of a CSV file that does not fit the schema.
    #[error("{path}:{line}, column `{column}`: expected {expected}, found {found:?}", path = path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line on which the row starts, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What the schema asks for.
        expected: String,
        /// The beginning of what is there.
        found: String,
    },
    /// A row of a CSV file that is none of the table's.
    #[error("{path}:{line}{column}: {reason}", path = path.display(), column = in_column(column.as_deref()))]
    Rejected {
        /// The file.
        path: PathBuf,
        /// The line on which the row starts, from 1.
        line: u64,
        /// The column's name; `None` where it is the row as a whole.
        column: Option<String>,
        /// Why.
        reason: String,
    },
    /// A filter that does not fit the table.
    #[error("{reason}")]
    Filter {
        /// Why.
        reason: String,
    },
    /// A column whose type has no text in CSV.
    #[error("column `{column}` has the type {data_type}, which has no text in CSV")]
    Unsupported {
        /// The column's name.
        column: String,
        /// Its Arrow type.
        data_type: arrow_schema::DataType,
    },
    /// An error of the columnar library.
    #[error(transparent)]
    Arrow(#[from] arrow_schema::ArrowError),
}

fn in_column(column: Option<&str>) -> String {
    column.map_or_else(String::new, |name| format!(", column `{name}`"))
}

fn place(path: &std::path::Path, row_group: Option<usize>, found: Option<&str>) -> String {
    let row_group = row_group.map(|number| format!(", row group {number}")).unwrap_or_default();
    let found = found.map(|found| format!(", {found}")).unwrap_or_default();
    format!("{}{row_group}{found}", path.display())
}
