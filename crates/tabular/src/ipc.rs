//! Record batches to bytes and back: Arrow's IPC stream, to pass them between processes, and its file.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;

use crate::Error;

/// Gathers rows that become one batch of a file.
#[derive(Debug)]
pub struct Encoder {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Encoder {
    /// No rows yet.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, batches: Vec::new() }
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) {
        self.batches.push(batch.clone());
    }

    /// The rows as one batch, to be appended to a file; empty where there is none.
    ///
    /// # Errors
    /// Those of the columnar library.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        if self.batches.is_empty() {
            return Ok(Vec::new());
        }
        let whole = concat_batches(&self.schema, &self.batches)?;
        drop(self.batches);
        to_bytes(&whole)
    }
}

/// An Arrow IPC file to which batches are appended that an [`Encoder`] made.
pub struct Assembler<W: Write>(FileWriter<W>);

impl<W: Write> Assembler<W> {
    /// A file of this schema.
    ///
    /// # Errors
    /// The writer's error.
    pub fn new(out: W, schema: &Schema) -> Result<Self, Error> {
        Ok(Self(FileWriter::try_new(out, schema)?))
    }

    /// Appends a batch.
    ///
    /// # Errors
    /// Bytes that are no batch of this schema, or the writer's error.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match bytes {
            [] => Ok(()),
            bytes => from_bytes(bytes)?.map_or(Ok(()), |batch| Ok(self.0.write(&batch)?)),
        }
    }

    /// Writes what such a file ends with, and returns what it was written to.
    ///
    /// # Errors
    /// The writer's error.
    pub fn finish(self) -> Result<W, Error> {
        Ok(self.0.into_inner()?)
    }
}

/// The batch as one Arrow IPC stream, with its schema.
///
/// # Errors
/// Those of the columnar library.
pub fn to_bytes(batch: &RecordBatch) -> Result<Vec<u8>, Error> {
    let room = batch.get_array_memory_size();
    let mut writer = StreamWriter::try_new(Vec::with_capacity(room), batch.schema_ref())?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}

/// The batch of a stream that [`to_bytes`] made; `None` of a stream without one.
///
/// # Errors
/// Bytes that are no such stream.
pub fn from_bytes(bytes: &[u8]) -> Result<Option<RecordBatch>, Error> {
    Ok(StreamReader::try_new(bytes, None)?.next().transpose()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};

    use super::*;

    #[test]
    fn a_batch_comes_back_as_it_went() {
        let column: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("ção")]));
        let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
        assert_eq!(from_bytes(&to_bytes(&batch).unwrap()).unwrap(), Some(batch.clone()));
        assert_eq!(from_bytes(&to_bytes(&batch.slice(1, 1)).unwrap()).unwrap(), Some(batch.slice(1, 1)));
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(from_bytes(b"garbage").is_err());
    }
}
