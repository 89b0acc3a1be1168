//! Rows that are not in the table, and why.

use serde::{Deserialize, Serialize};

use crate::csv_text::{Dialect, write_field};
use crate::dialect::Encoding;

/// How much of a bad row is kept, in bytes: enough to find and mend it.
const SHOWN: usize = 4_096;

/// The first line of a file of rejects.
pub const REJECTS_HEADER: &str = "file,line,column,byte,reason,row\n";

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// The number of the column that is to blame, from 0; `None` where it is the row as a whole.
    pub column: Option<usize>,
    /// Where the bad value begins, or the row, in bytes of the file from 0.
    pub byte: u64,
    /// Why.
    pub reason: String,
    /// The row as it stands in the file, or its beginning.
    pub row: String,
}

impl Reject {
    pub(super) fn shown(row: &[u8], encoding: Encoding) -> String {
        let row = &row[..row.len().min(SHOWN)];
        encoding.decode(row).unwrap_or_else(|| String::from_utf8_lossy(row)).into_owned()
    }

    /// Appends the reject as a line of CSV.
    pub fn write(&self, file: &str, column: &str, out: &mut Vec<u8>) {
        write_field(file.as_bytes(), Dialect::default(), out);
        out.extend(format!(",{},", self.line).as_bytes());
        if self.column.is_some() {
            write_field(column.as_bytes(), Dialect::default(), out);
        }
        out.extend(format!(",{},", self.byte).as_bytes());
        write_field(self.reason.as_bytes(), Dialect::default(), out);
        out.push(b',');
        write_field(self.row.as_bytes(), Dialect::default(), out);
        out.push(b'\n');
    }
}
