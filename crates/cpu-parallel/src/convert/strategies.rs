//! The ways to convert many files.

use std::fmt;
use std::path::PathBuf;

use lab::out::Staging;
use lab::ways::{self, Way};
use lab::{Job, Lab, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::csv_text::Dialect;

use super::{Converted, Input, Output, convert_file};

/// One after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::sequential::<ConvertFile>)
}

/// A thread for each file.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::threads::<ConvertFile>)
}

/// A fixed number of threads that take the next file when they are done with one.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::pool::<ConvertFile>)
}

/// The files split in halves until each thread has some; idle threads steal.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::rayon::<ConvertFile>)
}

/// Tasks on one event loop: none of them waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::event_loop::<ConvertFile>)
}

/// A fixed number of processes. Only paths and counts go through the pipes; the files are read and written where the work
/// is done.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::processes::<ConvertFile>)
}

fn convert_all(input: &Input, lab: &Lab, way: Way<ConvertFile>) -> Result<Output, Problem> {
    let staging = Staging::within(&input.out)?;
    let setup =
        Setup { staging: staging.path(""), delimiter: input.dialect.delimiter, header: input.dialect.header };
    let mut output = Output { converted: Vec::new(), failures: Vec::new() };
    for (file, outcome) in
        input.files.iter().zip(ways::collect::<ConvertFile>(way, lab, &setup, &input.files))
    {
        match outcome {
            Ok(converted) => output.converted.push((file.to.clone(), converted)),
            Err(failure) => output.failures.push(failure),
        }
    }
    Ok(output)
}

/// What every worker starts from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    staging: PathBuf,
    delimiter: u8,
    header: bool,
}

/// One task: a Parquet file and the CSV file it becomes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    /// The Parquet file.
    pub from: PathBuf,
    /// The CSV file.
    pub to: PathBuf,
}

impl fmt::Display for File {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.display().fmt(out)
    }
}

/// The job: converts one file after another.
pub struct ConvertFile {
    staging: PathBuf,
    dialect: Dialect,
}

impl Job for ConvertFile {
    const NAME: &'static str = "convert";
    type Setup = Setup;
    type Task = File;
    type Reply = Converted;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let dialect = Dialect { delimiter: setup.delimiter, header: setup.header };
        Ok(Self { staging: setup.staging.clone(), dialect })
    }

    fn run(&mut self, file: &File, stop: &Stop) -> Result<Converted, Problem> {
        // Whoever tries again after a death writes over what the dead worker left.
        let staged = self.staging.join(file.to.file_name().unwrap_or_default());
        convert_file(&file.from, &staged, &file.to, self.dialect, stop)
    }
}
