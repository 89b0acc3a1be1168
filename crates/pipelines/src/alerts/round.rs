//! One pass over files, or over what is new in them: pieces are scanned in any of the ways, and what they hold is given to
//! the rules in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use lab::ways::Way;
use lab::{Failure, Job, Lab, Problem};

use super::engine::{Alert, Engine, Line};
use super::events::Events;
use super::plan::{Source, plan};
use super::scan::{Hit, ScanPiece, Scanned, Setup, zone};
use super::stamp::{Clock, Stamp};

/// What a round did.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// For each source, how far it was read and how many line ends were passed in all.
    pub(super) reached: Vec<(u64, u64)>,
    pub(super) failures: Vec<Failure>,
    pub(super) bytes: u64,
    /// Events that fit a rule, one for each rule that they fit.
    pub(super) hits: u64,
}

/// An event on its way to the rules, ordered by time, then by file and place.
#[derive(Debug)]
struct Pending {
    order: (i64, u32, u64, u16),
    key: String,
    line: Line,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Pending {}
impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

/// Reads `sources` and hands every alert to `out` as soon as it is certain.
///
/// # Errors
/// What `out` fails with. A piece that cannot be read is among the round's failures, and its file is read no further.
pub(super) fn round(
    lab: &Lab,
    way: Way<ScanPiece>,
    setup: &Setup,
    sources: &[Source],
    engine: &mut Engine,
    out: &mut dyn FnMut(Alert) -> Result<(), Problem>,
) -> Result<Round, Problem> {
    let compiled = ScanPiece::start(setup)?;
    let (rules, events) = (compiled.rules(), compiled.events());
    let zone = zone(rules)?;
    let planned = plan(sources, events, |year| compiled.clock().of_year(year));
    if let (None, Some((first, _))) = (engine.now(), planned.iter().find(|(time, _)| *time > i64::MIN)) {
        engine.clock(rules, *first, &mut Vec::new());
    }
    let mut done = Round {
        reached: sources.iter().map(|source| (source.from, source.line)).collect(),
        ..Round::default()
    };
    let mut turns: Vec<Turns> = sources.iter().map(|_| Turns::default()).collect();
    let mut failed = vec![false; sources.len()];
    let mut heap = BinaryHeap::new();
    let mut number = 0;
    let mut alerts = Vec::new();
    let mut latest = i64::MIN;
    let mut tasks = planned.iter().map(|(_, piece)| piece.clone());
    way(lab, setup, &mut tasks, &mut |outcome| {
        let piece = &planned[number].1;
        number += 1;
        let file = piece.file as usize;
        match outcome {
            // What follows a gap would be read again once the gap can be read.
            Ok(_) if failed[file] => {}
            Ok(scanned) => {
                let source = &sources[file];
                let mut resolve = |at| turns[file].resolve(source, events, &zone, at);
                latest = latest.max(scanned.last.map_or(i64::MIN, |last| resolve((last, scanned.end))));
                done.hits += scanned.hits.len() as u64;
                done.bytes += scanned.end.saturating_sub(piece.from);
                take(source, piece.file, scanned, &mut done.reached[file], latest, &mut resolve, &mut heap);
            }
            Err(failure) => {
                failed[file] = true;
                done.failures.push(failure);
            }
        }
        let certain = planned.get(number).map_or(i64::MAX, |(earliest, _)| *earliest);
        while heap.peek().is_some_and(|Reverse(next): &Reverse<Pending>| next.order.0 < certain) {
            let Some(Reverse(Pending { order: (at, _, _, rule), key, line })) = heap.pop() else { break };
            engine.event(rules, usize::from(rule), key, at, line, &mut alerts);
        }
        alerts.drain(..).try_for_each(&mut *out)
    })?;
    if latest > i64::MIN {
        engine.clock(rules, latest, &mut alerts);
    }
    alerts.drain(..).try_for_each(out)?;
    Ok(done)
}

fn take(
    source: &Source,
    file: u32,
    scanned: Scanned,
    reached: &mut (u64, u64),
    latest: i64,
    resolve: &mut impl FnMut(((i64, i64), u64)) -> i64,
    heap: &mut BinaryHeap<Reverse<Pending>>,
) {
    for Hit { rule, key, at, offset, line, text } in scanned.hits {
        // An event without a time, in a file without one before it, happens now.
        let at = at.map_or(latest, |at| resolve((at, offset)));
        let line = Line { file: source.path.display().to_string(), line: reached.1 + line + 1, text };
        heap.push(Reverse(Pending { order: (at, file, offset, rule), key, line }));
    }
    *reached = (scanned.end, reached.1 + scanned.lines);
}

/// Where the clock of a file was turned back. It is looked for only when a time comes that the clock shows twice.
#[derive(Debug, Default)]
struct Turns {
    /// Places from which on the hour is the second one, with the time at which it was noticed.
    found: Vec<(u64, i64)>,
    searched: bool,
}

/// Times that step back by less are out of order and no turn of the clock, in milliseconds.
const STEP: i64 = 20 * 60_000;
/// Twice the same hour lies within this, in milliseconds.
const HOURS: i64 = 3 * 3_600_000;

impl Turns {
    fn resolve(
        &mut self,
        source: &Source,
        events: &Events,
        zone: &jiff::tz::TimeZone,
        at: ((i64, i64), u64),
    ) -> i64 {
        let ((first, second), offset) = at;
        if first == second {
            return first;
        }
        if !self.searched {
            self.searched = true;
            // A file that cannot be read any more has no turn; what was read of it keeps the first time.
            let _ = self.search(source, events, &Clock::new(zone.clone(), source.year));
        }
        let turned = self.found.iter().any(|(from, time)| *from <= offset && (first - time).abs() < HOURS);
        if turned { second } else { first }
    }

    fn search(&mut self, source: &Source, events: &Events, clock: &Clock) -> io::Result<()> {
        let file = File::open(&source.path)?;
        let mut lines: Box<dyn BufRead> = if source.packed {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            let mut file = file;
            file.seek(SeekFrom::Start(0))?;
            Box::new(BufReader::new(file.take(source.end)))
        };
        let (mut offset, mut highest, mut line) = (0, None::<i64>, Vec::new());
        while lines.read_until(b'\n', &mut line)? > 0 {
            if events.first(&line, 0) == Some(0)
                && let Some(Stamp::Twice(first, _)) = clock.read(&line)
            {
                let before = highest.filter(|highest| (first - highest).abs() < HOURS);
                if before.is_some_and(|highest| highest - first > STEP)
                    && self.found.last().is_none_or(|(_, time)| (first - time).abs() > HOURS)
                {
                    self.found.push((offset, first));
                }
                highest = Some(before.map_or(first, |highest| highest.max(first)));
            }
            offset += line.len() as u64;
            line.clear();
        }
        Ok(())
    }
}
