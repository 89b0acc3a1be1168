//! Pages as a Parquet file, row group after row group, so that memory stays flat.
//!
//! A row has what a line has: `body` is the JSON text that stands there, so that a body which is no JSON is a JSON string.
//! The row is made of the line, so the two formats cannot differ.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int32Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use lab::{Digest, OrProblem, Problem};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;
use tabular::row_groups::{Assembler, Encoder, Encoding};

use super::page;

/// The rows of a row group, at the most.
const ROWS: usize = 16_384;
/// The bytes of bodies after which the next row group begins.
const BYTES: usize = 8 << 20;

/// The way of a page, as its line ends.
#[derive(Deserialize)]
struct Way {
    attempts: i32,
    first_byte_ms: f64,
    ms: f64,
    #[serde(default)]
    revalidated: bool,
}

/// The line of a URL that failed.
#[derive(Deserialize)]
struct Lost {
    url: String,
    status: Option<i32>,
    error: Failed,
}

#[derive(Deserialize)]
struct Failed {
    class: String,
    message: String,
}

/// What a line says of a page, taken apart at the places where [`page::of_parts`] put it together. Quotes within a URL are escaped,
/// so the first place is the right one; and no JSON value ends as the mark of a lossy body does.
fn apart(lasting: &str) -> Option<(&str, i32, &str, bool)> {
    let (url, rest) = lasting.strip_prefix("{\"url\":")?.split_once(",\"status\":")?;
    let (status, body) = rest.split_once(",\"body\":")?;
    let whole = body.strip_suffix(",\"lossy\":true");
    Some((url, status.parse().ok()?, whole.unwrap_or(body), whole.is_some()))
}

fn schema() -> SchemaRef {
    let field = |name: &str, kind: &DataType| Field::new(name, kind.clone(), name != "url");
    let (text, number, time, truth) =
        (&DataType::Utf8, &DataType::Int32, &DataType::Float64, &DataType::Boolean);
    Arc::new(Schema::new(vec![
        field("url", text),
        field("status", number),
        field("body", text),
        field("lossy", truth),
        field("attempts", number),
        field("first_byte_ms", time),
        field("ms", time),
        field("revalidated", truth),
        field("error_class", text),
        field("error_message", text),
        field("error_headers", text),
    ]))
}

#[derive(Default)]
struct Columns {
    url: StringBuilder,
    status: Int32Builder,
    body: StringBuilder,
    lossy: BooleanBuilder,
    attempts: Int32Builder,
    first_byte_ms: Float64Builder,
    ms: Float64Builder,
    revalidated: BooleanBuilder,
    error_class: StringBuilder,
    error_message: StringBuilder,
    error_headers: StringBuilder,
    rows: usize,
    bytes: usize,
}

impl Columns {
    fn push(&mut self, text: &str) -> io::Result<()> {
        if let Some((failure, said)) = page::failure_parted(text) {
            let lost: Lost = serde_json::from_str(&format!("{failure}}}"))?;
            self.url.append_value(lost.url);
            self.status.append_option(lost.status);
            self.body.append_option(said.as_ref().map(|said| said.body));
            self.lossy.append_value(said.as_ref().is_some_and(|said| said.lossy));
            self.attempts.append_null();
            self.first_byte_ms.append_null();
            self.ms.append_null();
            self.revalidated.append_value(false);
            self.error_class.append_value(lost.error.class);
            self.error_message.append_value(lost.error.message);
            self.error_headers.append_option(said.as_ref().map(|said| said.headers));
        } else if let Some((lasting, way)) = page::parted(text) {
            let broken = || io::Error::other("a line is broken");
            let (url, status, body, lossy) = apart(lasting).ok_or_else(broken)?;
            let way: Way = serde_json::from_str(&format!("{{\"attempts\":{way}"))?;
            self.url.append_value(serde_json::from_str::<String>(url)?);
            self.status.append_value(status);
            self.body.append_value(body);
            self.lossy.append_value(lossy);
            self.attempts.append_value(way.attempts);
            self.first_byte_ms.append_value(way.first_byte_ms);
            self.ms.append_value(way.ms);
            self.revalidated.append_value(way.revalidated);
            self.error_class.append_null();
            self.error_message.append_null();
            self.error_headers.append_null();
        } else {
            return Err(io::Error::other("a line is broken"));
        }
        self.rows += 1;
        self.bytes += text.len();
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows == ROWS || self.bytes > BYTES
    }

    fn batch(mut self, schema: &SchemaRef) -> io::Result<RecordBatch> {
        let arrays: Vec<Arc<dyn Array>> = vec![
            Arc::new(self.url.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.body.finish()),
            Arc::new(self.lossy.finish()),
            Arc::new(self.attempts.finish()),
            Arc::new(self.first_byte_ms.finish()),
            Arc::new(self.ms.finish()),
            Arc::new(self.revalidated.finish()),
            Arc::new(self.error_class.finish()),
            Arc::new(self.error_message.finish()),
            Arc::new(self.error_headers.finish()),
        ];
        RecordBatch::try_new(Arc::clone(schema), arrays).map_err(io::Error::other)
    }
}

/// A file that lines become rows of.
pub(super) struct Table {
    file: Assembler<BufWriter<File>>,
    schema: SchemaRef,
    encoding: Encoding,
    columns: Columns,
}

impl Table {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let (schema, encoding) = (schema(), Encoding::default());
        let file =
            Assembler::new(BufWriter::new(file), Arc::clone(&schema), &encoding).map_err(io::Error::other)?;
        Ok(Self { file, schema, encoding, columns: Columns::default() })
    }

    pub(super) fn push(&mut self, line: &str) -> io::Result<()> {
        self.columns.push(line)?;
        if self.columns.is_full() { self.cut() } else { Ok(()) }
    }

    fn cut(&mut self) -> io::Result<()> {
        let columns = std::mem::take(&mut self.columns);
        if columns.rows == 0 {
            return Ok(());
        }
        let mut group = Encoder::new(Arc::clone(&self.schema), &self.encoding).map_err(io::Error::other)?;
        group.write(&columns.batch(&self.schema)?).map_err(io::Error::other)?;
        self.file.append(group.finish().map_err(io::Error::other)?).map_err(io::Error::other)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.cut()?;
        self.file.finish().map_err(io::Error::other)?.flush()
    }
}

/// Adds what lasts of each row, as the lines of the other format would.
pub(super) fn digest(file: &Path, digest: &mut Digest) -> Result<(), Problem> {
    let cannot = || format!("cannot read {} back", file.display());
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(file).or_problem(cannot)?).or_problem(cannot)?;
    for batch in reader.build().or_problem(cannot)? {
        let batch = batch.or_problem(cannot)?;
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let (urls, bodies, classes, messages) = (text(0), text(2), text(8), text(9));
        let (statuses, lossy) = (batch.column(1).as_primitive::<Int32Type>(), batch.column(3).as_boolean());
        for row in 0..batch.num_rows() {
            let line = if classes.is_valid(row) {
                let status =
                    statuses.is_valid(row).then(|| u16::try_from(statuses.value(row)).ok()).flatten();
                page::failed(urls.value(row), status, classes.value(row), messages.value(row))
            } else {
                page::of_parts(urls.value(row), statuses.value(row), bodies.value(row), lossy.value(row))
            };
            digest.add(line.as_bytes());
        }
    }
    Ok(())
}
