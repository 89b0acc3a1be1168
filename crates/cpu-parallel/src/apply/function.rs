//! The built-in functions over a chunk of rows.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::filter::filter_record_batch;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

use super::capitals::CAPITALS;
use super::kernels::{European, Places, Point, Simulation, asian_call, black_scholes, most_similar};
use super::{Made, Rejected};

/// Which built-in function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Name {
    /// The nearest of the places in --list (name,latitude,longitude; default: the capitals of Brazil's states) and its
    /// distance in kilometres; parameters: latitude, longitude
    Nearest,
    /// The value of a European call and put; parameters: spot, strike, rate, volatility, years
    BlackScholes,
    /// The most similar line of --list (default: the capitals) by Jaro-Winkler; parameter: text
    JaroWinkler,
    /// The value of an Asian call by simulation, and its standard error; parameters as for black-scholes
    MonteCarlo,
}

/// A built-in function with all that it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Function {
    name: Name,
    /// What each parameter is: a number, or the name of a column.
    parameters: HashMap<String, String>,
    list: Vec<String>,
    points: Vec<Point>,
    simulation: Simulation,
    /// A comma stands before the fraction of a number in text.
    decimal_commas: bool,
}

/// The reason for which a row has no result.
enum Without {
    /// A parameter has no value there: the row is kept, with nulls.
    Missing,
    /// The function refuses the row: it is left out and named.
    Refused(String),
}

impl From<String> for Without {
    fn from(reason: String) -> Self {
        Self::Refused(reason)
    }
}

const OPTION: [&str; 5] = ["spot", "strike", "rate", "volatility", "years"];

impl Name {
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Nearest => &["latitude", "longitude"],
            Self::JaroWinkler => &["text"],
            Self::BlackScholes | Self::MonteCarlo => &OPTION,
        }
    }
}

impl Function {
    /// The function with its parameters, each as `NAME=COLUMN` or `NAME=NUMBER`, checked against the columns.
    ///
    /// # Errors
    /// A parameter that is missing or unknown, a column that is not there, a list that cannot be read.
    pub fn new(
        name: Name,
        given: &[String],
        list: Option<&str>,
        simulation: Simulation,
        columns: &Schema,
    ) -> Result<Self, Problem> {
        let mut parameters = HashMap::new();
        for part in given {
            let wanted =
                || format!("NAME=COLUMN or NAME=NUMBER; the names are {}", name.parameters().join(", "));
            let (parameter, value) = part
                .split_once('=')
                .filter(|(parameter, _)| name.parameters().contains(parameter))
                .ok_or_else(|| {
                    Problem::new(format!("`{part}` is no parameter of this function")).expected(wanted())
                })?;
            parameters.insert(parameter.to_owned(), value.to_owned());
        }
        for parameter in name.parameters() {
            // A parameter that is not given is the column of its name.
            let value = parameters.entry((*parameter).to_owned()).or_insert_with(|| (*parameter).to_owned());
            let is_number = *parameter != "text" && value.parse::<f64>().is_ok();
            if !is_number && columns.field_with_name(value).is_err() {
                let names: Vec<_> = columns.fields().iter().map(|field| field.name().as_str()).collect();
                return Err(Problem::new(format!(
                    "there is no column `{value}` for the parameter `{parameter}`"
                ))
                .expected(format!("one of {}", names.join(", ")))
                .hint(format!("--param {parameter}=COLUMN names another column")));
            }
        }
        let (list, points) = match (list, name) {
            (None, _) => {
                let points = CAPITALS
                    .iter()
                    .map(|(_, latitude, longitude)| Point { latitude: *latitude, longitude: *longitude });
                (CAPITALS.iter().map(|capital| capital.0.to_owned()).collect(), points.collect())
            }
            (Some(path), Name::Nearest) => places(path)?,
            (Some(path), _) => {
                let text = fs::read_to_string(path).or_problem(|| format!("cannot read the list {path}"))?;
                (text.lines().map(str::to_owned).collect(), Vec::new())
            }
        };
        Ok(Self { name, parameters, list, points, simulation, decimal_commas: false })
    }

    /// Says whether numbers in text have a comma before their fraction.
    #[must_use]
    pub fn with_decimal_commas(self, decimal_commas: bool) -> Self {
        Self { decimal_commas, ..self }
    }

