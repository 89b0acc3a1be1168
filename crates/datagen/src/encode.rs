//! From rows to pieces, and from pieces to files.
//!
//! A piece is what one worker makes of one range of rows without looking at the rest of the file: a stretch of text, or
//! the encoded columns of one Parquet row group. Joining pieces costs a copy, so it is the only step that goes in order.

use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{self, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;

use crate::customers::Customers;
use crate::dirt::{Dialect, Planter};
use crate::error::{Error, Result};
use crate::hive::{Indexes, Selected};
use crate::images;
use crate::localities::Localities;
use crate::logs::Logs;
use crate::orders::Orders;
use crate::page::Page;
use crate::plan::{Format, PlannedFile, TableName};
use crate::products::Products;
use crate::sink::Staged;
use crate::stores;
use crate::table::{ByRows, Table};
use crate::weather::Weather;

/// What decides about bytes beside the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The seed of every table.
    pub seed: u64,
    /// How Parquet pages are compressed.
    pub compression: Compression,
}

/// How Parquet pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy: fast, and read by everything.
    Snappy,
    /// Zstandard at level 1: about a quarter smaller than Snappy.
    Zstd,
}

/// Every table of one seed. A table is made when it is first asked for.
pub(crate) struct Tables {
    seed: u64,
    orders: OnceLock<Orders>,
    customers: OnceLock<ByRows<Customers>>,
    products: OnceLock<ByRows<Products>>,
    weather: OnceLock<ByRows<Weather>>,
    localities: OnceLock<ByRows<Localities>>,
    logs: OnceLock<Logs>,
    dirt: OnceLock<Planter>,
    lake: Indexes,
    parquet: WriterPropertiesPtr,
}

/// What a worker made of a range of rows.
pub(crate) struct Piece {
    /// Rows in it.
    pub(crate) rows: u64,
    body: Body,
}

enum Body {
    Text(Page),
    RowGroup(Vec<ArrowColumnChunk>),
    Batch(RecordBatch),
}

/// A file that takes pieces in order.
pub(crate) enum Sink {
    Text(Staged),
    Parquet(SerializedFileWriter<Staged>),
    Arrow(Box<FileWriter<Staged>>),
}

impl Tables {
    pub(crate) fn new(options: &Options) -> Self {
        let compression = match options.compression {
            Compression::None => basic::Compression::UNCOMPRESSED,
            Compression::Snappy => basic::Compression::SNAPPY,
            Compression::Zstd => basic::Compression::ZSTD(ZstdLevel::default()),
        };
        let parquet = WriterProperties::builder()
            .set_compression(compression)
            // A fixed name: the version of a library is no reason for other bytes.
            .set_created_by("paralelo datagen".to_owned())
            .build();
        Self {
            seed: options.seed,
            orders: OnceLock::new(),
            customers: OnceLock::new(),
            products: OnceLock::new(),
            weather: OnceLock::new(),
            localities: OnceLock::new(),
            logs: OnceLock::new(),
            dirt: OnceLock::new(),
            lake: Indexes::default(),
            parquet: Arc::new(parquet),
        }
    }

    /// The table of rows behind a name; logs have no rows in this sense.
    fn table(&self, name: TableName) -> Option<&dyn Table> {
        let seed = self.seed;
        Some(match name {
            TableName::Orders => self.orders.get_or_init(|| Orders::new(seed)),
            TableName::Customers => self.customers.get_or_init(|| ByRows(Customers::new(seed))),
            TableName::Products => self.products.get_or_init(|| ByRows(Products::new(seed))),
            TableName::Weather => self.weather.get_or_init(|| ByRows(Weather::new(seed))),
            TableName::Localities => self.localities.get_or_init(|| ByRows(Localities::new(seed))),
            TableName::Logs | TableName::Incidents | TableName::Stores | TableName::Images => return None,
        })
    }

