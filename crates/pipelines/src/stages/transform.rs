//! The second stage: what the orders are worth, when they were placed, and their notes made comparable.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use lab::{OrProblem, Problem, span};
use tabular::calendar;
use tabular::csv_batches::schema;
use tabular::text::plain_letter;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
/// A discount is counted in hundredths of a percent.
const BASIS_POINTS: i64 = 10_000;

/// The columns of the transformed orders.
pub(super) fn transformed() -> SchemaRef {
    schema([
        ("order_id", DataType::Int64, false),
        ("customer_id", DataType::Int64, false),
        ("product_id", DataType::Int64, false),
        ("category", DataType::Utf8, false),
        ("uf", DataType::Utf8, false),
        ("status", DataType::Utf8, false),
        ("year", DataType::Int32, false),
        ("month", DataType::Int32, false),
        ("quantity", DataType::Int32, false),
        ("gross_cents", DataType::Int64, false),
        ("net_cents", DataType::Int64, false),
        ("note", DataType::Utf8, true),
        ("note_words", DataType::Int32, false),
    ])
}

/// Drops cancelled orders, computes gross and net value in cents (half a cent is rounded up), takes year and month out of
/// the time, and makes notes comparable: lower case, without accents, one space between words.
///
/// # Errors
/// An order whose value does not fit 64 bits, by its number.
pub fn transform(orders: &RecordBatch) -> Result<RecordBatch, Problem> {
    let _span = span!(Running, "transform", "").entered();
    let cannot = || "cannot transform the orders";
    let kept: BooleanArray =
        text(orders, "status").iter().map(|status| Some(status != Some("cancelled"))).collect();
    let orders = filter_record_batch(orders, &kept).or_problem(cannot)?;
    let (gross, net) = values(&orders)?;
    let (years, months) = dates(&orders);
    let (notes, words) = notes(text(&orders, "note"));
    let same = |name: &str| orders.column_by_name(name).map(Arc::clone);
    let columns: Option<Vec<ArrayRef>> = [
        same("order_id"),
        same("customer_id"),
        same("product_id"),
        same("category"),
        same("uf"),
        same("status"),
        Some(Arc::new(years)),
        Some(Arc::new(months)),
        same("quantity"),
        Some(Arc::new(gross)),
        Some(Arc::new(net)),
        Some(Arc::new(notes)),
        Some(Arc::new(words)),
    ]
    .into_iter()
    .collect();
    RecordBatch::try_new(transformed(), columns.unwrap_or_default()).or_problem(cannot)
}

fn text<'a>(orders: &'a RecordBatch, name: &str) -> &'a StringArray {
    orders[name].as_string()
}

/// Gross and net value of each order, in cents.
fn values(orders: &RecordBatch) -> Result<(Int64Array, Int64Array), Problem> {
    let quantities = orders["quantity"].as_primitive::<Int32Type>().values();
    let prices = orders["unit_price_cents"].as_primitive::<Int64Type>().values();
    let discounts = orders["discount_bp"].as_primitive::<Int32Type>().values();
    let mut gross = Vec::with_capacity(orders.num_rows());
    let mut net = Vec::with_capacity(orders.num_rows());
    for (row, ((quantity, price), discount)) in quantities.iter().zip(prices).zip(discounts).enumerate() {
        let value = i64::from(*quantity).checked_mul(*price);
        let paid = value.and_then(|value| {
            value.checked_mul(BASIS_POINTS - i64::from(*discount))?.checked_add(BASIS_POINTS / 2)
        });
        let (Some(value), Some(paid)) = (value, paid) else {
            let number = orders["order_id"].as_primitive::<Int64Type>().value(row);
            return Err(Problem::new(format!("the value of order {number} does not fit 64 bits"))
                .expected("a quantity and a price in cents whose product is below 9 × 10^14"));
        };
        gross.push(value);
        net.push(paid.div_euclid(BASIS_POINTS));
    }
    Ok((gross.into(), net.into()))
}