    /// The function, ready to run.
    pub fn ready(&self) -> Ready<'_> {
        Ready { function: self, places: Places::new(self.points.clone()) }
    }
}

/// The lines `name,latitude,longitude` of a file; a first line without numbers is a header.
fn places(path: &str) -> Result<(Vec<String>, Vec<Point>), Problem> {
    let text = fs::read_to_string(path).or_problem(|| format!("cannot read the places {path}"))?;
    let (mut names, mut points) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let wrong = |why: String| {
            Problem::new(why).at(format!("{path}:{}", number + 1)).expected("name,latitude,longitude")
        };
        let mut fields = line.rsplitn(3, ',');
        let (longitude, latitude) = (fields.next(), fields.next());
        let degrees = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
        match (fields.next(), degrees(latitude), degrees(longitude)) {
            (Some(name), Some(latitude), Some(longitude)) => {
                points.push(Point::new(latitude, longitude).map_err(wrong)?);
                names.push(name.trim_matches('"').to_owned());
            }
            _ if number == 0 => {}
            _ => return Err(wrong("this line is no place".into())),
        }
    }
    if points.is_empty() { Err(Problem::new(format!("{path} has no places"))) } else { Ok((names, points)) }
}

/// A function that was made ready once for a worker.
pub struct Ready<'a> {
    function: &'a Function,
    places: Places,
}

/// A parameter's values.
enum Values<'a> {
    Constant(f64),
    Numbers(&'a ArrayRef, Vec<f64>),
    Text(&'a StringArray),
}

impl Values<'_> {
    /// The number of this row.
    fn number(&self, row: usize, parameter: &str, decimal_commas: bool) -> Result<f64, Without> {
        match self {
            Self::Constant(value) => Ok(*value),
            Self::Numbers(array, values) if array.is_valid(row) => Ok(values[row]),
            Self::Text(array) if array.is_valid(row) && !array.value(row).trim().is_empty() => {
                let text = array.value(row);
                let parsed = if decimal_commas && text.contains(',') {
                    text.trim().replacen(',', ".", 1).parse()
                } else {
                    text.trim().parse()
                };
                parsed
                    .map_err(|_| Without::Refused(format!("{parameter}: expected a number, found {text:?}")))
            }
            _ => Err(Without::Missing),
        }
    }

    fn text(&self, row: usize) -> Result<&str, Without> {
        match self {
            Self::Text(array) if array.is_valid(row) => Ok(array.value(row)),
            _ => Err(Without::Missing),
        }
    }

    /// Whether a value may be missing, as the column says.
    fn may_be_missing(&self, column: Option<&Field>) -> bool {
        !matches!(self, Self::Constant(_)) && column.is_none_or(Field::is_nullable)
    }
}

