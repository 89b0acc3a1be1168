//! The rows of a binary COPY.

use bytes::{Buf, Bytes, BytesMut};
use lab::Problem;

use super::reader::Reader;
use crate::query::batches::Gatherer;
use crate::query::column::Value;
use crate::query::part::{Answer, Ask, Named};

/// What a binary COPY begins with (PostgreSQL's documentation of COPY, "Binary Format").
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The rows of a COPY, as they come.
pub(super) struct Copied<'a> {
    columns: Vec<Named>,
    readers: Vec<Reader>,
    rows: Gatherer,
    /// What was left of the last piece: less than a row.
    rest: BytesMut,
    begun: bool,
    ended: bool,
    limited: bool,
    ask: &'a Ask<'a>,
}

impl<'a> Copied<'a> {
    pub(super) fn new(columns: Vec<Named>, readers: Vec<Reader>, ask: &'a Ask<'a>) -> Self {
        let rows = Gatherer::new(columns.len(), ask.spool);
        Self {
            columns,
            readers,
            rows,
            rest: BytesMut::new(),
            begun: false,
            ended: false,
            limited: false,
            ask,
        }
    }

    /// Reads the whole rows of a piece. A server sends a row a piece, so hardly ever anything is left.
    pub(super) fn take(&mut self, piece: &Bytes) -> Result<(), Problem> {
        if self.rest.is_empty() {
            let used = self.read(piece)?;
            self.rest.extend_from_slice(&piece[used..]);
        } else {
            self.rest.extend_from_slice(piece);
            let whole = self.rest.split();
            let used = self.read(&whole)?;
            self.rest.extend_from_slice(&whole[used..]);
        }
        Ok(())
    }

    /// Reads whole rows and returns how many bytes they were.
    fn read(&mut self, bytes: &[u8]) -> Result<usize, Problem> {
        let mut at = 0;
        if !self.begun {
            if bytes.len() < SIGNATURE.len() + 8 {
                return Ok(0);
            }
            let extension = (&bytes[SIGNATURE.len() + 4..]).get_u32() as usize;
            at = SIGNATURE.len() + 8 + extension;
            if !bytes.starts_with(SIGNATURE) || bytes.len() < at {
                return Err(broken());
            }
            self.begun = true;
        }
        while !self.ended {
            match self.row(&bytes[at..])? {
                Some(used) => at += used,
                None => break,
            }
        }
        Ok(if self.ended { bytes.len() } else { at })
    }

    /// Reads one row, if it is whole.
    #[inline]
    fn row(&mut self, bytes: &[u8]) -> Result<Option<usize>, Problem> {
        let Some((count, mut rest)) =
            bytes.split_first_chunk().map(|(count, rest)| (i16::from_be_bytes(*count), rest))
        else {
            return Ok(None);
        };
        if count == -1 {
            self.ended = true;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.readers.len()) {
            return Err(broken());
        }
        if !is_whole(rest, self.readers.len()) {
            return Ok(None);
        }
        let over = self.ask.limit == Some(self.rows.rows());
        self.limited |= over;
        for (column, reader) in self.readers.iter().enumerate() {
            let (length, behind) = rest.split_first_chunk().ok_or_else(broken)?;
            let length = usize::try_from(i32::from_be_bytes(*length)).ok();
            let (value, behind) = behind.split_at(length.unwrap_or(0));
            rest = behind;
            if over {
                continue;
            }
            let value = match length {
                None => Value::Null,
                Some(_) => reader
                    .read(value)
                    .ok_or_else(|| no_value(&self.columns[column].name, self.rows.rows()))?,
            };
            self.rows.push(column, value)?;
        }
        if !over {
            self.rows.end_row()?;
        }
        Ok(Some(bytes.len() - rest.len()))
    }

    pub(super) fn finish(self) -> Result<Answer, Problem> {
        if !self.ended && self.begun {
            return Err(Problem::new("the answer of the database was cut short").of_class("connection"));
        }
        Ok(Answer { columns: self.columns, rows: self.rows.finish()?, limited: self.limited })
    }
}

/// Whether so many values lie there.
#[inline]
fn is_whole(mut rest: &[u8], values: usize) -> bool {
    for _ in 0..values {
        let Some((length, behind)) = rest.split_first_chunk() else { return false };
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        match behind.get(length..) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

fn broken() -> Problem {
    Problem::new("the answer of the database is no binary COPY").of_class("connection")
}

fn no_value(column: &str, row: u64) -> Problem {
    Problem::new("a value has no place in its column: `infinity`, `NaN` or text that is not UTF-8")
        .of_class("value")
        .at(format!("row {}, column {column}", row + 1))
        .hint(format!("ask for it as text: CAST({column} AS text)"))
}
