//! Columns as an aggregation sees them: a handful of kinds, whatever their Arrow types are.
//!
//! A key column becomes words of 64 bits, or bytes, whose order as numbers or bytes is the order of the values. So groups
//! are compared, hashed and sorted without knowing their types, and the values are made of the words again at the end.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Whole numbers of at most 64 bits with a sign.
    Whole,
    /// Days and instants: they have extremes and no sum.
    Time,
    /// True is 1.
    Flag,
    /// Floating-point numbers.
    Float,
    /// Whole numbers of 128 bits that count a power of ten; also whole numbers without a sign.
    Decimal(i8),
    /// Text.
    Text,
}

impl Kind {
    /// The kind of a type; `None` of a type that is not aggregated.
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Self::Whole,
            DataType::UInt64 => Self::Decimal(0),
            DataType::Decimal128(_, scale) => Self::Decimal(*scale),
            DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Boolean => Self::Flag,
            DataType::Date32 | DataType::Timestamp(..) => Self::Time,
            DataType::Utf8 => Self::Text,
            DataType::Dictionary(_, values) if **values == DataType::Utf8 => Self::Text,
            _ => return None,
        })
    }

    /// Whether values have a sum, a mean and a deviation.
    pub fn adds_up(self) -> bool {
        !matches!(self, Self::Time | Self::Text)
    }
}

/// Texts, which a Parquet file may have as numbers into a list.
#[derive(Clone, Copy, Debug)]
pub enum TextValues<'a> {
    /// One after another.
    Plain(&'a StringArray),
    /// As numbers into a list.
    Listed(&'a DictionaryArray<Int32Type>, &'a StringArray),
}

impl<'a> TextValues<'a> {
    /// The text of a row; `None` where it is missing.
    #[inline]
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(values) => values.is_valid(row).then(|| values.value(row)),
            Self::Listed(numbers, list) => {
                let number = usize::try_from(numbers.keys().value(row)).ok()?;
                (numbers.is_valid(row) && list.is_valid(number)).then(|| list.value(number))
            }
        }
    }
}