impl Ready<'_> {
    /// The rows with what the function made of them. A row without a value for a parameter has nulls; the rows that the function
    /// refuses are left out and named. `first` is the number of the first row in the whole of the input.
    ///
    /// # Errors
    /// A column whose type a parameter cannot have.
    pub fn apply(&self, rows: &RecordBatch, first: u64) -> Result<Made, Problem> {
        let function = self.function;
        let parameters: Vec<_> = function
            .name
            .parameters()
            .iter()
            .map(|name| function.values(name, rows))
            .collect::<Result<_, _>>()?;
        let number = |at: usize, row: usize| {
            parameters[at].number(row, function.name.parameters()[at], function.decimal_commas)
        };
        let option = |row: usize| -> Result<European, Without> {
            let [spot, strike, rate, volatility, years] = [0, 1, 2, 3, 4].map(|at| number(at, row));
            let option = European {
                spot: spot?,
                strike: strike?,
                rate: rate?,
                volatility: volatility?,
                years: years?,
            };
            Ok(option.checked()?)
        };
        // The columns of results are the same for every chunk, so the input's columns decide, and not its values.
        let nullable = function.name.parameters().iter().zip(&parameters).any(|(name, values)| {
            let column = function.parameters.get(*name).map_or(*name, String::as_str);
            values.may_be_missing(rows.schema_ref().field_with_name(column).ok())
        });
        let (mut one, mut two) = (Vec::with_capacity(rows.num_rows()), Vec::with_capacity(rows.num_rows()));
        let (mut good, mut rejected) = (Vec::with_capacity(rows.num_rows()), Vec::new());
        let mut names: Vec<Option<&str>> = Vec::new();
        for row in 0..rows.num_rows() {
            let made = match function.name {
                Name::BlackScholes => option(row).map(black_scholes),
                Name::MonteCarlo => {
                    option(row).map(|of| asian_call(of, first + row as u64, function.simulation))
                }
                Name::Nearest => number(0, row)
                    .and_then(|latitude| Ok(Point::new(latitude, number(1, row)?)?))
                    .and_then(|from| {
                        let (place, far) =
                            self.places.nearest(from).ok_or_else(|| "there are no places".to_owned())?;
                        names.push(Some(&function.list[place]));
                        Ok((0.0, far))
                    }),
                Name::JaroWinkler => parameters[0].text(row).and_then(|text| {
                    let (entry, score) =
                        most_similar(text, &function.list).ok_or_else(|| "the list is empty".to_owned())?;
                    names.push(Some(&function.list[entry]));
                    Ok((0.0, score))
                }),
            };
            good.push(!matches!(made, Err(Without::Refused(_))));
            match made {
                Ok((first, second)) => {
                    one.push(Some(first));
                    two.push(Some(second));
                }
                Err(Without::Missing) => {
                    one.push(None);
                    two.push(None);
                    names.push(None);
                }
                Err(Without::Refused(reason)) => rejected.push(Rejected { row: row as u64, reason }),
            }
        }
        let columns: [(&str, ArrayRef); 2] = match function.name {
            Name::BlackScholes => [("call", numbers(one)), ("put", numbers(two))],
            Name::MonteCarlo => [("value", numbers(one)), ("standard_error", numbers(two))],
            Name::Nearest => [("nearest", texts(&names)), ("distance_km", numbers(two))],
            Name::JaroWinkler => [("most_similar", texts(&names)), ("similarity", numbers(two))],
        };
        let kept = if rejected.is_empty() {
            rows.clone()
        } else {
            filter_record_batch(rows, &BooleanArray::from(good))
                .or_problem(|| "the good rows cannot be chosen")?
        };
        with_columns(&kept, columns, nullable).map(|rows| Made { rows: Some(rows), rejected })
    }
}

fn numbers(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn with_columns(
    rows: &RecordBatch,
    more: [(&str, ArrayRef); 2],
    nullable: bool,
) -> Result<RecordBatch, Problem> {
    let mut fields: Vec<_> = rows.schema_ref().fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut arrays = rows.columns().to_vec();
    for (name, array) in more {
        fields.push(Field::new(name, array.data_type().clone(), nullable));
        arrays.push(array);
    }
    RecordBatch::try_new(Schema::new(fields).into(), arrays).or_problem(|| "the results are no columns")
}

impl Function {
    fn values<'a>(&self, parameter: &str, rows: &'a RecordBatch) -> Result<Values<'a>, Problem> {
        let value = self.parameters.get(parameter).map_or(parameter, String::as_str);
        let Some(array) = rows.column_by_name(value) else {
            let number = value.parse().map_err(|_| Problem::new(format!("there is no column `{value}`")))?;
            return Ok(Values::Constant(number));
        };
        macro_rules! numbers {
            ($kind:ty) => {
                Values::Numbers(
                    array,
                    array.as_primitive::<$kind>().values().iter().map(|value| f64::from(*value)).collect(),
                )
            };
        }
        Ok(match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            _ if parameter == "text" => return Err(unfit(value, array, "text")),
            // Whole numbers above 2^53 are rounded to the nearest that a real number has.
            #[allow(clippy::cast_precision_loss)]
            DataType::Int64 => Values::Numbers(
                array,
                array.as_primitive::<Int64Type>().values().iter().map(|value| *value as f64).collect(),
            ),
            DataType::Int32 => numbers!(Int32Type),
            DataType::Int16 => numbers!(Int16Type),
            DataType::Int8 => numbers!(Int8Type),
            DataType::UInt32 => numbers!(UInt32Type),
            DataType::UInt16 => numbers!(UInt16Type),
            DataType::UInt8 => numbers!(UInt8Type),
            DataType::Float64 => numbers!(Float64Type),
            DataType::Float32 => numbers!(Float32Type),
            _ => return Err(unfit(value, array, "numbers")),
        })
    }
}

fn unfit(column: &str, array: &ArrayRef, wanted: &str) -> Problem {
    Problem::new(format!("column `{column}` has the type {}", array.data_type()))
        .expected(format!("a column of {wanted}"))
}
