//! What the first process does with a batch; a pure function of it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::calendar;

const BASIS_POINTS: i64 = 10_000;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// The columns of an order that are read, in their order.
const ORDER: [&str; 10] = [
    "order_id",
    "customer_id",
    "product_id",
    "category",
    "uf",
    "quantity",
    "unit_price_cents",
    "discount_bp",
    "status",
    "ordered_at",
];

/// What becomes of each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transform {
    /// The lab's orders get their value in cents before and after the discount, and their month; the note is left out.
    Orders,
    /// Any table, as it is.
    AsIs,
}

impl Transform {
    /// The transformation of orders, if that is what these columns are.
    ///
    /// # Errors
    /// Other columns.
    pub fn orders(columns: &Schema) -> Result<Self, Problem> {
        let fits = |name: &&str| {
            columns.field_with_name(name).is_ok_and(|field| match (*name, field.data_type()) {
                ("category" | "uf" | "status", kind) => *kind == DataType::Utf8,
                ("quantity" | "discount_bp", kind) => *kind == DataType::Int32,
                ("ordered_at", kind) => {
                    matches!(kind, DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, _))
                }
                (_, kind) => *kind == DataType::Int64,
            })
        };
        match ORDER.iter().find(|name| !fits(name)) {
            None => Ok(Self::Orders),
            Some(missing) => Err(Problem::new("these are not the lab's orders")
                .expected(format!("the columns of `datagen orders`, `{missing}` among them, in their types"))
                .hint("--as-is hands over any table as it is")),
        }
    }

    /// The columns that are read, where not all are.
    pub(super) fn columns(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Orders => Some(&ORDER),
            Self::AsIs => None,
        }
    }

    /// The columns that are made of these.
    pub fn schema(self, columns: &SchemaRef) -> SchemaRef {
        match self {
            Self::AsIs => columns.clone(),
            Self::Orders => {
                let column = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), false);
                let text = ["category", "uf", "status"].map(|name| (name, DataType::Utf8));
                let keys = ["order_id", "customer_id", "product_id"].map(|name| (name, DataType::Int64));
                let small = ["month", "quantity"].map(|name| (name, DataType::Int32));
                let cents = ["gross_cents", "net_cents"].map(|name| (name, DataType::Int64));
                let all = [&keys[..], &text[..], &small[..], &cents[..]].concat();
                Schema::new(all.iter().map(column).collect::<Vec<_>>()).into()
            }
        }
    }

    /// The batch transformed.
    ///
    /// # Errors
    /// A null in an order, or a value past 64 bits, with the order's number.
    pub fn apply(self, batch: &RecordBatch) -> Result<RecordBatch, Problem> {
        match self {
            Self::AsIs => Ok(batch.clone()),
            Self::Orders => orders(batch),
        }
    }
}

fn orders(orders: &RecordBatch) -> Result<RecordBatch, Problem> {
    let of = |name: &str| {
        orders.column_by_name(name).cloned().ok_or_else(|| Problem::new(format!("`{name}` is missing")))
    };
    let (quantities, prices) = (of("quantity")?, of("unit_price_cents")?);
    let (discounts, times) = (of("discount_bp")?, of("ordered_at")?);
    let values = quantities.as_primitive::<Int32Type>().values().iter();
    let values = values
        .zip(prices.as_primitive::<Int64Type>().values())
        .zip(discounts.as_primitive::<Int32Type>().values());
    let (mut gross, mut net) = (Vec::with_capacity(orders.num_rows()), Vec::with_capacity(orders.num_rows()));
    for (row, ((quantity, price), discount)) in values.enumerate() {
        let value = i64::from(*quantity).checked_mul(*price);
        // Half a cent is rounded up.
        let paid = value.and_then(|value| {
            value.checked_mul(BASIS_POINTS - i64::from(*discount))?.checked_add(BASIS_POINTS / 2)
        });
        let (Some(value), Some(paid)) = (value, paid) else {
            let number = of("order_id")?.as_primitive::<Int64Type>().value(row);
            return Err(Problem::new(format!("the value of order {number} does not fit 64 bits")));
        };
        gross.push(value);
        net.push(paid.div_euclid(BASIS_POINTS));
    }
    let mut last = (i64::MIN, 0);
    let month = |time: &i64| {
        let day = time.div_euclid(MICROSECONDS_A_DAY);
        if day != last.0 {
            let (year, month, _) = calendar::civil(day);
            last = (day, i32::try_from(year * 100 + month).unwrap_or_default());
        }
        last.1
    };
    let months: Int32Array = times
        .as_primitive::<TimestampMicrosecondType>()
        .values()
        .iter()
        .map(month)
        .collect::<Vec<_>>()
        .into();
    let made: [ArrayRef; 10] = [
        of("order_id")?,
        of("customer_id")?,
        of("product_id")?,
        of("category")?,
        of("uf")?,
        of("status")?,
        Arc::new(months),
        quantities,
        Arc::new(Int64Array::from(gross)),
        Arc::new(Int64Array::from(net)),
    ];
    RecordBatch::try_new(Transform::Orders.schema(&orders.schema()), made.to_vec())
        .or_problem(|| "an order has no value where it needs one")
}
