//! A united table as a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use lab::{OrProblem, Problem};
use serde::Serialize;
use tabular::csv_text::{self, Dialect};
use tabular::row_groups::{Assembler, Encoder, Encoding};

use super::Format;
use super::batches::{Batch, Batches};
use super::kind::{Kind, cast};

/// The rows of a Parquet row group, at the least.
const GROUP: usize = 131_072;
/// The rows of a table for reading, at the most.
const SHOWN: usize = 200;

/// A column of a united table.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Its name, as the first source has it.
    pub name: String,
    /// Its kind over all sources.
    pub kind: Kind,
}

/// Writes the rows of each source, and returns how many bytes they became.
///
/// # Errors
/// A file that cannot be written.
pub fn write_table<'a>(
    file: &Path,
    format: Format,
    source_column: Option<&str>,
    columns: &[TableColumn],
    sources: impl Iterator<Item = (&'a str, &'a [Batches])>,
) -> Result<u64, Problem> {
    let schema = schema(source_column, columns)?;
    let mut writer = Writer::new(file, format, &schema)?;
    for (name, pieces) in sources {
        for piece in pieces {
            piece
                .each(|batch| writer.write(&united(batch, &schema, columns, source_column.map(|_| name))?))?;
        }
    }
    writer.finish()?;
    Ok(std::fs::metadata(file).map_or(0, |found| found.len()))
}

