//! From what is ruled out to what it is.

use super::evidence::{CANDIDATES, COMMA, Evidence, INTEGER, Lengths, POINT, Witness};
use crate::columns::ColumnType;
use crate::values::number::{DECIMAL_DIGITS, FLOAT_DIGITS, Mark};

/// What decides where the values leave a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaning {
    /// A semicolon stands between fields, as it does where a comma stands before a fraction.
    pub semicolons: bool,
    /// Numbers with a fraction become decimals and no floats.
    pub decimals: bool,
}

/// What a column is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The type.
    pub column_type: ColumnType,
    /// Whether further values that are of this type cannot make it another one.
    pub settled: bool,
    /// Why it is this type, in words.
    pub reason: String,
    /// The value that ruled the last more particular type out, and that type, where the column is text.
    pub witness: Option<(ColumnType, Witness)>,
}

/// Decides for all columns of a table together, for one that has a comma before fractions speaks for the others.
pub fn decide(columns: &[Evidence], leaning: Leaning) -> Vec<Decision> {
    let sure = columns.iter().any(Evidence::has_comma);
    let votes = Votes {
        sure,
        any: sure || (leaning.semicolons && columns.iter().any(Evidence::seems_to_have_comma)),
    };
    columns.iter().map(|column| column.decide(leaning, votes)).collect()
}

/// Whether a column of the table has a comma before fractions.
#[derive(Clone, Copy)]
struct Votes {
    /// One has for sure.
    sure: bool,
    /// One has, or seems to.
    any: bool,
}

impl Evidence {
    fn may_be(&self, candidate: usize) -> bool {
        self.alive >> candidate & 1 == 1
    }

    /// Whether the values can only be read with a comma before fractions.
    fn has_comma(&self) -> bool {
        self.values > 0 && !self.may_be(INTEGER) && self.may_be(COMMA) && !self.may_be(POINT)
    }

    /// Whether the values would be whole numbers in groups if a comma did not stand before fractions.
    fn seems_to_have_comma(&self) -> bool {
        let numbers = self.values > 0 && !self.may_be(INTEGER) && self.may_be(COMMA);
        numbers && self.comma.fraction > 0 && self.point.fraction == 0
    }

    fn decide(&self, leaning: Leaning, votes: Votes) -> Decision {
        let decision =
            |column_type, reason: String| Decision { column_type, settled: true, reason, witness: None };
        if self.values == 0 {
            return decision(ColumnType::Empty, "there is no value at all".into());
        }
        let first = (0..CANDIDATES.len()).find(|candidate| self.may_be(*candidate));
        match first {
            None => self.text(),
            Some(POINT) if !self.may_be(COMMA) => self.number(Mark::Point, leaning),
            Some(COMMA) => self.number(Mark::Comma, leaning),
            Some(POINT) => self.either_mark(leaning, votes),
            Some(INTEGER) => decision(
                CANDIDATES[INTEGER],
                format!(
                    "each of its {} values is a whole number of at most {} digits",
                    self.values, self.point.whole
                ),
            ),
            Some(other) => {
                let column_type = CANDIDATES[other];
                let mut reason =
                    format!("each of its {} values is {}", self.values, column_type.expectation());
                if matches!(column_type, ColumnType::Date(_) | ColumnType::Timestamp(_))
                    && (other + 1..CANDIDATES.len()).any(|later| {
                        self.may_be(later) && matches!(CANDIDATES[later].to_string(), name if name.contains("mdy") && !name.contains("ns"))
                    })
                {
                    reason.push_str("; it could be month before day as well, and day first is more common");
                }
                decision(column_type, reason)
            }
        }
    }

    /// Each value is a number with either mark: `1.234` is one and two tenths, or one thousand and more.
    ///
    /// A column that has a comma for sure decides. Without one the choice is not settled: the next value of this column or
    /// of another one may tell, and still be a number with the other mark.
    fn either_mark(&self, leaning: Leaning, votes: Votes) -> Decision {
        let (points, commas) = (self.point.fraction > 0, self.comma.fraction > 0);
        let (mark, why) = match (votes.any, points, commas) {
            (true, ..) => (Mark::Comma, "; a comma stands before the fractions of this table"),
            (_, false, false) => (Mark::Point, ""),
            (_, true, _) => (Mark::Point, "; no other column has a comma before a fraction"),
            (_, false, true) => {
                let reason = "its values could be thousands or fractions, and nothing in the table tells which: give it a type";
                return Decision { settled: false, reason: reason.into(), ..self.text() };
            }
        };
        let decision = self.number(mark, leaning);
        Decision {
            reason: format!("{}{why}", decision.reason),
            settled: decision.settled && votes.sure,
            ..decision
        }
    }

    fn number(&self, mark: Mark, leaning: Leaning) -> Decision {
        let lengths = if mark == Mark::Point { self.point } else { self.comma };
        let byte = char::from(mark.bytes().0);
        let Lengths { whole, fraction, long, exponent, past_64 } = lengths;
        let fits_decimal = !exponent && whole + fraction <= DECIMAL_DIGITS;
        let digits = format!("at most {whole} digits before `{byte}` and {fraction} behind it");
        let (column_type, reason) = if fraction == 0 && !exponent && !past_64 {
            (ColumnType::Grouped(mark), format!("whole numbers in groups of three, {whole} digits at most"))
        } else if fraction == 0 && fits_decimal {
            (
                ColumnType::Decimal(0, mark),
                format!("whole numbers of up to {whole} digits, which 64 bits do not hold"),
            )
        } else if leaning.decimals && fits_decimal {
            (ColumnType::Decimal(fraction, mark), format!("numbers with {digits}; decimals were asked for"))
        } else if !long {
            let exponents = if exponent { ", some with an exponent" } else { "" };
            (ColumnType::Float(mark), format!("numbers with {digits}{exponents}"))
        } else if fits_decimal {
            let why = format!("a float gives back only {FLOAT_DIGITS}");
            (ColumnType::Decimal(fraction, mark), format!("numbers with {digits}, and {why}"))
        } else {
            let reason = format!("its numbers have {digits}: no type holds them all");
            return Decision { settled: false, reason, ..self.text() };
        };
        let reason = format!("its {} values are {reason}", self.values);
        Decision { column_type, settled: true, reason, witness: None }
    }

    fn text(&self) -> Decision {
        // The type that held out longest is the one that its reader expected.
        let lost =
            self.lost.iter().enumerate().filter_map(|(number, witness)| Some((number, witness.as_ref()?)));
        let latest = lost.max_by(|(one, a), (two, b)| a.place.cmp(&b.place).then(two.cmp(one)));
        let witness = latest.map(|(number, witness)| (CANDIDATES[number], (**witness).clone()));
        let at_once = self
            .lost
            .iter()
            .flatten()
            .all(|other| Some(other.place) == witness.as_ref().map(|(_, last)| last.place));
        let reason = match &witness {
            Some((_, witness)) if at_once => {
                format!("`{}` is neither a number nor a date nor true or false", witness.value)
            }
            Some((expected, witness)) => {
                format!("`{}` is not {}, as all values before it are", witness.value, expected.expectation())
            }
            None => "nothing else was left".into(),
        };
        Decision { column_type: ColumnType::Text, settled: self.alive == 0, reason, witness }
    }
}
