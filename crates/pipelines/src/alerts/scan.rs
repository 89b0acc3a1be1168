//! One piece of a file, from its bytes to the events that fit a rule. Knows nothing of strategies.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::tz::TimeZone;
use lab::{Job, OrProblem, Problem, Stop};
use memchr::{memchr_iter, memrchr};
use serde::{Deserialize, Serialize};
use tabular::unpack::{self, Compression};

use super::events::trimmed;
use super::files::{is_gone, open_at};
use super::matcher::{Matcher, Scratch};
use super::rules::Rules;
use super::stamp::{Clock, Stamp};
use super::stretch::Stretch;

/// Bytes of a file that are one task: they and their lines stay in a core's cache.
pub(super) const PIECE: u64 = 1 << 20;
/// What is read at a time where a piece is longer.
const MORE: usize = 1 << 20;
/// What is read beyond a piece at once, to see the end of its last event.
const BEYOND: usize = 8 << 10;
/// An event longer than this is cut, so that a file without line ends does not fill the memory.
const LONGEST: usize = 4 << 20;
/// Bytes of an event that an alert shows at the most.
const SHOWN: usize = 1_024;

/// What every worker starts from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The rules, as TOML.
    pub(super) rules: String,
    /// What TOML cannot say of itself: where the rules came from.
    place: String,
    /// What all workers of this process share: to compile twenty patterns takes as long as to read some megabytes.
    #[serde(skip)]
    compiled: OnceLock<Arc<Compiled>>,
}

/// Rules that are ready to be looked for.
#[derive(Clone, Debug)]
struct Compiled {
    matcher: Matcher,
    rules: Rules,
    clock: Clock,
}

impl Setup {
    /// With rules in TOML that came from `place`.
    pub fn new(rules: String, place: String) -> Self {
        Self { rules, place, compiled: OnceLock::new() }
    }

    /// Compiles the rules, once in a process.
    ///
    /// # Errors
    /// Rules that cannot be read, a pattern or a time zone that is none.
    fn compiled(&self) -> Result<&Arc<Compiled>, Problem> {
        if let Some(compiled) = self.compiled.get() {
            return Ok(compiled);
        }
        let rules = Rules::parse(&self.rules, &self.place)?;
        let zone = zone(&rules)
            .map_err(|problem| problem.at(&self.place).expected("a name such as UTC or America/Sao_Paulo"))?;
        let matcher = Matcher::new(&rules).map_err(|problem| problem.at(&self.place))?;
        let compiled = Compiled { matcher, clock: Clock::new(zone, 1970), rules };
        Ok(self.compiled.get_or_init(|| Arc::new(compiled)))
    }

    /// Says what is wrong with the rules, if anything is.
    ///
    /// # Errors
    /// Those of compiling them.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.compiled().map(drop)
    }
}

/// The events that begin in a part of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// Which of the files.
    pub file: u32,
    /// Its path, for opening it and for errors.
    pub path: PathBuf,
    /// Device and inode, where only the file there is meant: a log that is followed may get another name at any moment.
    pub place: Option<(u64, u64)>,
    /// Whether it is packed with gzip; then all places are those of the unpacked text.
    pub packed: bool,
    /// The first byte.
    pub from: u64,
    /// Whether an event begins at `from`, as it does where an earlier run left off.
    pub aligned: bool,
    /// The byte behind the last one where an event of this piece may begin.
    pub to: u64,
    /// Where the file ends, as far as this run is concerned.
    pub end: u64,
    /// Whether the last event of the file is whole. It is not while somebody may still be writing it.
    pub whole: bool,
    /// The year of times that name none.
    pub year: i16,
}

impl fmt::Display for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} from byte {}", self.path.display(), self.from)
    }
}

/// What a piece gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scanned {
    /// Events that fit, in the order of the file; one for each rule that they fit.
    pub(super) hits: Vec<Hit>,
    /// What of them an alert would show, one behind the other: there are half a million in some hundred megabytes of logs, and
    /// a string of its own for each would cost more than finding it.
    pub(super) text: String,
    /// Line ends that were passed.
    pub(super) lines: u64,
    /// The byte behind the last event that was looked at.
    pub(super) end: u64,
    /// The time of the last event that has one.
    pub(super) last: Option<(i64, i64)>,
    /// Another file has the name by now: nothing was read.
    pub(super) gone: bool,
}

