//! Row groups in any order, some of their columns, and texts that stay numbers into a list: what an aggregation or a
//! transformation reads.

use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::file::metadata::ColumnChunkMetaData;

use super::{Batches, ParquetFile, Piece, guarded, hinted};
use crate::Error;

/// A text that takes fewer bytes than this in its file, before compression, is a number into a list there.
const LISTED_BYTES: i64 = 4;

impl ParquetFile {
    /// Opens a file and reads its description, as [`ParquetFile::open`] does, but does not ask what its writer had its columns
    /// as in Arrow: texts are `Utf8` whoever wrote them.
    ///
    /// # Errors
    /// A file that cannot be opened or is no Parquet file.
    pub fn open_plain(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, ArrowReaderOptions::new().with_skip_arrow_metadata(true))
    }

    /// The same file with those of these columns whose texts are numbers into a list there read as such numbers: what
    /// they are compared by is then looked at once for each entry of the list.
    ///
    /// # Errors
    /// A file whose description does not bear it.
    pub fn with_lists(mut self, columns: &[usize]) -> Result<Self, Error> {
        let mut fields = self.metadata.schema().fields().to_vec();
        let mut any = false;
        for column in columns {
            let field = &fields[*column];
            if *field.data_type() == DataType::Utf8 && self.is_listed(*column) {
                let list = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                fields[*column] = Arc::new(Field::new(field.name(), list, field.is_nullable()));
                any = true;
            }
        }
        if any {
            let metadata = guarded(|| hinted(&self, Schema::new(fields)));
            self.metadata = metadata.map_err(|source| Error::parquet(&self.path, None, source))?;
            self.schema = Arc::new(self.metadata.schema().project(&self.wanted)?);
        }
        Ok(self)
    }

    /// Whether the texts of a column are short numbers in every row group.
    fn is_listed(&self, column: usize) -> bool {
        let parquet = self.metadata.metadata();
        let flat =
            parquet.file_metadata().schema_descr().num_columns() == self.metadata.schema().fields().len();
        let is_short = |chunk: &ColumnChunkMetaData| {
            chunk.dictionary_page_offset().is_some()
                && chunk.uncompressed_size() < chunk.num_values().saturating_mul(LISTED_BYTES)
        };
        flat && parquet.row_groups().iter().all(|group| is_short(group.column(column)))
    }

    /// The rows of each row group.
    pub fn group_rows(&self) -> Vec<u64> {
        self.row_groups().map(|rows| rows as u64).collect()
    }

    /// The batches of one row group, of at most `batch_rows` rows, with these columns in the order of the file. INT96
    /// instants are in nanoseconds, as the schema says.
    ///
    /// # Errors
    /// A row group that is damaged, here or while it is read.
    pub fn read_group(
        &self,
        row_group: usize,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Batches, Error> {
        let piece = Piece { row_group, first: 0, rows: self.row_groups().nth(row_group).unwrap_or(0) };
        let file = Self { wanted: columns.to_vec(), ..self.clone() };
        let reader = guarded(|| file.reader(&file.metadata, piece, batch_rows, file.mask(columns)));
        let reader = reader.map_err(|source| file.damaged(piece, source))?;
        Ok(Batches { file, piece, reader, order: None, int96: None, ended: false })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
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
        let file = ParquetFile::open_plain(&path).unwrap().with_lists(&[1, 2]).unwrap();
        assert_eq!(file.group_rows(), [2_000, 2_000, 1_000]);
        assert!(matches!(file.schema().field(1).data_type(), DataType::Dictionary(..)));
        assert_eq!(*file.schema().field(2).data_type(), DataType::Utf8);
        let batches: Vec<_> = file.read_group(2, &[0, 1], 700).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [700, 300]);
        assert_eq!((batches[0].num_columns(), batches[0].schema().field(1).name().as_str()), (2, "state"));
    }
}
