//! Exercise 09: count, sum, mean, deviation, extremes, quantiles and different values of each group of a table, in one pass.
//!
//! Adding up is the textbook's parallel reduction, and floating-point addition is what breaks it: it is not associative, so
//! the textbook's answer depends on the number of workers. Here every sum is exact and rounded once ([`sum`]), so no order
//! can change it; deviations are merged by Chan's formula in the order of the input ([`moments`]).
//!
//! 1. *Plan*: the row groups or the rows of all files become pieces, by the files alone.
//! 2. *Gather*: each piece is aggregated apart, in tables of its own ([`hash`]). A row costs a look-up of a word for each key
//!    column and one line of the cache for each aggregated one. Where nearly every row has a key of its own, rows are only
//!    sorted into partitions.
//! 3. *Merge*: with few groups, as the pieces come in; with many, each partition of the keys apart, so that this step is
//!    spread over workers as well and its tables stay in a core's cache.
//!
//! Memory holds the groups of the pieces; with many groups, the keys and values of all rows. Exact quantiles hold all values.

mod answer;
pub mod floats;
pub mod hash;
mod jobs;
pub mod keys;
pub mod measure;
pub mod moments;
pub mod part;
pub mod quantile;
pub mod question;
pub mod samples;
mod sketch;
pub mod states;
mod steps;
mod strategies;
pub mod sum;
mod table;
pub mod values;
pub mod wire;

use std::collections::HashMap;
use std::path::PathBuf;

use lab::exercise::Kind as Way;
use lab::formats::{Format, Out};
use lab::out::Files;
use lab::{Exercise, Lab, Problem, Role, Strategy};
use tabular::columns::ColumnType;
use tabular::parquet_batches::ParquetFile;

use crate::csv_input::{CsvFile, Survey, places_of};
use crate::table_file::TABLES;
pub use answer::Output;
pub use jobs::{GatherPiece, MergePartition};
use question::Function;
use samples::Asked;

/// The exercise.
#[derive(Debug)]
pub struct Aggregate;

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Groups come out sorted by their keys, missing keys last, each with its `rows`. In CSV a key is text, whatever it looks like:
01, 1 and 001 are three keys; --type gives it another type. Types of the other columns are inferred from all values.

Sums are exact: those of whole numbers and decimals have up to 38 digits, those of floating-point numbers are rounded once, so
1e100 + 1 - 1e100 is 1 and the bits do not depend on the number of workers. The deviation is that of a sample. What is no number
(NaN) is a value: it makes sum, mean and deviation none either, and is left out of min and max. Quantiles are interpolated as in
NumPy (`linear`); with --sketch they are off by at most that share of themselves, in little memory. --out names a .parquet or a
.csv file; without it, CSV goes to standard output.

Examples:
  cpu-parallel aggregate 'orders/*.parquet' --by uf,category --of unit_price_cents
  cpu-parallel aggregate big.csv --by cep --of valor --show sum,mean,distinct --quantiles 0.5,0.99
  cpu-parallel aggregate lake/ --of price --quantiles 0.5,0.999 --sketch 0.01 --compare")]
pub struct Args {
    /// CSV or Parquet files, folders with .parquet files, or quoted patterns [default: the lab's orders]
    pub inputs: Vec<String>,
    /// The columns whose values make a group [default: none, or `uf,category` of the lab's orders]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub by: Vec<String>,
    /// The columns that are aggregated [default: all that add up]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub of: Vec<String>,
    /// What is answered about each [default: all but distinct]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub show: Vec<Function>,
    /// Quantiles, each from 0 to 1
    #[arg(long, value_name = "SHARES", value_delimiter = ',', value_parser = share)]
    pub quantiles: Vec<f64>,
    /// Estimate quantiles with at most this relative error, such as 0.01
    #[arg(long, value_name = "ERROR", value_parser = error)]
    pub sketch: Option<f64>,
    /// The type of a column of a CSV file, as `NAME=TYPE`: int64, float64, decimal(2), text, date, timestamp, ...
    #[arg(long = "type", value_name = "NAME=TYPE", value_parser = typed)]
    pub types: Vec<(String, ColumnType)>,
    /// Keep the rows of CSV files that do not fit here
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1, such as 0.5".into())
}

fn error(text: &str) -> Result<f64, String> {
    let error: Option<f64> = text.parse().ok().filter(|error| (0.000_1..0.5).contains(error));
    error.ok_or_else(|| "expected a number from 0.0001 to 0.5, such as 0.01".into())
}

fn typed(text: &str) -> Result<(String, ColumnType), String> {
    let (name, column_type) = text.split_once('=').ok_or("expected NAME=TYPE")?;
    Ok((name.into(), column_type.parse()?))
}

