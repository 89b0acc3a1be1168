//! The first step: files that cannot be split as they are become text that can.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::unpack::unpack;

use super::files::Source;

/// One file and where its text goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packed {
    pub(super) source: Source,
    pub(super) to: PathBuf,
}

impl fmt::Display for Packed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.path.display().fmt(out)
    }
}

/// The job: unpacks one file after another.
#[derive(Debug)]
pub struct Unpack;

/// Why a file was not unpacked.
struct Why(Problem);

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        Self(Problem::because("the file cannot be unpacked", &error).hint("it may be cut off or damaged"))
    }
}

impl Job for Unpack {
    const NAME: &'static str = "ingest-unpack";
    type Setup = ();
    type Task = Packed;
    /// The length of the text in bytes.
    type Reply = u64;

    fn start((): &()) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn run(&mut self, packed: &Packed, stop: &Stop) -> Result<u64, Problem> {
        let Packed { source, to } = packed;
        let file = File::create(to).or_problem(|| format!("cannot write {}", to.display()))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let go_on = || stop.check().map_err(Why);
        let length = unpack(&source.path, source.compression, source.dialect.encoding, &mut out, go_on)
            .map_err(|why| why.0)?;
        out.flush().or_problem(|| format!("cannot write {}", to.display()))?;
        Ok(length)
    }
}
