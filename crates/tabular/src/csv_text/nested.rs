//! Lists, structs and maps as JSON.
//!
//! A list is an array, a struct an object, a map whose keys are texts an object, and any other map an array of
//! `{"key":…,"value":…}`. Numbers keep all of their digits. What JSON has no number for (`NaN`, infinities) and every
//! other scalar is the text that it has in CSV.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Field};

use super::Dialect;
use super::column::{Column, Values, unsupported};
use crate::Error;

/// A column of lists, structs or maps.
pub(super) enum Nested<'a> {
    List(Offsets<'a>, Column<'a>),
    /// The fields with their names, which are JSON texts already.
    Struct(Vec<(Vec<u8>, Column<'a>)>),
    Map {
        offsets: &'a [i32],
        keys: Column<'a>,
        values: Column<'a>,
        keys_are_texts: bool,
    },
}

/// Where each row's items begin and end.
pub(super) enum Offsets<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
    Fixed(usize),
}

impl Offsets<'_> {
    fn of(&self, row: usize) -> std::ops::Range<usize> {
        // Offsets are never negative.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        match self {
            Self::Small(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Self::Large(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Self::Fixed(length) => row * length..(row + 1) * length,
        }
    }
}

impl<'a> Nested<'a> {
    pub(super) fn new(field: &Field, array: &'a dyn Array) -> Result<Self, Error> {
        Ok(match array.data_type() {
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                Self::List(Offsets::Small(list.value_offsets()), Column::new(item, list.values().as_ref())?)
            }
            DataType::LargeList(item) => {
                let list = array.as_list::<i64>();
                Self::List(Offsets::Large(list.value_offsets()), Column::new(item, list.values().as_ref())?)
            }
            DataType::FixedSizeList(item, length) => {
                let length = usize::try_from(*length).unwrap_or(0);
                let items = array.as_fixed_size_list().values();
                Self::List(Offsets::Fixed(length), Column::new(item, items.as_ref())?)
            }
            DataType::Struct(fields) => {
                let columns = fields.iter().zip(array.as_struct().columns()).map(|(field, column)| {
                    let mut name = Vec::new();
                    text(field.name(), &mut name);
                    Ok((name, Column::new(field, column.as_ref())?))
                });
                Self::Struct(columns.collect::<Result<_, Error>>()?)
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let (keys, values) = map.entries_fields();
                let keys_are_texts =
                    matches!(keys.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
                Self::Map {
                    offsets: map.value_offsets(),
                    keys: Column::new(keys, map.keys().as_ref())?,
                    values: Column::new(values, map.values().as_ref())?,
                    keys_are_texts,
                }
            }
            other => return Err(unsupported(field, other)),
        })
    }

    /// Appends the value at `row`, which is not null.
    pub(super) fn write_json(&self, row: usize, dialect: Dialect, out: &mut Vec<u8>) {
        match self {
            Self::List(offsets, items) => {
                separated(*b"[]", offsets.of(row), out, |item, out| items.write_json(item, dialect, out));
            }
            Self::Struct(columns) => separated(*b"{}", columns, out, |(name, column), out| {
                out.extend(name);
                out.push(b':');
                column.write_json(row, dialect, out);
            }),
            Self::Map { offsets, keys, values, keys_are_texts } => {
                let brackets = if *keys_are_texts { *b"{}" } else { *b"[]" };
                separated(brackets, Offsets::Small(offsets).of(row), out, |entry, out| {
                    if *keys_are_texts {
                        keys.write_json(entry, dialect, out);
                        out.push(b':');
                        values.write_json(entry, dialect, out);
                    } else {
                        out.extend(b"{\"key\":");
                        keys.write_json(entry, dialect, out);
                        out.extend(b",\"value\":");
                        values.write_json(entry, dialect, out);
                        out.push(b'}');
                    }
                });
            }
        }
    }
}

impl Column<'_> {
    fn write_json(&self, row: usize, dialect: Dialect, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend(b"null");
            return;
        }
        match &self.values {
            Values::Null => out.extend(b"null"),
            Values::Text(values) => text(values.value(row), out),
            Values::LargeText(values) => text(values.value(row), out),
            Values::TextView(values) => text(values.value(row), out),
            Values::Dictionary(keys, values) => values.write_json(keys[row], dialect, out),
            Values::Nested(nested) => nested.write_json(row, dialect, out),
            plain => {
                let bare = plain.is_bare_in_json(row);
                out.extend(if bare { b"".as_slice() } else { b"\"" });
                plain.write_plain(row, dialect, out);
                out.extend(if bare { b"".as_slice() } else { b"\"" });
            }
        }
    }
}

impl Values<'_> {
    /// Whether JSON has a word or a number for the value.
    fn is_bare_in_json(&self, row: usize) -> bool {
        match self {
            Values::Float16(values) => values[row].is_finite(),
            Values::Float32(values) => values[row].is_finite(),
            Values::Float64(values) => values[row].is_finite(),
            Values::Boolean(_)
            | Values::Int8(_)
            | Values::Int16(_)
            | Values::Int32(_)
            | Values::Int64(_)
            | Values::UInt8(_)
            | Values::UInt16(_)
            | Values::UInt32(_)
            | Values::UInt64(_)
            | Values::Decimal32(..)
            | Values::Decimal64(..)
            | Values::Decimal128(..)
            | Values::Decimal256(..) => true,
            _ => false,
        }
    }
}

/// Appends items between brackets, with a comma between two.
fn separated<T>(
    brackets: [u8; 2],
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    out.push(brackets[0]);
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(brackets[1]);
}

/// Appends a JSON text: quotes, backslashes and control characters are escaped (RFC 8259, section 7).
fn text(value: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in value.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0..0x20 => out.extend(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
