//! What can be wrong with an order, and the sentence that says so.

use std::fmt;

use super::clean::{BASIS_POINTS, STATUSES};

/// The first thing that is wrong with an order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong<'a> {
    /// A column that has no value, or none that fits.
    Missing(&'static str),
    Quantity(i64),
    Price(i64),
    Discount(i64),
    /// It is worth more than 64 bits of cents.
    TooMuch,
    Category,
    Status(&'a str),
    /// A customer that nobody knows.
    Customer(i64),
    /// The order is told to be of another state than its customer.
    State {
        told: &'a str,
        state: &'a str,
    },
    /// The order is not of the month of its partition.
    Month {
        year: i32,
        month: u8,
    },
}

impl Wrong<'_> {
    /// The column that is to blame.
    pub(super) fn column(&self) -> &'static str {
        match self {
            Self::Missing(column) => column,
            Self::Quantity(_) => "quantity",
            Self::Price(_) | Self::TooMuch => "unit_price_cents",
            Self::Discount(_) => "discount_bp",
            Self::Category => "category",
            Self::Status(_) => "status",
            Self::Customer(_) | Self::State { .. } => "customer_id",
            Self::Month { .. } => "ordered_at",
        }
    }
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(_) => out.write_str("there is no value that fits"),
            Self::Quantity(found) => write!(out, "expected a quantity of at least 1, found {found}"),
            Self::Price(found) => write!(out, "expected a price of at least 0, found {found}"),
            Self::Discount(found) => write!(out, "expected 0 to {BASIS_POINTS}, found {found}"),
            Self::TooMuch => out.write_str("the value of the order does not fit 64 bits"),
            Self::Category => out.write_str("expected a category"),
            Self::Status(found) => write!(out, "expected one of {}, found {found:?}", STATUSES.join(", ")),
            Self::Customer(id) => write!(out, "there is no customer {id}"),
            Self::State { told, state } => {
                write!(out, "the order is of {told}, and its customer of {state}")
            }
            Self::Month { year, month } => {
                write!(out, "{year:04}-{month:02} is not the month of its partition")
            }
        }
    }
}
