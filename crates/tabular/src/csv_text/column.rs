//! One column's way to write a value.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, LargeStringArray, StringArray, StringViewArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, TimeUnit};

use crate::{Error, calendar};

const SECONDS_A_DAY: i64 = 86_400;

/// A column with its type found once, so that a value costs one jump.
pub(super) struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
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
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    /// The digits and how many of them stand behind the point.
    Decimal(&'a [i128], i8),
    /// Days since 1970.
    Date(&'a [i32]),
    Instant(&'a [i64], Instants),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
}

/// What a number in a column of instants means.
#[derive(Clone, Copy)]
struct Instants {
    /// Units of the number in a second.
    per_second: i64,
    /// How many digits the fraction of a second has.
    digits: usize,
    /// Whether the instant is one of the whole world, told by a `Z`, or of an unnamed place.
    zoned: bool,
}

impl<'a> Column<'a> {
    pub(super) fn new(field: &Field, array: &'a ArrayRef) -> Result<Self, Error> {
        let values = match array.data_type() {
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
            DataType::Float32 => Values::Float32(array.as_primitive::<Float32Type>().values()),
            DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>().values()),
            DataType::Decimal128(_, scale) => {
                Values::Decimal(array.as_primitive::<Decimal128Type>().values(), *scale)
            }
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().values()),
            DataType::Timestamp(unit, zone) => {
                let zoned = zone.is_some();
                let (values, per_second, digits): (&[i64], _, _) = match unit {
                    TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().values(), 1, 0),
                    TimeUnit::Millisecond => {
                        (array.as_primitive::<TimestampMillisecondType>().values(), 1_000, 3)
                    }
                    TimeUnit::Microsecond => {
                        (array.as_primitive::<TimestampMicrosecondType>().values(), 1_000_000, 6)
                    }
                    TimeUnit::Nanosecond => {
                        (array.as_primitive::<TimestampNanosecondType>().values(), 1_000_000_000, 9)
                    }
                };
                Values::Instant(values, Instants { per_second, digits, zoned })
            }
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Utf8View => Values::TextView(array.as_string_view()),
            other => {
                return Err(Error::Unsupported { column: field.name().clone(), data_type: other.clone() });
            }
        };
        Ok(Self { nulls: array.nulls(), values })
    }

    /// Appends the value at `row`; a null is nothing at all.
    pub(super) fn write(&self, row: usize, delimiter: u8, out: &mut Vec<u8>) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return;
        }
        match &self.values {
            Values::Null => {}
            Values::Boolean(values) => {
                out.extend(if values.value(row) { b"true".as_slice() } else { b"false" });
            }
            Values::Int8(values) => write_integer(values[row], out),
            Values::Int16(values) => write_integer(values[row], out),
            Values::Int32(values) => write_integer(values[row], out),
            Values::Int64(values) => write_integer(values[row], out),
            Values::UInt8(values) => write_integer(values[row], out),
            Values::UInt16(values) => write_integer(values[row], out),
            Values::UInt32(values) => write_integer(values[row], out),
            Values::UInt64(values) => write_integer(values[row], out),
            Values::Float32(values) => out.extend(zmij::Buffer::new().format(values[row]).as_bytes()),
            Values::Float64(values) => out.extend(zmij::Buffer::new().format(values[row]).as_bytes()),
            Values::Decimal(values, scale) => write_decimal(values[row], *scale, out),
            Values::Date(values) => write_date(values[row].into(), out),
            Values::Instant(values, instants) => write_instant(values[row], *instants, out),
            Values::Text(values) => write_text(values.value(row).as_bytes(), delimiter, out),
            Values::LargeText(values) => write_text(values.value(row).as_bytes(), delimiter, out),
            Values::TextView(values) => write_text(values.value(row).as_bytes(), delimiter, out),
        }
    }
}

fn write_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a text, quoted where it must be.
pub(crate) fn write_text(text: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let special = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if !text.is_empty() && !text.iter().any(special) {
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

fn write_decimal(value: i128, scale: i8, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let digits = value.unsigned_abs().to_string();
    let Ok(behind @ 1..) = usize::try_from(scale) else {
        // A negative scale counts zeros before the point; of zero there are none to count.
        out.extend(digits.as_bytes());
        out.extend(std::iter::repeat_n(b'0', if value == 0 { 0 } else { scale.unsigned_abs().into() }));
        return;
    };
    let digits = format!("{digits:0>width$}", width = behind + 1);
    let (whole, fraction) = digits.split_at(digits.len() - behind);
    out.extend(whole.as_bytes());
    out.push(b'.');
    out.extend(fraction.as_bytes());
}

/// Writes `YYYY-MM-DD`. Years outside of 0 to 9999 have a sign and at least six digits, as in ISO 8601.
fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = calendar::civil(days);
    if (0..10_000).contains(&year) {
        write_two(year / 100, out);
        write_two(year % 100, out);
    } else {
        out.extend(format!("{year:+07}").as_bytes());
    }
    out.push(b'-');
    write_two(month, out);
    out.push(b'-');
    write_two(day, out);
}

/// Writes `YYYY-MM-DD HH:MM:SS`, with the fraction where it is not zero, and `Z` for an instant of the whole world.
fn write_instant(value: i64, instants: Instants, out: &mut Vec<u8>) {
    let (seconds, fraction) = (value.div_euclid(instants.per_second), value.rem_euclid(instants.per_second));
    write_date(seconds.div_euclid(SECONDS_A_DAY), out);
    let of_day = seconds.rem_euclid(SECONDS_A_DAY);
    out.push(b' ');
    write_two(of_day / 3_600, out);
    out.push(b':');
    write_two(of_day / 60 % 60, out);
    out.push(b':');
    write_two(of_day % 60, out);
    if fraction > 0 {
        out.extend(format!(".{fraction:0width$}", width = instants.digits).as_bytes());
    }
    if instants.zoned {
        out.push(b'Z');
    }
}

/// Writes a number from 0 to 99 with two digits.
fn write_two(value: i64, out: &mut Vec<u8>) {
    let digit = |value: i64| b'0' + u8::try_from(value).unwrap_or(0);
    out.extend([digit(value / 10), digit(value % 10)]);
}
