//! A record batch to bytes and back: Arrow's IPC stream, to pass it between processes.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;

use crate::Error;

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