/// Year and month of each order.
fn dates(orders: &RecordBatch) -> (Int32Array, Int32Array) {
    let times = orders["ordered_at"].as_primitive::<TimestampMicrosecondType>().values();
    // Years of 64-bit microseconds lie within 300 000 of 1970.
    let narrow = |number: i64| i32::try_from(number).unwrap_or_default();
    let dates = times.iter().map(|time| calendar::civil(time.div_euclid(MICROSECONDS_A_DAY)));
    let (years, months): (Vec<_>, Vec<_>) =
        dates.map(|(year, month, _)| (narrow(year), narrow(month))).unzip();
    (years.into(), months.into())
}

/// Comparable notes and the number of their words.
fn notes(notes: &StringArray) -> (StringArray, Int32Array) {
    let mut comparable = StringBuilder::with_capacity(notes.len(), notes.value_data().len());
    let mut counts = Vec::with_capacity(notes.len());
    let mut note = String::new();
    for original in notes {
        let Some(original) = original else {
            comparable.append_null();
            counts.push(0);
            continue;
        };
        note.clear();
        let mut words = 0;
        for word in original.split_whitespace() {
            if words > 0 {
                note.push(' ');
            }
            if word.is_ascii() {
                let from = note.len();
                note.push_str(word);
                note[from..].make_ascii_lowercase();
            } else {
                note.extend(word.chars().flat_map(char::to_lowercase).map(plain_letter));
            }
            words += 1;
        }
        comparable.append_value(&note);
        counts.push(words);
    }
    (comparable.finish(), counts.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::TimestampMicrosecondArray;

    fn order(quantity: i32, price: i64, discount: i32, status: &str, note: Option<&str>) -> RecordBatch {
        let columns: [(&str, ArrayRef); 11] = [
            ("order_id", Arc::new(Int64Array::from(vec![7]))),
            ("customer_id", Arc::new(Int64Array::from(vec![1]))),
            ("product_id", Arc::new(Int64Array::from(vec![2]))),
            ("category", Arc::new(StringArray::from(vec!["Moda"]))),
            ("uf", Arc::new(StringArray::from(vec!["SP"]))),
            ("quantity", Arc::new(Int32Array::from(vec![quantity]))),
            ("unit_price_cents", Arc::new(Int64Array::from(vec![price]))),
            ("discount_bp", Arc::new(Int32Array::from(vec![discount]))),
            ("status", Arc::new(StringArray::from(vec![status]))),
            ("ordered_at", Arc::new(TimestampMicrosecondArray::from(vec![1_709_251_199_000_000]))),
            ("note", Arc::new(StringArray::from(vec![note]))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn check(order: &RecordBatch, expected: &str) {
        let mut out = Vec::new();
        tabular::csv_text::write_batch(
            &transform(order).unwrap(),
            tabular::csv_text::Dialect::default(),
            &mut out,
        )
        .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn an_order_gets_its_value_its_month_and_a_comparable_note() {
        let note = "  Atenção:\nÀ porta,  JOÃO ";
        check(
            &order(3, 2_990, 0, "returned", Some(note)),
            "7,1,2,Moda,SP,returned,2024,2,3,8970,8970,\"atencao: a porta, joao\",4\n",
        );
        check(&order(1, 100, 0, "returned", None), "7,1,2,Moda,SP,returned,2024,2,1,100,100,,0\n");
    }

    #[test]
    fn half_a_cent_is_rounded_up() {
        // 1 cent less 50 % is half a cent; 3 × 333 cents less 12.34 % is 875.7234 cents.
        check(&order(1, 1, 5_000, "paid", None), "7,1,2,Moda,SP,paid,2024,2,1,1,1,,0\n");
        check(&order(3, 333, 1_234, "paid", None), "7,1,2,Moda,SP,paid,2024,2,3,999,876,,0\n");
    }

    #[test]
    fn a_cancelled_order_is_dropped() {
        check(&order(1, 1, 0, "cancelled", None), "");
    }

    #[test]
    fn a_value_past_64_bits_is_an_error_that_names_the_order() {
        let error = transform(&order(i32::MAX, i64::MAX / 4, 0, "paid", None)).unwrap_err();
        assert!(error.to_string().contains("order 7 does not fit"), "{error}");
    }
}
