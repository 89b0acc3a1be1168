//! Rows of one answer, batch after batch, in memory or, past a budget, in a file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use lab::{OrProblem, Problem};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use tabular::ipc;

use super::column::{Column, Value};
use super::kind::Kind;

/// The rows of a batch, at the most.
const ROWS: usize = 16_384;
/// The text of one column of a batch after which the next one begins, in bytes.
const TEXT: usize = 16 << 20;
/// What an answer may hold in memory before it goes to a file, in bytes.
const HELD: usize = 64 << 20;

/// Rows that go together. Columns have the names of their positions: the answer knows what they are called.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The kinds of the columns.
    pub kinds: Vec<Kind>,
    /// The rows.
    pub record: RecordBatch,
}

impl Batch {
    fn to_bytes(&self) -> Result<Vec<u8>, Problem> {
        let kinds = serde_json::to_vec(&self.kinds).or_problem(|| "a batch cannot be kept")?;
        let mut bytes = (kinds.len() as u64).to_le_bytes().to_vec();
        bytes.extend(kinds);
        bytes.extend(ipc::to_bytes(&self.record).or_problem(|| "a batch cannot be kept")?);
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        let broken = || Problem::new("a batch is broken");
        let (length, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).or_problem(|| "a batch is broken")?;
        let (kinds, rows) = rest.split_at_checked(length).ok_or_else(broken)?;
        let kinds = serde_json::from_slice(kinds).or_problem(|| "a batch is broken")?;
        let record = ipc::from_bytes(rows).or_problem(|| "a batch is broken")?.ok_or_else(broken)?;
        Ok(Self { kinds, record })
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes().map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl serde::de::Visitor<'_> for Read {
            type Value = Batch;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("the bytes of a batch")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Batch, E> {
                Batch::from_bytes(bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_bytes(Read)
    }
}

/// The rows of one answer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Batches {
    held: Vec<Batch>,
    held_bytes: usize,
    /// What did not fit into memory, before what is held. It lies in a staging folder and goes with it.
    file: Option<PathBuf>,
    /// The kind of each column over all rows.
    pub kinds: Vec<Kind>,
    /// How many rows there are.
    pub rows: u64,
}

impl Batches {
    /// Adds a batch.
    fn push(&mut self, batch: Batch) {
        self.kinds.resize(batch.kinds.len(), Kind::Null);
        self.kinds.iter_mut().zip(&batch.kinds).for_each(|(kind, other)| *kind = kind.join(*other));
        self.rows += batch.record.num_rows() as u64;
        self.held_bytes += batch.record.get_array_memory_size();
        self.held.push(batch);
    }

    /// How many bytes are in memory.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Moves what is in memory to a file in `folder`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn spill(&mut self, folder: &Path) -> Result<(), Problem> {
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let path = self.file.get_or_insert_with(|| {
            // A number that only has to be new needs no ordering.
            let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            folder.join(format!("rows-{}-{number}", std::process::id()))
        });
        let cannot = || format!("cannot keep rows in {}", folder.display());
        let file = File::options().create(true).append(true).open(path).or_problem(cannot)?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        for batch in self.held.drain(..) {
            let bytes = batch.to_bytes()?;
            file.write_all(&(bytes.len() as u64).to_le_bytes()).or_problem(cannot)?;
            file.write_all(&bytes).or_problem(cannot)?;
        }
        self.held_bytes = 0;
        file.flush().or_problem(cannot)
    }

    /// Hands over the batches, in order.
    ///
    /// # Errors
    /// A file that cannot be read back, and what `take` fails with.
    pub fn each(&self, mut take: impl FnMut(&Batch) -> Result<(), Problem>) -> Result<(), Problem> {
        if let Some(path) = &self.file {
            let cannot = || format!("cannot read {} back", path.display());
            let mut file = BufReader::with_capacity(1 << 18, File::open(path).or_problem(cannot)?);
            let mut length = [0; 8];
            let mut bytes = Vec::new();
            while file.read_exact(&mut length).is_ok() {
                bytes.resize(usize::try_from(u64::from_le_bytes(length)).unwrap_or_default(), 0);
                file.read_exact(&mut bytes).or_problem(cannot)?;
                take(&Batch::from_bytes(&bytes)?)?;
            }
        }
        self.held.iter().try_for_each(take)
    }
}

/// Gathers rows, value by value.
#[derive(Debug)]
pub struct Gatherer {
    columns: Vec<Column>,
    in_batch: usize,
    done: Batches,
    folder: PathBuf,
}

impl Gatherer {
    /// For answers with this many columns; what is too much for memory goes to `folder`.
    pub fn new(columns: usize, folder: &Path) -> Self {
        let columns = (0..columns).map(|_| Column::new(ROWS)).collect();
        Self { columns, in_batch: 0, done: Batches::default(), folder: folder.into() }
    }

    /// The column at a position, for the next value of the row.
    ///
    /// # Errors
    /// See [`Column::push`].
    #[inline]
    pub fn push(&mut self, column: usize, value: Value<'_>) -> Result<(), Problem> {
        self.columns[column].push(value)
    }

    /// Ends a row: each column has got its value.
    ///
    /// # Errors
    /// Rows that cannot be kept.
    #[inline]
    pub fn end_row(&mut self) -> Result<(), Problem> {
        self.in_batch += 1;
        let full = self.in_batch == ROWS
            || (self.in_batch.is_multiple_of(256)
                && self.columns.iter().any(|column| column.text_bytes() > TEXT));
        if full { self.cut() } else { Ok(()) }
    }

    /// How many rows there are so far.
    pub fn rows(&self) -> u64 {
        self.done.rows + self.in_batch as u64
    }

    fn cut(&mut self) -> Result<(), Problem> {
        if self.in_batch == 0 {
            return Ok(());
        }
        self.in_batch = 0;
        let (mut kinds, mut arrays, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for (number, column) in self.columns.iter_mut().enumerate() {
            let (kind, array) = std::mem::replace(column, Column::new(ROWS)).finish()?;
            fields.push(Field::new(number.to_string(), array.data_type().clone(), true));
            kinds.push(kind);
            arrays.push(array);
        }
        let record = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        self.done.push(Batch { kinds, record: record.or_problem(|| "columns differ in length")? });
        if self.done.held_bytes() > HELD { self.done.spill(&self.folder) } else { Ok(()) }
    }

    /// The rows.
    ///
    /// # Errors
    /// Rows that cannot be kept.
    pub fn finish(mut self) -> Result<Batches, Problem> {
        self.cut()?;
        self.done.kinds.resize(self.columns.len(), Kind::Null);
        Ok(self.done)
    }
}