    /// Makes the piece of `file` that holds `rows`. `spare` is memory to write on.
    pub(crate) fn encode(
        &self,
        file: &PlannedFile,
        rows: Range<u64>,
        spare: Page,
    ) -> Result<Piece, EncodeError> {
        let mut page = spare;
        page.clear();
        let (rows, body) = match self.table(file.table) {
            None => (self.special(file, rows, &mut page)?, Body::Text(page)),
            Some(table) => self.rows(table, file, rows, page)?,
        };
        Ok(Piece { rows, body })
    }

    /// Makes the piece of what has no rows of its own, and gives its number of rows.
    fn special(&self, file: &PlannedFile, rows: Range<u64>, page: &mut Page) -> Result<u64, EncodeError> {
        let count = rows.end - rows.start;
        let logs = || self.logs.get_or_init(|| Logs::new(self.seed));
        let orders = || self.orders.get_or_init(|| Orders::new(self.seed));
        match (file.table, file.format) {
            (TableName::Incidents, _) => return Ok(logs().write_incidents(&rows, page)),
            (TableName::Stores, Format::Sqlite) => stores::sqlite(self.seed, orders(), file, page)?,
            (TableName::Stores, _) => stores::sql(self.seed, orders(), file, rows, page),
            (TableName::Images, _) => images::picture(self.seed, file, page)?,
            _ => logs().write(rows, page),
        }
        Ok(count)
    }

    /// The rows of a lake's file.
    fn selected(&self, file: &PlannedFile) -> Option<Selected<'_>> {
        let partition = file.partition.as_ref()?;
        let orders = self.orders.get_or_init(|| Orders::new(self.seed));
        Some(self.lake.select(orders, partition))
    }

    /// Makes the piece of a table of rows.
    fn rows(
        &self,
        table: &dyn Table,
        file: &PlannedFile,
        rows: Range<u64>,
        mut page: Page,
    ) -> Result<(u64, Body), EncodeError> {
        let selected = self.selected(file);
        let table = selected.as_ref().map_or(table, |selected| selected as &dyn Table);
        let mut count = rows.end - rows.start;
        let planter = || self.dirt.get_or_init(|| Planter::new(self.seed));
        match (file.format, &file.dirt) {
            (Format::Parquet, _) => return Ok((count, Body::RowGroup(self.row_group(table, rows)?))),
            (Format::Arrow, _) => return Ok((count, Body::Batch(table.batch(rows)))),
            (Format::Ndjson, _) => table.ndjson(rows, &mut page),
            (Format::Dirt, Some(dirt)) => count = planter().ledger(table, rows, dirt, &mut page),
            (_, Some(dirt)) => count = planter().write(table, rows, dirt, &mut page),
            (_, None) => table.csv(rows, &mut page),
        }
        Ok((count, Body::Text(page)))
    }

    fn row_group(&self, table: &dyn Table, rows: Range<u64>) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        let schema = table.schema();
        // A writer to nowhere is the encoder's own way to hand out column writers for a schema.
        let nowhere = self.parquet_writer(&schema, std::io::sink())?;
        let factory = ArrowRowGroupWriterFactory::new(&nowhere, Arc::clone(&schema));
        let batch = table.batch(rows);
        let mut chunks = Vec::with_capacity(schema.fields().len());
        // One leaf a column: no table nests.
        let columns = schema.fields().iter().zip(batch.columns());
        for ((field, column), mut writer) in columns.zip(factory.create_column_writers(0)?) {
            for leaf in compute_leaves(field, column)? {
                writer.write(&leaf)?;
            }
            chunks.push(writer.close()?);
        }
        Ok(chunks)
    }

    fn parquet_writer<W: std::io::Write + Send>(
        &self,
        schema: &SchemaRef,
        to: W,
    ) -> Result<SerializedFileWriter<W>, ParquetError> {
        let parquet = ArrowSchemaConverter::new().convert(schema)?;
        SerializedFileWriter::new(to, parquet.root_schema_ptr(), Arc::clone(&self.parquet))
    }

    /// Starts a file: creates it and writes what comes before the first piece.
    pub(crate) fn open(&self, file: &PlannedFile, path: &Path) -> Result<Sink> {
        let mut staged = Staged::create(path)?;
        let selected = self.selected(file);
        let table = selected.as_ref().map(|selected| selected as &dyn Table).or(self.table(file.table));
        match (file.format, table) {
            (Format::Parquet, Some(table)) => {
                let writer = self.parquet_writer(&table.schema(), staged);
                Ok(Sink::Parquet(writer.map_err(parquet_at(path))?))
            }
            (Format::Arrow, Some(table)) => {
                let writer = FileWriter::try_new(staged, &table.schema());
                Ok(Sink::Arrow(Box::new(writer.map_err(arrow_at(path))?)))
            }
            (Format::Csv, Some(table)) => {
                let mut header = Page::default();
                let dialect = file.dirt.as_ref().map_or(Dialect::Usual, |dirt| dirt.dialect);
                Planter::header(table.columns(), dialect, &mut header);
                staged.write_all(header.as_bytes()).map_err(Error::file("write", path))?;
                Ok(Sink::Text(staged))
            }
            _ => Ok(Sink::Text(staged)),
        }
    }

    /// Bytes that a row of `table` takes in `format`, on average around row `index`: a sample is made to know it.
    pub(crate) fn bytes_per_row(&self, table: TableName, format: Format, index: u64) -> Result<f64> {
        const SAMPLE: u64 = 8_192;
        let index = index.min(table.limit().saturating_sub(SAMPLE));
        let file = PlannedFile::new(table, format, index..index + SAMPLE, None);
        let piece = self
            .encode(&file, file.rows.clone(), Page::default())
            .map_err(|source| Error::Encode { path: "sample".into(), source })?;
        let bytes = match piece.body {
            Body::Text(page) => page.len() as u64,
            Body::RowGroup(chunks) => chunks.iter().map(|chunk| chunk.close().bytes_written).sum(),
            Body::Batch(batch) => batch.get_array_memory_size() as u64,
        };
        Ok(bytes as f64 / SAMPLE as f64)
    }
}

