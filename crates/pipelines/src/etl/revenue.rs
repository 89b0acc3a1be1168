//! Revenue, orders and ticket by state, month and category, in whole cents: sums that no order of adding up can change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::csv_batches::schema;

use super::customers::Names;

/// State, year, month and category; how many orders, and what they are worth in cents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group(
    pub(super) String,
    pub(super) i32,
    pub(super) u8,
    pub(super) String,
    pub(super) u64,
    pub(super) i64,
);

/// The sums of some orders.
#[derive(Debug, Default)]
pub(super) struct Sums {
    categories: HashMap<Box<str>, usize>,
    names: Vec<Box<str>>,
    /// For each state (by its number) and month, the sums of each category.
    places: HashMap<Place, Vec<(u64, i64)>>,
}

/// The number of a state, a year and a month.
pub(super) type Place = (u32, i32, u8);

impl Sums {
    /// Adds an order.
    ///
    /// # Errors
    /// A sum that does not fit 64 bits.
    #[inline]
    pub(super) fn add(&mut self, place: Place, category: &str, cents: i64) -> Result<(), Problem> {
        let number = if let Some(number) = self.categories.get(category) {
            *number
        } else {
            self.categories.insert(category.into(), self.names.len());
            self.names.push(category.into());
            self.names.len() - 1
        };
        let sums = self.places.entry(place).or_default();
        if sums.len() <= number {
            sums.resize(number + 1, (0, 0));
        }
        let (orders, revenue) = &mut sums[number];
        *orders += 1;
        *revenue = revenue.checked_add(cents).ok_or_else(too_much)?;
        Ok(())
    }

    /// The groups, sorted; afterwards there are none.
    pub(super) fn take(&mut self, states: &Names) -> Vec<Group> {
        let mut groups = Vec::new();
        for ((state, year, month), sums) in self.places.drain() {
            let found = sums.into_iter().enumerate().filter(|(_, (orders, _))| *orders > 0);
            groups.extend(found.map(|(category, (orders, revenue))| {
                let category = self.names[category].to_string();
                Group(states.name(state).into(), year, month, category, orders, revenue)
            }));
        }
        groups.sort_by(|one, other| one.key().cmp(&other.key()));
        groups
    }
}

impl Group {
    fn key(&self) -> (&str, i32, u8, &str) {
        (&self.0, self.1, self.2, &self.3)
    }

    /// What an order is worth on average, in cents; half a cent is rounded up.
    pub(super) fn ticket(&self) -> i64 {
        let (orders, revenue) = (i128::from(self.4.max(1)), i128::from(self.5));
        i64::try_from((2 * revenue + orders).div_euclid(2 * orders)).unwrap_or(i64::MAX)
    }
}

pub(super) fn too_much() -> Problem {
    Problem::new("the revenue of a group does not fit 64 bits").expected("less than 92 quadrillion in cents")
}

/// The groups of all partitions put together, sorted.
///
/// # Errors
/// A sum that does not fit 64 bits.
pub(super) fn merged<'a>(groups: impl Iterator<Item = &'a Group>) -> Result<Vec<Group>, Problem> {
    let mut all: BTreeMap<(&str, i32, u8, &str), (u64, i64)> = BTreeMap::new();
    for group in groups {
        let sum = all.entry(group.key()).or_default();
        sum.0 += group.4;
        sum.1 = sum.1.checked_add(group.5).ok_or_else(too_much)?;
    }
    let group = |((uf, year, month, category), (orders, revenue)): ((&str, _, _, &str), _)| {
        Group(uf.into(), year, month, category.into(), orders, revenue)
    };
    Ok(all.into_iter().map(group).collect())
}

/// The groups as a table.
///
/// # Errors
/// Those of the columnar library.
pub(super) fn table(groups: &[Group]) -> Result<RecordBatch, Problem> {
    let texts = |text: fn(&Group) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(groups.iter().map(text)))
    };
    let small = |number: fn(&Group) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(groups.iter().map(number)))
    };
    let large = |number: fn(&Group) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(groups.iter().map(number)))
    };
    let columns = vec![
        texts(|group| &group.0),
        small(|group| group.1),
        small(|group| group.2.into()),
        texts(|group| &group.3),
        large(|group| group.4.cast_signed()),
        large(|group| group.5),
        large(Group::ticket),
    ];
    let schema = schema([
        ("uf", DataType::Utf8, false),
        ("year", DataType::Int32, false),
        ("month", DataType::Int32, false),
        ("category", DataType::Utf8, false),
        ("orders", DataType::Int64, false),
        ("revenue_cents", DataType::Int64, false),
        ("ticket_cents", DataType::Int64, false),
    ]);
    RecordBatch::try_new(schema, columns).or_problem(|| "cannot make the table of the revenue")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_rounded_to_the_nearest_cent() {
        let ticket = |orders, revenue| Group(String::new(), 0, 0, String::new(), orders, revenue).ticket();
        assert_eq!([ticket(3, 10), ticket(3, 11), ticket(2, 3), ticket(1, i64::MAX)], [3, 4, 2, i64::MAX]);
    }

    #[test]
    fn groups_are_added_up_whatever_their_order() {
        let group = |uf: &str, orders, cents| Group(uf.into(), 2024, 1, "Moda".into(), orders, cents);
        let parts = [group("SP", 1, 10), group("AC", 2, 5), group("SP", 3, 7)];
        let wanted = [group("AC", 2, 5), group("SP", 4, 17)];
        assert_eq!(merged(parts.iter()).unwrap(), wanted);
        assert_eq!(merged(parts.iter().rev()).unwrap(), wanted);
        let most = [group("SP", 1, i64::MAX), group("SP", 1, 1)];
        assert!(merged(most.iter()).unwrap_err().to_string().contains("64 bits"));
    }
}
