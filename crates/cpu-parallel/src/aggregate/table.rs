//! Groups as a table.

use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
    UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use lab::{OrProblem, Problem};
use tabular::values::number::DECIMAL_DIGITS;

use super::keys::{GroupKeys, KeyValue, read};
use super::measure::Measure;
use super::part::Groups;
use super::question::{Function, Question};
use super::samples::Answers;
use super::states::State as _;
use super::values::{Kind, decimal_of_bytes, float_of_word, whole_of_word};

/// The groups' keys, their rows, and what was asked of each column.
///
/// # Errors
/// A sum of decimals that has more than 38 digits.
pub(super) fn table(groups: &Groups, question: &Question) -> Result<RecordBatch, Problem> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut put = |name: String, array: ArrayRef| {
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    };
    let names = question.schema.0.schema();
    for (number, array) in keys(&groups.keys, question).into_iter().enumerate() {
        put(names.field(number).name().clone(), array);
    }
    put("rows".into(), Arc::new(groups.rows.iter().copied().collect::<UInt64Array>()));
    for (number, (measure, kind)) in groups.measures.iter().zip(&question.measures).enumerate() {
        let name = names.field(question.keys.len() + number).name();
        let data_type = question.measure_type(number);
        for function in &question.shown {
            if let Some(array) = answer(*function, measure, *kind, data_type, groups, number, name)? {
                put(format!("{name}_{}", function.name()), array);
            }
        }
        if let Some(answers) = groups.answers.get(number).filter(|_| *kind != Kind::Text) {
            for (place, quantile) in question.asked.quantiles.iter().enumerate() {
                put(
                    format!("{name}_p{}", percent(*quantile)),
                    quantiles(answers, place, *kind, data_type, groups),
                );
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .or_problem(|| "cannot make a table of the groups")
}

/// `0.5` is `50`, `0.999` is `99.9`.
fn percent(quantile: f64) -> String {
    let text = format!("{:.10}", quantile * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn keys(keys: &GroupKeys, question: &Question) -> Vec<ArrayRef> {
    match keys {
        GroupKeys::Words { words, missing } => {
            let there =
                words.iter().enumerate().map(|(group, word)| (Some(group) != *missing).then_some(*word));
            vec![of_words(there, question.keys[0], question.key_type(0))]
        }
        GroupKeys::Bytes(keys) => {
            let rows: Vec<_> = keys.iter().map(|key| read(key, &question.keys)).collect();
            let column = |(number, kind): (usize, &Kind)| -> ArrayRef {
                let data_type = question.key_type(number);
                let word = |value: &Option<KeyValue>| match value {
                    Some(KeyValue::Word(word)) => Some(*word),
                    _ => None,
                };
                let bytes = |value: &Option<KeyValue>| match value {
                    Some(KeyValue::Bytes(bytes)) => Some(bytes.clone()),
                    _ => None,
                };
                match kind {
                    Kind::Text => {
                        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
                        Arc::new(
                            rows.iter().map(|row| bytes(&row[number]).map(text)).collect::<StringArray>(),
                        )
                    }
                    Kind::Decimal(_) => of_decimals(
                        rows.iter().map(|row| bytes(&row[number]).map(|bytes| decimal_of_bytes(&bytes))),
                        data_type,
                    ),
                    kind => of_words(rows.iter().map(|row| word(&row[number])), *kind, data_type),
                }
            };
            question.keys.iter().enumerate().map(column).collect()
        }
    }
}

/// Values of a kind that is a word, as their own type.
fn of_words(words: impl Iterator<Item = Option<u64>>, kind: Kind, data_type: &DataType) -> ArrayRef {
    if kind == Kind::Float {
        return of_floats(words.map(|word| word.map(float_of_word)), data_type);
    }
    of_whole(words.map(|word| word.map(whole_of_word)), data_type)
}

#[allow(clippy::cast_possible_truncation, reason = "it was a number of 32 bits")]
fn of_floats(values: impl Iterator<Item = Option<f64>>, data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::Float32 => {
            Arc::new(values.map(|value| value.map(|value| value as f32)).collect::<Float32Array>())
        }
        _ => Arc::new(values.collect::<Float64Array>()),
    }
}

/// Whole numbers as the type that they came from; each fits it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each was of the narrower type")]
fn of_whole(values: impl Iterator<Item = Option<i64>>, data_type: &DataType) -> ArrayRef {
    macro_rules! narrow {
        ($type:ty, $native:ty) => {
            Arc::new(
                values.map(|value| value.map(|value| value as $native)).collect::<PrimitiveArray<$type>>(),
            )
        };
    }
    macro_rules! time {
        ($type:ty) => {
            Arc::new(values.collect::<PrimitiveArray<$type>>().with_data_type(data_type.clone()))
        };
    }
    match data_type {
        DataType::Boolean => {
            Arc::new(values.map(|value| value.map(|value| value != 0)).collect::<BooleanArray>())
        }
        DataType::Int8 => narrow!(Int8Type, i8),
        DataType::Int16 => narrow!(Int16Type, i16),
        DataType::Int32 => narrow!(Int32Type, i32),
        DataType::UInt8 => narrow!(UInt8Type, u8),
        DataType::UInt16 => narrow!(UInt16Type, u16),
        DataType::UInt32 => narrow!(UInt32Type, u32),
        DataType::Date32 => narrow!(Date32Type, i32),
        DataType::Timestamp(TimeUnit::Second, _) => time!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => time!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => time!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => time!(TimestampNanosecondType),
        _ => Arc::new(values.collect::<PrimitiveArray<Int64Type>>()),
    }
}

fn of_decimals(values: impl Iterator<Item = Option<i128>>, data_type: &DataType) -> ArrayRef {
    if *data_type == DataType::UInt64 {
        let values = values.map(|value| value.and_then(|value| u64::try_from(value).ok()));
        return Arc::new(values.collect::<PrimitiveArray<UInt64Type>>());
    }
    Arc::new(values.collect::<PrimitiveArray<Decimal128Type>>().with_data_type(data_type.clone()))
}

/// One answer for each group; `None` of a function that the column's values do not have.
fn answer(
    function: Function,
    measure: &Measure,
    kind: Kind,
    data_type: &DataType,
    groups: &Groups,
    number: usize,
    name: &str,
) -> Result<Option<ArrayRef>, Problem> {
    let counts = counts(measure);
    Ok(Some(match function {
        Function::Count => Arc::new(counts.into_iter().collect::<UInt64Array>()),
        Function::Nulls => Arc::new(
            groups.rows.iter().zip(counts).map(|(rows, count)| rows - count).collect::<UInt64Array>(),
        ),
        Function::Distinct => {
            let Some(answers) = groups.answers.get(number) else { return Ok(None) };
            Arc::new(
                groups.order.iter().map(|group| answers.distinct[*group as usize]).collect::<UInt64Array>(),
            )
        }
        Function::Sum | Function::Mean | Function::Std if !kind.adds_up() => return Ok(None),
        Function::Sum => sums(measure, kind, name)?,
        Function::Mean => Arc::new(means(measure, kind)),
        Function::Std => Arc::new(deviations(measure, kind)),
        Function::Min => extremes(measure, data_type, true),
        Function::Max => extremes(measure, data_type, false),
    }))
}

fn counts(measure: &Measure) -> Vec<u64> {
    match measure {
        Measure::Whole(states) => states.iter().map(|state| state.count).collect(),
        Measure::Float(states, _) => states.iter().map(|state| state.count).collect(),
        Measure::Decimal(states) => states.iter().map(|state| state.count).collect(),
        Measure::Text(states) => states.iter().map(|state| state.count).collect(),
    }
}

/// Sums: of no value there is none. Those of whole numbers and decimals are decimals of 38 digits.
fn sums(measure: &Measure, kind: Kind, name: &str) -> Result<ArrayRef, Problem> {
    let decimals = |values: Vec<Option<i128>>, scale: i8| -> Result<ArrayRef, Problem> {
        let limit = 10_i128.pow(DECIMAL_DIGITS.into());
        if values.iter().flatten().any(|sum| sum.abs() >= limit) {
            return Err(Problem::new(format!("a sum of `{name}` has more than {DECIMAL_DIGITS} digits"))
                .hint("leave `sum` out of --show, or group by more columns"));
        }
        let data_type = DataType::Decimal128(DECIMAL_DIGITS, scale);
        Ok(Arc::new(values.into_iter().collect::<PrimitiveArray<Decimal128Type>>().with_data_type(data_type)))
    };
    match measure {
        Measure::Whole(states) => {
            decimals(states.iter().map(|state| (state.count > 0).then_some(state.sum)).collect(), 0)
        }
        Measure::Decimal(states) => {
            let Kind::Decimal(scale) = kind else { unreachable!("decimals have a scale") };
            // What does not fit 128 bits has more than 38 digits as well.
            let sum = |high: i64, low: u128| match (high, low.cast_signed()) {
                (0, sum) if sum >= 0 => sum,
                (-1, sum) if sum < 0 => sum,
                _ => i128::MAX,
            };
            decimals(
                states.iter().map(|state| (state.count > 0).then(|| sum(state.high, state.low))).collect(),
                scale,
            )
        }
        Measure::Float(states, wide) => Ok(Arc::new(
            states.iter().map(|state| (state.count > 0).then(|| state.sum(wide))).collect::<Float64Array>(),
        )),
        Measure::Text(_) => unreachable!("texts have no sum"),
    }
}

fn unit(kind: Kind) -> f64 {
    if let Kind::Decimal(scale) = kind { 10_f64.powi(-i32::from(scale)) } else { 1.0 }
}

fn means(measure: &Measure, kind: Kind) -> Float64Array {
    match measure {
        Measure::Whole(states) => {
            states.iter().map(|state| (state.count > 0).then(|| state.mean())).collect()
        }
        Measure::Float(states, wide) => {
            states.iter().map(|state| (state.count > 0).then(|| state.mean(wide))).collect()
        }
        Measure::Decimal(states) => {
            states.iter().map(|state| (state.count > 0).then(|| state.mean() * unit(kind))).collect()
        }
        Measure::Text(_) => unreachable!("texts have no mean"),
    }
}

fn deviations(measure: &Measure, kind: Kind) -> Float64Array {
    match measure {
        Measure::Whole(states) => states.iter().map(|state| state.moments().deviation(state.count)).collect(),
        Measure::Float(states, wide) => {
            states.iter().map(|state| state.moments(wide).deviation(state.count)).collect()
        }
        Measure::Decimal(states) => states
            .iter()
            .map(|state| state.moments().deviation(state.count).map(|found| found * unit(kind)))
            .collect(),
        Measure::Text(_) => unreachable!("texts have no deviation"),
    }
}

/// The least or greatest values, as the type of the column.
fn extremes(measure: &Measure, data_type: &DataType, least: bool) -> ArrayRef {
    match measure {
        Measure::Whole(states) => of_whole(
            states
                .iter()
                .map(|state| (state.count > 0).then_some(if least { state.least } else { state.greatest })),
            data_type,
        ),
        Measure::Float(states, _) => of_floats(
            states.iter().map(|state| {
                // Where nothing is a number, neither end is. Both zeros are written as one.
                let end = if least { state.least } else { state.greatest };
                (state.count > 0).then_some(if state.least > state.greatest { f64::NAN } else { end + 0.0 })
            }),
            data_type,
        ),
        Measure::Decimal(states) => of_decimals(
            states
                .iter()
                .map(|state| (state.count > 0).then_some(if least { state.least } else { state.greatest })),
            data_type,
        ),
        Measure::Text(states) => {
            let end =
                |(low, high): &(Box<str>, Box<str>)| if least { low.to_string() } else { high.to_string() };
            Arc::new(states.iter().map(|state| state.ends.as_ref().map(end)).collect::<StringArray>())
        }
    }
}

fn quantiles(answers: &Answers, place: usize, kind: Kind, data_type: &DataType, groups: &Groups) -> ArrayRef {
    let found = groups.order.iter().map(|group| answers.quantiles[place][*group as usize]);
    match kind {
        Kind::Float => {
            Arc::new(found.map(|found| found.map(|found| found.float())).collect::<Float64Array>())
        }
        Kind::Time => {
            // An instant between two is the earlier one's neighbour: whole units are all that the type has.
            #[allow(clippy::cast_possible_truncation, reason = "between two numbers of the type")]
            let whole = found.map(|found| found.map(|found| found.whole().floor() as i64));
            let array: Int64Array = whole.collect();
            of_whole(array.iter(), data_type)
        }
        kind => Arc::new(
            found.map(|found| found.map(|found| found.whole() * unit(kind))).collect::<Float64Array>(),
        ),
    }
}
