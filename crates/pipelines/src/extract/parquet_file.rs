//! Records as a Parquet file: one column for each field, of the type that all its values have.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use lab::{OrProblem, Problem};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value};

/// Rows that are in memory at a time.
const ROWS: usize = 8_192;

/// Writes the records of an NDJSON file to a Parquet file. They are read twice: to see all values of each field, and to
/// write them. A field that is sometimes an object or a list, or of several types, becomes text.
///
/// # Errors
/// Files that cannot be read or written, and records that are no objects, with their line.
pub(super) fn write(from: &Path, to: &Path) -> Result<(), Problem> {
    let mut columns: Vec<(String, Option<DataType>)> = Vec::new();
    let mut places = HashMap::new();
    each(from, |record| {
        for (name, value) in &record {
            let place = *places.entry(name.clone()).or_insert_with(|| {
                columns.push((name.clone(), None));
                columns.len() - 1
            });
            columns[place].1 = wider(columns[place].1.take(), value);
        }
        Ok(())
    })?;
    let field = |(name, kind): &(String, Option<DataType>)| {
        Field::new(name, kind.clone().unwrap_or(DataType::Utf8), true)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let cannot = || format!("cannot write {}", to.display());
    let file = File::create(to).or_problem(cannot)?;
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), None).or_problem(cannot)?;
    let mut rows: Vec<Map<String, Value>> = Vec::with_capacity(ROWS);
    let mut flush = |rows: &mut Vec<Map<String, Value>>| {
        let arrays = schema.fields().iter().map(|field| column(field, rows)).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).or_problem(cannot)?;
        rows.clear();
        writer.write(&batch).or_problem(cannot)
    };
    each(from, |record| {
        rows.push(record);
        if rows.len() == ROWS { flush(&mut rows) } else { Ok(()) }
    })?;
    if !rows.is_empty() {
        flush(&mut rows)?;
    }
    writer.close().map(drop).or_problem(cannot)
}

fn each(from: &Path, mut take: impl FnMut(Map<String, Value>) -> Result<(), Problem>) -> Result<(), Problem> {
    let cannot = || format!("cannot read {}", from.display());
    for (number, line) in BufReader::new(File::open(from).or_problem(cannot)?).lines().enumerate() {
        match serde_json::from_str(&line.or_problem(cannot)?) {
            Ok(Value::Object(record)) => take(record)?,
            _ => {
                return Err(Problem::new("this record is no object, so it has no columns")
                    .at(format!("record {}", number + 1))
                    .hint("write NDJSON instead: --out records.ndjson"));
            }
        }
    }
    Ok(())
}

fn wider(known: Option<DataType>, value: &Value) -> Option<DataType> {
    let kind = match value {
        Value::Null => return known,
        Value::Bool(_) => DataType::Boolean,
        Value::Number(number) if number.is_i64() => DataType::Int64,
        Value::Number(_) => DataType::Float64,
        _ => DataType::Utf8,
    };
    Some(match (known, kind) {
        (None, kind) => kind,
        (Some(one), other) if one == other => one,
        (Some(DataType::Int64 | DataType::Float64), DataType::Int64 | DataType::Float64) => DataType::Float64,
        _ => DataType::Utf8,
    })
}

fn column(field: &Field, rows: &[Map<String, Value>]) -> ArrayRef {
    let values = rows.iter().map(|row| row.get(field.name()).filter(|value| !value.is_null()));
    match field.data_type() {
        DataType::Boolean => {
            let mut column = BooleanBuilder::new();
            values.for_each(|value| column.append_option(value.and_then(Value::as_bool)));
            Arc::new(column.finish())
        }
        DataType::Int64 => {
            let mut column = Int64Builder::new();
            values.for_each(|value| column.append_option(value.and_then(Value::as_i64)));
            Arc::new(column.finish())
        }
        DataType::Float64 => {
            let mut column = Float64Builder::new();
            values.for_each(|value| column.append_option(value.and_then(Value::as_f64)));
            Arc::new(column.finish())
        }
        _ => {
            let mut column = StringBuilder::new();
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.for_each(|value| column.append_option(value.map(text)));
            Arc::new(column.finish())
        }
    }
}
