//! Who ordered: the table that every order is joined with. It is small beside the orders, so each worker has all of it.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::csv_batches::CsvBatches;
use tabular::parquet_batches::{ParquetBatches, ParquetFile};

use super::cast;

/// What is known of a customer: numbers of names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Customer {
    pub(super) state: u32,
    pub(super) kind: u32,
    pub(super) city: u32,
}

/// Names, each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

/// All customers.
#[derive(Debug, Default)]
pub(super) struct Customers {
    /// Their places in `rows`, by their identifiers.
    places: Places,
    rows: Vec<Customer>,
    pub(super) states: Names,
    pub(super) kinds: Names,
    pub(super) cities: Names,
}

/// From identifiers to rows: identifiers that were counted up are an index, others are looked up.
#[derive(Debug)]
enum Places {
    Counted { first: i64, rows: Vec<u32> },
    Scattered(HashMap<i64, u32>),
}

/// No row.
const NONE: u32 = u32::MAX;
/// How many times as many numbers as customers may lie between the least and the greatest identifier.
const SPARSEST: usize = 4;

impl Default for Places {
    fn default() -> Self {
        Self::Scattered(HashMap::new())
    }
}

/// Where the customers are. Workers of one process load them once and share them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct CustomerFiles {
    paths: Vec<PathBuf>,
    #[serde(skip)]
    loaded: OnceLock<Result<Arc<Customers>, Problem>>,
}

impl CustomerFiles {
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        Self { paths: paths.into(), loaded: OnceLock::new() }
    }

    /// The files.
    #[cfg(feature = "cluster")]
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The customers.
    ///
    /// # Errors
    /// Files that cannot be read, lack a column, or have a customer twice.
    pub(super) fn get(&self) -> Result<Arc<Customers>, Problem> {
        self.loaded.get_or_init(|| Customers::load(&self.paths).map(Arc::new)).clone()
    }
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(NONE);
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }

    pub(super) fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }
}

impl Customers {
    fn load(paths: &[PathBuf]) -> Result<Self, Problem> {
        let mut customers = Self::default();
        let mut ids = Vec::new();
        for path in paths {
            batches(path, &mut |batch| customers.add(&batch, path, &mut ids))?;
        }
        customers.places = places(&ids)?;
        Ok(customers)
    }

    fn add(&mut self, batch: &RecordBatch, path: &Path, ids: &mut Vec<i64>) -> Result<(), Problem> {
        let Columns { numbers, kinds, cities, states } = Columns::of(batch, path)?;
        ids.extend(numbers.values());
        for row in 0..batch.num_rows() {
            self.rows.push(Customer {
                state: self.states.number(states.value(row)),
                kind: self.kinds.number(kinds.value(row)),
                city: self.cities.number(cities.value(row)),
            });
        }
        Ok(())
    }

    /// How many there are.
    #[cfg(feature = "cluster")]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The customer of this number.
    #[inline]
    pub(super) fn get(&self, id: i64) -> Option<&Customer> {
        let place = match &self.places {
            Places::Counted { first, rows } => {
                *rows.get(usize::try_from(id.checked_sub(*first)?).ok()?).filter(|row| **row != NONE)?
            }
            Places::Scattered(rows) => *rows.get(&id)?,
        };
        self.rows.get(place as usize)
    }
}

/// The columns of some customers; no value is missing.
pub(super) struct Columns {
    pub(super) numbers: Int64Array,
    pub(super) kinds: StringArray,
    pub(super) cities: StringArray,
    pub(super) states: StringArray,
}

