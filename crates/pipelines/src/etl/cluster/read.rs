//! What an executor reads: the rows of the lake as a table of the engine.
//!
//! The engine's own readers give neither the line nor the bytes of a row, take rows that are none, and know one dialect. So
//! the rows are read by what reads them for every other strategy, and the rules, the join and the sums are the engine's.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow_array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::csv_batches::schema;
use tabular::rows::{Part as Text, Rows};
use tabular::scan::plan::Segment;

use super::super::cast;
use super::super::clean::month_of;
use super::super::customers::{Columns, batches};
use super::super::lake::Source;
use super::super::shape::{CsvShape, Cut, ParquetShape, Part, Shape};
use super::super::work::{BATCH_ROWS, Piece, Slice};

/// A piece, and the number of it in the whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Numbered {
    pub(super) number: i32,
    pub(super) piece: Piece,
}

/// The columns that are an order's own, as they were read.
const OWN: [(&str, DataType); 11] = [
    ("order_id", DataType::Int64),
    ("customer_id", DataType::Int64),
    ("product_id", DataType::Int64),
    ("quantity", DataType::Int64),
    ("unit_price_cents", DataType::Int64),
    ("discount_bp", DataType::Int64),
    ("category", DataType::Utf8),
    ("status", DataType::Utf8),
    ("note", DataType::Utf8),
    ("uf", DataType::Utf8),
    ("ordered_at", DataType::Timestamp(TimeUnit::Microsecond, None)),
];

/// The columns of the table `orders`: where a row stands, what is wrong with it as a row, what the name of its partition
/// says, and what it holds. A line is a row's number where it is of Parquet.
pub(super) static ORDERS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let place = [
        ("part", DataType::Int32, false),
        ("piece", DataType::Int32, false),
        ("slice", DataType::Int32, false),
        ("line", DataType::Int64, false),
        ("starts", DataType::Int64, false),
        ("ends", DataType::Int64, false),
        ("unread", DataType::Utf8, true),
        ("failed", DataType::Utf8, true),
        ("key_uf", DataType::Utf8, true),
        ("key_year", DataType::Int32, true),
        ("key_month", DataType::Int32, true),
        ("year", DataType::Int32, true),
        ("month", DataType::Int32, true),
    ];
    let own = OWN.into_iter().map(|(name, column)| (name, column, true));
    schema(place.into_iter().chain(own))
});

/// The columns of the table `customers`.
pub(super) static CUSTOMERS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema([
        ("number", DataType::Int64, false),
        ("kind", DataType::Utf8, false),
        ("city", DataType::Utf8, false),
        ("state", DataType::Utf8, false),
    ])
});

/// Takes what was read; the problem is that nobody wants it any longer.
pub(super) type Take<'a> = &'a mut dyn FnMut(RecordBatch) -> Result<(), Problem>;

/// Reads customers.
pub(super) fn customers(path: &Path, take: Take<'_>) -> Result<(), Problem> {
    batches(path, &mut |batch| {
        let Columns { numbers, kinds, cities, states } = Columns::of(&batch, path)?;
        let columns: Vec<ArrayRef> =
            vec![Arc::new(numbers), Arc::new(kinds), Arc::new(cities), Arc::new(states)];
        take(RecordBatch::try_new(CUSTOMERS.clone(), columns).or_problem(|| "cannot hand customers on")?)
    })
}

/// Reads the rows of a piece. A piece that cannot be read says so in a row of its own, and costs only its partition.
pub(super) fn orders(numbered: &Numbered, take: Take<'_>) -> Result<(), Problem> {
    let mut gone = None;
    let mut told = |batch| take(batch).inspect_err(|problem| gone = Some(problem.clone()));
    let mut reading = Reading { numbered, slice: 0, take: &mut told };
    let read: Result<(), Problem> = numbered.piece.slices.iter().try_for_each(|slice| {
        reading.slice(slice)?;
        reading.slice += 1;
        Ok(())
    });
    let slice = reading.slice;
    match (read, gone) {
        (_, Some(gone)) => Err(gone),
        (Err(problem), None) => {
            let failed = Some(serde_json::to_string(&problem).or_problem(|| "cannot tell a problem")?);
            let rows = vec![Row { line: 0, starts: 0, ends: 0, unread: None, failed }];
            take(Reading { numbered, slice, take: &mut |_| Ok(()) }.batch(&rows, None)?)
        }
        (Ok(()), None) => Ok(()),
    }
}

/// A piece that is being read.
struct Reading<'a> {
    numbered: &'a Numbered,
    slice: i32,
    take: Take<'a>,
}

/// Where a row stands, and why it is none if it is none.
struct Row {
    line: u64,
    starts: u64,
    ends: u64,
    unread: Option<String>,
    failed: Option<String>,
}

