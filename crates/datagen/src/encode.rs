//! From rows to pieces, and from pieces to files.
//!
//! A piece is what one worker makes of one range of rows without looking at the rest of the file: a stretch of text, or
//! the encoded columns of one Parquet row group. Joining pieces costs a copy, so it is the only step that goes in order.

use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;

use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::orders::Orders;
use crate::page::Page;
use crate::plan::{Format, PlannedFile, TableName};
use crate::sink::Staged;
use crate::table::Table;

/// Every table of one seed.
pub(crate) struct Tables {
    orders: Orders,
    logs: Logs,
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
}

/// A file that takes pieces in order.
pub(crate) enum Sink {
    Text(Staged),
    Parquet(SerializedFileWriter<Staged>),
}

impl Tables {
    pub(crate) fn new(seed: u64) -> Self {
        let parquet = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            // A fixed name: the version of a library is no reason for other bytes.
            .set_created_by("paralelo datagen".to_owned())
            .build();
        Self { orders: Orders::new(seed), logs: Logs::new(seed), parquet: Arc::new(parquet) }
    }

    /// The table of rows behind a name; logs have no rows in this sense.
    fn table(&self, name: TableName) -> Option<&dyn Table> {
        match name {
            TableName::Orders => Some(&self.orders),
            TableName::Logs | TableName::Incidents => None,
        }
    }

    /// Makes the piece of `file` that holds `rows`. `spare` is memory to write on.
    pub(crate) fn encode(
        &self,
        file: &PlannedFile,
        rows: Range<u64>,
        spare: Page,
    ) -> Result<Piece, ParquetError> {
        let mut page = spare;
        page.clear();
        let count = rows.end - rows.start;
        let (rows, body) = match (file.format, self.table(file.table)) {
            (Format::Parquet, Some(table)) => (count, Body::RowGroup(self.row_group(table, rows)?)),
            (_, Some(table)) => {
                table.csv(rows, &mut page);
                (count, Body::Text(page))
            }
            (_, None) if file.table == TableName::Incidents => {
                (self.logs.write_incidents(&rows, &mut page), Body::Text(page))
            }
            (_, None) => {
                self.logs.write(rows, &mut page);
                (count, Body::Text(page))
            }
        };
        Ok(Piece { rows, body })
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
        match (file.format, self.table(file.table)) {
            (Format::Parquet, Some(table)) => {
                let writer = self.parquet_writer(&table.schema(), staged);
                Ok(Sink::Parquet(writer.map_err(parquet_at(path))?))
            }
            (Format::Csv, Some(table)) => {
                staged.write_all(table.csv_header().as_bytes()).map_err(Error::file("write", path))?;
                Ok(Sink::Text(staged))
            }
            _ => Ok(Sink::Text(staged)),
        }
    }
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
