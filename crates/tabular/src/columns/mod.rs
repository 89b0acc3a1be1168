//! The types that a column of text can have.

mod builder;
mod named;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

pub(crate) use builder::{Builder, Field as RawField};

use crate::Error;
use crate::values::number::{DECIMAL_DIGITS, Mark};
use crate::values::time::Order;

/// What the values of a column are, and how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnType {
    /// Nothing at all so far: any value is one too many. It is stored as text.
    Empty,
    /// `true` or `false`.
    Flag,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A whole number of 64 bits in groups of three digits; the mark says which byte is between them.
    Grouped(Mark),
    /// A number of 64 bits with a point.
    Float(Mark),
    /// A number with at most so many digits behind the mark, kept exactly: 38 digits in all.
    Decimal(u8, Mark),
    /// A day.
    Date(Order),
    /// An instant of an unnamed place, in microseconds.
    Timestamp(Order),
    /// An instant of an unnamed place, in nanoseconds.
    TimestampNanos(Order),
    /// An instant of the whole world, in microseconds.
    Instant,
    /// Text.
    Text,
}

impl ColumnType {
    /// How Arrow has it.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Flag => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 | Self::Grouped(_) => DataType::Int64,
            Self::Float(_) => DataType::Float64,
            Self::Decimal(scale, _) => DataType::Decimal128(DECIMAL_DIGITS, scale.cast_signed()),
            Self::Date(_) => DataType::Date32,
            Self::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampNanos(_) => DataType::Timestamp(TimeUnit::Nanosecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Empty | Self::Text => DataType::Utf8,
        }
    }

    /// The type whose values Arrow has as `data_type`, written in the usual way.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a type that is not read from CSV.
    pub fn of(field: &Field) -> Result<Self, Error> {
        let data_type = field.data_type();
        Ok(match data_type {
            DataType::Boolean => Self::Flag,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::Float64 => Self::Float(Mark::Point),
            DataType::Decimal128(DECIMAL_DIGITS, scale @ 0..=38) => {
                Self::Decimal(scale.cast_unsigned(), Mark::Point)
            }
            DataType::Date32 => Self::Date(Order::Ymd),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Timestamp(Order::Ymd),
            DataType::Timestamp(TimeUnit::Nanosecond, None) => Self::TimestampNanos(Order::Ymd),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => Self::Instant,
            DataType::Utf8 => Self::Text,
            other => {
                return Err(Error::Unsupported { column: field.name().clone(), data_type: other.clone() });
            }
        })
    }

    /// What a value must look like, for an error.
    pub fn expectation(self) -> String {
        match self {
            Self::Empty => "nothing".into(),
            Self::Flag => "true or false".into(),
            Self::Int32 => "a whole number of 32 bits".into(),
            Self::Int64 => "a whole number of 64 bits".into(),
            Self::Grouped(mark) => format!("a whole number such as 1{}234", char::from(mark.bytes().1)),
            Self::Float(mark) => format!("a number such as 1{}5", char::from(mark.bytes().0)),
            Self::Decimal(scale, mark) => {
                format!("a number with at most {scale} digits behind `{}`", char::from(mark.bytes().0))
            }
            Self::Date(order) => format!("a date as {}", pattern(order)),
            Self::Timestamp(order) | Self::TimestampNanos(order) => {
                format!("a time as {} HH:MM:SS", pattern(order))
            }
            Self::Instant => "a time as YYYY-MM-DDTHH:MM:SSZ".into(),
            Self::Text => "text in the file's encoding".into(),
        }
    }
}

fn pattern(order: Order) -> &'static str {
    match order {
        Order::Ymd => "YYYY-MM-DD",
        Order::Dmy => "DD/MM/YYYY",
        Order::Mdy => "MM/DD/YYYY",
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub column_type: ColumnType,
    /// Whether a value may be missing.
    pub nullable: bool,
}

impl Column {
    /// A column whose values may be missing.
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self { name: name.into(), column_type, nullable: true }
    }

    /// What a value must look like, for an error.
    pub fn expectation(&self) -> String {
        let what = self.column_type.expectation();
        if self.nullable && self.column_type != ColumnType::Empty {
            format!("{what} or nothing")
        } else {
            what
        }
    }
}

/// The columns as Arrow has them.
pub fn arrow_schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| Field::new(&column.name, column.column_type.data_type(), column.nullable);
    SchemaRef::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}
