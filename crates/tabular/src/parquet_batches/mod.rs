//! A Parquet file to record batches, row group by row group.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use crate::Error;

/// An open Parquet file. Its row groups are read one after another, so that an error knows which one it is in and memory
/// holds one batch of one row group.
pub struct ParquetBatches {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
    batch_rows: usize,
    next_group: usize,
    reading: Option<ParquetRecordBatchReader>,
}

impl ParquetBatches {
    /// Opens a file and reads its description.
    ///
    /// # Errors
    /// A file that cannot be opened or is no Parquet file.
    pub fn open(path: &Path, batch_rows: usize) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let metadata =
            metadata.map_err(|source| Error::Parquet { path: path.into(), row_group: None, source })?;
        Ok(Self { path: path.into(), file, metadata, batch_rows, next_group: 0, reading: None })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// How many row groups the file has.
    pub fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    fn open_group(&self, number: usize) -> Result<ParquetRecordBatchReader, Error> {
        let file = self.file.try_clone().map_err(|source| Error::Io { path: self.path.clone(), source })?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![number])
            .with_batch_size(self.batch_rows)
            .build();
        reader.map_err(|source| Error::Parquet { path: self.path.clone(), row_group: Some(number), source })
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            let mut reader = match self.reading.take() {
                Some(reader) => reader,
                None if self.next_group == self.row_groups() => return Ok(None),
                None => {
                    self.next_group += 1;
                    self.open_group(self.next_group - 1)?
                }
            };
            debug_assert_eq!(reader.schema().fields().len(), self.schema().fields().len());
            if let Some(batch) = reader.next() {
                let batch = batch.map_err(|error| Error::Parquet {
                    path: self.path.clone(),
                    row_group: Some(self.next_group - 1),
                    source: error.into(),
                })?;
                self.reading = Some(reader);
                return Ok(Some(batch));
            }
        }
    }
}

impl Iterator for ParquetBatches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
