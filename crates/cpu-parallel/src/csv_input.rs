//! CSV files cut into pieces of whole rows, for exercises that read tables.
//!
//! The pieces follow from the files and not from the workers. Each chunk of a file is surveyed apart, under both hypotheses
//! about the quotes before it (`tabular::scan`), so that a quoted line break at a border does no harm.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use lab::out::Staging;
use lab::ways::Way;
use lab::{Cause, Failure, Job, Lab, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::dialect::sniff::{self, HEAD, Known};
use tabular::dialect::{Dialect, Encoding};
use tabular::rows::{Block, Part, Rows};
use tabular::scan::plan::{Segment, Span, before, segments};
use tabular::scan::survey::{self, Scratch, Utf8Counts, utf8_counts};
use tabular::unpack::{self, Compression};

/// Bytes that are surveyed at once. Borders of pieces are borders of chunks.
const CHUNK: u64 = 1 << 20;
/// Chunks of one task.
const CHUNKS: usize = 16;

/// A CSV file and how it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CsvFile {
    /// The user's file.
    pub path: PathBuf,
    /// What is read: the file itself, or what was unpacked from it.
    text: PathBuf,
    compression: Compression,
    dialect: Dialect,
    ascii_so_far: bool,
    /// The names of its columns.
    pub names: Vec<String>,
    data: Span,
    line: u64,
}

impl CsvFile {
    /// Looks at the beginning of a file.
    pub(crate) fn look(path: &Path) -> Result<Self, Problem> {
        let cannot = || format!("cannot read {}", path.display());
        let compression = Compression::of(path).or_problem(cannot)?;
        let (head, whole) = unpack::head(path, compression, HEAD).or_problem(cannot)?;
        let known = Known { header: Some(true), ..Known::default() };
        let sniffed = sniff::sniff(&head, whole, known).ok_or_else(|| {
            Problem::new("there is no row in the file")
                .at(path.display())
                .expected("a line with the columns' names")
        })?;
        let end = path.metadata().or_problem(cannot)?.len();
        Ok(Self {
            path: path.into(),
            text: path.into(),
            compression,
            dialect: sniffed.dialect,
            ascii_so_far: sniffed.ascii_so_far,
            names: sniffed.names,
            data: Span { start: sniffed.data_start, end: end.max(sniffed.data_start) },
            line: sniffed.line,
        })
    }

    /// Whether a semicolon stands between fields, as it does where a comma stands before a fraction.
    pub(crate) fn has_semicolons(&self) -> bool {
        self.dialect.delimiter == b';'
    }

    pub(crate) fn open(&self) -> Result<File, Problem> {
        File::open(&self.text).or_problem(|| self.cannot())
    }

    pub(crate) fn cannot(&self) -> String {
        format!("cannot read {}", self.path.display())
    }

    /// The rows of a segment.
    pub(crate) fn rows<'a>(&self, file: &'a File, segment: &Segment) -> Rows<Part<'a>> {
        Rows::new(Part::new(file, segment), self.dialect, self.names.len(), segment.line, segment.span.start)
    }

    /// Calls `take` with all rows, block by block, from the first to the last.
    pub(crate) fn each_block(
        &self,
        mut take: impl FnMut(&mut Block) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut text = unpack::open(&self.path, self.compression).or_problem(|| self.cannot())?;
        io::copy(&mut text.by_ref().take(self.data.start), &mut io::sink()).or_problem(|| self.cannot())?;
        let mut rows = Rows::new(text, self.dialect, self.names.len(), self.line, self.data.start);
        while let Some(block) = rows.next_block().or_problem(|| self.cannot())? {
            take(block)?;
        }
        Ok(())
    }

    /// Unpacks what cannot be split as it is.
    fn unpack(&mut self, to: PathBuf, stop: &Stop) -> Result<(), Problem> {
        if self.compression == Compression::None && self.dialect.encoding.is_ascii_compatible() {
            return Ok(());
        }
        let file = File::create(&to).or_problem(|| format!("cannot write {}", to.display()))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let go_on = || if stop.asked() { Err(io::Error::other("interrupted")) } else { Ok(()) };
        let length =
            unpack::unpack::<io::Error>(&self.path, self.compression, self.dialect.encoding, &mut out, go_on);
        let length = length.and_then(|length| out.flush().map(|()| length)).or_problem(|| self.cannot())?;
        self.text = to;
        self.data.end = length.max(self.data.start);
        if !self.dialect.encoding.is_ascii_compatible() {
            self.dialect.encoding = Encoding::Utf8;
        }
        Ok(())
    }
}

/// Whole rows of one file.
pub type Stretch = (u32, Segment);

/// The rows of all files as pieces of about `size` bytes, and how many rows there are. Files that cannot be read are
/// failures, and have no piece.
pub(crate) struct Found {
    pub(crate) files: Vec<CsvFile>,
    pub(crate) pieces: Vec<Vec<Stretch>>,
    pub(crate) rows: u64,
    pub(crate) failures: Vec<Failure>,
}

