//! What is in each column, in a few numbers. Sums are exact: they are kept in 128 bits and never wrap.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampNanosecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::columns::{Column, arrow_schema};
use tabular::csv_text::{Dialect, write_batch};

/// What was counted of a column, in one piece or in several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Totals {
    values: u64,
    missing: u64,
    numbers: Option<Numbers>,
    floats: Option<Floats>,
    texts: Option<Texts>,
}

/// Whole numbers, decimals, days, instants and truths: anything that is a whole number inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Numbers {
    least: i128,
    greatest: i128,
    /// `None` once it is past 128 bits.
    sum: Option<i128>,
}

/// The sum is one of sums of pieces, in their order, so that it is the same for any number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Floats {
    least: f64,
    greatest: f64,
    sum: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Texts {
    least: String,
    greatest: String,
    longest: u64,
}

impl Totals {
    /// Adds the values of a batch.
    pub(super) fn add(&mut self, column: &ArrayRef) {
        let missing = column.null_count() as u64;
        self.missing += missing;
        self.values += column.len() as u64 - missing;
        match column.data_type() {
            DataType::Boolean => self.whole(column.as_boolean().iter().flatten().map(i128::from)),
            DataType::Int32 => {
                self.whole(column.as_primitive::<Int32Type>().iter().flatten().map(i128::from));
            }
            DataType::Int64 => {
                self.whole(column.as_primitive::<Int64Type>().iter().flatten().map(i128::from));
            }
            DataType::Date32 => {
                self.whole(column.as_primitive::<Date32Type>().iter().flatten().map(i128::from));
            }
            DataType::Decimal128(..) => self.whole(column.as_primitive::<Decimal128Type>().iter().flatten()),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                self.whole(column.as_primitive::<TimestampNanosecondType>().iter().flatten().map(i128::from));
            }
            DataType::Timestamp(..) => {
                self.whole(
                    column.as_primitive::<TimestampMicrosecondType>().iter().flatten().map(i128::from),
                );
            }
            DataType::Float64 => {
                for value in column.as_primitive::<Float64Type>().iter().flatten() {
                    merge(
                        &mut self.floats,
                        Some(Floats { least: value, greatest: value, sum: value }),
                        Floats::merge,
                    );
                }
            }
            _ => {
                for value in column.as_string::<i32>().iter().flatten() {
                    self.text(value);
                }
            }
        }
    }

    fn whole(&mut self, values: impl Iterator<Item = i128>) {
        for value in values {
            merge(
                &mut self.numbers,
                Some(Numbers { least: value, greatest: value, sum: Some(value) }),
                Numbers::merge,
            );
        }
    }

    fn text(&mut self, value: &str) {
        let longest = value.len() as u64;
        let Some(texts) = &mut self.texts else {
            self.texts = Some(Texts { least: value.into(), greatest: value.into(), longest });
            return;
        };
        // Most values are neither, so none is copied for them.
        if value < texts.least.as_str() {
            value.clone_into(&mut texts.least);
        }
        if value > texts.greatest.as_str() {
            value.clone_into(&mut texts.greatest);
        }
        texts.longest = texts.longest.max(longest);
    }

    /// Adds what was counted in the next piece.
    pub(super) fn merge(&mut self, next: Self) {
        self.values += next.values;
        self.missing += next.missing;
        merge(&mut self.numbers, next.numbers, Numbers::merge);
        merge(&mut self.floats, next.floats, Floats::merge);
        merge(&mut self.texts, next.texts, |one, two| Texts {
            least: one.least.min(two.least),
            greatest: one.greatest.max(two.greatest),
            longest: one.longest.max(two.longest),
        });
    }
}

fn merge<T>(into: &mut Option<T>, next: Option<T>, both: impl Fn(T, T) -> T) {
    *into = match (into.take(), next) {
        (Some(one), Some(two)) => Some(both(one, two)),
        (one, two) => one.or(two),
    };
}

impl Numbers {
    fn merge(one: Self, two: Self) -> Self {
        Self {
            least: one.least.min(two.least),
            greatest: one.greatest.max(two.greatest),
            sum: one.sum.zip(two.sum).and_then(|(one, two)| one.checked_add(two)),
        }
    }
}

