//! A Parquet file to record batches: the whole of it, some of its columns, or a piece of a row group.
//!
//! Whatever the file holds, reading it gives batches or an [`Error`] that names the row group and, where it can be found,
//! the column and the page: checksums of pages are compared where the file has them, and a reader that panics on a damaged
//! file has found an error like any other.

mod damage;
mod groups;
mod guard;
mod int96;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use crate::Error;
use guard::guarded;
use int96::Int96;

/// An open Parquet file and the columns that are wanted of it. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct ParquetFile {
    path: Arc<Path>,
    file: Arc<File>,
    metadata: ArrowReaderMetadata,
    /// The columns that are wanted, by their numbers in the file, in the order in which they are wanted.
    wanted: Vec<usize>,
    schema: SchemaRef,
}

/// Some rows of one row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The row group, from 0.
    pub row_group: usize,
    /// The first row within the row group.
    pub first: usize,
    /// How many rows.
    pub rows: usize,
}

impl ParquetFile {
    /// Opens a file and reads its description. All columns are wanted.
    ///
    /// # Errors
    /// A file that cannot be opened or is no Parquet file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, ArrowReaderOptions::new())
    }

    fn open_with(path: &Path, options: ArrowReaderOptions) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, options));
        let metadata = metadata.map_err(|source| Error::parquet(path, None, source))?;
        let schema = Arc::clone(metadata.schema());
        let wanted = (0..schema.fields().len()).collect();
        Ok(Self { path: path.into(), file: Arc::new(file), metadata, wanted, schema })
    }

    /// The same file, of which only these columns are wanted, in this order.
    ///
    /// # Errors
    /// [`Error::NoColumn`] for a name that the file does not have.
    pub fn with_columns<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Result<Self, Error> {
        let all = Arc::clone(self.metadata.schema());
        let number = |name: &str| {
            all.index_of(name).map_err(|_| Error::NoColumn {
                path: self.path.to_path_buf(),
                column: name.to_owned(),
                known: all.fields().iter().map(|field| field.name().clone()).collect(),
            })
        };
        self.wanted = names.into_iter().map(number).collect::<Result<_, _>>()?;
        self.schema = Arc::new(all.project(&self.wanted)?);
        Ok(self)
    }

    /// The wanted columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The rows of all row groups.
    pub fn rows(&self) -> u64 {
        self.row_groups().map(|rows| rows as u64).sum()
    }

    /// Bytes of the wanted columns before compression, as the file tells.
    pub fn bytes(&self) -> u64 {
        (0..self.row_groups().len()).map(|group| self.bytes_of(group)).sum()
    }

    /// The file in pieces of about `bytes` before compression, in order. A row group without rows has none.
    pub fn pieces(&self, bytes: u64) -> Vec<Piece> {
        let pieces = self.row_groups().enumerate().flat_map(|(row_group, rows)| {
            let parts = usize::try_from(self.bytes_of(row_group).div_ceil(bytes.max(1))).unwrap_or(1);
            let each = rows.div_ceil(parts.max(1)).max(1);
            (0..rows).step_by(each).map(move |first| Piece { row_group, first, rows: each.min(rows - first) })
        });
        pieces.collect()
    }

    /// The file in parts of about `bytes` before compression, in order: each is a piece of a long row group, or several
    /// short row groups.
    pub fn parts(&self, bytes: u64) -> Vec<Vec<Piece>> {
        let mut parts: Vec<(u64, Vec<Piece>)> = Vec::new();
        for piece in self.pieces(bytes) {
            let group = self.metadata.metadata().row_group(piece.row_group).num_rows().unsigned_abs();
            let weight = self.bytes_of(piece.row_group) * piece.rows as u64 / group.max(1);
            match parts.last_mut() {
                Some((taken, part)) if *taken + weight <= bytes => {
                    *taken += weight;
                    part.push(piece);
                }
                _ => parts.push((weight, vec![piece])),
            }
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }

    /// Reads one piece.
    ///
    /// # Errors
    /// A piece that the file does not have, or a damaged file.
    pub fn read(&self, piece: Piece, batch_rows: usize) -> Result<Batches, Error> {
        let reader = guarded(|| self.reader(&self.metadata, piece, batch_rows, self.mask(&self.wanted)));
        let int96 = Int96::of(self, piece, batch_rows)?;
        match reader {
            Ok(reader) => {
                let order = order(&self.wanted);
                Ok(Batches { file: self.clone(), piece, reader, order, int96, ended: false })
            }
            Err(source) => Err(self.damaged(piece, source)),
        }
    }

    /// The rows of each row group. A count that is negative is none.
    fn row_groups(&self) -> impl ExactSizeIterator<Item = usize> {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.map(|group| usize::try_from(group.num_rows()).unwrap_or(0))
    }

    fn bytes_of(&self, row_group: usize) -> u64 {
        let columns = self.metadata.metadata().row_group(row_group).columns().iter().enumerate();
        let roots = self.metadata.parquet_schema();
        let wanted = columns.filter(|(leaf, _)| self.wanted.contains(&roots.get_column_root_idx(*leaf)));
        wanted.map(|(_, column)| u64::try_from(column.uncompressed_size()).unwrap_or(0)).sum()
    }

    fn mask(&self, roots: &[usize]) -> ProjectionMask {
        ProjectionMask::roots(self.metadata.parquet_schema(), roots.iter().copied())
    }

    fn reader(
        &self,
        metadata: &ArrowReaderMetadata,
        piece: Piece,
        batch_rows: usize,
        mask: ProjectionMask,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let file = self.file.try_clone()?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_row_groups(vec![piece.row_group])
            .with_batch_size(batch_rows)
            .with_projection(mask);
        let all = self.row_groups().nth(piece.row_group).unwrap_or(0);
        if piece.rows < all {
            let selection = vec![RowSelector::skip(piece.first), RowSelector::select(piece.rows)];
            builder = builder.with_row_selection(RowSelection::from(selection));
        }
        builder.build()
    }

    /// The error with the column and the page that it is about, as far as they can be found.
    fn damaged(&self, piece: Piece, source: ParquetError) -> Error {
        let found = damage::find(self, piece.row_group);
        Error::Parquet { path: self.path.to_path_buf(), row_group: Some(piece.row_group), found, source }
    }
}

