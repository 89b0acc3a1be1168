//! How a CSV file is written: what stands between fields, around them and after rows, and in which encoding.

pub mod encoding;
pub mod sniff;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::scan::masks::Marks;
pub use encoding::Encoding;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The byte between two fields.
    pub delimiter: u8,
    /// The byte around fields that hold special ones; doubled, it stands for itself. `None`: no byte does that.
    pub quote: Option<u8>,
    /// What ends a row.
    pub line_end: LineEnd,
    /// How characters are written as bytes.
    pub encoding: Encoding,
    /// Whether the first row names the columns.
    pub header: bool,
}

impl Default for Dialect {
    /// That of RFC 4180 with a header, in UTF-8.
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            line_end: LineEnd::Lf,
            encoding: Encoding::Utf8,
            header: true,
        }
    }
}

impl Dialect {
    pub(crate) fn marks(self) -> Marks {
        let end = if self.line_end == LineEnd::Cr { b'\r' } else { b'\n' };
        Marks { delimiter: self.delimiter, quote: self.quote, end }
    }
}

/// What ends a row. Where it is `\n`, one `\r` before it belongs to the row end, whichever of the first two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineEnd {
    /// `\n`.
    Lf,
    /// `\r\n`.
    CrLf,
    /// `\r`, as on computers before 2001 by Apple.
    Cr,
}

impl fmt::Display for LineEnd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Lf => "\\n",
            Self::CrLf => "\\r\\n",
            Self::Cr => "\\r",
        })
    }
}

/// A byte as its reader knows it.
pub fn shown_byte(byte: u8) -> String {
    match byte {
        b'\t' => "tab".into(),
        b' ' => "space".into(),
        byte => format!("`{}`", char::from(byte)),
    }
}
