//! Orders and customers, from CSV or Parquet.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::columns::{Column, ColumnType};
use tabular::parquet_batches::ParquetFile;
use tabular::rows::Reject;
use tabular::table::Table;

use crate::csv_input::{CsvFile, Stretch};

/// Rows of a batch: their columns stay in a core's cache.
const BATCH_ROWS: usize = 8_192;

/// The orders' files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Files {
    Parquet(Vec<PathBuf>),
    Csv(Vec<CsvFile>),
}

/// Rows that one task transforms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Rows {
    /// The number of the file and of the row group.
    Group(u32, u32),
    Stretches(Vec<Stretch>),
}

/// Whether a file is Parquet, by its name.
pub(super) fn is_parquet(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("parquet") || ending.eq_ignore_ascii_case("pq"))
}

/// All rows of a table in several files, in the order of the files.
pub(super) fn read_files(
    paths: &[PathBuf],
    schema: &SchemaRef,
    threads: usize,
) -> Result<Vec<RecordBatch>, Problem> {
    let tables = paths.iter().map(|path| read_all(path, schema, threads));
    Ok(tables.collect::<Result<Vec<_>, _>>()?.concat())
}

/// All rows of a file; so many threads read its row groups.
fn read_all(path: &Path, schema: &SchemaRef, threads: usize) -> Result<Vec<RecordBatch>, Problem> {
    if !is_parquet(path) {
        return read_csv(path, schema);
    }
    let groups = open(path, schema)?.0.group_rows().len();
    let next = AtomicUsize::new(0);
    let read = || -> Result<Vec<(usize, RecordBatch)>, Problem> {
        let (file, columns) = open(path, schema)?;
        let mut mine = Vec::new();
        loop {
            // Each number is given out once, whoever comes first.
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= groups {
                return Ok(mine);
            }
            read_group(&file, &columns, schema, group, &mut |batch| {
                mine.push((group, batch));
                Ok(())
            })?;
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(groups)).map(|_| scope.spawn(read)).collect();
        let mine = read();
        let theirs = others.into_iter().map(|other| other.join().unwrap_or_else(|why| resume_unwind(why)));
        std::iter::once(mine).chain(theirs).collect::<Result<Vec<_>, _>>()
    })?
    .concat();
    all.sort_by_key(|(group, _)| *group);
    Ok(all.into_iter().map(|(_, batch)| batch).collect())
}

fn read_csv(path: &Path, schema: &SchemaRef) -> Result<Vec<RecordBatch>, Problem> {
    let file = CsvFile::look(path)?;
    let table = table(&file, schema)?;
    let (mut batches, mut found) = (Vec::new(), None);
    file.each_block(|block| {
        batches.push(typed(&table, block, &file)?);
        if let Some(reject) = block.rejects().into_iter().next() {
            found.get_or_insert(reject);
        }
        Ok(())
    })?;
    match found {
        Some(reject) => Err(Problem::new(reject.reason).at(format!("{}:{}", path.display(), reject.line))),
        None => Ok(batches),
    }
}

/// Opens a Parquet file and finds the columns in it.
pub(super) fn open(path: &Path, schema: &SchemaRef) -> Result<(ParquetFile, Vec<usize>), Problem> {
    let unreadable = |error: tabular::Error| {
        Problem::because("cannot read the file as Parquet", &error)
            .hint("the file may be cut off or not Parquet at all")
    };
    let file = ParquetFile::open_plain(path).map_err(unreadable)?;
    let mut columns = Vec::new();
    for field in schema.fields() {
        let found = file
            .schema()
            .fields()
            .iter()
            .position(|found| found.name() == field.name() && found.data_type() == field.data_type());
        columns.push(found.ok_or_else(|| {
            let there: Vec<String> = file
                .schema()
                .fields()
                .iter()
                .map(|field| format!("{}: {}", field.name(), field.data_type()))
                .collect();
            Problem::new(format!("there is no column `{}` of {}", field.name(), field.data_type()))
                .at(path.display())
                .expected(format!("it among {}", there.join(", ")))
        })?);
    }
    Ok((file, columns))
}

/// Hands over the batches of a row group, with the columns in the order of `schema`.
pub(super) fn read_group(
    file: &ParquetFile,
    columns: &[usize],
    schema: &SchemaRef,
    group: usize,
    take: &mut impl FnMut(RecordBatch) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let cannot = || "cannot read the row group";
    for batch in file.read_group(group, columns, BATCH_ROWS).or_problem(cannot)? {
        let batch = batch.or_problem(cannot)?;
        let ordered = schema.fields().iter().filter_map(|field| batch.column_by_name(field.name()).cloned());
        take(RecordBatch::try_new(schema.clone(), ordered.collect()).or_problem(cannot)?)?;
    }
    Ok(())
}

/// The table of these columns in a CSV file.
pub(super) fn table(file: &CsvFile, schema: &SchemaRef) -> Result<Table, Problem> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let places = crate::csv_input::places_of(&file.names, names, &file.path)?;
    let column = |field: &std::sync::Arc<arrow_schema::Field>| {
        Ok(Column::new(field.name(), ColumnType::of(field).or_problem(|| file.cannot())?))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, Problem>>()?;
    Ok(Table::new(columns).at(places))
}

/// A block's good rows.
pub(super) fn typed(
    table: &Table,
    block: &mut tabular::rows::Block,
    file: &CsvFile,
) -> Result<RecordBatch, Problem> {
    let batch = table.batch(block).or_problem(|| file.cannot())?;
    batch.map_err(|_| Problem::new(format!("{}: a column of a fixed type rejects the row", file.cannot())))
}

/// Where a row is that is none.
pub(super) fn place(file: &CsvFile, reject: &Reject) -> String {
    format!("{}:{}", file.path.display(), reject.line)
}
