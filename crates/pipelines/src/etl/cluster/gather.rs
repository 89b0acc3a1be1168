//! Pieces of the lake, put together from the rows that the engine gives in their order.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{ArrayRef, BooleanArray, Int32Array, RecordBatch};
use arrow_schema::DataType;
use arrow_select::filter::filter_record_batch;
use lab::{OrProblem, Problem};
use tabular::row_groups::Encoding;

use super::super::cast;
use super::super::clean::cleaned;
use super::super::lake::Keys;
use super::super::revenue::{Group, too_much};
use super::super::work::{Done, Making, Piece};
use super::refused::Refused;
use super::verdict::{CANNOT, Verdicts, unfit};

/// What the partitions are worth, by their numbers.
pub(super) type Sums = HashMap<usize, Result<Vec<Group>, Problem>>;

/// Where the pieces go, in their order.
pub(super) type Give<'a> = &'a mut dyn FnMut(Result<Done, Problem>) -> Result<(), Problem>;

/// Pieces that come one after another.
pub(super) struct Gather<'a> {
    pieces: &'a [Piece],
    encoding: &'a Encoding,
    sums: Sums,
    give: Give<'a>,
    /// How many pieces were given; the next one is being made.
    given: usize,
    making: Option<Making<'a>>,
    failed: Option<Problem>,
    refused: Refused<'a>,
}

/// The partitions' sums of one answer.
///
/// # Errors
/// An answer with other columns.
pub(super) fn sums(batches: &[RecordBatch]) -> Result<Sums, Problem> {
    let mut sums = Sums::new();
    for batch in batches {
        let text = |name: &str| batch.column_by_name(name).and_then(cast::texts).ok_or_else(unfit);
        let number = |name: &str| batch.column_by_name(name).and_then(cast::integers).ok_or_else(unfit);
        let (states, categories) = (text("state")?, text("category")?);
        let (parts, years, months) = (number("part")?, number("year")?, number("month")?);
        let orders = number("orders")?;
        let cents =
            batch.column_by_name("cents").and_then(|cents| cents.as_primitive_opt::<Decimal128Type>());
        let cents = cents.ok_or_else(unfit)?;
        for row in 0..batch.num_rows() {
            let part = usize::try_from(parts.value(row)).or_problem(|| CANNOT)?;
            let sum = sums.entry(part).or_insert_with(|| Ok(Vec::new()));
            let Ok(worth) = i64::try_from(cents.value(row)) else {
                *sum = Err(too_much());
                continue;
            };
            if let Ok(groups) = sum {
                groups.push(Group(
                    states.value(row).into(),
                    i32::try_from(years.value(row)).or_problem(|| CANNOT)?,
                    u8::try_from(months.value(row)).or_problem(|| CANNOT)?,
                    categories.value(row).into(),
                    orders.value(row).cast_unsigned(),
                    worth,
                ));
            }
        }
    }
    Ok(sums)
}

impl<'a> Gather<'a> {
    pub(super) fn new(pieces: &'a [Piece], encoding: &'a Encoding, sums: Sums, give: Give<'a>) -> Self {
        let refused = Refused::default();
        Self { pieces, encoding, sums, give, given: 0, making: None, failed: None, refused }
    }

    /// The engine begins anew: what was given stays given.
    pub(super) fn again(&mut self) {
        (self.making, self.failed, self.refused) = (None, None, Refused::default());
    }

    /// Takes the next rows.
    ///
    /// # Errors
    /// An answer with other columns, and those of `give`.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        let numbers = batch.column_by_name("piece").and_then(cast::integers).ok_or_else(unfit)?;
        let mut from = 0;
        for run in numbers.values().chunk_by(|one, other| one == other) {
            let rows = batch.slice(from, run.len());
            from += run.len();
            let number = run.first().and_then(|number| usize::try_from(*number).ok());
            let number = number.filter(|number| *number < self.pieces.len()).ok_or_else(unfit)?;
            if number < self.given {
                continue;
            }
            while self.given < number {
                self.finish()?;
            }
            if let Err(problem) = self.rows(&rows) {
                self.failed.get_or_insert(problem);
            }
        }
        Ok(())
    }

    /// No more rows come.
    ///
    /// # Errors
    /// Those of `give`.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        while self.given < self.pieces.len() {
            self.finish()?;
        }
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        let piece = &self.pieces[self.given];
        let verdicts = Verdicts::of(batch)?;
        if let Some(problem) = verdicts.failed()? {
            return Err(problem);
        }
        let mut making = match self.making.take() {
            Some(making) => making,
            None => Making::new(&piece.keys, self.encoding)?,
        };
        making.done.rows_in += batch.num_rows() as u64;
        making.write(&clean(batch, &verdicts.clean(), &piece.keys)?)?;
        for row in verdicts.refused() {
            let slice = verdicts.slice(row).and_then(|slice| piece.slices.get(slice)).ok_or_else(unfit)?;
            let (column, reject) = self.refused.told(&verdicts, row, slice)?;
            making.reject(&slice.source.name, column, &reject);
        }
        self.making = Some(making);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Problem> {
        let piece = &self.pieces[self.given];
        let making = self.making.take().map_or_else(|| Making::new(&piece.keys, self.encoding), Ok);
        let sums = self.sums.remove(&piece.partition).unwrap_or_else(|| Ok(Vec::new()));
        let done = match (self.failed.take(), sums) {
            (Some(problem), _) | (None, Err(problem)) => Err(problem),
            (None, Ok(groups)) => making.and_then(|mut making| {
                making.done.groups = groups;
                making.finish(piece)
            }),
        };
        self.given += 1;
        (self.give)(done)
    }
}

/// The clean orders of an answer as the lake has them.
fn clean(batch: &RecordBatch, clean: &BooleanArray, keys: &Keys) -> Result<RecordBatch, Problem> {
    let cannot = || CANNOT;
    let batch = filter_record_batch(batch, clean).or_problem(cannot)?;
    let schema = cleaned(keys);
    let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, Problem> {
        let name = match field.name().as_str() {
            "uf" => "state",
            "revenue_cents" => "revenue",
            name => name,
        };
        let column = batch.column_by_name(name).ok_or_else(unfit)?;
        let made: Option<ArrayRef> = match field.data_type() {
            DataType::Int64 => cast::integers(column).map(|column| Arc::new(column) as _),
            DataType::Int32 => cast::integers(column).map(|column| {
                // Values that are left were checked to fit.
                let narrow = column.values().iter().map(|value| i32::try_from(*value).unwrap_or_default());
                Arc::new(Int32Array::from_iter_values(narrow)) as _
            }),
            DataType::Utf8 => cast::texts(column).map(|column| Arc::new(column) as _),
            _ => cast::instants(column).map(|column| Arc::new(column.with_timezone("UTC")) as _),
        };
        made.ok_or_else(unfit)
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, columns).or_problem(cannot)
}
