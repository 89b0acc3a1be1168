//! What will be handed over, decided before anything is: which rows are which batch.
//!
//! A batch is at most [`BATCH_ROWS`] rows of one row group, and batches are numbered. So a position is one number, the same
//! for every strategy and after every restart.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use lab::{Digest, OrProblem, Problem};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use serde::{Deserialize, Serialize};

use super::transform::Transform;

/// Rows of a batch: their columns stay in a core's cache, and handing them over costs little beside making them.
pub const BATCH_ROWS: u64 = 8_192;

/// The batches of a run and what is done with them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    files: Vec<PathBuf>,
    groups: Vec<Group>,
    /// What becomes of each batch.
    pub transform: Transform,
    /// How many batches are committed together.
    pub commit_batches: u64,
    /// Rows in all.
    pub rows: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// One row group of one file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Group {
    file: usize,
    number: usize,
    rows: u64,
    /// The number of its first batch.
    first: u64,
}

impl Group {
    fn batches(&self) -> u64 {
        self.rows.div_ceil(BATCH_ROWS)
    }
}

impl Plan {
    /// Reads what the files hold. All must have the same columns.
    ///
    /// # Errors
    /// A file that is no Parquet file, or has other columns than the first.
    pub fn new(files: Vec<PathBuf>, as_is: bool, commit_batches: u64) -> Result<(Self, SchemaRef), Problem> {
        let (mut groups, mut first, mut rows, mut bytes) = (Vec::new(), 0, 0, 0);
        let mut columns: Option<SchemaRef> = None;
        for (file, path) in files.iter().enumerate() {
            let cannot = || format!("cannot read {} as Parquet", path.display());
            let opened = File::open(path).or_problem(cannot)?;
            bytes += opened.metadata().or_problem(cannot)?.len();
            let metadata =
                ArrowReaderMetadata::load(&opened, ArrowReaderOptions::new()).or_problem(cannot)?;
            let found = plain(metadata.schema());
            if columns.get_or_insert_with(|| found.clone()).fields() != found.fields() {
                let other = format!("{} has other columns than {}", path.display(), files[0].display());
                return Err(Problem::new(other).hint("hand over tables of one kind at a time"));
            }
            for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
                let group = Group { file, number, rows: group.num_rows().unsigned_abs(), first };
                (first, rows) = (first + group.batches(), rows + group.rows);
                groups.push(group);
            }
        }
        let columns = columns.ok_or_else(|| Problem::new("there is nothing to hand over"))?;
        let transform = if as_is { Transform::AsIs } else { Transform::orders(&columns)? };
        let made = transform.schema(&columns);
        Ok((Self { files, groups, transform, commit_batches: commit_batches.max(1), rows, bytes }, made))
    }

    /// How many batches there are.
    pub fn batches(&self) -> u64 {
        self.groups.last().map_or(0, |last| last.first + last.batches())
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// What tells this plan from any other: by this an output knows what it was begun from.
    pub fn mark(&self) -> String {
        let mut digest = Digest::new();
        for group in &self.groups {
            let name = self.files[group.file].file_name().unwrap_or_default();
            digest.add(name.as_encoded_bytes());
            digest.add(format!("{} {}", group.number, group.rows).as_bytes());
        }
        digest.add(format!("{:?} {} {}", self.transform, self.commit_batches, self.bytes).as_bytes());
        digest.finish()
    }

    /// Whether what is made up to this position is committed together.
    pub fn commits_at(&self, position: u64) -> bool {
        position.is_multiple_of(self.commit_batches) || position == self.batches()
    }
}

/// The columns without the notes that a writer may have left beside them.
fn plain(schema: &Schema) -> SchemaRef {
    Schema::new(schema.fields().clone()).into()
}

/// Reads and transforms the batches of a plan, best in their order.
pub struct Source {
    plan: Arc<Plan>,
    file: Option<(usize, File, ArrowReaderMetadata)>,
    reading: Option<(u64, ParquetRecordBatchReader)>,
}

impl Source {
    /// Nothing is opened yet.
    pub fn new(plan: Arc<Plan>) -> Self {
        Self { plan, file: None, reading: None }
    }

    /// The batch of this number, transformed.
    ///
    /// # Errors
    /// A file that changed or is damaged, with its row group; a value that the transformation refuses, with its row.
    pub fn batch(&mut self, number: u64) -> Result<RecordBatch, Problem> {
        let plan = Arc::clone(&self.plan);
        // An empty row group has the number of its successor, which stands behind it.
        let group = plan.groups.partition_point(|group| group.first <= number).saturating_sub(1);
        let group = plan.groups.get(group).ok_or_else(|| Problem::new("there is nothing to hand over"))?;
        let place = format!("{}, row group {}", plan.files[group.file].display(), group.number);
        let within = number - group.first;
        let mut reader = match self.reading.take() {
            Some((next, reader)) if next == number && within > 0 => reader,
            _ => self.open(group, within * BATCH_ROWS).map_err(|problem| problem.at(&place))?,
        };
        let rows = BATCH_ROWS.min(group.rows - within * BATCH_ROWS);
        let batch = reader
            .next()
            .transpose()
            .or_problem(|| "cannot read the rows")
            .map_err(|problem| problem.at(&place).hint("the file is damaged, or changed while it was read"))?
            .filter(|batch| batch.num_rows() as u64 == rows)
            .ok_or_else(|| Problem::new("the file changed while it was read").at(&place))?;
        self.reading = Some((number + 1, reader));
        let first = within * BATCH_ROWS;
        plan.transform.apply(&batch).map_err(|problem| problem.at(format!("{place}, rows from {first} on")))
    }

    fn open(&mut self, group: &Group, skip: u64) -> Result<ParquetRecordBatchReader, Problem> {
        let cannot = || "cannot read the file";
        if self.file.as_ref().is_none_or(|(number, ..)| *number != group.file) {
            let file = File::open(&self.plan.files[group.file]).or_problem(cannot)?;
            let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).or_problem(cannot)?;
            self.file = Some((group.file, file, metadata));
        }
        let Some((_, file, metadata)) = &self.file else { return Err(Problem::new(cannot())) };
        let file = file.try_clone().or_problem(cannot)?;
        let columns = metadata.parquet_schema();
        let wanted = match self.plan.transform.columns() {
            Some(names) => ProjectionMask::columns(columns, names.iter().copied()),
            None => ProjectionMask::all(),
        };
        // Rows of one batch fit any machine's words.
        let words = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_row_groups(vec![group.number])
            .with_projection(wanted)
            .with_offset(words(skip))
            .with_batch_size(words(BATCH_ROWS))
            .build()
            .or_problem(cannot)
    }
}