/// An event that fits a rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hit {
    pub(super) rule: u16,
    pub(super) key: String,
    /// When, in milliseconds since the epoch: the first and the second time that the clock showed this. They are the same
    /// but for one hour a year.
    pub(super) at: Option<(i64, i64)>,
    /// Its first byte in the file.
    pub(super) offset: u64,
    /// Line ends before it in the piece.
    pub(super) line: u64,
    /// Where it stands in the piece's text.
    pub(super) shown: Range<usize>,
}

/// The job: scans one piece after another.
pub struct ScanPiece {
    matcher: Matcher,
    rules: Rules,
    clock: Clock,
    year: i16,
    scratch: Scratch,
    stretch: Stretch,
    open: Option<(PathBuf, File)>,
}

impl Job for ScanPiece {
    const NAME: &'static str = "alerts";
    type Setup = Setup;
    type Task = Piece;
    type Reply = Scanned;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let Compiled { matcher, rules, clock } = Compiled::clone(setup.compiled()?);
        let (scratch, stretch) = (Scratch::default(), Stretch::default());
        Ok(Self { matcher, rules, clock, year: 1970, scratch, stretch, open: None })
    }

    fn run(&mut self, piece: &Piece, stop: &Stop) -> Result<Scanned, Problem> {
        if self.year != piece.year {
            (self.clock, self.year) = (self.clock.of_year(piece.year), piece.year);
        }
        let cannot = || format!("cannot read {}", piece.path.display());
        // A worker that goes through a file piece by piece opens it once.
        let opened = match self.open.take() {
            Some((path, file)) if path == piece.path && !piece.packed => Ok(file),
            _ => open_at(&piece.path, piece.place),
        };
        let mut file = match opened {
            Err(error) if piece.place.is_some() && is_gone(&error) => {
                return Ok(Scanned { gone: true, end: piece.from, ..Scanned::default() });
            }
            opened => opened.or_problem(cannot)?,
        };
        if piece.packed {
            let mut unpacked = unpack::read(file, Compression::Gzip).or_problem(cannot)?;
            io::copy(&mut (&mut unpacked).take(piece.from), &mut io::sink()).or_problem(cannot)?;
            return self.scan(&mut unpacked.take(piece.end - piece.from), piece, stop).or_problem(cannot)?;
        }
        // The byte before tells whether a line begins where the piece does.
        let from = if piece.aligned { piece.from } else { piece.from - 1 };
        file.seek(SeekFrom::Start(from)).or_problem(cannot)?;
        let scanned = self.scan(&mut (&file).take(piece.end - from), piece, stop).or_problem(cannot)?;
        self.open = Some((piece.path.clone(), file));
        scanned
    }
}

/// The zone that rules name.
pub(super) fn zone(rules: &Rules) -> Result<TimeZone, Problem> {
    TimeZone::get(&rules.zone).or_problem(|| format!("there is no time zone `{}`", rules.zone))
}

impl ScanPiece {
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn events(&self) -> &super::events::Events {
        &self.matcher.events
    }

    fn scan(
        &mut self,
        from: &mut impl Read,
        piece: &Piece,
        stop: &Stop,
    ) -> io::Result<Result<Scanned, Problem>> {
        let mut stretch = std::mem::take(&mut self.stretch);
        stretch.clear();
        let mut aligned = piece.aligned;
        let mut offset = if aligned { piece.from } else { piece.from - 1 };
        let mut scanned = Scanned { end: piece.from, ..Scanned::default() };
        let mut want = usize::try_from((piece.to - offset).min(PIECE)).unwrap_or(usize::MAX) + BEYOND;
        loop {
            if let Err(problem) = stop.check() {
                return Ok(Err(problem));
            }
            let is_end = stretch.fill(from, want)?;
            if !aligned {
                let text = stretch.text();
                let first = self.matcher.events.first(text, 1);
                // The last line may be cut off here, and what it is may not show yet; its own beginning stays in sight.
                let skipped =
                    first.unwrap_or_else(|| memrchr(b'\n', text).unwrap_or(text.len().saturating_sub(1)));
                aligned = first.is_some();
                offset += skipped as u64;
                stretch.drop_front(skipped);
                scanned.end = offset;
                if offset >= piece.to || !aligned && is_end {
                    break;
                }
                if !aligned {
                    want = stretch.text().len() * 2 + BEYOND;
                    continue;
                }
            }
            let text = stretch.text();
            let (cut, done) = self.cut(text, offset, piece, is_end);
            self.events_of(&text[..cut], offset, &mut scanned);
            offset += cut as u64;
            scanned.end = offset;
            if done {
                break;
            }
            stretch.drop_front(cut);
            let left = stretch.text().len();
            want = left + if cut == 0 { left.max(BEYOND) } else { MORE };
        }
        self.stretch = stretch;
        Ok(Ok(scanned))
    }

