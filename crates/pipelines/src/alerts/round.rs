//! One pass over files, or over what is new in them: pieces are scanned in any of the ways, and what they hold is given to
//! the rules in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use lab::ways::Way;
use lab::{Failure, Job, Lab, Problem};

use super::engine::{Alert, Engine, Event};
use super::events::Events;
use super::plan::{Source, plan};
use super::rules::Rules;
use super::scan::{Hit, ScanPiece, Scanned, Setup, zone};
use super::stamp::{Clock, Stamp};

/// What a round did.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// For each source, how far it was read and how many line ends were passed in all.
    pub(super) reached: Vec<(u64, u64)>,
    pub(super) failures: Vec<Failure>,
    /// Whether a file had another name by the time at which it was to be read, and was not.
    pub(super) gone: bool,
    pub(super) bytes: u64,
    /// Events that fit a rule, one for each rule that they fit.
    pub(super) hits: u64,
}

/// The events of a piece on their way to the rules, in the order of time.
///
/// One that is out of order within its piece is put right here; over the pieces the heap gives the earliest. It holds pieces and
/// not events, so that it is as small as the number of files that overlap in time.
#[derive(Debug)]
struct Run {
    /// That of the next one.
    next: Order,
    events: std::vec::IntoIter<(Order, Hit)>,
    hit: Hit,
    text: String,
    /// The file's name, for whoever is told.
    name: Arc<str>,
    /// Line ends of the file before the piece.
    lines: u64,
}

/// Time, file, byte and rule: the order in which events come to the rules.
type Order = (i64, u32, u64, u16);

impl Run {
    fn new(mut events: Vec<(Order, Hit)>, text: String, name: Arc<str>, lines: u64) -> Option<Self> {
        events.sort_by_key(|(order, _)| *order);
        let mut events = events.into_iter();
        let (next, hit) = events.next()?;
        Some(Self { next, events, hit, text, name, lines })
    }

    fn tell(&self, rules: &Rules, engine: &mut Engine, out: &mut Vec<Alert>) {
        let Hit { key, line, shown, .. } = &self.hit;
        let text = &self.text[shown.clone()];
        let (at, _, _, rule) = self.next;
        let event = Event { key, at, file: &self.name, line: self.lines + line + 1, text };
        engine.event(rules, usize::from(rule), event, out);
    }

    /// Goes on to the next event. Tells whether there is one.
    fn advance(&mut self) -> bool {
        let next = self.events.next();
        let is_more = next.is_some();
        if let Some(next) = next {
            (self.next, self.hit) = next;
        }
        is_more
    }
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        self.next == other.next
    }
}
impl Eq for Run {}
impl PartialOrd for Run {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Run {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.next.cmp(&other.next)
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
    let names: Vec<Arc<str>> =
        sources.iter().map(|source| source.path.display().to_string().into()).collect();
    let mut runs: BinaryHeap<Reverse<Run>> = BinaryHeap::new();
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
            Ok(Scanned { gone: true, .. }) => (failed[file], done.gone) = (true, true),
            Ok(scanned) => {
                let source = &sources[file];
                let mut resolve = |at| turns[file].resolve(source, events, &zone, at);
                latest = latest.max(scanned.last.map_or(i64::MIN, |last| resolve((last, scanned.end))));
                done.hits += scanned.hits.len() as u64;
                done.bytes += scanned.end.saturating_sub(piece.from);
                let mut order = |hit: &Hit| {
                    // An event without a time, in a file without one before it, happens now.
                    let at = hit.at.map_or(latest, |at| resolve((at, hit.offset)));
                    (at, piece.file, hit.offset, hit.rule)
                };
                let (_, lines) = done.reached[file];
                done.reached[file] = (scanned.end, lines + scanned.lines);
                let events = scanned.hits.into_iter().map(|hit| (order(&hit), hit)).collect();
                runs.extend(Run::new(events, scanned.text, Arc::clone(&names[file]), lines).map(Reverse));
            }
            Err(failure) => {
                failed[file] = true;
                done.failures.push(failure);
            }
        }
        let certain = planned.get(number).map_or(i64::MAX, |(earliest, _)| *earliest);
        while let Some(mut first) = runs.peek_mut()
            && first.0.next.0 < certain
        {
            first.0.tell(rules, engine, &mut alerts);
            if !first.0.advance() {
                PeekMut::pop(first);
            }
        }
        alerts.drain(..).try_for_each(&mut *out)
    })?;
    if latest > i64::MIN {
        engine.clock(rules, latest, &mut alerts);
    }
    alerts.drain(..).try_for_each(out)?;
    Ok(done)
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
