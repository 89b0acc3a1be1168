//! What is asked: by which columns, of which columns, and what.

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::samples::Asked;
use super::sum::Unit;
use super::values::Kind;
use super::wire::Batch;

/// A question that has been understood: everything that workers must know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// What the key columns are.
    pub keys: Vec<Kind>,
    /// What the aggregated columns are.
    pub measures: Vec<Kind>,
    /// The units of the sums of floating-point columns, by the number of the column.
    pub units: Vec<Unit>,
    /// What is asked about the values.
    pub asked: Asked,
    /// Which answers are given.
    pub shown: Vec<Function>,
    /// The columns' names and types, keys first, as a batch without a row.
    pub schema: Batch,
}

impl Question {
    /// Whether rows may be passed on as they are: one key that is a word, and numbers of which a state is kept.
    pub fn may_be_raw(&self) -> bool {
        let word = |kind: &Kind| !matches!(kind, Kind::Text | Kind::Decimal(_));
        let states_alone = self.asked.is_nothing() && self.measures.iter().all(word);
        matches!(&*self.keys, [key] if word(key)) && states_alone
    }

    /// The type of a key column.
    pub fn key_type(&self, number: usize) -> &DataType {
        self.schema.0.schema_ref().field(number).data_type()
    }

    /// The type of an aggregated column.
    pub fn measure_type(&self, number: usize) -> &DataType {
        self.key_type(self.keys.len() + number)
    }
}

/// An answer about the values of a column in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum, Serialize, Deserialize)]
pub enum Function {
    /// Values that are there
    Count,
    /// Values that are missing
    Nulls,
    /// The exact sum, rounded once
    Sum,
    /// The sum divided by the count
    Mean,
    /// The standard deviation of a sample
    Std,
    /// The least value
    Min,
    /// The greatest value
    Max,
    /// How many different values there are
    Distinct,
}

impl Function {
    /// What is answered unless something else is asked for.
    pub const USUAL: [Self; 7] =
        [Self::Count, Self::Nulls, Self::Sum, Self::Mean, Self::Std, Self::Min, Self::Max];

    /// The name in the answer's columns.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Nulls => "nulls",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Min => "min",
            Self::Max => "max",
            Self::Distinct => "distinct",
        }
    }
}