impl Floats {
    fn merge(one: Self, two: Self) -> Self {
        Self {
            least: one.least.min(two.least),
            greatest: one.greatest.max(two.greatest),
            sum: one.sum + two.sum,
        }
    }
}

/// A line of the summary. Numbers are texts where JSON's readers would round them.
#[derive(Serialize)]
struct Line<'a> {
    column: &'a str,
    r#type: String,
    values: u64,
    missing: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    greatest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest: Option<u64>,
}

/// The summary of a table.
pub(super) fn lines(columns: &[Column], totals: &[Totals]) -> Result<String, Problem> {
    let mut out = String::new();
    for (column, totals) in columns.iter().zip(totals) {
        let shown = |value: i128| written(column, value);
        let text = |texts: &Texts| (texts.least.clone(), texts.greatest.clone());
        let ends = totals
            .numbers
            .map(|numbers| (shown(numbers.least), shown(numbers.greatest)))
            .or_else(|| totals.floats.map(|floats| (floats.least.to_string(), floats.greatest.to_string())))
            .or_else(|| totals.texts.as_ref().map(text));
        let sums = !matches!(column.column_type.data_type(), DataType::Date32 | DataType::Timestamp(..));
        let whole = totals.numbers.filter(|_| sums).map(|numbers| match numbers.sum {
            Some(sum) if matches!(column.column_type.data_type(), DataType::Decimal128(..)) => shown(sum),
            Some(sum) => sum.to_string(),
            None => "past 128 bits".into(),
        });
        let (least, greatest) = ends.unzip();
        let line = Line {
            column: &column.name,
            r#type: column.column_type.to_string(),
            values: totals.values,
            missing: totals.missing,
            least,
            greatest,
            sum: whole.or_else(|| totals.floats.map(|floats| floats.sum.to_string())),
            longest: totals.texts.as_ref().map(|texts| texts.longest),
        };
        out.push_str(&serde_json::to_string(&line).or_problem(|| "cannot write the summary")?);
        out.push('\n');
    }
    Ok(out)
}

/// A value as CSV has it.
fn written(column: &Column, value: i128) -> String {
    use std::sync::Arc;
    let column = Column { name: "value".into(), ..column.clone() };
    let small = || i64::try_from(value).unwrap_or_default();
    let array: ArrayRef = match column.column_type.data_type() {
        DataType::Boolean => return (value != 0).to_string(),
        DataType::Date32 => Arc::new(arrow_array::PrimitiveArray::<Date32Type>::from_value(
            i32::try_from(value).unwrap_or_default(),
            1,
        )),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Arc::new(arrow_array::PrimitiveArray::<TimestampNanosecondType>::from_value(small(), 1))
        }
        data_type @ DataType::Timestamp(..) => Arc::new(
            arrow_array::PrimitiveArray::<TimestampMicrosecondType>::from_value(small(), 1)
                .with_data_type(data_type),
        ),
        data_type @ DataType::Decimal128(..) => Arc::new(
            arrow_array::PrimitiveArray::<Decimal128Type>::from_value(value, 1).with_data_type(data_type),
        ),
        _ => return value.to_string(),
    };
    let mut text = Vec::new();
    let written = RecordBatch::try_new(arrow_schema(&[column]), vec![array])
        .is_ok_and(|batch| write_batch(&batch, Dialect::default(), &mut text).is_ok());
    if written { String::from_utf8_lossy(&text).trim_end().to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int64Array;
    use tabular::columns::ColumnType;

    use super::*;

    #[test]
    fn a_sum_past_64_bits_is_exact() {
        let mut totals = Totals::default();
        for _ in 0..3 {
            let mut piece = Totals::default();
            piece.add(&(Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(i64::MAX)])) as ArrayRef));
            totals.merge(piece);
        }
        let text = lines(&[Column::new("n", ColumnType::Int64)], &[totals]).unwrap();
        let expected = 6 * i128::from(i64::MAX);
        assert!(
            text.contains(&format!("\"sum\":\"{expected}\"")) && text.contains("\"missing\":3"),
            "{text}"
        );
    }
}
