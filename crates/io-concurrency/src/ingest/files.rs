//! Which files there are, and how each of them is written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use lab::{Cause, Failure, Lab, OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::dialect::sniff::{self, HEAD, Known, Reason, Sniffed};
use tabular::dialect::{Dialect, Encoding};
use tabular::scan::plan::Span;
use tabular::unpack::{self, Compression};

use super::args::{Format, Header, IngestArgs};
use super::schema::{self, Given};

/// A file and how it is written: all that a worker must know to read rows from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The user's file.
    pub(super) path: PathBuf,
    /// What is read: the file itself, or what was unpacked from it.
    pub(super) text: PathBuf,
    pub(super) compression: Compression,
    pub(super) dialect: Dialect,
    /// Whether the encoding is known only when all of the file was seen.
    pub(super) ascii_so_far: bool,
    /// How many fields a row has, and where among them each of the table's columns is.
    pub(super) width: usize,
    pub(super) places: Vec<usize>,
    /// Where the rows are in the text, and the line on which they begin.
    pub(super) data: Span,
    pub(super) line: u64,
    /// Bytes of the byte order mark of a file in UTF-16, which its text does not have.
    pub(super) mark: u64,
}

impl Source {
    /// Whether something else is read than the file itself.
    pub(super) fn is_packed(&self) -> bool {
        self.compression != Compression::None || !self.dialect.encoding.is_ascii_compatible()
    }

    /// Whether places in the text are counted in code units of two bytes.
    pub(super) fn is_utf16(&self) -> bool {
        !self.dialect.encoding.is_ascii_compatible()
    }

    pub(super) fn open(&self) -> Result<File, Problem> {
        File::open(&self.text).or_problem(|| self.cannot())
    }

    pub(super) fn cannot(&self) -> String {
        format!("cannot read {}", self.path.display())
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// What all strategies work on.
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) sources: Vec<Source>,
    /// How each of the files was found to be written, in words.
    pub(super) reasons: Vec<Vec<Reason>>,
    /// The table's columns: the names of the first file.
    pub(super) names: Vec<String>,
    /// Files that cannot be part of the table.
    pub(super) failures: Vec<Failure>,
    pub(super) given: Given,
    pub(super) out: Option<PathBuf>,
    pub(super) rejects: Option<PathBuf>,
    pub(super) format: Format,
    pub(super) explain: bool,
    pub(super) args: IngestArgs,
}

impl Input {
    /// Finds the files and looks at the beginning of each.
    ///
    /// # Errors
    /// No file, a schema that cannot be read or names a column that is not there, or not one file that can be read.
    pub(super) fn prepare(args: &IngestArgs, lab: &Lab) -> Result<Self, Problem> {
        let given = args.schema.as_deref().map(schema::read).transpose()?.unwrap_or_default();
        let asked = lab.out();
        let format = args.format_for(asked.as_deref());
        let out = match format {
            _ if args.explain => None,
            Format::Summary => asked,
            Format::Parquet => Some(lab.out_or("ingest.parquet")),
            Format::Arrow => Some(lab.out_or("ingest.arrow")),
        };
        // A measured cell keeps nothing: what it writes is beside its output.
        let rejects = args.rejects.as_ref().map(|rejects| match &out {
            Some(out) if !lab.may_read_stdin() => out.with_file_name(rejects.file_name().unwrap_or_default()),
            _ => rejects.clone(),
        });
        let mut input = Self {
            sources: Vec::new(),
            reasons: Vec::new(),
            names: Vec::new(),
            failures: Vec::new(),
            given,
            out,
            rejects,
            format,
            explain: args.explain,
            args: args.clone(),
        };
        for path in lab.inputs(&args.inputs, "orders-csv", "csv")? {
            lab.stop.check()?;
            if let Err(problem) = input.add(&path) {
                input
                    .failures
                    .push(Failure { task: path.display().to_string(), cause: Cause::Problem(problem) });
            }
        }
        if input.sources.is_empty() {
            let first = input.failures.first().map_or(String::new(), |failure| format!("; {failure}"));
            return Err(Problem::new(format!("no file can be part of the table{first}")));
        }
        for name in input.given.keys() {
            if !input.names.contains(name) {
                return Err(Problem::new(format!("--schema names the column `{name}`, which is not there"))
                    .expected(format!("one of {}", input.names.join(", "))));
            }
        }
        Ok(input)
    }

    fn add(&mut self, path: &Path) -> Result<(), Problem> {
        let cannot = || format!("cannot read {}", path.display());
        let known = Known {
            delimiter: self.args.delimiter,
            quote: self.args.quote.map(|quote| quote.0),
            encoding: self.args.encoding,
            header: self.args.header.map(|header| header == Header::Yes),
        };
        let compression = Compression::of(path).or_problem(cannot)?;
        let (head, whole) = unpack::head(path, compression, HEAD).or_problem(cannot)?;
        let sniffed = sniff::sniff(&head, whole, known).ok_or_else(|| {
            Problem::new(format!("there is no row in {}", path.display()))
                .expected("a header, or at least one row")
        })?;
        let places = self.places(path, &sniffed)?;
        let end = path.metadata().or_problem(cannot)?.len();
        let mark = match (sniffed.dialect.encoding, &*head) {
            (Encoding::Utf16Le, [0xff, 0xfe, ..]) | (Encoding::Utf16Be, [0xfe, 0xff, ..]) => 2,
            _ => 0,
        };
        self.sources.push(Source {
            path: path.into(),
            text: path.into(),
            compression,
            dialect: sniffed.dialect,
            ascii_so_far: sniffed.ascii_so_far,
            width: sniffed.names.len(),
            places,
            data: Span { start: sniffed.data_start, end: end.max(sniffed.data_start) },
            line: sniffed.line,
            mark,
        });
        self.reasons.push(sniffed.reasons);
        Ok(())
    }

    /// Where in this file each of the table's columns is. The first file says which there are.
    fn places(&mut self, path: &Path, sniffed: &Sniffed) -> Result<Vec<usize>, Problem> {
        if self.sources.is_empty() {
            self.names.clone_from(&sniffed.names);
        }
        let place = |name: &String| sniffed.names.iter().position(|found| found == name);
        let places: Option<Vec<usize>> = self.names.iter().map(place).collect();
        match places {
            Some(places) if sniffed.names.len() == self.names.len() => Ok(places),
            _ => {
                let without = self.names.iter().filter(|name| !sniffed.names.contains(name));
                let with = sniffed.names.iter().filter(|name| !self.names.contains(name));
                let differs = without
                    .map(|name| format!(", without `{name}`"))
                    .chain(with.map(|name| format!(", with `{name}`")));
                let differs: String = differs.collect();
                Err(Problem::new(format!("its columns are not those of the first file{differs}"))
                    .at(path.display())
                    .hint("ingest files of different columns apart; their order does not matter"))
            }
        }
    }
}

/// Reads a part of a text.
pub(super) fn read_span(file: &File, span: Span, into: &mut Vec<u8>) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    into.resize(usize::try_from(span.len()).unwrap_or(usize::MAX), 0);
    file.read_exact_at(into, span.start)
}