/// Why a piece could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Parquet's encoder failed.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// A database or a picture could not be made.
    #[error("{0}")]
    Special(String),
}

impl Sink {
    /// Appends the next piece, and gives back its memory if there is any to use again.
    pub(crate) fn append(&mut self, piece: Piece, path: &Path) -> Result<Page> {
        match (self, piece.body) {
            (Self::Text(staged), Body::Text(page)) => {
                staged.write_all(page.as_bytes()).map_err(Error::file("write", path))?;
                Ok(page)
            }
            (Self::Parquet(writer), Body::RowGroup(chunks)) => {
                append_row_group(writer, chunks).map_err(parquet_at(path))?;
                Ok(Page::default())
            }
            (Self::Arrow(writer), Body::Batch(batch)) => {
                writer.write(&batch).map_err(arrow_at(path))?;
                Ok(Page::default())
            }
            _ => unreachable!("a file's pieces and its sink are made for the same format"),
        }
    }

    /// Writes what comes after the last piece, and gives the file its name.
    pub(crate) fn finish(self) -> Result<(u64, blake3::Hash)> {
        match self {
            Self::Text(staged) => staged.commit(),
            Self::Parquet(writer) => {
                let path = writer.inner().path().to_owned();
                writer.into_inner().map_err(parquet_at(&path))?.commit()
            }
            Self::Arrow(writer) => {
                let path = writer.get_ref().path().to_owned();
                // Taking the file back writes the footer.
                writer.into_inner().map_err(arrow_at(&path))?.commit()
            }
        }
    }
}

fn append_row_group(
    writer: &mut SerializedFileWriter<Staged>,
    chunks: Vec<ArrowColumnChunk>,
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for chunk in chunks {
        chunk.append_to_row_group(&mut group)?;
    }
    group.close()?;
    Ok(())
}

/// An [`Error::Parquet`], for `map_err`.
fn parquet_at(path: &Path) -> impl FnOnce(ParquetError) -> Error {
    let path = path.to_owned();
    move |source| Error::Parquet { path, source }
}

/// An [`Error::Arrow`], for `map_err`.
fn arrow_at(path: &Path) -> impl FnOnce(ArrowError) -> Error {
    let path = path.to_owned();
    move |source| Error::Arrow { path, source }
}
