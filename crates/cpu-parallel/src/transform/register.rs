//! What the workers of one process share: the customers, and what was made of those that were cleaned.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lab::Problem;

use super::ladder::Sheet;
use super::rules::{Customers, customer_columns};
use super::tables::read_files;

/// The customers, and the sheets of those that were cleaned.
///
/// A customer is cleaned by whoever meets it first. Two that meet it at the same time both clean it, and the place of one of
/// their sheets is kept: what they write is the same.
#[derive(Debug)]
pub struct Register {
    /// As they were read.
    pub(super) customers: Customers,
    /// Where each customer is, plus one: the number of the sheet, and its row there in the lower half. 0 is nowhere.
    places: Box<[AtomicU64]>,
    sheets: Mutex<Vec<Arc<Sheet>>>,
}

impl Register {
    /// The register of all customers in these files, read by so many threads.
    ///
    /// # Errors
    /// A file that cannot be read, or a customer that is there twice.
    pub(super) fn load(paths: &[PathBuf], threads: usize) -> Result<Self, Problem> {
        let customers = Customers::of(&read_files(paths, &customer_columns(), threads)?, threads)?;
        let places = (0..customers.len()).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { customers, places, sheets: Mutex::default() })
    }

    /// The number of a customer's sheet and its row there.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "halves are taken out")]
    pub(super) fn place(&self, customer: u32) -> Option<(usize, usize)> {
        // Whoever reads a place finds its sheet among the sheets.
        let place = self.places[customer as usize].load(Ordering::Acquire).checked_sub(1)?;
        Some(((place >> 32) as usize, (place & u64::from(u32::MAX)) as usize))
    }

    /// Files a sheet with these customers on its rows.
    pub(super) fn file(&self, sheet: Arc<Sheet>, customers: &[u32]) {
        let number = {
            let mut sheets = self.sheets.lock().unwrap_or_else(PoisonError::into_inner);
            sheets.push(sheet);
            sheets.len() as u64 - 1
        };
        for (row, customer) in (1..).zip(customers) {
            let place = number << 32 | row;
            // One of two remains, and a place that was read stays right.
            let _ = self.places[*customer as usize].compare_exchange(
                0,
                place,
                Ordering::Release,
                Ordering::Relaxed,
            );
        }
    }

    /// Adds the sheets that were filed since to those that somebody has.
    pub(super) fn fetch(&self, sheets: &mut Vec<Arc<Sheet>>) {
        let all = self.sheets.lock().unwrap_or_else(PoisonError::into_inner);
        sheets.extend(all[sheets.len()..].iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_meet_the_same_customers_find_each_of_them_on_a_sheet_that_they_have() {
        const CUSTOMERS: u32 = 1_000;
        let register = Register {
            customers: Customers::of(&[], 1).unwrap(),
            places: (0..CUSTOMERS).map(|_| AtomicU64::new(0)).collect(),
            sheets: Mutex::default(),
        };
        let work = || {
            let mut sheets = Vec::new();
            for first in 0..CUSTOMERS - 10 {
                let new: Vec<u32> =
                    (first..first + 10).filter(|customer| register.place(*customer).is_none()).collect();
                if !new.is_empty() {
                    register.file(Arc::default(), &new);
                }
                register.fetch(&mut sheets);
                for customer in first..first + 10 {
                    let (sheet, row) = register.place(customer).unwrap();
                    assert!(sheet < sheets.len() && row < 10, "{customer} is at {sheet}, {row}");
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    }
}