/// The values of a column of a batch, and which of them are missing.
#[derive(Clone, Debug)]
pub enum Values<'a> {
    /// Whole numbers, times and truths.
    Whole(Cow<'a, [i64]>, Option<NullBuffer>),
    /// Floating-point numbers.
    Float(Cow<'a, [f64]>, Option<NullBuffer>),
    /// Decimals.
    Decimal(Cow<'a, [i128]>, Option<NullBuffer>),
    /// Texts.
    Text(TextValues<'a>),
}

impl<'a> Values<'a> {
    /// The values of an array; `None` of a type that is not aggregated.
    pub fn of(array: &'a ArrayRef) -> Option<Self> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        macro_rules! whole {
            ($type:ty) => {
                Self::Whole(
                    array.as_primitive::<$type>().values().iter().map(|value| i64::from(*value)).collect(),
                    nulls,
                )
            };
        }
        macro_rules! word {
            ($type:ty) => {
                Self::Whole(Cow::Borrowed(same::<$type>(array.as_primitive())), nulls)
            };
        }
        Some(match array.data_type() {
            DataType::Int8 => whole!(Int8Type),
            DataType::Int16 => whole!(Int16Type),
            DataType::Int32 => whole!(Int32Type),
            DataType::UInt8 => whole!(UInt8Type),
            DataType::UInt16 => whole!(UInt16Type),
            DataType::UInt32 => whole!(UInt32Type),
            DataType::Date32 => whole!(Date32Type),
            DataType::Int64 => word!(Int64Type),
            DataType::Timestamp(TimeUnit::Second, _) => word!(TimestampSecondType),
            DataType::Timestamp(TimeUnit::Millisecond, _) => word!(TimestampMillisecondType),
            DataType::Timestamp(TimeUnit::Microsecond, _) => word!(TimestampMicrosecondType),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => word!(TimestampNanosecondType),
            DataType::Boolean => {
                let flags = array.as_boolean().values();
                Self::Whole(flags.iter().map(i64::from).collect(), nulls)
            }
            DataType::Float64 => {
                Self::Float(Cow::Borrowed(array.as_primitive::<Float64Type>().values()), nulls)
            }
            DataType::Float32 => Self::Float(
                array.as_primitive::<Float32Type>().values().iter().map(|value| f64::from(*value)).collect(),
                nulls,
            ),
            DataType::Decimal128(..) => {
                Self::Decimal(Cow::Borrowed(array.as_primitive::<Decimal128Type>().values()), nulls)
            }
            DataType::UInt64 => Self::Decimal(
                array.as_primitive::<UInt64Type>().values().iter().map(|value| i128::from(*value)).collect(),
                nulls,
            ),
            DataType::Utf8 => Self::Text(TextValues::Plain(array.as_string())),
            DataType::Dictionary(..) => {
                let numbers = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>()?;
                Self::Text(TextValues::Listed(numbers, numbers.values().as_any().downcast_ref()?))
            }
            _ => return None,
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(values, _) => values.len(),
            Self::Float(values, _) => values.len(),
            Self::Decimal(values, _) => values.len(),
            Self::Text(TextValues::Plain(values)) => values.len(),
            Self::Text(TextValues::Listed(values, _)) => values.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the value of a row is there.
    pub fn is_there(&self, row: usize) -> bool {
        match self {
            Self::Whole(_, nulls) | Self::Float(_, nulls) | Self::Decimal(_, nulls) => {
                nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
            }
            Self::Text(values) => values.get(row).is_some(),
        }
    }
}

fn same<T: ArrowPrimitiveType<Native = i64>>(array: &PrimitiveArray<T>) -> &[i64] {
    array.values()
}

const SIGN: u64 = 1 << 63;

/// A whole number as a word of the same order.
#[inline]
pub fn word_of_whole(value: i64) -> u64 {
    value.cast_unsigned() ^ SIGN
}

/// The whole number of a word.
#[inline]
pub fn whole_of_word(word: u64) -> i64 {
    (word ^ SIGN).cast_signed()
}

/// A floating-point number as a word of the same order. Both zeros are one value, and so is everything that is no number,
/// which comes last.
#[inline]
pub fn word_of_float(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The floating-point number of a word.
#[inline]
pub fn float_of_word(word: u64) -> f64 {
    match word {
        u64::MAX => f64::NAN,
        word if word & SIGN != 0 => f64::from_bits(word ^ SIGN),
        word => f64::from_bits(!word),
    }
}

/// A decimal as bytes of the same order.
pub fn bytes_of_decimal(value: i128) -> [u8; 16] {
    (value.cast_unsigned() ^ 1 << 127).to_be_bytes()
}

/// The decimal of its bytes.
pub fn decimal_of_bytes(bytes: &[u8]) -> i128 {
    bytes.try_into().map_or(0, |bytes| (u128::from_be_bytes(bytes) ^ 1 << 127).cast_signed())
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the very same number is meant")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_have_the_order_of_their_values(one: f64, two: f64, a: i64, b: i64, x: i128, y: i128) {
            prop_assume!(!one.is_nan() && !two.is_nan());
            prop_assert_eq!(word_of_float(one).cmp(&word_of_float(two)), one.partial_cmp(&two).unwrap());
            prop_assert_eq!(float_of_word(word_of_float(one)), one);
            prop_assert_eq!(word_of_whole(a).cmp(&word_of_whole(b)), a.cmp(&b));
            prop_assert_eq!(whole_of_word(word_of_whole(a)), a);
            prop_assert_eq!(bytes_of_decimal(x).cmp(&bytes_of_decimal(y)), x.cmp(&y));
            prop_assert_eq!(decimal_of_bytes(&bytes_of_decimal(x)), x);
        }
    }

    #[test]
    fn both_zeros_are_one_key_and_what_is_no_number_is_the_last() {
        assert_eq!(word_of_float(0.0), word_of_float(-0.0));
        assert!(word_of_float(f64::NAN) > word_of_float(f64::INFINITY));
        assert!(float_of_word(word_of_float(-f64::NAN)).is_nan());
    }
}