impl Columns {
    /// # Errors
    /// A column that is not there, is of another type, or has gaps.
    pub(super) fn of(batch: &RecordBatch, path: &Path) -> Result<Self, Problem> {
        let column = |name: &str| -> Result<&ArrayRef, Problem> {
            batch.column_by_name(name).ok_or_else(|| {
                Problem::new(format!("the customers have no column `{name}`"))
                    .at(path.display())
                    .expected(format!("the columns {}", COLUMNS.join(", ")))
            })
        };
        let wrong = |name: &str| {
            let problem = Problem::new(format!("a customer without a fitting `{name}`")).at(path.display());
            problem.expected("a whole number in `customer_id`, and text in kind, city and uf")
        };
        let numbers = cast::integers(column("customer_id")?).filter(|ids| ids.null_count() == 0);
        let text = |name: &str| {
            let texts = cast::texts(column(name)?).filter(|texts| texts.null_count() == 0);
            texts.ok_or_else(|| wrong(name))
        };
        Ok(Self {
            numbers: numbers.ok_or_else(|| wrong("customer_id"))?,
            kinds: text("kind")?,
            cities: text("city")?,
            states: text("uf")?,
        })
    }
}

/// Reads a file of customers, some at a time.
///
/// # Errors
/// A file that cannot be read, and those of `take`.
pub(super) fn batches(
    path: &Path,
    take: &mut dyn FnMut(RecordBatch) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let cannot = || format!("cannot read the customers in {}", path.display());
    if path.extension().is_some_and(|ending| ending == "csv") {
        let file = BufReader::new(File::open(path).or_problem(cannot)?);
        for batch in CsvBatches::of_text(file, path, 8_192).or_problem(cannot)? {
            take(batch.or_problem(cannot)?)?;
        }
    } else {
        let file = ParquetFile::open(path).and_then(|file| file.with_columns(COLUMNS));
        for batch in ParquetBatches::of(file.or_problem(cannot)?, 8_192) {
            take(batch.or_problem(cannot)?)?;
        }
    }
    Ok(())
}

const COLUMNS: [&str; 4] = ["customer_id", "kind", "city", "uf"];

fn places(ids: &[i64]) -> Result<Places, Problem> {
    let twice = |id: i64| {
        Problem::new(format!("customer {id} is there twice")).expected("each customer once: an order has one")
    };
    let number = |row: usize| u32::try_from(row).unwrap_or(NONE);
    let first = ids.iter().min().copied().unwrap_or_default();
    let last = ids.iter().max().copied().unwrap_or_default();
    let range = last.checked_sub(first).and_then(|range| usize::try_from(range).ok());
    if let Some(range) = range.filter(|range| *range / SPARSEST <= ids.len()) {
        let mut rows = vec![NONE; range + 1];
        for (row, id) in ids.iter().enumerate() {
            let place = usize::try_from(id - first).unwrap_or_default();
            if std::mem::replace(&mut rows[place], number(row)) != NONE {
                return Err(twice(*id));
            }
        }
        return Ok(Places::Counted { first, rows });
    }
    let mut rows = HashMap::with_capacity(ids.len());
    for (row, id) in ids.iter().enumerate() {
        if rows.insert(*id, number(row)).is_some() {
            return Err(twice(*id));
        }
    }
    Ok(Places::Scattered(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &[i64], counted: bool) {
        let made = places(ids).unwrap();
        assert_eq!(matches!(made, Places::Counted { .. }), counted);
        let rows = vec![Customer { state: 0, kind: 0, city: 7 }; ids.len()];
        let customers = Customers { places: made, rows, ..Customers::default() };
        assert!(ids.iter().all(|id| customers.get(*id).is_some()));
        for id in [i64::MIN, -1, 4, i64::MAX] {
            assert_eq!(customers.get(id).is_some(), ids.contains(&id), "{id}");
        }
    }

    #[test]
    fn customers_are_found_by_numbers_that_were_counted_and_by_any_others() {
        check(&[1, 2, 3, 5], true);
        check(&[i64::MAX, 3, -1], false);
        check(&[], true);
        assert!(places(&[1, 2, 1]).unwrap_err().to_string().contains("customer 1 is there twice"));
        assert!(places(&[1, i64::MAX, 1]).unwrap_err().to_string().contains("customer 1 is there twice"));
    }
}
