//! Types by the names that a user writes.

use std::fmt;
use std::str::FromStr;

use super::ColumnType;
use crate::values::number::{DECIMAL_DIGITS, Mark};
use crate::values::time::Order;

/// What [`ColumnType::from_str`] reads, for help texts.
const NAMES: &str = "bool, int32, int64, int64(grouped), float64, float64(comma), decimal(SCALE), decimal(SCALE,comma), \
                     date, date(dmy), date(mdy), timestamp, timestamp(dmy), timestamp(mdy), timestamp(ns), instant or text";

impl fmt::Display for ColumnType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = |order: Order| match order {
            Order::Ymd => "",
            Order::Dmy => "(dmy)",
            Order::Mdy => "(mdy)",
        };
        let text = match *self {
            Self::Flag => "bool".into(),
            Self::Int32 => "int32".into(),
            Self::Int64 => "int64".into(),
            Self::Grouped(Mark::Point) => "int64(grouped)".into(),
            Self::Grouped(Mark::Comma) => "int64(grouped,comma)".into(),
            Self::Float(Mark::Point) => "float64".into(),
            Self::Float(Mark::Comma) => "float64(comma)".into(),
            Self::Decimal(scale, Mark::Point) => format!("decimal({scale})"),
            Self::Decimal(scale, Mark::Comma) => format!("decimal({scale},comma)"),
            Self::Date(of) => format!("date{}", order(of)),
            Self::Timestamp(of) => format!("timestamp{}", order(of)),
            Self::TimestampNanos(Order::Ymd) => "timestamp(ns)".into(),
            Self::TimestampNanos(Order::Dmy) => "timestamp(ns,dmy)".into(),
            Self::TimestampNanos(Order::Mdy) => "timestamp(ns,mdy)".into(),
            Self::Instant => "instant".into(),
            Self::Empty | Self::Text => "text".into(),
        };
        out.pad(&text)
    }
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("`{text}` is no type: expected {NAMES}");
        let (name, options) = match text.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(unknown)?),
            None => (text, ""),
        };
        let options: Vec<&str> =
            options.split(',').map(str::trim).filter(|option| !option.is_empty()).collect();
        Ok(match (name.trim(), &*options) {
            ("bool", []) => Self::Flag,
            ("int32", []) => Self::Int32,
            ("int64", []) => Self::Int64,
            ("int64", ["grouped"]) => Self::Grouped(Mark::Point),
            ("int64", ["grouped", "comma"]) => Self::Grouped(Mark::Comma),
            ("float64", []) => Self::Float(Mark::Point),
            ("float64", ["comma"]) => Self::Float(Mark::Comma),
            ("decimal", [scale]) => Self::Decimal(to_scale(scale).ok_or_else(unknown)?, Mark::Point),
            ("decimal", [scale, "comma"]) => Self::Decimal(to_scale(scale).ok_or_else(unknown)?, Mark::Comma),
            ("date", options) => Self::Date(to_order(options).ok_or_else(unknown)?),
            ("timestamp", ["ns", options @ ..]) => {
                Self::TimestampNanos(to_order(options).ok_or_else(unknown)?)
            }
            ("timestamp", options) => Self::Timestamp(to_order(options).ok_or_else(unknown)?),
            ("instant", []) => Self::Instant,
            ("text", []) => Self::Text,
            _ => return Err(unknown()),
        })
    }
}

fn to_scale(text: &str) -> Option<u8> {
    text.parse().ok().filter(|scale| *scale <= DECIMAL_DIGITS)
}

fn to_order(options: &[&str]) -> Option<Order> {
    match options {
        [] | ["ymd"] => Some(Order::Ymd),
        ["dmy"] => Some(Order::Dmy),
        ["mdy"] => Some(Order::Mdy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_the_type_that_has_it() {
        let names = [
            "bool",
            "int32",
            "int64",
            "int64(grouped)",
            "int64(grouped,comma)",
            "float64",
            "float64(comma)",
            "decimal(2)",
            "decimal(2,comma)",
            "date",
            "date(dmy)",
            "date(mdy)",
            "timestamp",
            "timestamp(dmy)",
            "timestamp(ns)",
            "timestamp(ns,dmy)",
            "instant",
            "text",
        ];
        for name in names {
            assert_eq!(name.parse::<ColumnType>().unwrap().to_string(), name);
        }
        for name in ["", "int", "decimal", "decimal(39)", "date(ymdd)", "float64(comma"] {
            assert!(name.parse::<ColumnType>().unwrap_err().contains("is no type"), "{name}");
        }
    }
}
