//! A partitioned lake of orders: `year=/month=/uf=`, as Hive and its heirs lay tables out.
//!
//! The rows are the ones of the flat layout, only sorted into folders; the column `uf` is left to the folder's name, as
//! is usual. Partitions are as uneven as the real thing: São Paulo's is seventy times Roraima's.
//!
//! Rows are taken in shards of [`SHARD`], and each partition has one file a shard. A shard is first read for its index
//! (which rows belong where) and then written partition by partition, each row made where it is needed, because any row
//! can be made alone. So memory is one index, four bytes a row of a shard, however large the lake.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;

use crate::cells::{Columns, Csv, Json};
use crate::orders::Orders;
use crate::page::Page;
use crate::plan::{Format, Partition, PlannedFile, TableName};
use crate::states::STATES;
use crate::table::{Column, Field, Table, field_of};

/// Rows of a shard.
pub(crate) const SHARD: u64 = 4_194_304;

/// The first year of the table, and the months in all.
const FIRST_YEAR: usize = 2_023;
const MONTHS: usize = 36;

/// Which rows of a shard belong to which partition.
struct Index {
    shard: Range<u64>,
    /// By partition: rows counted from the shard's start.
    rows: Vec<Vec<u32>>,
}

impl Index {
    fn new(orders: &Orders, shard: Range<u64>) -> Self {
        let mut rows = vec![Vec::new(); MONTHS * STATES.len()];
        let start = shard.start;
        orders.places(shard.clone(), |row, month, state| {
            rows[month * STATES.len() + state].push((row - start) as u32);
        });
        Self { shard, rows }
    }
}

/// The shards of a table of `rows`.
fn shards(rows: u64) -> impl Iterator<Item = Range<u64>> {
    (0..rows.div_ceil(SHARD)).map(move |shard| shard * SHARD..((shard + 1) * SHARD).min(rows))
}

/// The files of a lake of `rows` orders. Partitions without rows have no file.
pub(crate) fn plan(
    orders: &Orders,
    format: Format,
    rows: u64,
    rows_at_once: Option<u64>,
) -> Vec<PlannedFile> {
    let mut planned = Vec::new();
    for (number, shard) in shards(rows).enumerate() {
        let index = Index::new(orders, shard.clone());
        for (partition, found) in index.rows.iter().enumerate().filter(|(_, found)| !found.is_empty()) {
            let (month, state) = (partition / STATES.len(), partition % STATES.len());
            planned.push(PlannedFile {
                path: format!(
                    "year={}/month={}/uf={}/part-{number:05}.{}",
                    FIRST_YEAR + month / 12,
                    month % 12 + 1,
                    STATES[state].sigla,
                    format.extension()
                ),
                partition: Some(Partition { shard: shard.clone(), number: partition as u16 }),
                ..PlannedFile::new(TableName::Orders, format, 0..found.len() as u64, rows_at_once)
            });
        }
    }
    planned
}

/// The indexes that are in use. Files come shard by shard, so two are enough where workers pass from one to the next.
#[derive(Default)]
pub(crate) struct Indexes {
    /// Held while an index is made: every worker needs that same one, and making it twice would only take memory.
    recent: Mutex<Vec<Arc<Index>>>,
}

impl Indexes {
    /// The rows of a partition as a table.
    pub(crate) fn select<'a>(&self, orders: &'a Orders, partition: &Partition) -> Selected<'a> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().find(|index| index.shard == partition.shard).cloned();
        let index = found.unwrap_or_else(|| {
            let made = Arc::new(Index::new(orders, partition.shard.clone()));
            recent.insert(0, Arc::clone(&made));
            recent.truncate(2);
            made
        });
        Selected { orders, index, partition: usize::from(partition.number) }
    }
}

/// The rows of one partition of one shard, without the column `uf`.
pub(crate) struct Selected<'a> {
    orders: &'a Orders,
    index: Arc<Index>,
    partition: usize,
}

impl Selected<'_> {
    fn picks(&self, rows: Range<u64>) -> impl Iterator<Item = u64> {
        let picks = &self.index.rows[self.partition][rows.start as usize..rows.end as usize];
        picks.iter().map(|row| self.index.shard.start + u64::from(*row))
    }
}

impl Table for Selected<'_> {
    fn columns(&self) -> &'static [Column] {
        Orders::IN_LAKE
    }

    fn csv(&self, rows: Range<u64>, page: &mut Page) {
        self.orders.picked(self.picks(rows), &mut Csv::new(page));
    }

    fn ndjson(&self, rows: Range<u64>, page: &mut Page) {
        self.orders.picked(self.picks(rows), &mut Json::new(Orders::IN_LAKE, page));
    }

    fn batch(&self, rows: Range<u64>) -> RecordBatch {
        let mut columns = Columns::new(Orders::IN_LAKE);
        self.orders.picked(self.picks(rows), &mut columns);
        columns.finish(self.schema())
    }

    fn fields(&self, row: u64) -> Vec<Field> {
        field_of(Orders::IN_LAKE, |fields| self.orders.picked(self.picks(row..row + 1), fields))
    }
}