/// Names that stand twice, as after a join, get their numbers: no format may have one twice.
fn schema(source_column: Option<&str>, columns: &[TableColumn]) -> Result<SchemaRef, Problem> {
    let mut fields: Vec<Field> = Vec::new();
    if let Some(name) = source_column {
        if columns.iter().any(|column| column.name == name) {
            return Err(Problem::new(format!("the answer has a column `{name}` already"))
                .hint("--source-column gives that of the sources another name, or `none`"));
        }
        fields.push(Field::new(name, DataType::Utf8, false));
    }
    for column in columns {
        let taken = |name: &str| fields.iter().any(|field| field.name() == name);
        let numbered = (2..).map(|number| format!("{}_{number}", column.name));
        let name = std::iter::once(column.name.clone()).chain(numbered).find(|name| !taken(name));
        fields.push(Field::new(name.unwrap_or_default(), column.kind.data_type(), true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// A batch with the types of the table and its source.
fn united(
    batch: &Batch,
    schema: &SchemaRef,
    columns: &[TableColumn],
    source: Option<&str>,
) -> Result<RecordBatch, Problem> {
    let rows = batch.record.num_rows();
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len() + 1);
    arrays.extend(source.map(|name| repeated(name, rows)));
    for ((array, from), column) in batch.record.columns().iter().zip(&batch.kinds).zip(columns) {
        arrays.push(cast(array, *from, column.kind)?);
    }
    RecordBatch::try_new(Arc::clone(schema), arrays).or_problem(|| "columns differ from the table")
}

fn repeated(name: &str, rows: usize) -> ArrayRef {
    let ends: Vec<i32> = (0..=rows).map(|row| i32::try_from(row * name.len()).unwrap_or(i32::MAX)).collect();
    Arc::new(StringArray::new(
        OffsetBuffer::new(ScalarBuffer::from(ends)),
        name.repeat(rows).into_bytes().into(),
        None,
    ))
}

enum Writer {
    Parquet {
        file: Box<Assembler<BufWriter<File>>>,
        group: Option<Encoder>,
        rows: usize,
        schema: SchemaRef,
        encoding: Encoding,
    },
    Arrow(Box<FileWriter<BufWriter<File>>>),
    Csv {
        out: BufWriter<File>,
        text: Vec<u8>,
    },
    Ndjson {
        out: BufWriter<File>,
        line: Vec<u8>,
    },
    Table {
        out: BufWriter<File>,
        table: comfy_table::Table,
        rows: usize,
    },
}

const CANNOT: &str = "cannot write the table";

impl Writer {
    fn new(file: &Path, format: Format, schema: &SchemaRef) -> Result<Self, Problem> {
        let mut out = BufWriter::with_capacity(1 << 18, File::create(file).or_problem(|| CANNOT)?);
        Ok(match format {
            Format::Parquet => {
                let encoding = Encoding::default();
                let file = Assembler::new(out, Arc::clone(schema), &encoding).or_problem(|| CANNOT)?;
                Self::Parquet {
                    file: Box::new(file),
                    group: None,
                    rows: 0,
                    schema: Arc::clone(schema),
                    encoding,
                }
            }
            Format::Arrow => Self::Arrow(Box::new(FileWriter::try_new(out, schema).or_problem(|| CANNOT)?)),
            Format::Csv => {
                let mut text = Vec::new();
                csv_text::write_header(schema, Dialect::default(), &mut text);
                out.write_all(&text).or_problem(|| CANNOT)?;
                Self::Csv { out, text }
            }
            Format::Ndjson => Self::Ndjson { out, line: Vec::new() },
            Format::Table => {
                let mut table = comfy_table::Table::new();
                table.load_preset(UTF8_FULL_CONDENSED);
                table.set_header(schema.fields().iter().map(|field| field.name()));
                for (field, column) in schema.fields().iter().zip(table.column_iter_mut()) {
                    if field.data_type().is_numeric() {
                        column.set_cell_alignment(comfy_table::CellAlignment::Right);
                    }
                }
                Self::Table { out, table, rows: 0 }
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        match self {
            Self::Parquet { file, group, rows, schema, encoding } => {
                let mut open = match group.take() {
                    Some(open) => open,
                    None => Encoder::new(Arc::clone(schema), encoding).or_problem(|| CANNOT)?,
                };
                open.write(batch).or_problem(|| CANNOT)?;
                *rows += batch.num_rows();
                if *rows >= GROUP {
                    *rows = 0;
                    file.append(open.finish().or_problem(|| CANNOT)?).or_problem(|| CANNOT)?;
                } else {
                    *group = Some(open);
                }
                Ok(())
            }
            Self::Arrow(file) => file.write(batch).or_problem(|| CANNOT),
            Self::Csv { out, text } => {
                text.clear();
                csv_text::write_batch(&printable(batch)?, Dialect::default(), text).or_problem(|| CANNOT)?;
                out.write_all(text).or_problem(|| CANNOT)
            }
            Self::Ndjson { out, line } => {
                for row in Rows::of(batch)?.each() {
                    line.clear();
                    serde_json::to_writer(&mut *line, &row).or_problem(|| CANNOT)?;
                    line.push(b'\n');
                    out.write_all(line).or_problem(|| CANNOT)?;
                }
                Ok(())
            }
            Self::Table { table, rows, .. } => {
                let room = SHOWN.saturating_sub(*rows).min(batch.num_rows());
                for row in Rows::of(&batch.slice(0, room))?.each() {
                    table.add_row(row.0.into_iter().map(|(_, cell)| cell.shown()));
                }
                *rows += batch.num_rows();
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<(), Problem> {
        let mut out = match self {
            Self::Parquet { mut file, group, .. } => {
                let last = group.map(Encoder::finish).transpose().or_problem(|| CANNOT)?;
                file.append(last.unwrap_or_default()).or_problem(|| CANNOT)?;
                file.finish().or_problem(|| CANNOT)?
            }
            Self::Arrow(file) => file.into_inner().or_problem(|| CANNOT)?,
            Self::Csv { out, .. } | Self::Ndjson { out, .. } => out,
            Self::Table { mut out, table, rows } => {
                let more = if rows > SHOWN { format!("\n{} rows more", rows - SHOWN) } else { String::new() };
                writeln!(out, "{table}{more}").or_problem(|| CANNOT)?;
                out
            }
        };
        out.flush().or_problem(|| CANNOT)
    }
}

/// A batch whose bytes are text, in hexadecimal digits as PostgreSQL writes them: `\xdeadbeef`.
fn printable(batch: &RecordBatch) -> Result<RecordBatch, Problem> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let binary = array.data_type() == &DataType::Binary;
        fields.push(if binary {
            Arc::new(Field::new(field.name(), DataType::Utf8, true))
        } else {
            Arc::clone(field)
        });
        arrays.push(if binary {
            let hex = |bytes: &[u8]| format!("\\x{}", hex::encode(bytes));
            Arc::new(array.as_binary::<i32>().iter().map(|bytes| bytes.map(hex)).collect::<StringArray>())
                as ArrayRef
        } else {
            Arc::clone(array)
        });
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).or_problem(|| CANNOT)
}

/// A value for people or for JSON.
enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Single(f32),
    Real(f64),
    Text(&'a str),
}

impl<'a> Cell<'a> {
    fn of(array: &'a ArrayRef, row: usize) -> Self {
        if array.is_null(row) {
            return Self::Null;
        }
        match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean().value(row)),
            DataType::Int64 => Self::Int(array.as_primitive::<Int64Type>().value(row)),
            DataType::Float32 => Self::Single(array.as_primitive::<Float32Type>().value(row)),
            DataType::Float64 => Self::Real(array.as_primitive::<Float64Type>().value(row)),
            _ => Self::Text(array.as_string::<i32>().value(row)),
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => itoa::Buffer::new().format(value).to_owned(),
            Self::Single(value) => zmij::Buffer::new().format(value).to_owned(),
            Self::Real(value) => zmij::Buffer::new().format(value).to_owned(),
            Self::Text(text) => text.to_owned(),
        }
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            // JSON has neither NaN nor infinity.
            Self::Single(value) if !value.is_finite() => serializer.serialize_str(&value.to_string()),
            Self::Single(value) => serializer.serialize_f32(*value),
            Self::Real(value) if !value.is_finite() => serializer.serialize_str(&value.to_string()),
            Self::Real(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

struct Row<'a>(Vec<(&'a str, Cell<'a>)>);

impl Serialize for Row<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, cell)| (name, cell)))
    }
}

/// The values of a batch, row by row. Decimals, days and moments are texts.
struct Rows {
    names: Vec<String>,
    columns: Vec<ArrayRef>,
    count: usize,
}

impl Rows {
    fn of(batch: &RecordBatch) -> Result<Self, Problem> {
        let batch = printable(batch)?;
        let names = batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
        let columns = batch.columns().iter().map(|array| match array.data_type() {
            DataType::Decimal128(..) | DataType::Date32 | DataType::Timestamp(..) => {
                cast(array, Kind::Date, Kind::Text)
            }
            _ => Ok(Arc::clone(array)),
        });
        Ok(Self { names, columns: columns.collect::<Result<_, _>>()?, count: batch.num_rows() })
    }

    fn each(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.count).map(|row| {
            let cells = self.columns.iter().map(|array| Cell::of(array, row));
            Row(self.names.iter().map(String::as_str).zip(cells).collect())
        })
    }
}
