//! One column's way to write a value.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalYearMonthType, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray,
};
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, NullBuffer, i256};
use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};

use super::nested::Nested;
use super::{Dialect, scalar};
use crate::Error;

/// A column with its type found once, so that a value costs one jump.
pub(super) struct Column<'a> {
    nulls: Option<NullBuffer>,
    pub(super) values: Values<'a>,
}

pub(super) enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float16(&'a [half::f16]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    /// The digits, and how many of them stand behind the point.
    Decimal32(&'a [i32], i8),
    Decimal64(&'a [i64], i8),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    /// Days since 1970.
    Date32(&'a [i32]),
    /// Milliseconds since 1970.
    Date64(&'a [i64]),
    Time32(&'a [i32], Unit),
    Time64(&'a [i64], Unit),
    /// Whether it is an instant of the whole world, told by a `Z`, or of an unnamed place.
    Instant(&'a [i64], Unit, bool),
    Duration(&'a [i64], Unit),
    Months(&'a [i32]),
    DaysAndTime(&'a [IntervalDayTime]),
    MonthsDaysAndTime(&'a [IntervalMonthDayNano]),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    LargeBytes(&'a LargeBinaryArray),
    BytesView(&'a BinaryViewArray),
    FixedBytes(&'a FixedSizeBinaryArray),
    Uuid(&'a FixedSizeBinaryArray),
    /// The number of each row's value, and the values.
    Dictionary(Vec<usize>, Box<Column<'a>>),
    Nested(Box<Nested<'a>>),
}

/// What a count of time means.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    /// Units in a second.
    pub(super) per_second: i64,
    /// How many digits the fraction of a second has.
    pub(super) digits: usize,
}

impl From<TimeUnit> for Unit {
    fn from(unit: TimeUnit) -> Self {
        let (per_second, digits) = match unit {
            TimeUnit::Second => (1, 0),
            TimeUnit::Millisecond => (1_000, 3),
            TimeUnit::Microsecond => (1_000_000, 6),
            TimeUnit::Nanosecond => (1_000_000_000, 9),
        };
        Self { per_second, digits }
    }
}

impl<'a> Column<'a> {
    pub(super) fn new(field: &Field, array: &'a dyn Array) -> Result<Self, Error> {
        // The logical nulls are also those of a dictionary's values.
        Ok(Self { nulls: array.logical_nulls(), values: values(field, array)? })
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the value at `row` as a field.
    #[inline]
    pub(super) fn write(&self, row: usize, dialect: Dialect, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend(dialect.null.as_bytes());
            return;
        }
        match &self.values {
            Values::Text(values) => write_text(values.value(row).as_bytes(), dialect, out),
            Values::LargeText(values) => write_text(values.value(row).as_bytes(), dialect, out),
            Values::TextView(values) => write_text(values.value(row).as_bytes(), dialect, out),
            Values::Dictionary(keys, values) => values.write(keys[row], dialect, out),
            Values::Nested(nested) => {
                let mut json = Vec::new();
                nested.write_json(row, dialect, &mut json);
                write_text(&json, dialect, out);
            }
            Values::Null => out.extend(dialect.null.as_bytes()),
            plain => plain.write_plain(row, dialect, out),
        }
    }
}

impl Values<'_> {
    /// Appends a value whose text needs no quotes in any dialect.
    #[inline]
    pub(super) fn write_plain(&self, row: usize, dialect: Dialect, out: &mut Vec<u8>) {
        match self {
            Values::Boolean(values) => {
                out.extend(if values.value(row) { b"true".as_slice() } else { b"false" });
            }
            Values::Int8(values) => scalar::integer(values[row], out),
            Values::Int16(values) => scalar::integer(values[row], out),
            Values::Int32(values) => scalar::integer(values[row], out),
            Values::Int64(values) => scalar::integer(values[row], out),
            Values::UInt8(values) => scalar::integer(values[row], out),
            Values::UInt16(values) => scalar::integer(values[row], out),
            Values::UInt32(values) => scalar::integer(values[row], out),
            Values::UInt64(values) => scalar::integer(values[row], out),
            Values::Float16(values) => {
                out.extend(zmij::Buffer::new().format(values[row].to_f32()).as_bytes());
            }
            Values::Float32(values) => out.extend(zmij::Buffer::new().format(values[row]).as_bytes()),
            Values::Float64(values) => out.extend(zmij::Buffer::new().format(values[row]).as_bytes()),
            Values::Decimal32(values, scale) => scalar::decimal(values[row].into(), *scale, out),
            Values::Decimal64(values, scale) => scalar::decimal(values[row].into(), *scale, out),
            Values::Decimal128(values, scale) => scalar::decimal(values[row], *scale, out),
            Values::Decimal256(values, scale) => scalar::long_decimal(&values[row].to_string(), *scale, out),
            Values::Date32(values) => scalar::date(values[row].into(), out),
            Values::Date64(values) => scalar::date(values[row].div_euclid(scalar::MILLISECONDS_A_DAY), out),
            Values::Time32(values, unit) => scalar::time(values[row].into(), *unit, out),
            Values::Time64(values, unit) => scalar::time(values[row], *unit, out),
            Values::Instant(values, unit, zoned) => scalar::instant(values[row], *unit, *zoned, out),
            Values::Duration(values, unit) => scalar::interval(0, 0, values[row], *unit, out),
            Values::Months(values) => scalar::interval(values[row], 0, 0, TimeUnit::Second.into(), out),
            Values::DaysAndTime(values) => {
                let value = values[row];
                scalar::interval(0, value.days, value.milliseconds.into(), TimeUnit::Millisecond.into(), out);
            }
            Values::MonthsDaysAndTime(values) => {
                let value = values[row];
                let unit = TimeUnit::Nanosecond.into();
                scalar::interval(value.months, value.days, value.nanoseconds, unit, out);
            }
            Values::Bytes(values) => dialect.bytes.write(values.value(row), out),
            Values::LargeBytes(values) => dialect.bytes.write(values.value(row), out),
            Values::BytesView(values) => dialect.bytes.write(values.value(row), out),
            Values::FixedBytes(values) => dialect.bytes.write(values.value(row), out),
            Values::Uuid(values) => scalar::uuid(values.value(row), out),
            // These are texts or hold them; whoever asks has looked.
            Values::Null
            | Values::Text(_)
            | Values::LargeText(_)
            | Values::TextView(_)
            | Values::Dictionary(..)
            | Values::Nested(_) => debug_assert!(false, "not a plain value"),
        }
    }
}

fn values<'a>(field: &Field, array: &'a dyn Array) -> Result<Values<'a>, Error> {
    Ok(match array.data_type() {
        DataType::Null => Values::Null,
        DataType::Boolean => Values::Boolean(array.as_boolean()),
        DataType::Int8 => Values::Int8(array.as_primitive::<Int8Type>().values()),
        DataType::Int16 => Values::Int16(array.as_primitive::<Int16Type>().values()),
        DataType::Int32 => Values::Int32(array.as_primitive::<Int32Type>().values()),
        DataType::Int64 => Values::Int64(array.as_primitive::<Int64Type>().values()),
        DataType::UInt8 => Values::UInt8(array.as_primitive::<UInt8Type>().values()),
        DataType::UInt16 => Values::UInt16(array.as_primitive::<UInt16Type>().values()),
        DataType::UInt32 => Values::UInt32(array.as_primitive::<UInt32Type>().values()),
        DataType::UInt64 => Values::UInt64(array.as_primitive::<UInt64Type>().values()),
        DataType::Float16 => Values::Float16(array.as_primitive::<Float16Type>().values()),
        DataType::Float32 => Values::Float32(array.as_primitive::<Float32Type>().values()),
        DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>().values()),
        DataType::Decimal32(_, scale) => {
            Values::Decimal32(array.as_primitive::<Decimal32Type>().values(), *scale)
        }
        DataType::Decimal64(_, scale) => {
            Values::Decimal64(array.as_primitive::<Decimal64Type>().values(), *scale)
        }
        DataType::Decimal128(_, scale) => {
            Values::Decimal128(array.as_primitive::<Decimal128Type>().values(), *scale)
        }
        DataType::Decimal256(_, scale) => {
            Values::Decimal256(array.as_primitive::<Decimal256Type>().values(), *scale)
        }
        DataType::Utf8 => Values::Text(array.as_string()),
        DataType::LargeUtf8 => Values::LargeText(array.as_string()),
        DataType::Utf8View => Values::TextView(array.as_string_view()),
        DataType::Binary => Values::Bytes(array.as_binary()),
        DataType::LargeBinary => Values::LargeBytes(array.as_binary()),
        DataType::BinaryView => Values::BytesView(array.as_binary_view()),
        DataType::FixedSizeBinary(16) if is_uuid(field) => Values::Uuid(array.as_fixed_size_binary()),
        DataType::FixedSizeBinary(_) => Values::FixedBytes(array.as_fixed_size_binary()),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let plain = Field::new(field.name(), dictionary.values().data_type().clone(), true)
                .with_metadata(field.metadata().clone());
            let values = Column::new(&plain, dictionary.values().as_ref())?;
            Values::Dictionary(dictionary.normalized_keys(), Box::new(values))
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..) => Values::Nested(Box::new(Nested::new(field, array)?)),
        other => return times(other, array).ok_or_else(|| unsupported(field, other)),
    })
}

/// The types that tell a time.
fn times<'a>(data_type: &DataType, array: &'a dyn Array) -> Option<Values<'a>> {
    Some(match data_type {
        DataType::Date32 => Values::Date32(array.as_primitive::<Date32Type>().values()),
        DataType::Date64 => Values::Date64(array.as_primitive::<Date64Type>().values()),
        DataType::Time32(unit) => {
            let values: &[i32] = match unit {
                TimeUnit::Second => array.as_primitive::<Time32SecondType>().values(),
                _ => array.as_primitive::<Time32MillisecondType>().values(),
            };
            Values::Time32(values, (*unit).into())
        }
        DataType::Time64(unit) => {
            let values: &[i64] = match unit {
                TimeUnit::Microsecond => array.as_primitive::<Time64MicrosecondType>().values(),
                _ => array.as_primitive::<Time64NanosecondType>().values(),
            };
            Values::Time64(values, (*unit).into())
        }
        DataType::Timestamp(unit, zone) => {
            let values: &[i64] = match unit {
                TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
            };
            Values::Instant(values, (*unit).into(), zone.is_some())
        }
        DataType::Duration(unit) => {
            let values: &[i64] = match unit {
                TimeUnit::Second => array.as_primitive::<DurationSecondType>().values(),
                TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().values(),
                TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().values(),
                TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().values(),
            };
            Values::Duration(values, (*unit).into())
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            Values::Months(array.as_primitive::<IntervalYearMonthType>().values())
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            Values::DaysAndTime(array.as_primitive::<IntervalDayTimeType>().values())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Values::MonthsDaysAndTime(array.as_primitive::<IntervalMonthDayNanoType>().values())
        }
        _ => return None,
    })
}

/// Whether the field is one of the canonical extension type for UUIDs, as which the Parquet reader tells them.
fn is_uuid(field: &Field) -> bool {
    field.extension_type_name() == Some("arrow.uuid")
}

pub(super) fn unsupported(field: &Field, data_type: &DataType) -> Error {
    Error::Unsupported { column: field.name().clone(), data_type: data_type.clone() }
}

/// Writes a text, quoted where it must be: where it is empty, is what stands for a null, or holds what ends a field.
#[inline]
pub(crate) fn write_text(text: &[u8], dialect: Dialect, out: &mut Vec<u8>) {
    let special = |byte: &u8| *byte == dialect.delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if !text.is_empty() && !text.iter().any(special) && text != dialect.null.as_bytes() {
        out.extend(text);
        return;
    }
    out.push(b'"');
    for (number, part) in text.split(|byte| *byte == b'"').enumerate() {
        if number > 0 {
            out.extend(b"\"\"");
        }
        out.extend(part);
    }
    out.push(b'"');
}
