//! What makes an order clean, and what it is worth.
//!
//! An order is judged alone, by its own values, by what the name of its partition says, and by its customer. The first thing
//! that is wrong with it is the reason that it is rejected for.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use arrow_select::filter::filter;
use lab::{OrProblem, Problem};
use tabular::calendar;
use tabular::csv_batches::schema;

use super::cast;
use super::customers::{Customer, Customers};
use super::lake::Keys;
use super::revenue::Sums;
use super::wrong::Wrong;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
/// A discount is counted in hundredths of a percent.
pub(super) const BASIS_POINTS: i64 = 10_000;
/// What an order can be. The revenue leaves out what is cancelled.
pub(super) const STATUSES: [&str; 6] =
    ["delivered", "shipped", "processing", "cancelled", "returned", "pending"];
const CANCELLED: &str = "cancelled";

/// The columns of the clean orders. What the partition's name says is not in its files.
pub(super) fn cleaned(keys: &Keys) -> SchemaRef {
    let columns = [
        ("order_id", DataType::Int64, false),
        ("customer_id", DataType::Int64, false),
        ("kind", DataType::Utf8, false),
        ("city", DataType::Utf8, false),
        ("uf", DataType::Utf8, false),
        ("product_id", DataType::Int64, false),
        ("category", DataType::Utf8, false),
        ("quantity", DataType::Int32, false),
        ("unit_price_cents", DataType::Int64, false),
        ("discount_bp", DataType::Int32, false),
        ("revenue_cents", DataType::Int64, false),
        ("status", DataType::Utf8, false),
        ("ordered_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        ("note", DataType::Utf8, true),
    ];
    schema(columns.into_iter().filter(|(name, ..)| *name != "uf" || keys.uf.is_none()))
}

/// An order that is not clean.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) row: usize,
    pub(super) column: &'static str,
    pub(super) reason: String,
}

/// The orders of a batch that are clean, and those that are not.
#[derive(Debug)]
pub(super) struct Cleaned {
    pub(super) batch: RecordBatch,
    pub(super) refused: Vec<Refused>,
}

/// The columns of orders as they were read.
struct Orders {
    order_id: Int64Array,
    customer_id: Int64Array,
    product_id: Int64Array,
    category: StringArray,
    quantity: Int64Array,
    unit_price_cents: Int64Array,
    discount_bp: Int64Array,
    status: StringArray,
    ordered_at: TimestampMicrosecondArray,
    note: Option<StringArray>,
    uf: Option<StringArray>,
    /// Whether any value that must be there may be missing.
    has_gaps: bool,
}

/// What is found out about a clean order.
struct Judged<'a> {
    customer: &'a Customer,
    revenue: i64,
    year: i32,
    month: u8,
}

impl Orders {
    fn of(batch: &RecordBatch) -> Result<Self, Problem> {
        let column = |name: &str| batch.column_by_name(name);
        let missing = |name: &str| Problem::new(format!("the orders have no fitting column `{name}`"));
        let integers = |name| column(name).and_then(cast::integers).ok_or_else(|| missing(name));
        let texts = |name| column(name).and_then(cast::texts).ok_or_else(|| missing(name));
        let mut orders = Self {
            order_id: integers("order_id")?,
            customer_id: integers("customer_id")?,
            product_id: integers("product_id")?,
            category: texts("category")?,
            quantity: integers("quantity")?,
            unit_price_cents: integers("unit_price_cents")?,
            discount_bp: integers("discount_bp")?,
            status: texts("status")?,
            ordered_at: column("ordered_at").and_then(cast::instants).ok_or_else(|| missing("ordered_at"))?,
            note: column("note").and_then(cast::texts),
            uf: column("uf").and_then(cast::texts),
            has_gaps: false,
        };
        orders.has_gaps = orders.needed().iter().any(|(_, column)| column.null_count() > 0);
        Ok(orders)
    }

    fn needed(&self) -> [(&'static str, &dyn Array); 9] {
        [
            ("order_id", &self.order_id),
            ("customer_id", &self.customer_id),
            ("product_id", &self.product_id),
            ("category", &self.category),
            ("quantity", &self.quantity),
            ("unit_price_cents", &self.unit_price_cents),
            ("discount_bp", &self.discount_bp),
            ("status", &self.status),
            ("ordered_at", &self.ordered_at),
        ]
    }

    fn judge<'a>(
        &'a self,
        row: usize,
        keys: &'a Keys,
        customers: &'a Customers,
    ) -> Result<Judged<'a>, Wrong<'a>> {
        if self.has_gaps
            && let Some((name, _)) = self.needed().into_iter().find(|(_, column)| column.is_null(row))
        {
            return Err(Wrong::Missing(name));
        }
        let quantity = self.quantity.value(row);
        if i32::try_from(quantity).map_or(true, |quantity| quantity < 1) {
            return Err(Wrong::Quantity(quantity));
        }
        let price = self.unit_price_cents.value(row);
        if price < 0 {
            return Err(Wrong::Price(price));
        }
        let discount = self.discount_bp.value(row);
        if !(0..=BASIS_POINTS).contains(&discount) {
            return Err(Wrong::Discount(discount));
        }
        let paid = quantity
            .checked_mul(price)
            .and_then(|value| value.checked_mul(BASIS_POINTS - discount)?.checked_add(BASIS_POINTS / 2));
        let Some(paid) = paid else {
            return Err(Wrong::TooMuch);
        };
        if self.category.value(row).trim_ascii().is_empty() {
            return Err(Wrong::Category);
        }
        if known_status(self.status.value(row)).is_none() {
            return Err(Wrong::Status(self.status.value(row)));
        }
        let id = self.customer_id.value(row);
        let Some(customer) = customers.get(id) else {
            return Err(Wrong::Customer(id));
        };
        let state = customers.states.name(customer.state);
        let told = self.uf.as_ref().filter(|uf| uf.is_valid(row)).map(|uf| uf.value(row));
        if let Some(told) = told.into_iter().chain(keys.uf.as_deref()).find(|told| *told != state) {
            return Err(Wrong::State { told, state });
        }
        let (year, month) = month_of(self.ordered_at.value(row));
        if keys.year.is_some_and(|key| key != year) || keys.month.is_some_and(|key| key != month) {
            return Err(Wrong::Month { year, month });
        }
        Ok(Judged { customer, revenue: paid.div_euclid(BASIS_POINTS), year, month })
    }
}

