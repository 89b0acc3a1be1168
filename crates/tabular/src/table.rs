//! Rows to typed columns.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use crate::Error;
use crate::columns::{Builder, Column, arrow_schema};
use crate::infer::{Evidence, Place, Variety};
use crate::rows::Block;

/// What a table's columns are, and where they stand in a file.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    /// The number of each column in the file.
    places: Vec<usize>,
    schema: SchemaRef,
    /// Whether a value that does not fit rejects its row; otherwise it is a [`Misfit`].
    rejects: Vec<bool>,
}

/// A value that is not of its column's type, in a column whose type is to be changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The number of the column in the table.
    pub column: usize,
}

/// A column that cannot be made of its values.
struct Unfit;

impl Table {
    /// A table whose columns stand in the file in the same order. Values that do not fit reject their rows.
    pub fn new(columns: Vec<Column>) -> Self {
        let places = (0..columns.len()).collect();
        let rejects = vec![true; columns.len()];
        Self { schema: arrow_schema(&columns), columns, places, rejects }
    }

    /// The table with its columns at these places of the file.
    #[must_use]
    pub fn at(self, places: Vec<usize>) -> Self {
        Self { places, ..self }
    }

    /// The table with the types of some columns open to change: a value that does not fit them is a [`Misfit`].
    #[must_use]
    pub fn with_open_types(self, open: &[bool]) -> Self {
        Self { rejects: open.iter().map(|open| !open).collect(), ..self }
    }

    /// The columns as Arrow has them.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The block's good rows as columns. Rows with a value that does not fit are set aside in the block.
    ///
    /// # Errors
    /// Those of the columnar library.
    pub fn batch(&self, block: &mut Block) -> Result<Result<RecordBatch, Misfit>, Error> {
        let mut columns = self.fill(block);
        if columns.iter().any(Result::is_err) && block.reject_bad_bytes() {
            columns = self.fill(block);
        }
        if let Some(column) =
            columns.iter().zip(&self.rejects).position(|(made, rejects)| made.is_err() && !rejects)
        {
            return Ok(Err(Misfit { column }));
        }
        if columns.iter().any(Result::is_err) {
            self.set_misfits_aside(block);
            columns = self.fill(block);
        }
        let arrays = columns.into_iter().collect::<Result<_, Unfit>>();
        let arrays = arrays.map_err(|Unfit| {
            ArrowError::InvalidArgumentError("a column that was checked is not right".into())
        })?;
        Ok(Ok(RecordBatch::try_new(self.schema.clone(), arrays)?))
    }

    /// Each column, or that a value does not fit it.
    fn fill(&self, block: &Block) -> Vec<Result<ArrayRef, Unfit>> {
        let columns = self.columns.iter().zip(&self.places);
        columns
            .map(|(column, place)| {
                let mut builder = Builder::new(column.column_type, block.rows());
                let misfit = builder.extend(block, *place).is_some();
                let missing = !column.nullable && builder.has_nulls();
                if misfit || missing { Err(Unfit) } else { builder.finish().ok_or(Unfit) }
            })
            .collect()
    }

    fn set_misfits_aside(&self, block: &mut Block) {
        let mut blamed: Vec<Option<usize>> = vec![None; block.rows()];
        for (number, (column, place)) in self.columns.iter().zip(&self.places).enumerate() {
            let mut row = 0;
            block.each(*place, |field| {
                let missing = field.text.is_empty() && !(field.quoted && column.column_type.is_text());
                if !(if missing { column.nullable } else { column.column_type.fits(field.text) }) {
                    blamed[row].get_or_insert(number);
                }
                row += 1;
                true
            });
        }
        let blamed = blamed.into_iter().enumerate().filter_map(|(row, column)| Some((row, column?)));
        let aside = blamed.map(|(row, number)| {
            let place = self.places[number];
            let at = block.value_start(row, place);
            let reason = format!(
                "expected {}, found {:?}",
                self.columns[number].expectation(),
                block.shown(row, place)
            );
            (row, Some((place, at)), reason)
        });
        block.set_aside(aside.collect());
    }

    /// Takes the values of the block's good rows into account, column by column of the table.
    pub fn observe(&self, block: &mut Block, file: u32, evidence: &mut [Evidence]) {
        block.reject_bad_bytes();
        let block = &*block;
        for (evidence, place) in evidence.iter_mut().zip(&self.places) {
            let mut row = 0;
            block.each(*place, |field| {
                evidence.observe(field, || Place { file, line: block.line_of_row(row) });
                row += 1;
                true
            });
        }
    }

    /// Counts the different values of the block's rows, column by column of the table.
    pub fn count_variety(&self, block: &Block, varieties: &mut [Variety]) {
        for (variety, place) in varieties.iter_mut().zip(&self.places) {
            block.each(*place, |field| {
                variety.observe(field.text);
                true
            });
        }
    }
}
