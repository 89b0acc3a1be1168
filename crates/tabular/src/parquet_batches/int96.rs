//! INT96 instants, exact for every year.
//!
//! The old type of Impala, Hive and Spark holds a Julian day and the nanoseconds of that day: 11 million years. The reader
//! gives it in nanoseconds of 64 bits, which end in 2262, and wraps silently beyond. It can also give it in milliseconds,
//! which do not wrap. The two together are exact: the difference between them, computed in the same wrapping arithmetic, is
//! the part below the millisecond.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;

use super::{ParquetFile, Piece, guarded, hinted};
use crate::Error;

/// Nanoseconds in a millisecond.
const MILLI: i64 = 1_000_000;

/// The INT96 columns of a piece, read a second time in milliseconds.
pub(super) struct Int96 {
    /// Their places among the wanted columns.
    places: Vec<usize>,
    /// Their places among what the second reader gives.
    columns: Vec<usize>,
    reader: ParquetRecordBatchReader,
    file: ParquetFile,
    piece: Piece,
}

impl Int96 {
    /// The INT96 columns that are wanted of a piece; `None` where there is none.
    pub(super) fn of(file: &ParquetFile, piece: Piece, batch_rows: usize) -> Result<Option<Self>, Error> {
        let schema = file.metadata.parquet_schema();
        let leaves = schema.columns().iter().enumerate();
        let roots: Vec<usize> = leaves
            .filter(|(_, leaf)| leaf.physical_type() == PhysicalType::INT96)
            .map(|(leaf, _)| schema.get_column_root_idx(leaf))
            .collect();
        let all = file.metadata.schema();
        let is_plain = |root: &usize| matches!(all.field(*root).data_type(), DataType::Timestamp(..));
        let wanted = file.wanted.iter().enumerate();
        let places: Vec<usize> = wanted
            .filter(|(_, root)| roots.contains(root) && is_plain(root))
            .map(|(place, _)| place)
            .collect();
        if places.is_empty() {
            return Ok(None);
        }
        let mut sorted: Vec<usize> = places.iter().map(|place| file.wanted[*place]).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let columns =
            places.iter().filter_map(|place| sorted.binary_search(&file.wanted[*place]).ok()).collect();
        let fields = all.fields().iter().enumerate().map(|(root, field)| {
            let coarse = DataType::Timestamp(TimeUnit::Millisecond, None);
            if sorted.contains(&root) {
                Arc::new(field.as_ref().clone().with_data_type(coarse))
            } else {
                Arc::clone(field)
            }
        });
        let hint = Schema::new(fields.collect::<Vec<Arc<Field>>>());
        let reader = guarded(|| {
            let metadata = hinted(file, hint)?;
            file.reader(&metadata, piece, batch_rows, file.mask(&sorted))
        });
        let reader = reader.map_err(|source| file.damaged(piece, source))?;
        Ok(Some(Self { places, columns, reader, file: file.clone(), piece }))
    }

    /// The batch with instants that are right: in nanoseconds where all fit, in micro- or milliseconds otherwise.
    pub(super) fn mend(&mut self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let coarse = guarded(|| {
            let next = self.reader.next().transpose().map_err(ParquetError::from)?;
            next.filter(|coarse| coarse.num_rows() == batch.num_rows())
                .ok_or_else(|| ParquetError::General("INT96 columns of different lengths".into()))
        });
        let coarse = coarse.map_err(|source| self.file.damaged(self.piece, source))?;
        let mut columns = batch.columns().to_vec();
        let mut fields = batch.schema().fields().to_vec();
        for (&place, &column) in self.places.iter().zip(&self.columns) {
            let exact = exact(&columns[place], coarse.column(column)).ok_or_else(|| {
                let column = fields[place].name();
                let why = format!(
                    "column `{column}`: an INT96 instant with nanoseconds outside of the years 1677 to 2262"
                );
                self.file.damaged(self.piece, ParquetError::General(why))
            })?;
            fields[place] =
                Arc::new(fields[place].as_ref().clone().with_data_type(exact.data_type().clone()));
            columns[place] = exact;
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}

/// The instants from both readings; `None` where no unit of 64 bits holds them.
fn exact(nanos: &ArrayRef, millis: &ArrayRef) -> Option<ArrayRef> {
    let fine = nanos.as_primitive_opt::<TimestampNanosecondType>()?;
    let coarse = millis.as_primitive_opt::<TimestampMillisecondType>()?;
    let rows = (0..fine.len()).filter(|row| fine.is_valid(*row));
    let pairs = || rows.clone().map(|row| (fine.value(row), coarse.value(row)));
    // What the coarse reading leaves out, in nanoseconds: 0 to 999,999, or the two are not of one instant.
    let rest = |(fine, coarse): (i64, i64)| fine.wrapping_sub(coarse.wrapping_mul(MILLI));
    if pairs().any(|pair| !(0..MILLI).contains(&rest(pair))) {
        return None;
    }
    let fits = |(fine, coarse): (i64, i64)| {
        coarse.checked_mul(MILLI).and_then(|n| n.checked_add(rest((fine, coarse))))
    };
    if pairs().all(|pair| fits(pair).is_some()) {
        return Some(Arc::clone(nanos));
    }
    let micros = |pair: (i64, i64)| {
        let rest = rest(pair);
        (rest % 1_000 == 0).then(|| pair.1.checked_mul(1_000)?.checked_add(rest / 1_000)).flatten()
    };
    let all: Option<Vec<i64>> = (0..fine.len())
        .map(|row| if fine.is_valid(row) { micros((fine.value(row), coarse.value(row))) } else { Some(0) })
        .collect();
    let nulls = fine.nulls().cloned();
    if let Some(micros) = all {
        return Some(Arc::new(TimestampMicrosecondArray::new(micros.into(), nulls)));
    }
    let whole = pairs().all(|pair| rest(pair) == 0);
    whole.then(|| Arc::new(TimestampMillisecondArray::new(coarse.values().clone(), nulls)) as ArrayRef)
}
