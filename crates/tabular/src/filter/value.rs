//! A written value as one of a column's type.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_schema::{DataType, TimeUnit};

use super::parse::Literal;
use crate::values::number::{self, Mark};
use crate::values::time::{self, Instant, Order};

/// An array of the one value; `None` where the type has no such value.
pub(super) fn array(literal: &Literal, data_type: &DataType) -> Option<ArrayRef> {
    match literal {
        Literal::Flag(flag) => {
            (*data_type == DataType::Boolean).then(|| Arc::new(BooleanArray::from(vec![*flag])) as ArrayRef)
        }
        Literal::Number(text) => numeric(text, data_type),
        Literal::Text(text) => textual(text, data_type),
    }
}

fn numeric(text: &str, data_type: &DataType) -> Option<ArrayRef> {
    let decimal = |scale: i8| {
        let digits = number::decimal(text.as_bytes(), Mark::Point)?;
        digits.scaled(u8::try_from(scale).ok()?)
    };
    match data_type {
        DataType::Int8 => parsed::<Int8Type>(text),
        DataType::Int16 => parsed::<Int16Type>(text),
        DataType::Int32 => parsed::<Int32Type>(text),
        DataType::Int64 => parsed::<Int64Type>(text),
        DataType::UInt8 => parsed::<UInt8Type>(text),
        DataType::UInt16 => parsed::<UInt16Type>(text),
        DataType::UInt32 => parsed::<UInt32Type>(text),
        DataType::UInt64 => parsed::<UInt64Type>(text),
        DataType::Float32 => parsed::<Float32Type>(text),
        DataType::Float64 => parsed::<Float64Type>(text),
        DataType::Decimal32(_, scale) => {
            Some(typed::<Decimal32Type>(i32::try_from(decimal(*scale)?).ok()?, data_type))
        }
        DataType::Decimal64(_, scale) => {
            Some(typed::<Decimal64Type>(i64::try_from(decimal(*scale)?).ok()?, data_type))
        }
        DataType::Decimal128(_, scale) => Some(typed::<Decimal128Type>(decimal(*scale)?, data_type)),
        _ => None,
    }
}

fn parsed<T: ArrowPrimitiveType<Native: std::str::FromStr>>(text: &str) -> Option<ArrayRef> {
    Some(typed::<T>(text.parse().ok()?, &T::DATA_TYPE))
}

fn typed<T: ArrowPrimitiveType>(value: T::Native, data_type: &DataType) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_value(value, 1).with_data_type(data_type.clone()))
}

fn textual(text: &str, data_type: &DataType) -> Option<ArrayRef> {
    Some(match data_type {
        DataType::Utf8 => Arc::new(StringArray::from(vec![text])),
        DataType::LargeUtf8 => Arc::new(LargeStringArray::from(vec![text])),
        DataType::Utf8View => Arc::new(StringViewArray::from(vec![text])),
        DataType::Date32 => Arc::new(Date32Array::from(vec![time::date(text.as_bytes(), Order::Ymd)?])),
        DataType::Timestamp(unit, zone) => {
            let instant = instant(text)?;
            let zone = zone.clone();
            match unit {
                TimeUnit::Second => {
                    let whole = (instant.nanos == 0).then_some(instant.seconds)?;
                    Arc::new(TimestampSecondArray::from(vec![whole]).with_timezone_opt(zone))
                }
                TimeUnit::Millisecond => {
                    let micros = instant.micros().filter(|micros| micros % 1_000 == 0)?;
                    Arc::new(TimestampMillisecondArray::from(vec![micros / 1_000]).with_timezone_opt(zone))
                }
                TimeUnit::Microsecond => {
                    Arc::new(TimestampMicrosecondArray::from(vec![instant.micros()?]).with_timezone_opt(zone))
                }
                TimeUnit::Nanosecond => {
                    Arc::new(TimestampNanosecondArray::from(vec![instant.nanos()?]).with_timezone_opt(zone))
                }
            }
        }
        _ => return None,
    })
}

/// An instant, or the first one of a day.
fn instant(text: &str) -> Option<Instant> {
    time::instant(text.as_bytes(), Order::Ymd).or_else(|| {
        let days = time::date(text.as_bytes(), Order::Ymd)?;
        Some(Instant { seconds: i64::from(days) * 86_400, nanos: 0, fraction: 0, zoned: false })
    })
}
