//! Exercise 08: many Parquet files to CSV.
//!
//! Each file is one task, and the files share nothing, so this is the plainest work there is to spread over cores: decoding
//! and formatting keep a core busy from the first byte to the last. Threads, a pool, rayon and processes all come close to
//! the number of cores; an event loop does not, because a task that never waits never lets another one run.
//!
//! The bytes of each CSV file depend on its Parquet file alone.

mod file;
mod strategies;

use std::collections::HashMap;
use std::path::PathBuf;

use lab::exercise::Kind;
use lab::{Answer, Digest, Exercise, Failure, Lab, Problem, Role, Strategy, Work};
use tabular::csv_text::Dialect;

pub use file::{Converted, convert_file};
pub use strategies::{ConvertFile, File};

/// The exercise.
pub struct Convert;

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cpu-parallel convert 'in/*.parquet' --out csv/\n  cpu-parallel convert lake/ --delimiter ';' --compare"
)]
pub struct Args {
    /// Parquet files, folders or quoted patterns [default: the lab's orders]
    pub inputs: Vec<String>,
    /// The byte between two fields
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    pub delimiter: u8,
    /// Leave out the line with the columns' names
    #[arg(long)]
    pub no_header: bool,
}

/// One byte that can stand between fields.
fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("expected one character of ASCII that is no quote and no line break, or \\t".into()),
    }
}

/// The files to convert and where to.
#[derive(Debug)]
pub struct Input {
    files: Vec<File>,
    out: PathBuf,
    dialect: Dialect,
}

/// The files that were made.
#[derive(Debug)]
pub struct Output {
    converted: Vec<(PathBuf, Converted)>,
    failures: Vec<Failure>,
}

impl Exercise for Convert {
    const ID: u8 = 8;
    const NAME: &'static str = "convert";
    const ABOUT: &'static str = "Converts many Parquet files to CSV, file by file.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[Role::worker::<ConvertFile>()];
    type Args = Args;
    type Input = Input;
    type Output = Output;

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let out = lab.out_or(Self::NAME);
        let inputs = lab.inputs(&args.inputs, "orders-parquet", "parquet")?;
        let files: Vec<File> = inputs
            .into_iter()
            .map(|from| {
                let to = out.join(from.file_stem().unwrap_or_default()).with_added_extension("csv");
                File { from, to }
            })
            .collect();
        let mut taken = HashMap::new();
        for file in &files {
            if let Some(other) = taken.insert(&file.to, &file.from) {
                let clash = format!(
                    "{} and {} would both become {}",
                    other.display(),
                    file.from.display(),
                    file.to.display()
                );
                return Err(
                    Problem::new(clash).hint("convert one folder at a time, each with an --out of its own")
                );
            }
        }
        Ok(Input { files, out, dialect: Dialect { delimiter: args.delimiter, header: !args.no_header } })
    }
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        self.converted.iter().try_for_each(|(path, _)| digest.add_file(path))
    }

    fn work(&self) -> Work {
        let mut work = Work { items: (self.converted.len() + self.failures.len()) as u64, ..Work::default() };
        for (_, converted) in &self.converted {
            work.rows += converted.rows;
            work.bytes_in += converted.bytes_in;
            work.bytes_out += converted.bytes_out;
        }
        work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