/// Finds the rows of all files.
pub(crate) fn find(
    mut files: Vec<CsvFile>,
    size: u64,
    lab: &Lab,
    staging: &Staging,
    way: Way<Survey>,
) -> Result<Found, Problem> {
    let mut failures = Vec::new();
    for (number, file) in files.iter_mut().enumerate() {
        if let Err(problem) = file.unpack(staging.path(format!("text-{number}")), &lab.stop) {
            failures.push(Failure { task: file.path.display().to_string(), cause: Cause::Problem(problem) });
            file.data.end = file.data.start;
        }
    }
    let chunks: Vec<(u32, Span)> = (0_u32..)
        .zip(&files)
        .flat_map(|(number, file)| file.data.chunks(CHUNK).map(move |span| (number, span)))
        .collect();
    let tasks: Vec<Chunks> = chunks.chunks(CHUNKS).map(|chunks| Chunks(chunks.to_vec())).collect();
    let mut surveys: Vec<Vec<(Span, survey::Survey)>> = vec![Vec::new(); files.len()];
    let mut order = chunks.iter();
    way(lab, &files, &mut tasks.into_iter(), &mut |outcome| {
        let found = outcome.map_err(problem_of)?;
        for (survey, (number, span)) in found.into_iter().zip(order.by_ref()) {
            surveys[*number as usize].push((*span, survey));
        }
        Ok(())
    })?;
    lab.stop.check()?;
    let (mut pieces, mut rows) = (Vec::new(), 0);
    for ((number, file), surveys) in (0_u32..).zip(&mut files).zip(&surveys) {
        if std::mem::take(&mut file.ascii_so_far) {
            let mut counts = Utf8Counts::default();
            for (_, survey) in surveys {
                counts.characters += survey.utf8.characters;
                counts.faults += survey.utf8.faults;
            }
            file.dialect.encoding = sniff::encoding_by_counts(counts);
        }
        if file.data.is_empty() {
            continue;
        }
        let handle = file.open()?;
        let found = segments(file.data, file.line, surveys, &file.dialect, |span| read(&handle, span))
            .or_problem(|| file.cannot())?;
        rows += found.rows;
        let mut bytes = size;
        for segment in found.segments {
            if bytes + segment.span.len() > size {
                pieces.push(Vec::new());
                bytes = 0;
            }
            bytes += segment.span.len();
            if let Some(piece) = pieces.last_mut() {
                join(piece, number, segment);
            }
        }
    }
    Ok(Found { files, pieces, rows, failures })
}

fn join(piece: &mut Vec<Stretch>, number: u32, segment: Segment) {
    match piece.last_mut() {
        Some((last, before)) if *last == number && before.span.end == segment.span.start => {
            before.span.end = segment.span.end;
        }
        _ => piece.push((number, segment)),
    }
}

fn read(file: &File, span: Span) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(span.len()).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, span.start)?;
    Ok(bytes)
}

/// Where in a file the columns of these names are.
pub(crate) fn places_of<'a>(
    names: &[String],
    wanted: impl Iterator<Item = &'a str>,
    path: &Path,
) -> Result<Vec<usize>, Problem> {
    let place = |wanted: &str| {
        names.iter().position(|name| name == wanted).ok_or_else(|| {
            Problem::new(format!("there is no column `{wanted}`"))
                .at(path.display())
                .expected(format!("one of {}", names.join(", ")))
        })
    };
    wanted.map(place).collect()
}

/// Why a task was not done, for a step that cannot do without it.
pub(crate) fn problem_of(failure: Failure) -> Problem {
    match failure.cause {
        Cause::Problem(problem) => problem,
        _ => Problem::new(failure.to_string()),
    }
}

/// Chunks of files that are surveyed together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chunks(Vec<(u32, Span)>);

impl fmt::Display for Chunks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "survey from byte {}", self.0.first().map_or(0, |(_, span)| span.start))
    }
}

/// The job: surveys one chunk after another.
#[derive(Debug)]
pub struct Survey {
    files: Vec<CsvFile>,
    scratch: Scratch,
    text: Vec<u8>,
}

impl Job for Survey {
    const NAME: &'static str = "table-survey";
    type Setup = Vec<CsvFile>;
    type Task = Chunks;
    type Reply = Vec<survey::Survey>;

    fn start(files: &Vec<CsvFile>) -> Result<Self, Problem> {
        Ok(Self { files: files.clone(), scratch: Scratch::default(), text: Vec::new() })
    }

    fn run(&mut self, task: &Chunks, stop: &Stop) -> Result<Self::Reply, Problem> {
        let surveyed = task.0.iter().map(|(number, span)| {
            stop.check()?;
            let file = &self.files[*number as usize];
            let handle = file.open()?;
            let before = before(*span, file.data, &file.dialect, |span| read(&handle, span))
                .or_problem(|| file.cannot())?;
            self.text.resize(usize::try_from(span.len()).unwrap_or(usize::MAX), 0);
            handle.read_exact_at(&mut self.text, span.start).or_problem(|| file.cannot())?;
            let mut found = survey::survey(&self.text, before, &file.dialect, &mut self.scratch);
            if file.ascii_so_far && !self.text.is_ascii() {
                found.utf8 = utf8_counts(&self.text);
            }
            Ok(found)
        });
        surveyed.collect()
    }
}
