//! Some columns of some row groups of a Parquet file, as record batches: what an aggregation or a transformation reads.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ColumnChunkMetaData;

use crate::Error;

/// A text that takes fewer bytes than this in its file, before compression, is a number into a list there.
const LISTED_BYTES: i64 = 4;

/// An open Parquet file whose row groups can be read in any order.
#[derive(Clone, Debug)]
pub struct ParquetGroups {
    path: PathBuf,
    file: Arc<File>,
    metadata: ArrowReaderMetadata,
}

impl ParquetGroups {
    /// Opens a file and reads its description. What the writer had its columns as in Arrow is not asked: texts are `Utf8`
    /// whoever wrote them.
    ///
    /// # Errors
    /// A file that cannot be opened or is no Parquet file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let metadata =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_skip_arrow_metadata(true));
        let metadata = metadata.map_err(|source| Error::parquet(path, None, source))?;
        Ok(Self { path: path.into(), file: Arc::new(file), metadata })
    }

    /// The same file with those of these columns whose texts are numbers into a list there read as such numbers: what
    /// they are compared by is then looked at once for each entry of the list.
    ///
    /// # Errors
    /// A file whose description does not bear it.
    pub fn with_lists(self, columns: &[usize]) -> Result<Self, Error> {
        let mut fields = self.schema().fields().to_vec();
        let mut any = false;
        for column in columns {
            let field = &fields[*column];
            if *field.data_type() == DataType::Utf8 && self.is_listed(*column) {
                let list = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                fields[*column] = Arc::new(Field::new(field.name(), list, field.is_nullable()));
                any = true;
            }
        }
        if !any {
            return Ok(self);
        }
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(self.metadata.metadata()), options);
        let metadata = metadata.map_err(|source| Error::parquet(&self.path, None, source))?;
        Ok(Self { metadata, ..self })
    }

    /// Whether the texts of a column are short numbers in every row group.
    fn is_listed(&self, column: usize) -> bool {
        let parquet = self.metadata.metadata();
        let flat = parquet.file_metadata().schema_descr().num_columns() == self.schema().fields().len();
        let is_short = |chunk: &ColumnChunkMetaData| {
            chunk.dictionary_page_offset().is_some()
                && chunk.uncompressed_size() < chunk.num_values().saturating_mul(LISTED_BYTES)
        };
        flat && parquet.row_groups().iter().all(|group| is_short(group.column(column)))
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// The rows of each row group.
    pub fn group_rows(&self) -> Vec<u64> {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or_default()).collect()
    }

    /// The batches of one row group, of at most `batch_rows` rows, with these columns in the order of the file.
    ///
    /// # Errors
    /// A row group that is damaged, here or while it is read.
    pub fn read(
        &self,
        group: usize,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<>, Error> {
        let file = self.file.try_clone().map_err(|source| Error::Io { path: self.path.clone(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let reader =
            builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(batch_rows).build();
        let path = self.path.clone();
        let place = move |source| Error::parquet(&path, Some(group), source);
        let reader: ParquetRecordBatchReader = reader.map_err(&place)?;
        Ok(reader.map(move |batch| batch.map_err(|error| place(error.into()))))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;

    #[test]
    fn chosen_columns_of_a_row_group_are_read_and_lists_stay_lists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..5_000));
        let states: ArrayRef = Arc::new(
            (0..5_000).map(|id| (id % 7 > 0).then(|| format!("state {}", id % 7))).collect::<StringArray>(),
        );
        let notes: ArrayRef =
            Arc::new((0..5_000).map(|id| Some(format!("note {id}"))).collect::<StringArray>());
        let batch = RecordBatch::try_from_iter([("id", ids), ("state", states), ("note", notes)]).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2_000)).build();
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = ParquetGroups::open(&path).unwrap().with_lists(&[1, 2]).unwrap();
        assert_eq!(file.group_rows(), [2_000, 2_000, 1_000]);
        assert!(matches!(file.schema().field(1).data_type(), DataType::Dictionary(..)));
        assert_eq!(*file.schema().field(2).data_type(), DataType::Utf8);
        let batches: Vec<_> = file.read(2, &[0, 1], 700).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [700, 300]);
        assert_eq!((batches[0].num_columns(), batches[0].schema().field(1).name().as_str()), (2, "state"));
    }
}