impl Reading<'_> {
    fn slice(&mut self, slice: &Slice) -> Result<(), Problem> {
        match (&slice.shape, &slice.cut) {
            (Shape::Csv(shape), Cut::Csv(segment)) => self.csv(&slice.source, shape, segment),
            (Shape::Parquet(shape), Cut::Parquet(part)) => self.parquet(&slice.source, shape, part),
            _ => Err(Problem::new("a part of another form than its file").at(&slice.source.name)),
        }
    }

    fn csv(&mut self, source: &Source, shape: &CsvShape, segment: &Segment) -> Result<(), Problem> {
        let file = source.open()?;
        let table = shape.table();
        let text = Text::new(&file, segment);
        let mut rows = Rows::new(text, shape.dialect, shape.width, segment.line, segment.span.start);
        while let Some(block) = rows.next_block().or_problem(|| source.cannot())? {
            let batch = table.batch(block).or_problem(|| source.cannot())?;
            let Ok(batch) = batch else { unreachable!("a column of a fixed type rejects the row") };
            let good = block.places().map(|place| Row {
                line: place.line,
                starts: place.span.start,
                ends: place.span.end,
                unread: None,
                failed: None,
            });
            let good = self.batch(&good.collect::<Vec<_>>(), Some(&batch))?;
            let bad = block.rejects().into_iter().map(|reject| {
                let unread = serde_json::to_string(&reject).or_problem(|| "cannot tell a rejected row")?;
                Ok(Row { line: reject.line, starts: 0, ends: 0, unread: Some(unread), failed: None })
            });
            let bad = self.batch(&bad.collect::<Result<Vec<_>, Problem>>()?, None)?;
            for batch in [good, bad].into_iter().filter(|batch| batch.num_rows() > 0) {
                (self.take)(batch)?;
            }
        }
        Ok(())
    }

    fn parquet(&mut self, source: &Source, shape: &ParquetShape, part: &Part) -> Result<(), Problem> {
        let cannot = || source.cannot();
        let file = shape.open(source)?;
        let mut line = part.first_row;
        for piece in &part.pieces {
            for batch in file.read(*piece, BATCH_ROWS).or_problem(cannot)? {
                let batch = batch.or_problem(cannot)?;
                let rows = (0..batch.num_rows()).map(|_| {
                    line += 1;
                    Row { line, starts: 0, ends: 0, unread: None, failed: None }
                });
                let batch = self.batch(&rows.collect::<Vec<_>>(), Some(&batch))?;
                (self.take)(batch)?;
            }
        }
        Ok(())
    }

    /// Rows as the engine has them; those that are none have no values.
    fn batch(&self, rows: &[Row], read: Option<&RecordBatch>) -> Result<RecordBatch, Problem> {
        let Numbered { number, piece } = self.numbered;
        let part = i32::try_from(piece.partition).or_problem(|| "there are too many partitions")?;
        let all = |value: i32| -> ArrayRef { Arc::new(Int32Array::from(vec![value; rows.len()])) };
        let long = |value: fn(&Row) -> u64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| value(row).cast_signed())))
        };
        let said = |value: fn(&Row) -> Option<&String>| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<StringArray>())
        };
        let key = |value: Option<i32>| -> ArrayRef { Arc::new(Int32Array::from(vec![value; rows.len()])) };
        let keys = &piece.keys;
        let mut columns = vec![
            all(part),
            all(*number),
            all(self.slice),
            long(|row| row.line),
            long(|row| row.starts),
            long(|row| row.ends),
            said(|row| row.unread.as_ref()),
            said(|row| row.failed.as_ref()),
            Arc::new(StringArray::from(vec![keys.uf.as_deref(); rows.len()])),
            key(keys.year),
            key(keys.month.map(Into::into)),
        ];
        let own = OWN.iter().map(|(name, column)| own(name, column, read, rows.len()));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        let instants = own.last().and_then(cast::instants).unwrap_or_else(|| Vec::<i64>::new().into());
        let of = |pick: fn((i32, u8)) -> i32| -> ArrayRef {
            Arc::new(instants.iter().map(|at| Some(pick(month_of(at?)))).collect::<Int32Array>())
        };
        columns.extend([of(|(year, _)| year), of(|(_, month)| month.into())]);
        columns.extend(own);
        RecordBatch::try_new(ORDERS.clone(), columns).or_problem(|| "cannot hand orders on")
    }
}

/// A column of orders in the type that it has in the table; without values where there is no such column.
fn own(name: &str, wanted: &DataType, read: Option<&RecordBatch>, rows: usize) -> Result<ArrayRef, Problem> {
    let Some(found) = read.and_then(|batch| batch.column_by_name(name)) else {
        return Ok(new_null_array(wanted, rows));
    };
    let column: Option<ArrayRef> = match wanted {
        DataType::Int64 => cast::integers(found).map(|column| Arc::new(column) as _),
        DataType::Utf8 => cast::texts(found).map(|column| Arc::new(column) as _),
        _ => cast::instants(found).map(|column: TimestampMicrosecondArray| Arc::new(column) as _),
    };
    column.ok_or_else(|| Problem::new(format!("the orders have no fitting column `{name}`")))
}
