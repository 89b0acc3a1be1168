//! The first step: what each file holds, so that it can be told whether it has changed, and where it can be cut.

use std::fmt;

use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::scan::plan::{Segment, Span, before, segments};
use tabular::scan::survey::{self, Scratch, Survey};

use super::lake::Source;
use super::shape::{CsvShape, Cut, Shape, read_span};

/// A chunk of a file that is looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Chunk {
    source: Source,
    span: Span,
    /// How the file is written, where that is known already: in a file of several chunks.
    shape: Option<Shape>,
    /// How much of a file becomes one part.
    piece: u64,
}

/// Neighbouring chunks that are looked at together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chunks(pub(super) Vec<Chunk>);

impl fmt::Display for Chunks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [] => Ok(()),
            [chunk] => write!(out, "{} from byte {}", chunk.source.name, chunk.span.start),
            [first, .., last] => write!(out, "{} to {}", first.source.name, last.source.name),
        }
    }
}

/// What was seen of a chunk.
#[derive(Debug, Serialize, Deserialize)]
pub struct Looked {
    /// BLAKE3 of its bytes.
    digest: [u8; 32],
    survey: Option<Survey>,
    shape: Option<Shape>,
}

/// The job: looks at one chunk after another.
#[derive(Debug, Default)]
pub struct Look {
    bytes: Vec<u8>,
    scratch: Scratch,
}

impl Job for Look {
    const NAME: &'static str = "etl-look";
    type Setup = ();
    type Task = Chunks;
    /// For each chunk; a file that is not fit costs its own partition and not the others of the task.
    type Reply = Vec<Result<Looked, Problem>>;

    fn start((): &()) -> Result<Self, Problem> {
        Ok(Self::default())
    }

    fn run(&mut self, task: &Chunks, stop: &Stop) -> Result<Self::Reply, Problem> {
        let looks = task.0.iter().map(|chunk| {
            stop.check()?;
            Ok(self.look(chunk))
        });
        looks.collect()
    }
}

impl Look {
    fn look(&mut self, chunk: &Chunk) -> Result<Looked, Problem> {
        let cannot = || chunk.source.cannot();
        let file = chunk.source.open()?;
        read_span(&file, chunk.span, &mut self.bytes).or_problem(cannot)?;
        let digest = blake3::hash(&self.bytes).into();
        let shape = match &chunk.shape {
            Some(_) => None,
            None => Some(Shape::of(&chunk.source, chunk.piece)?),
        };
        let survey = match &chunk.shape {
            Some(Shape::Csv(shape)) if !rows_of(chunk.span, shape).is_empty() => {
                let span = rows_of(chunk.span, shape);
                let read = |span: Span| {
                    let mut bytes = Vec::new();
                    read_span(&file, span, &mut bytes).map(|()| bytes)
                };
                let before = before(span, shape.data, &shape.dialect, read).or_problem(cannot)?;
                let text = &self.bytes[self.bytes.len() - usize::try_from(span.len()).unwrap_or_default()..];
                Some(survey::survey(text, before, &shape.dialect, &mut self.scratch))
            }
            _ => None,
        };
        Ok(Looked { digest, survey, shape })
    }
}

/// What of a chunk is rows and not header.
fn rows_of(chunk: Span, shape: &CsvShape) -> Span {
    Span { start: chunk.start.max(shape.data.start).min(chunk.end), end: chunk.end }
}

/// The chunks of a file. One that is larger than `piece` is cut, and for that its shape must be known.
///
/// # Errors
/// Those of [`Shape::of`].
pub(super) fn chunks(source: &Source, piece: u64) -> Result<Vec<Chunk>, Problem> {
    let all = Span { start: 0, end: source.bytes };
    let chunk = |span, shape| Chunk { source: source.clone(), span, shape, piece };
    if source.bytes <= piece {
        return Ok(vec![chunk(all, None)]);
    }
    let shape = Shape::of(source, piece)?;
    Ok(all.chunks(piece).map(|span| chunk(span, Some(shape.clone()))).collect())
}

/// What is known of a file after the first step.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) digest: blake3::Hash,
    pub(super) shape: Shape,
    pub(super) cuts: Vec<Cut>,
}

/// Puts together what was seen of a file's chunks: the file's digest is that of its chunks' digests, so that they can be
/// made apart.
///
/// # Errors
/// The first chunk's problem, or a file that cannot be read any more.
pub(super) fn seen(chunks: &[Chunk], looked: Vec<Result<Looked, Problem>>) -> Result<Seen, Problem> {
    let looked = looked.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut hasher = blake3::Hasher::new();
    looked.iter().for_each(|looked| {
        hasher.update(&looked.digest);
    });
    let first = chunks.first().ok_or_else(|| Problem::new("a file without a chunk"))?;
    let known = first.shape.clone().or_else(|| looked.first().and_then(|looked| looked.shape.clone()));
    let shape = known.ok_or_else(|| Problem::new("a file without a shape"))?;
    let cuts = match &shape {
        Shape::Parquet(shape) => shape.parts.iter().cloned().map(Cut::Parquet).collect(),
        Shape::Csv(shape) if first.shape.is_none() => {
            vec![Cut::Csv(Segment { span: shape.data, line: shape.line, units: 0 })]
        }
        Shape::Csv(shape) => {
            let surveys: Vec<(Span, Survey)> = chunks
                .iter()
                .zip(&looked)
                .filter_map(|(chunk, looked)| Some((rows_of(chunk.span, shape), looked.survey?)))
                .collect();
            let file = first.source.open()?;
            let read = |span: Span| {
                let mut bytes = Vec::new();
                read_span(&file, span, &mut bytes).map(|()| bytes)
            };
            let found = segments(shape.data, shape.line, &surveys, &shape.dialect, read);
            found.or_problem(|| first.source.cannot())?.segments.into_iter().map(Cut::Csv).collect()
        }
    };
    Ok(Seen { digest: hasher.finalize(), shape, cuts })
}

impl Chunk {
    /// How many bytes are looked at.
    pub(super) fn weight(&self) -> u64 {
        self.span.len()
    }
}
