//! Which rows are wanted: `state = 'SP' and (total >= 100.00 or note is null)`.
//!
//! | what | how |
//! |---|---|
//! | columns | `name`, or `"any name"` |
//! | values | `12`, `-1.5`, `'text'` (a quote in it is doubled), `true`, `false` |
//! | comparisons | `=` `!=` `<` `<=` `>` `>=`, `in (…)`, `not in (…)`, `is null`, `is not null` |
//! | together | `and`, `or`, `not`, parentheses; `and` binds tighter than `or` |
//!
//! A value has the type of the column it is compared with: dates and instants are written as texts, a decimal is exact. As
//! in SQL a comparison with a null is neither true nor false, and only rows that are true are wanted. `NaN` is equal to
//! itself and larger than every number.

mod parse;
mod value;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Datum, RecordBatch, Scalar};
use arrow_buffer::BooleanBuffer;
use arrow_ord::cmp;
use arrow_schema::{ArrowError, DataType, Schema};
use serde::{Deserialize, Serialize};

use crate::Error;
use parse::{Expression, Parser};

/// A comparison of a column with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn kernel(self) -> fn(&dyn Datum, &dyn Datum) -> Result<BooleanArray, ArrowError> {
        match self {
            Self::Equal => cmp::eq,
            Self::NotEqual => cmp::neq,
            Self::Less => cmp::lt,
            Self::LessOrEqual => cmp::lt_eq,
            Self::Greater => cmp::gt,
            Self::GreaterOrEqual => cmp::gt_eq,
        }
    }
}

/// A condition on the rows of any table. It is stored and sent as its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter {
    text: String,
    expression: Expression,
}

impl std::str::FromStr for Filter {
    type Err = String;

    /// # Errors
    /// What was expected, and at which character.
    fn from_str(text: &str) -> Result<Self, String> {
        let expression = Parser::new(text).whole()?;
        Ok(Self { text: text.to_owned(), expression })
    }
}

impl TryFrom<String> for Filter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.text
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl Filter {
    /// The names of the columns that it looks at, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.expression.columns(&mut names);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The filter for tables of one schema.
    ///
    /// # Errors
    /// [`Error::Filter`]: a column that the table does not have, or a value that a column cannot have.
    pub fn bind(&self, schema: &Schema) -> Result<Bound, Error> {
        bind(&self.expression, schema).map(Bound).map_err(|reason| Error::Filter { reason })
    }
}

/// A filter whose columns and values are found.
pub struct Bound(Node);

enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    IsNull(usize),
    Compare(usize, Comparison, ArrayRef),
}

/// For each row whether a condition is true, and whether it is false. With a null it is neither.
struct Truth {
    yes: BooleanBuffer,
    no: BooleanBuffer,
}

impl Bound {
    /// The rows that are wanted.
    ///
    /// # Errors
    /// A batch of another schema.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let wanted = self.0.truth(batch)?.yes;
        if wanted.count_set_bits() == batch.num_rows() {
            return Ok(batch.clone());
        }
        Ok(arrow_select::filter::filter_record_batch(batch, &BooleanArray::new(wanted, None))?)
    }
}

impl Node {
    fn truth(&self, batch: &RecordBatch) -> Result<Truth, ArrowError> {
        match self {
            Self::All(parts) => {
                together(parts, batch, |a, b| Truth { yes: &a.yes & &b.yes, no: &a.no | &b.no })
            }
            Self::Any(parts) => {
                together(parts, batch, |a, b| Truth { yes: &a.yes | &b.yes, no: &a.no & &b.no })
            }
            Self::Not(part) => part.truth(batch).map(|truth| Truth { yes: truth.no, no: truth.yes }),
            Self::IsNull(column) => {
                let known = valid(batch.column(*column));
                Ok(Truth { yes: !&known, no: known })
            }
            Self::Compare(column, comparison, value) => {
                let array = batch.column(*column);
                let result = comparison.kernel()(array, &Scalar::new(Arc::clone(value)))?;
                let known = valid(&result);
                Ok(Truth { yes: result.values() & &known, no: &!result.values() & &known })
            }
        }
    }
}

fn together(
    parts: &[Node],
    batch: &RecordBatch,
    join: impl Fn(Truth, Truth) -> Truth,
) -> Result<Truth, ArrowError> {
    let mut truths = parts.iter().map(|part| part.truth(batch));
    // The parser makes no list that is empty.
    let first =
        truths.next().unwrap_or_else(|| Err(ArrowError::ComputeError("an empty condition".into())))?;
    truths.try_fold(first, |left, right| Ok(join(left, right?)))
}

/// The rows that are not null.
fn valid(array: &dyn Array) -> BooleanBuffer {
    array.logical_nulls().map_or_else(|| BooleanBuffer::new_set(array.len()), |nulls| nulls.inner().clone())
}

fn bind(expression: &Expression, schema: &Schema) -> Result<Node, String> {
    let all = |parts: &[Expression]| parts.iter().map(|part| bind(part, schema)).collect::<Result<_, _>>();
    Ok(match expression {
        Expression::All(parts) => Node::All(all(parts)?),
        Expression::Any(parts) => Node::Any(all(parts)?),
        Expression::Not(part) => Node::Not(Box::new(bind(part, schema)?)),
        Expression::IsNull(name) => Node::IsNull(find(name, schema)?),
        Expression::Compare(name, comparison, literal) => {
            let number = find(name, schema)?;
            let data_type = schema.field(number).data_type();
            let plain = if let DataType::Dictionary(_, values) = data_type { values } else { data_type };
            let value = value::array(literal, plain)
                .ok_or_else(|| format!("column `{name}` has the type {plain}, which cannot be {literal}"))?;
            Node::Compare(number, *comparison, value)
        }
    })
}

fn find(name: &str, schema: &Schema) -> Result<usize, String> {
    schema.index_of(name).map_err(|_| {
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        format!("there is no column `{name}`, only {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests;
