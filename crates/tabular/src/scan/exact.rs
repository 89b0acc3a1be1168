//! The rows of a CSV text byte by byte: what every faster way must agree with.

use super::masks::Marks;

/// Where a reader of CSV stands between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// At the start of a field: a quote here opens it.
    FieldStart,
    /// In a field without quotes, or behind the closing quote of one: a quote here is a character like any other.
    Unquoted,
    /// Inside quotes.
    Quoted,
    /// Behind a quote inside quotes: another one makes a quote of the two, anything else closes the field.
    QuoteInQuoted,
}

/// What a byte is, given the state before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The field goes on.
    None,
    /// A delimiter that ends a field.
    FieldEnd,
    /// A line break that ends a row.
    RowEnd,
}

impl State {
    /// Whether the next line break ends a row.
    pub fn is_outside(self) -> bool {
        self != Self::Quoted
    }

    /// The state behind `byte`, and what the byte is.
    pub(crate) fn step(self, byte: u8, marks: Marks) -> (Self, Event) {
        let is_quote = Some(byte) == marks.quote;
        if self == Self::Quoted {
            return (if is_quote { Self::QuoteInQuoted } else { Self::Quoted }, Event::None);
        }
        if byte == marks.end {
            (Self::FieldStart, Event::RowEnd)
        } else if byte == marks.delimiter {
            (Self::FieldStart, Event::FieldEnd)
        } else if is_quote && matches!(self, Self::FieldStart | Self::QuoteInQuoted) {
            (Self::Quoted, Event::None)
        } else {
            (Self::Unquoted, Event::None)
        }
    }
}

/// Appends the text of a field that has quotes: without the enclosing ones, and with `""` as one.
pub(crate) fn unquote(field: &[u8], quote: u8, out: &mut Vec<u8>) {
    // Delimiters and line breaks cannot end this field any more, so they are no marks here.
    let mut state = State::FieldStart;
    for &byte in field {
        let is_quote = byte == quote;
        state = match state {
            State::FieldStart if is_quote => State::Quoted,
            State::Quoted if is_quote => State::QuoteInQuoted,
            State::Quoted => {
                out.push(byte);
                State::Quoted
            }
            State::QuoteInQuoted if is_quote => {
                out.push(byte);
                State::Quoted
            }
            _ => {
                out.push(byte);
                State::Unquoted
            }
        };
    }
}
