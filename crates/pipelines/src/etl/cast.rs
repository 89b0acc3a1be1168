//! Columns of other types of the same meaning: every writer of Parquet has its own taste.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type,
};
use arrow_array::{Array, ArrayRef, Int64Array, PrimitiveArray, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, TimeUnit};
use tabular::values::{number, time};

const DAY: i64 = 86_400_000_000;

/// Whole numbers, also those that are written as text; `None` for a column that is none. Text that is no number is missing.
pub(super) fn integers(array: &ArrayRef) -> Option<Int64Array> {
    Some(match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().clone(),
        DataType::Int32 => widened::<Int32Type>(array),
        DataType::Int16 => widened::<Int16Type>(array),
        DataType::Int8 => widened::<Int8Type>(array),
        DataType::UInt32 => widened::<UInt32Type>(array),
        DataType::UInt16 => widened::<UInt16Type>(array),
        DataType::UInt8 => widened::<UInt8Type>(array),
        _ => texts(array)?.iter().map(|text| number::integer(text?.as_bytes())).collect(),
    })
}

fn widened<T: ArrowPrimitiveType>(array: &ArrayRef) -> Int64Array
where
    T::Native: Into<i64>,
{
    array.as_primitive::<T>().unary(Into::into)
}

/// Text; `None` for a column that is none.
pub(super) fn texts(array: &ArrayRef) -> Option<StringArray> {
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().clone(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().collect(),
        DataType::Utf8View => array.as_string_view().iter().collect(),
        _ => return None,
    })
}

/// Moments in microseconds since 1970, in UTC where they have a zone; `None` for a column of something else. What does not
/// fit is missing.
pub(super) fn instants(array: &ArrayRef) -> Option<TimestampMicrosecondArray> {
    let scaled = |values: &PrimitiveArray<Int64Type>, factor: i64| -> TimestampMicrosecondArray {
        values.iter().map(|value| value?.checked_mul(factor)).collect()
    };
    Some(match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            scaled(&array.as_primitive::<TimestampMillisecondType>().reinterpret_cast(), 1_000)
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            scaled(&array.as_primitive::<TimestampSecondType>().reinterpret_cast(), 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().unary(|nanos| nanos.div_euclid(1_000))
        }
        DataType::Date32 => array.as_primitive::<Date32Type>().unary(|day| i64::from(day) * DAY),
        _ => {
            let texts = texts(array)?;
            let read = |text: &str| time::instant(text.as_bytes(), time::Order::Ymd)?.micros();
            texts.iter().map(|text| read(text?)).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int32Array, LargeStringArray, StringViewArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn columns_of_other_writers_mean_the_same() {
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![Some(-3), None]));
        let written: ArrayRef = Arc::new(LargeStringArray::from(vec![Some("-3"), Some("three")]));
        let wanted = Int64Array::from(vec![Some(-3), None]);
        assert_eq!((integers(&narrow).unwrap(), integers(&written).unwrap()), (wanted.clone(), wanted));
        let view: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None]));
        assert_eq!(texts(&view).unwrap(), StringArray::from(vec![Some("a"), None]));
        let zoned: ArrayRef =
            Arc::new(TimestampMillisecondArray::from(vec![1_709_251_199_000]).with_timezone("UTC"));
        let told: ArrayRef = Arc::new(StringArray::from(vec!["2024-02-29T23:59:59Z"]));
        let wanted = TimestampMicrosecondArray::from(vec![1_709_251_199_000_000]);
        assert_eq!((instants(&zoned).unwrap(), instants(&told).unwrap()), (wanted.clone(), wanted));
        assert!(instants(&narrow).is_none() && texts(&narrow).is_none());
    }
}