/// The batches of one piece.
pub struct Batches {
    file: ParquetFile,
    piece: Piece,
    reader: ParquetRecordBatchReader,
    /// Where each wanted column stands in what the reader gives.
    order: Option<Vec<usize>>,
    int96: Option<Int96>,
    ended: bool,
}

impl Batches {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let next = guarded(|| self.reader.next().transpose().map_err(ParquetError::from));
        let Some(mut batch) = next.map_err(|source| self.file.damaged(self.piece, source))? else {
            return Ok(None);
        };
        if let Some(order) = &self.order {
            batch = batch.project(order)?;
        }
        match &mut self.int96 {
            Some(int96) => int96.mend(&batch).map(Some),
            None => Ok(Some(batch)),
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_batch().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// All batches of a file, row group by row group: memory holds one batch of one row group.
pub struct ParquetBatches {
    file: ParquetFile,
    batch_rows: usize,
    pieces: std::vec::IntoIter<Piece>,
    reading: Option<Batches>,
}

impl ParquetBatches {
    /// Opens a file and reads its description.
    ///
    /// # Errors
    /// A file that cannot be opened or is no Parquet file.
    pub fn open(path: &Path, batch_rows: usize) -> Result<Self, Error> {
        Ok(Self::of(ParquetFile::open(path)?, batch_rows))
    }

    /// The wanted columns of an open file.
    pub fn of(file: ParquetFile, batch_rows: usize) -> Self {
        let pieces = file.pieces(u64::MAX).into_iter();
        Self { file, batch_rows, pieces, reading: None }
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.file.schema()
    }

    /// How many row groups the file has.
    pub fn row_groups(&self) -> usize {
        self.file.row_groups().len()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            if let Some(batch) = self.reading.as_mut().and_then(Iterator::next) {
                return batch.map(Some);
            }
            let Some(piece) = self.pieces.next() else { return Ok(None) };
            self.reading = Some(self.file.read(piece, self.batch_rows)?);
        }
    }
}

impl Iterator for ParquetBatches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

/// Where the wanted columns stand among themselves when they are in the order of the file; `None` where that is the order
/// in which they are wanted.
fn order(wanted: &[usize]) -> Option<Vec<usize>> {
    let mut sorted = wanted.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let order = wanted.iter().filter_map(|number| sorted.binary_search(number).ok()).collect();
    (sorted != wanted).then_some(order)
}

/// A file whose columns have other types of the same kind: a hint for the reader.
fn hinted(file: &ParquetFile, schema: Schema) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(file.metadata.metadata()), options)
}

impl Error {
    pub(crate) fn parquet(path: &Path, row_group: Option<usize>, source: ParquetError) -> Self {
        Self::Parquet { path: PathBuf::from(path), row_group, found: None, source }
    }
}

#[cfg(test)]
mod tests;
