//! The steps before any value is read: where the rows are, and which of them become a row group together.

use lab::out::Staging;
use lab::{Failure, Lab, OrProblem, Problem};
use tabular::dialect::sniff::encoding_by_counts;
use tabular::scan::plan::{Segment, Span, segments};
use tabular::scan::survey::{Survey as Surveyed, Utf8Counts, utf16_units};

use super::files::{Input, Source, read_span};
use super::observe::Piece;
use super::steps::problem;
use super::strategies::Ways;
use super::survey::Chunks;
use super::unpack::{Packed, Unpack};

/// Bytes that are surveyed at once: few, because a worker holds them in memory. Borders of pieces are borders of chunks.
const CHUNK: u64 = 1 << 20;

/// What is known after the survey.
pub(super) struct Found {
    pub(super) sources: Vec<Source>,
    pub(super) pieces: Vec<Piece>,
    pub(super) rows: u64,
    pub(super) failures: Vec<Failure>,
}

/// Unpacks what must be unpacked and finds the rows of every file.
pub(super) fn find(input: &Input, lab: &Lab, ways: &Ways, staging: &Staging) -> Result<Found, Problem> {
    let (mut sources, failures) = unpack(input, lab, ways, staging)?;
    let size = input.args.piece.as_u64().max(1);
    let mut surveys: Vec<Vec<(Span, Surveyed)>> = vec![Vec::new(); sources.len()];
    let chunks: Vec<(u32, Span)> = (0_u32..)
        .zip(&sources)
        .flat_map(|(number, source)| source.data.chunks(CHUNK).map(move |span| (number, span)))
        .collect();
    let tasks: Vec<Chunks> = grouped(&chunks, size, |(_, span)| span.len())
        .map(|chunks| Chunks { label: label(&sources, chunks), chunks: chunks.to_vec() })
        .collect();
    let mut order = chunks.iter();
    (ways.survey)(lab, &sources, &mut tasks.into_iter(), &mut |outcome| {
        for (survey, (number, span)) in outcome.map_err(problem)?.into_iter().zip(order.by_ref()) {
            surveys[*number as usize].push((*span, survey));
        }
        Ok(())
    })?;
    lab.stop.check()?;
    let (mut all, mut rows) = (Vec::new(), 0);
    for ((number, source), surveys) in (0_u32..).zip(&mut sources).zip(&surveys) {
        if std::mem::take(&mut source.ascii_so_far) {
            let mut counts = Utf8Counts::default();
            for (_, survey) in surveys {
                counts.characters += survey.utf8.characters;
                counts.faults += survey.utf8.faults;
            }
            source.dialect.encoding = encoding_by_counts(counts);
        }
        let file = source.open()?;
        let read = |span: Span| {
            let mut bytes = Vec::new();
            read_span(&file, span, &mut bytes).map(|()| bytes)
        };
        let found = segments(source.data, source.line, surveys, &source.dialect, read)
            .or_problem(|| source.cannot())?;
        rows += found.rows;
        // Code units are counted from the start of the file, and the header stands before the rows.
        let header = if source.is_utf16() {
            let header = Span { start: 0, end: source.data.start };
            utf16_units(&read(header).or_problem(|| source.cannot())?)
        } else {
            0
        };
        all.extend(
            found
                .segments
                .into_iter()
                .map(|segment| (number, Segment { units: segment.units + header, ..segment })),
        );
    }
    let pieces = grouped(&all, size, |(_, segment): &(u32, Segment)| segment.span.len())
        .map(|segments| Piece { label: label(&sources, segments), segments: joined(segments) })
        .collect();
    Ok(Found { sources, pieces, rows, failures })
}

/// The files as text that can be split, and those that could not be unpacked.
fn unpack(
    input: &Input,
    lab: &Lab,
    ways: &Ways,
    staging: &Staging,
) -> Result<(Vec<Source>, Vec<Failure>), Problem> {
    let packed = input.sources.iter().enumerate().filter(|(_, source)| source.is_packed());
    let tasks: Vec<Packed> = packed
        .map(|(number, source)| Packed { source: source.clone(), to: staging.path(format!("text-{number}")) })
        .collect();
    let mut outcomes = lab::ways::collect::<Unpack>(ways.unpack, lab, &(), &tasks).into_iter();
    lab.stop.check()?;
    let mut failures = Vec::new();
    let mut sources = Vec::new();
    for (number, source) in input.sources.iter().enumerate() {
        let mut source = source.clone();
        if source.is_packed() {
            match outcomes.next() {
                Some(Ok(length)) => {
                    source.text = staging.path(format!("text-{number}"));
                    source.data.end = length.max(source.data.start);
                }
                Some(Err(failure)) => {
                    failures.push(failure);
                    continue;
                }
                None => continue,
            }
        }
        sources.push(source);
    }
    if sources.is_empty() {
        let first = failures.into_iter().next();
        return Err(first.map_or_else(|| Problem::new("there is no file"), problem));
    }
    Ok((sources, failures))
}

/// Neighbours that together are no larger than `size`, or one that is.
fn grouped<T>(items: &[T], size: u64, length: impl Fn(&T) -> u64) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = rest.iter().take_while(|item| {
            sum += length(item);
            sum <= size
        });
        let (group, behind) = rest.split_at(fits.count().max(1).min(rest.len()));
        rest = behind;
        (!group.is_empty()).then_some(group)
    })
}

/// Segments that follow each other in a file as one.
fn joined(segments: &[(u32, Segment)]) -> Vec<(u32, Segment)> {
    let mut joined: Vec<(u32, Segment)> = Vec::new();
    for (number, segment) in segments {
        match joined.last_mut() {
            Some((last, before)) if last == number && before.span.end == segment.span.start => {
                before.span.end = segment.span.end;
            }
            _ => joined.push((*number, *segment)),
        }
    }
    joined
}

fn label<T: At>(sources: &[Source], parts: &[(u32, T)]) -> String {
    let name = |number: u32| sources[number as usize].name();
    match parts {
        [] => String::new(),
        [(number, part)] => format!("{} from byte {}", name(*number), part.at()),
        [(first, _), .., (last, _)] => format!("{} to {}", name(*first), name(*last)),
    }
}

/// What has a place in its file.
trait At {
    fn at(&self) -> u64;
}

impl At for Span {
    fn at(&self) -> u64 {
        self.start
    }
}

impl At for Segment {
    fn at(&self) -> u64 {
        self.span.start
    }
}