    /// How much of the buffer are whole events of this piece, and whether they are its last.
    fn cut(&self, buffer: &[u8], offset: u64, piece: &Piece, is_end: bool) -> (usize, bool) {
        let events = &self.matcher.events;
        let own = usize::try_from(piece.to.saturating_sub(offset)).unwrap_or(usize::MAX);
        if own <= buffer.len()
            && piece.to < piece.end
            && let Some(next) = events.first(buffer, own)
        {
            return (next, true);
        }
        if is_end {
            return (if piece.whole { buffer.len() } else { events.last(buffer).unwrap_or(0) }, true);
        }
        // An event without an end in sight is waited for, up to a bound.
        let last = events.last(buffer).unwrap_or(0);
        (if last == 0 && buffer.len() >= LONGEST { buffer.len() } else { last }, false)
    }

    fn events_of(&mut self, text: &[u8], offset: u64, scanned: &mut Scanned) {
        let Self { matcher, clock, scratch, .. } = self;
        let (mut counted, mut lines) = (0, scanned.lines);
        matcher.scan(text, scratch, &mut |event, fits| {
            lines += memchr_iter(b'\n', &text[counted..event.start]).count() as u64;
            counted = event.start;
            let content = trimmed(&text[event.clone()]);
            let at = clock.read(content).or_else(|| before(clock, &text[..event.start])).map(both);
            let shown = append(&mut scanned.text, content);
            for fit in fits.drain(..) {
                scanned.hits.push(Hit {
                    rule: u16::try_from(fit.rule).unwrap_or(u16::MAX),
                    key: fit.key,
                    at,
                    offset: offset + event.start as u64,
                    line: lines,
                    shown: shown.clone(),
                });
            }
        });
        scanned.lines = lines + memchr_iter(b'\n', &text[counted..]).count() as u64;
        scanned.last = before(clock, text).map(both).or(scanned.last);
    }
}

/// Appends what an alert shows of an event, and returns where it stands. Bytes that are no text are marked, and so is a cut.
fn append(text: &mut String, event: &[u8]) -> Range<usize> {
    let from = text.len();
    let shown = &event[..cut_at(event)];
    match std::str::from_utf8(shown) {
        Ok(shown) => text.push_str(shown),
        Err(_) => text.push_str(&String::from_utf8_lossy(shown)),
    }
    let left = event.len() - shown.len();
    if left > 0 {
        // A string takes everything.
        let _ = write!(text, "… [{left} bytes more]");
    }
    from..text.len()
}

/// The first [`SHOWN`] bytes of an event, or fewer where a character would be cut in two.
fn cut_at(event: &[u8]) -> usize {
    if event.len() <= SHOWN {
        return event.len();
    }
    // A character has at most four bytes, of which all but the first begin with the bits 10.
    let begins = |at: &usize| event[*at] & 0b1100_0000 != 0b1000_0000;
    (SHOWN - 3..=SHOWN).rev().find(begins).unwrap_or(SHOWN)
}

fn both(stamp: Stamp) -> (i64, i64) {
    match stamp {
        Stamp::Sure(time) => (time, time),
        Stamp::Twice(first, second) => (first, second),
    }
}

/// The time of the last line of `text` that shows one, among the last 64.
fn before(clock: &Clock, text: &[u8]) -> Option<Stamp> {
    let mut end = text.len();
    for _ in 0..64 {
        let start = memrchr(b'\n', text.get(..end.checked_sub(1)?)?).map_or(0, |newline| newline + 1);
        if let Some(stamp) = clock.read(&text[start..end]) {
            return Some(stamp);
        }
        end = start;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str, expected: &str) {
        let mut text = String::from("before");
        let place = append(&mut text, event.as_bytes());
        assert_eq!(&text[place], expected);
    }

    #[test]
    fn a_long_event_is_cut_between_characters_and_the_cut_is_marked() {
        check("short", "short");
        let fits = "x".repeat(SHOWN);
        check(&fits, &fits);
        check(&"x".repeat(SHOWN + 7), &format!("{fits}… [7 bytes more]"));
        // The last character that begins within the limit ends behind it.
        let accents = format!("x{}", "ã".repeat(SHOWN / 2));
        let whole = format!("x{}", "ã".repeat(SHOWN / 2 - 1));
        check(&accents, &format!("{whole}… [2 bytes more]"));
    }
}