/// How the files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Parquet.
    Parquet,
    /// CSV.
    Csv,
}

/// The files and what is asked about them.
#[derive(Clone, Debug)]
pub struct Input {
    files: Vec<PathBuf>,
    form: Form,
    by: Vec<String>,
    of: Option<Vec<String>>,
    asked: Asked,
    shown: Vec<Function>,
    types: HashMap<String, ColumnType>,
}

impl Exercise for Aggregate {
    const ID: u8 = 9;
    const NAME: &'static str = "aggregate";
    const ABOUT: &'static str = "Aggregates the groups of a table in one pass, with exact sums.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Way::Sequential, strategies::sequential),
        Strategy::new(Way::Threads, strategies::threads),
        Strategy::new(Way::Pool, strategies::pool),
        Strategy::new(Way::Rayon, strategies::rayon),
        Strategy::new(Way::Async, strategies::event_loop),
        Strategy::new(Way::Processes, strategies::processes),
    ];
    const BEST: &'static str = Way::Pool.name();
    const ROLES: &'static [Role] =
        &[Role::worker::<Survey>(), Role::worker::<GatherPiece>(), Role::worker::<MergePartition>()];
    type Args = Args;
    type Input = Input;
    type Output = Output;

    fn files(args: &Args, lab: &Lab) -> Files {
        Files::new(Out::File(TABLES)).inputs(lab, &args.inputs, "orders-parquet", "parquet").writes(
            "--rejects",
            args.rejects.as_ref(),
            &[Format::Csv],
        )
    }

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let files = lab.inputs(&args.inputs, "orders-parquet", "parquet")?;
        let form = form(&files)?;
        let own = args.inputs.is_empty() && args.by.is_empty() && args.of.is_empty();
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut shown = if args.show.is_empty() { Function::USUAL.to_vec() } else { args.show.clone() };
        let quantiles =
            if own && args.quantiles.is_empty() { vec![0.5, 0.9] } else { args.quantiles.clone() };
        if args.sketch.is_some() && quantiles.is_empty() {
            return Err(Problem::new("--sketch is about quantiles, and none is asked for")
                .hint("add --quantiles 0.5,0.9"));
        }
        shown.dedup();
        let input = Input {
            files,
            form,
            by: if own { list(&["uf", "category"]) } else { args.by.clone() },
            of: match &*args.of {
                [] if own => Some(list(&["quantity", "unit_price_cents", "discount_bp"])),
                [] => None,
                of => Some(of.to_vec()),
            },
            asked: Asked { quantiles, error: args.sketch, distinct: shown.contains(&Function::Distinct) },
            shown,
            types: args.types.iter().cloned().collect(),
        };
        input.check()?;
        Ok(input)
    }

    fn deliver(output: &Output, args: &Args, lab: &Lab) -> Result<(), Problem> {
        let out = lab.out();
        output.deliver(out.as_deref(), args.rejects.as_ref())?;

        let written = out.and_then(|out| out.metadata().ok()).filter(std::fs::Metadata::is_file);
        lab.count_delivered(written.map_or(0, |file| file.len()));
        Ok(())
    }
}

/// The form of all files, by their names.
fn form(files: &[PathBuf]) -> Result<Form, Problem> {
    let is_parquet = |file: &PathBuf| {
        file.extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("parquet") || ending.eq_ignore_ascii_case("pq"))
    };
    match files.iter().filter(|file| is_parquet(file)).count() {
        0 => Ok(Form::Csv),
        count if count == files.len() => Ok(Form::Parquet),
        _ => Err(Problem::new("some of the files are Parquet and some are not").hint("aggregate them apart")),
    }
}

impl Input {
    /// Whether the first file has the columns; a name that is not there should cost no work.
    fn check(&self) -> Result<(), Problem> {
        match self.form {
            Form::Parquet => {
                let first =
                    self.files.iter().find_map(|file| Some((file, ParquetFile::open_plain(file).ok()?)));
                first.map_or(Ok(()), |(path, file)| self.question(file.schema(), path).map(drop))
            }
            Form::Csv => self.csv_columns(&CsvFile::look(&self.files[0])?).map(drop),
        }
    }

    fn csv_files(&self) -> Result<Vec<CsvFile>, Problem> {
        self.files.iter().map(|file| CsvFile::look(file)).collect()
    }

    /// The columns of the question, keys first.
    fn csv_columns(&self, first: &CsvFile) -> Result<Vec<String>, Problem> {
        let mut wanted = self.by.clone();
        match &self.of {
            Some(of) => wanted.extend(of.iter().cloned()),
            None => wanted.extend(first.names.iter().filter(|name| !self.by.contains(name)).cloned()),
        }
        places_of(&first.names, wanted.iter().map(String::as_str), &first.path)?;
        Ok(wanted)
    }
}
