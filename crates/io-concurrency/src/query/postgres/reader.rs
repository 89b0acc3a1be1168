//! Values as PostgreSQL writes them in binary (the `send` functions of its types).

use std::error::Error;

use tokio_postgres::types::{FromSql, Type};

use crate::query::column::Value;
use crate::query::kind::Kind;

/// Days from 1970 to 2000, when PostgreSQL's time begins.
const DAYS: i32 = 10_957;
const MICROS: i64 = DAYS as i64 * 86_400_000_000;

/// The bytes of a value, of any type.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The reader of a column's values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reader {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Date,
    Instant {
        zoned: bool,
    },
    Decimal {
        precision: u8,
        scale: u8,
    },
    Text,
    Bytes,
    /// As the server writes it: it is asked to.
    Written,
}

impl Reader {
    pub(super) fn of(kind: &Type, modifier: i32) -> Self {
        match *kind {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::DATE => Self::Date,
            Type::TIMESTAMP => Self::Instant { zoned: false },
            Type::TIMESTAMPTZ => Self::Instant { zoned: true },
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON => Self::Text,
            Type::BYTEA => Self::Bytes,
            Type::NUMERIC => Self::numeric(modifier).unwrap_or(Self::Written),
            _ => Self::Written,
        }
    }

    /// The digits of `numeric(p, s)` stand in 16 bits each, four more than nothing; one without digits may have any number.
    fn numeric(modifier: i32) -> Option<Self> {
        let digits = modifier.checked_sub(4).filter(|digits| *digits >= 0)?;
        let (precision, scale) = (u8::try_from(digits >> 16).ok()?, u8::try_from(digits & 0x7ff).ok()?);
        (precision <= 38 && scale <= precision).then_some(Self::Decimal { precision, scale })
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Bool => Kind::Bool,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid => Kind::Int { wide: false },
            Self::Float4 => Kind::Single,
            Self::Float8 => Kind::Real,
            Self::Date => Kind::Date,
            Self::Instant { zoned } => Kind::Instant { zoned },
            Self::Decimal { precision, scale } => Kind::Decimal { precision, scale },
            Self::Text | Self::Written => Kind::Text,
            Self::Bytes => Kind::Bytes,
        }
    }

    /// The value of these bytes; `None` of bytes that are none of this type. What is no day, no moment and no number is
    /// text, and then so is its column.
    #[inline]
    pub(super) fn read(self, bytes: &[u8]) -> Option<Value<'_>> {
        Some(match self {
            Self::Bool => Value::Bool(parsed(&Type::BOOL, bytes)?),
            Self::Int2 => Value::Int(parsed::<i16>(&Type::INT2, bytes)?.into()),
            Self::Int4 => Value::Int(parsed::<i32>(&Type::INT4, bytes)?.into()),
            Self::Int8 => Value::Int(parsed(&Type::INT8, bytes)?),
            Self::Oid => Value::Int(parsed::<u32>(&Type::OID, bytes)?.into()),
            Self::Float4 => Value::Single(parsed(&Type::FLOAT4, bytes)?),
            Self::Float8 => Value::Real(parsed(&Type::FLOAT8, bytes)?),
            Self::Date => match parsed(&Type::INT4, bytes)? {
                i32::MAX => Value::Text("infinity"),
                i32::MIN => Value::Text("-infinity"),
                days => Value::Date(DAYS.checked_add(days)?),
            },
            Self::Instant { zoned } => match parsed(&Type::INT8, bytes)? {
                i64::MAX => Value::Text("infinity"),
                i64::MIN => Value::Text("-infinity"),
                micros => Value::Instant { micros: MICROS.checked_add(micros)?, zoned },
            },
            Self::Decimal { precision, scale } => match sign(bytes)? {
                0xc000 => Value::Text("NaN"),
                0xd000 => Value::Text("Infinity"),
                0xf000 => Value::Text("-Infinity"),
                _ => Value::Decimal { digits: decimal(bytes, scale)?, precision, scale },
            },
            Self::Text | Self::Written => Value::Text(parsed(&Type::TEXT, bytes)?),
            Self::Bytes => Value::Bytes(bytes),
        })
    }
}

fn parsed<'a, T: FromSql<'a>>(kind: &Type, bytes: &'a [u8]) -> Option<T> {
    T::from_sql(kind, bytes).ok()
}

/// The sign of a `numeric`, behind the number of its digits and its weight.
fn sign(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(4..)?.first_chunk()?))
}

/// A `numeric`: digits to the base of 10,000, the weight of the first, and a sign (`numeric_send` in PostgreSQL's source).
fn decimal(mut bytes: &[u8], scale: u8) -> Option<i128> {
    let mut next = || -> Option<i16> {
        let (head, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        Some(i16::from_be_bytes(*head))
    };
    let (digits, weight, sign, _scale) = (next()?, next()?, next()?, next()?);
    let mut number = 0_i128;
    for place in 0..digits {
        let digit = i128::from(next()?);
        // The place of this digit, in powers of ten, from the last one that is kept.
        let power = i32::from(weight - place) * 4 + i32::from(scale);
        number = number.checked_add(match u32::try_from(power) {
            Ok(power) => digit.checked_mul(10_i128.checked_pow(power)?)?,
            Err(_) => digit / 10_i128.checked_pow(power.unsigned_abs())?,
        })?;
    }
    match sign {
        0 => Some(number),
        0x4000 => Some(-number),
        // Not a number, or without end.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_keeps_its_digits() {
        let numeric = |weight: i16, sign: i16, digits: &[i16]| -> Vec<u8> {
            let head = [i16::try_from(digits.len()).unwrap(), weight, sign, 2];
            head.iter().chain(digits).flat_map(|part| part.to_be_bytes()).collect()
        };
        // 12345.67 is 1, 2345 and 6700 ten-thousandths.
        assert_eq!(decimal(&numeric(1, 0, &[1, 2_345, 6_700]), 2), Some(1_234_567));
        assert_eq!(decimal(&numeric(-1, 0x4000, &[500]), 2), Some(-5));
        assert_eq!(decimal(&numeric(0, 0, &[]), 2), Some(0));
        assert_eq!(decimal(&numeric(2, 0, &[3]), 0), Some(300_000_000));
        assert_eq!(decimal(&numeric(0, -0x4000, &[]), 2), None, "NaN");
    }
}
