//! Parquet row groups that are encoded apart and put together in order.
//!
//! Encoding is most of the work of writing Parquet, so whoever makes the rows encodes them: as a small Parquet file in
//! memory that holds one row group. The one who writes the file copies the encoded pages and shifts their places. The
//! bytes may come from another thread or another process; the file is the same.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding as PageEncoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

/// How pages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PageCompression {
    /// Not at all.
    None,
    /// Snappy: fast, and what DuckDB and pyarrow take when nothing else is asked for.
    #[default]
    Snappy,
    /// Zstandard at level 1: slower and smaller.
    Zstd,
}

/// How row groups are encoded. Whoever writes to one file must use the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// How pages are compressed.
    pub compression: PageCompression,
    /// The names of columns whose values hardly ever come back: no dictionary is tried for them, which is a quarter of
    /// the work. Whole numbers, days and instants among them are stored as differences.
    pub without_dictionary: Vec<String>,
}

fn properties(encoding: &Encoding, schema: &Schema) -> WriterProperties {
    let compression = match encoding.compression {
        PageCompression::None => Compression::UNCOMPRESSED,
        PageCompression::Snappy => Compression::SNAPPY,
        PageCompression::Zstd => Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()),
    };
    let mut builder = WriterProperties::builder();
    for name in &encoding.without_dictionary {
        let path = ColumnPath::new(vec![name.clone()]);
        builder = builder.set_column_dictionary_enabled(path.clone(), false);
        let counts = schema.field_with_name(name).is_ok_and(|field| {
            matches!(
                field.data_type(),
                DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(..)
            )
        });
        if counts {
            builder = builder.set_column_encoding(path, PageEncoding::DELTA_BINARY_PACKED);
        }
    }
    builder
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::Page)
        // The rows that are handed over are one row group, however many they are.
        .set_max_row_group_row_count(None)
        .set_created_by(concat!("paralelo ", env!("CARGO_PKG_VERSION")).into())
        .build()
}

/// Encodes one row group.
pub struct Encoder {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl Encoder {
    /// A row group of this schema.
    ///
    /// # Errors
    /// A schema that Parquet does not have.
    pub fn new(schema: SchemaRef, encoding: &Encoding) -> Result<Self, ParquetError> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties(encoding, &schema))
            .with_skip_arrow_metadata(true);
        Ok(Self { writer: ArrowWriter::try_new_with_options(Vec::new(), schema, options)?, rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch)
    }

    /// The encoded row group, to be appended to a file; empty where it has no row.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn finish(self) -> Result<Vec<u8>, ParquetError> {
        if self.rows == 0 { Ok(Vec::new()) } else { self.writer.into_inner() }
    }
}

/// A Parquet file to which encoded row groups are appended.
pub struct Assembler<W: Write + Send> {
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> Assembler<W> {
    /// A file of this schema.
    ///
    /// # Errors
    /// A schema that Parquet does not have, or the writer's error.
    pub fn new(out: W, schema: SchemaRef, encoding: &Encoding) -> Result<Self, ParquetError> {
        // The Arrow writer knows how a schema is written in Parquet, and that Arrow's own stands beside it.
        let options = ArrowWriterOptions::new().with_properties(properties(encoding, &schema));
        let (writer, _) =
            ArrowWriter::try_new_with_options(out, schema, options)?.into_serialized_writer()?;
        Ok(Self { writer })
    }

    /// Appends a row group that an [`Encoder`] of the same schema made.
    ///
    /// # Errors
    /// Bytes that are no row group of this schema, or the writer's error.
    pub fn append(&mut self, row_group: Vec<u8>) -> Result<(), ParquetError> {
        if row_group.is_empty() {
            return Ok(());
        }
        let bytes = Bytes::from(row_group);
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&bytes)?;
        for (number, group) in metadata.row_groups().iter().enumerate() {
            let mut writer = self.writer.next_row_group()?;
            for (column, chunk) in group.columns().iter().enumerate() {
                let close = ColumnCloseResult {
                    bytes_written: u64::try_from(chunk.compressed_size()).unwrap_or_default(),
                    rows_written: u64::try_from(group.num_rows()).unwrap_or_default(),
                    metadata: chunk.clone(),
                    bloom_filter: None,
                    column_index: metadata.column_index().map(|index| index[number][column].clone()),
                    offset_index: metadata.offset_index().map(|index| index[number][column].clone()),
                };
                writer.append_column(&bytes, close)?;
            }
            writer.close()?;
        }
        Ok(())
    }

    /// Writes what a Parquet file ends with, and returns what it was written to.
    ///
    /// # Errors
    /// The writer's error.
    pub fn finish(self) -> Result<W, ParquetError> {
        self.writer.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn batch(first: i64, rows: i64) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + rows));
        let text = |id: i64| {
            (id % 3 > 0).then(|| format!("row {id} {}", "x".repeat(usize::try_from(id % 50).unwrap())))
        };
        let texts: ArrayRef = Arc::new((first..first + rows).map(text).collect::<StringArray>());
        RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("text", texts, true)]).unwrap()
    }

    #[test]
    fn row_groups_that_were_encoded_apart_are_one_file_with_its_statistics() {
        for compression in [PageCompression::None, PageCompression::Snappy, PageCompression::Zstd] {
            let encoding = &Encoding { compression, without_dictionary: vec!["id".into()] };
            let encoded = |first: i64| {
                let mut encoder = Encoder::new(batch(0, 1).schema(), encoding).unwrap();
                encoder.write(&batch(first, 30_000)).unwrap();
                encoder.write(&batch(first + 30_000, 20_000)).unwrap();
                encoder.finish().unwrap()
            };
            let mut file = Assembler::new(Vec::new(), batch(0, 1).schema(), encoding).unwrap();
            file.append(encoded(0)).unwrap();
            file.append(Encoder::new(batch(0, 1).schema(), encoding).unwrap().finish().unwrap()).unwrap();
            file.append(encoded(50_000)).unwrap();
            let bytes = Bytes::from(file.finish().unwrap());
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
            assert_eq!(reader.metadata().num_row_groups(), 2);
            let statistics = reader.metadata().row_group(1).column(0).statistics().unwrap();
            assert_eq!(statistics.min_bytes_opt().unwrap(), 50_000_i64.to_le_bytes());
            let batches: Vec<_> =
                reader.with_batch_size(50_000).build().unwrap().map(Result::unwrap).collect();
            assert_eq!(batches, [batch(0, 50_000), batch(50_000, 50_000)]);
        }
    }
}
