//! What is written: the table, and the rows that are not in it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use lab::{Cause, Failure, OrProblem, Problem};
use tabular::columns::{Column, arrow_schema};
use tabular::ipc;
use tabular::row_groups::{Assembler, Encoding};
use tabular::rows::{REJECTS_HEADER, Reject};

use super::args::Format;

/// How many of the rows that do not fit are named where nobody asked for a file of them.
const NAMED: usize = 10;

/// The file that row groups are appended to.
pub(super) enum Writer {
    Parquet(Box<Assembler<BufWriter<File>>>),
    Arrow(Box<ipc::Assembler<BufWriter<File>>>),
    Nothing,
}

const CANNOT: &str = "cannot write the table";

impl Writer {
    pub(super) fn new(
        format: Format,
        path: &Path,
        columns: &[Column],
        encoding: &Encoding,
    ) -> Result<Self, Problem> {
        let schema = arrow_schema(columns);
        let file = || {
            let file = File::create(path).or_problem(|| CANNOT)?;
            Ok(BufWriter::with_capacity(1 << 18, file))
        };
        Ok(match format {
            Format::Parquet => {
                Self::Parquet(Box::new(Assembler::new(file()?, schema, encoding).or_problem(|| CANNOT)?))
            }
            Format::Arrow => {
                Self::Arrow(Box::new(ipc::Assembler::new(file()?, &schema).or_problem(|| CANNOT)?))
            }
            Format::Summary => Self::Nothing,
        })
    }

    pub(super) fn append(&mut self, bytes: Vec<u8>) -> Result<(), Problem> {
        match self {
            Self::Parquet(file) => file.append(bytes).or_problem(|| CANNOT),
            Self::Arrow(file) => file.append(&bytes).or_problem(|| CANNOT),
            Self::Nothing => Ok(()),
        }
    }

    /// Ends the file; whether there is one.
    pub(super) fn finish(self) -> Result<bool, Problem> {
        let mut out = match self {
            Self::Parquet(file) => file.finish().or_problem(|| CANNOT)?,
            Self::Arrow(file) => file.finish().or_problem(|| CANNOT)?,
            Self::Nothing => return Ok(false),
        };
        out.flush().or_problem(|| CANNOT)?;
        Ok(true)
    }
}

/// The rows that do not fit: all of them in a file, or the first ones.
pub(super) struct Rejects {
    file: Option<(PathBuf, BufWriter<File>)>,
    first: Vec<(String, String, Reject)>,
    count: u64,
    line: Vec<u8>,
}

impl Rejects {
    pub(super) fn new(path: Option<PathBuf>) -> Result<Self, Problem> {
        let open = |path: PathBuf| {
            let mut file = BufWriter::new(File::create(&path).or_problem(|| "cannot write the rejects")?);
            file.write_all(REJECTS_HEADER.as_bytes()).or_problem(|| "cannot write the rejects")?;
            Ok((path, file))
        };
        Ok(Self { file: path.map(open).transpose()?, first: Vec::new(), count: 0, line: Vec::new() })
    }

    pub(super) fn add(&mut self, file: &str, column: &str, reject: &Reject) -> Result<(), Problem> {
        self.count += 1;
        if let Some((_, out)) = &mut self.file {
            self.line.clear();
            reject.write(file, column, &mut self.line);
            out.write_all(&self.line).or_problem(|| "cannot write the rejects")?;
        } else if self.first.len() < NAMED {
            self.first.push((file.into(), column.into(), reject.clone()));
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The first rows as failures, and how many more there are.
    pub(super) fn failures(&self, refused: impl Fn(&Path, &str, &Reject) -> Problem) -> Vec<Failure> {
        let failure = |(file, column, reject): &(String, String, Reject)| Failure {
            task: format!("{file}:{}", reject.line),
            cause: Cause::Problem(refused(Path::new(file), column, reject)),
        };
        let mut failures: Vec<Failure> = self.first.iter().map(failure).collect();
        let more = self.count - self.first.len() as u64;
        if more > 0 {
            let cause = Cause::Problem(Problem::new("do not fit either"));
            failures.push(Failure { task: format!("{more} more rows"), cause });
        }
        failures
    }

    /// Ends the file, if there is one.
    pub(super) fn finish(self) -> Result<Option<PathBuf>, Problem> {
        let Some((path, mut out)) = self.file else { return Ok(None) };
        out.flush().or_problem(|| "cannot write the rejects")?;
        Ok(Some(path))
    }
}
