//! Which pieces of which files are read, and in which order: a function of the files alone.
//!
//! Pieces are sorted by the time of their first event, over all files. So when a piece is done, everything that is earlier
//! than the beginning of the next one has been seen, and can be given to the rules in the order of time: memory holds the
//! events of pieces that overlap in time, and no more.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use tabular::unpack::{self, Compression};

use super::events::Events;
use super::files::Place;
use super::scan::{PIECE, Piece};
use super::stamp::{Clock, Stamp};

/// A file, or the part of it that is to be read.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Where it lies, if only the file there is meant and not another one that is given its name.
    pub(super) place: Option<Place>,
    pub(super) packed: bool,
    /// The first byte to read; an event begins there.
    pub(super) from: u64,
    /// Line ends before it.
    pub(super) line: u64,
    /// Where the file ends.
    pub(super) end: u64,
    /// Whether nobody writes it any more.
    pub(super) whole: bool,
    /// When it was changed last.
    pub(super) year: i16,
}

/// What is looked at to see when a piece begins, in bytes.
const PEEK: u64 = 8 << 10;

/// The pieces of `sources`, each with the time from which on its events are, as far as one can see.
pub(super) fn plan(sources: &[Source], events: &Events, clock: impl Fn(i16) -> Clock) -> Vec<(i64, Piece)> {
    let mut planned = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let clock = clock(source.year);
        let mut earliest = i64::MIN;
        let piece = |from: u64, to: u64| Piece {
            file: u32::try_from(number).unwrap_or(u32::MAX),
            path: source.path.clone(),
            place: source.place,
            packed: source.packed,
            from,
            aligned: from == source.from,
            to,
            end: source.end,
            whole: source.whole,
            year: source.year,
        };
        let length = if source.packed { u64::MAX } else { PIECE };
        // A file that cannot be looked at will say so when it is read.
        let mut file = File::open(&source.path).ok();
        let mut from = source.from;
        while from < source.end {
            let to = from.saturating_add(length).min(source.end);
            let time = file.as_mut().and_then(|file| begins_at(file, source, from, events, &clock).ok()?);
            earliest = earliest.max(time.unwrap_or(i64::MIN));
            planned.push((earliest, piece(from, to)));
            from = to;
        }
    }
    planned.sort_by_key(|(earliest, piece)| (*earliest, piece.file, piece.from));
    planned
}

/// The time of the first event that shows one at or after `from`.
fn begins_at(
    file: &mut File,
    source: &Source,
    from: u64,
    events: &Events,
    clock: &Clock,
) -> io::Result<Option<i64>> {
    let mut head = Vec::new();
    if source.packed {
        let mut unpacked = unpack::open(&source.path, Compression::Gzip)?;
        io::copy(&mut (&mut unpacked).take(from), &mut io::sink())?;
        unpacked.take(PEEK).read_to_end(&mut head)?;
    } else {
        file.seek(SeekFrom::Start(from))?;
        file.take(PEEK).read_to_end(&mut head)?;
    }
    let mut at = if from == source.from { 0 } else { 1.min(head.len()) };
    while let Some(event) = events.first(&head, at) {
        match clock.read(&head[event..]) {
            Some(Stamp::Sure(time) | Stamp::Twice(time, _)) => return Ok(Some(time)),
            None => at = (event + 1).min(head.len()),
        }
    }
    Ok(None)
}