/// The year and the month of a moment in microseconds since 1970.
pub(super) fn month_of(micros: i64) -> (i32, u8) {
    let (year, month, _) = calendar::civil(micros.div_euclid(MICROSECONDS_A_DAY));
    // A month is 1 to 12, and years of 64-bit microseconds lie within 300 000 of 1970.
    (i32::try_from(year).unwrap_or_default(), u8::try_from(month).unwrap_or_default())
}

fn known_status(text: &str) -> Option<&'static str> {
    let exact = STATUSES.into_iter().find(|status| *status == text);
    exact.or_else(|| STATUSES.into_iter().find(|status| text.trim_ascii().eq_ignore_ascii_case(status)))
}

/// Cleans a batch of orders of a partition, joins them with their customers, and adds what they are worth to `sums`.
///
/// # Errors
/// Columns that are none of orders', and revenue that does not fit 64 bits.
pub(super) fn clean(
    batch: &RecordBatch,
    keys: &Keys,
    customers: &Customers,
    sums: &mut Sums,
) -> Result<Cleaned, Problem> {
    let orders = Orders::of(batch)?;
    let rows = batch.num_rows();
    let mut refused = Vec::new();
    let mut revenues = Vec::with_capacity(rows);
    let mut buyers = Vec::with_capacity(rows);
    for row in 0..rows {
        match orders.judge(row, keys, customers) {
            Ok(judged) => {
                if known_status(orders.status.value(row)) != Some(CANCELLED) {
                    let place = (judged.customer.state, judged.year, judged.month);
                    sums.add(place, orders.category.value(row).trim_ascii(), judged.revenue)?;
                }
                revenues.push(judged.revenue);
                buyers.push(judged.customer);
            }
            Err(wrong) => {
                refused.push(Refused { row, column: wrong.column(), reason: wrong.to_string() });
            }
        }
    }
    let batch = joined(&orders, keys, customers, &buyers, revenues, &refused)?;
    Ok(Cleaned { batch, refused })
}

/// The orders that were not refused, with what is known of their customers.
fn joined(
    orders: &Orders,
    keys: &Keys,
    customers: &Customers,
    buyers: &[&Customer],
    revenues: Vec<i64>,
    refused: &[Refused],
) -> Result<RecordBatch, Problem> {
    let cannot = || "cannot clean the orders";
    let kept = (!refused.is_empty()).then(|| {
        let mut kept = vec![true; orders.order_id.len()];
        refused.iter().for_each(|refused| kept[refused.row] = false);
        BooleanArray::from(kept)
    });
    let of = |column: &dyn Array| match &kept {
        None => Ok(column.slice(0, column.len())),
        Some(kept) => filter(column, kept).or_problem(cannot),
    };
    // Values that are left were checked to fit.
    let narrow = |column: &Int64Array| -> Result<ArrayRef, Problem> {
        let column = cast::integers(&of(column)?).unwrap_or_else(|| Vec::<i64>::new().into());
        let numbers = column.values().iter().map(|value| i32::try_from(*value).unwrap_or_default());
        Ok(Arc::new(Int32Array::from_iter_values(numbers)))
    };
    let text = |column: &StringArray, tidy: fn(&str) -> Option<&str>| -> Result<ArrayRef, Problem> {
        Ok(tidied(of(column)?, tidy))
    };
    let name = |name: for<'c> fn(&'c Customers, &Customer) -> &'c str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(buyers.iter().map(|buyer| name(customers, buyer))))
    };
    let note = match &orders.note {
        Some(note) => text(note, |note| Some(note.trim_ascii()).filter(|note| !note.is_empty()))?,
        None => Arc::new(StringArray::new_null(buyers.len())),
    };
    let ordered_at = orders.ordered_at.clone().with_timezone("UTC");
    let mut columns: Vec<ArrayRef> = vec![
        of(&orders.order_id)?,
        of(&orders.customer_id)?,
        name(|customers, buyer| customers.kinds.name(buyer.kind)),
        name(|customers, buyer| customers.cities.name(buyer.city)),
    ];
    if keys.uf.is_none() {
        columns.push(name(|customers, buyer| customers.states.name(buyer.state)));
    }
    columns.extend([
        of(&orders.product_id)?,
        text(&orders.category, |category| Some(category.trim_ascii()))?,
        narrow(&orders.quantity)?,
        of(&orders.unit_price_cents)?,
        narrow(&orders.discount_bp)?,
        Arc::new(Int64Array::from(revenues)),
        text(&orders.status, known_status)?,
        of(&ordered_at)?,
        note,
    ]);
    RecordBatch::try_new(cleaned(keys), columns).or_problem(cannot)
}

/// The texts as `tidy` has them; a column that is tidy already is not copied.
fn tidied(column: ArrayRef, tidy: fn(&str) -> Option<&str>) -> ArrayRef {
    let Some(texts) = cast::texts(&column) else { return column };
    if texts.iter().all(|text| text.is_none_or(|text| tidy(text) == Some(text))) {
        return column;
    }
    Arc::new(texts.iter().map(|text| text.and_then(tidy)).collect::<StringArray>())
}
