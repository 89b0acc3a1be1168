//! What the engine says about orders: rows of `orders.sql`.

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use lab::{OrProblem, Problem};

use super::super::cast;
use super::super::wrong::Wrong;

pub(super) const CANNOT: &str = "the engine's answer cannot be read";

/// An answer that lacks what was asked for.
pub(super) fn unfit() -> Problem {
    Problem::new(CANNOT)
}

/// The columns without which an order is none, in the order in which they are looked at.
const NEEDED: [&str; 9] = [
    "order_id",
    "customer_id",
    "product_id",
    "category",
    "quantity",
    "unit_price_cents",
    "discount_bp",
    "status",
    "ordered_at",
];

/// The number of an order that is clean, and of a row that is none.
const CLEAN: i64 = 0;
const UNREAD: i64 = 1;

/// Rows of an answer.
pub(super) struct Verdicts<'a> {
    batch: &'a RecordBatch,
    wrong: Int64Array,
    unread: StringArray,
}

impl<'a> Verdicts<'a> {
    /// # Errors
    /// An answer with other columns.
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self, Problem> {
        let wrong = batch.column_by_name("wrong").and_then(cast::integers).ok_or_else(unfit)?;
        let unread = batch.column_by_name("unread").and_then(cast::texts).ok_or_else(unfit)?;
        Ok(Self { batch, wrong, unread })
    }

    /// The problem for which the rest of the piece could not be read, if there is one.
    pub(super) fn failed(&self) -> Result<Option<Problem>, Problem> {
        let failed = self.texts("failed")?;
        let first = failed.iter().flatten().next();
        first.map(|text| serde_json::from_str(text).or_problem(|| CANNOT)).transpose()
    }

    /// Which rows are clean.
    pub(super) fn clean(&self) -> BooleanArray {
        self.wrong.iter().map(|wrong| Some(wrong == Some(CLEAN))).collect()
    }

    /// The rows that are not.
    pub(super) fn refused(&self) -> impl Iterator<Item = usize> {
        (0..self.batch.num_rows()).filter(|row| self.wrong.value(*row) != CLEAN)
    }

    /// The number of the slice that a row is of.
    pub(super) fn slice(&self, row: usize) -> Option<usize> {
        usize::try_from(self.number("slice", row).ok()?).ok()
    }

    /// Where a row stands: its line, and where it starts and ends.
    pub(super) fn place(&self, row: usize) -> Result<(u64, u64, u64), Problem> {
        let number = |name| self.number(name, row).map(i64::cast_unsigned);
        Ok((number("line")?, number("starts")?, number("ends")?))
    }

    /// What its reader said about a row that is none.
    pub(super) fn unread(&self, row: usize) -> Option<&str> {
        (self.wrong.value(row) == UNREAD).then(|| self.unread.value(row))
    }

    /// Hands what is wrong with a row to `tell`.
    pub(super) fn wrong<T>(&self, row: usize, tell: impl FnOnce(&Wrong<'_>) -> T) -> Result<T, Problem> {
        let number = |name| self.number(name, row);
        let text = |name| Ok(self.texts(name)?.value(row).to_owned());
        let (one, other): (String, String);
        let wrong = match self.wrong.value(row) {
            2 => {
                let missing = |name: &&&str| self.column(name).is_ok_and(|column| column.is_null(row));
                Wrong::Missing(NEEDED.iter().find(missing).ok_or_else(unfit)?)
            }
            3 => Wrong::Quantity(number("quantity")?),
            4 => Wrong::Price(number("unit_price_cents")?),
            5 => Wrong::Discount(number("discount_bp")?),
            6 => Wrong::TooMuch,
            7 => Wrong::Category,
            8 => {
                one = text("status")?;
                Wrong::Status(&one)
            }
            9 => Wrong::Customer(number("customer_id")?),
            10 => {
                (one, other) = (text("told")?, text("state")?);
                Wrong::State { told: &one, state: &other }
            }
            11 => Wrong::Month {
                year: i32::try_from(number("year")?).or_problem(|| CANNOT)?,
                month: u8::try_from(number("month")?).or_problem(|| CANNOT)?,
            },
            _ => return Err(unfit()),
        };
        Ok(tell(&wrong))
    }

    fn column(&self, name: &str) -> Result<&ArrayRef, Problem> {
        self.batch.column_by_name(name).ok_or_else(unfit)
    }

    fn texts(&self, name: &str) -> Result<StringArray, Problem> {
        cast::texts(self.column(name)?).ok_or_else(unfit)
    }

    fn number(&self, name: &str, row: usize) -> Result<i64, Problem> {
        let one = cast::integers(&self.column(name)?.slice(row, 1)).ok_or_else(unfit)?;
        Ok(one.value(0))
    }
}
