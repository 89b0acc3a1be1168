//! The bytes of one file, from its sources to its part file.
//!
//! All of it runs in one task, so what is shared stands in cells; none is borrowed across an await.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use fetch::{Ask, FetchError, Incoming, Target};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lab::Problem;

use super::digests::Expected;
use super::file::Fetcher;
use super::journal::Identity;
use super::judge::{Sent, joins};
use super::list::Wanted;
use super::part::Part;
use super::show::Bar;

/// The journal is told of so many bytes at once: what a kill may cost for each stream.
const TELL: u64 = 1 << 20;

/// So much is asked for first of a file whose length is not known: most files are not longer.
const FIRST: u64 = 4 << 20;
/// Shorter pieces are not worth a request, unless the user wants them.
const SHORTEST: u64 = 1 << 20;
/// So many pieces each stream has of a file that is not too long for it.
const ROUNDS: u64 = 4;
/// A server that brings the first piece within this time, 200 MiB a second, is near: what holds a file up is not its
/// connection, and more than two of them only make both sides change between them. Four files of 64 MiB on
/// loopback took 0.19 s with two and 0.33 s with four, one day's medians each.
const NEAR: Duration = Duration::from_millis(20);
const NEAR_STREAMS: usize = 2;

/// Why the bytes are not there.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file is another one than it was.
    Changed(String),
    /// The server does not do with ranges what it says.
    NoRanges(String),
    /// All came, and it is not what was to come.
    Wrong(String),
    /// No source gives more.
    GaveUp { error: FetchError, failures: u32 },
    /// This machine's fault.
    Local(Problem),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Local(problem)
    }
}

/// Why a stream ended early.
enum Broken {
    Fetch(FetchError),
    Trouble(Trouble),
}

impl From<Problem> for Broken {
    fn from(problem: Problem) -> Self {
        Self::Trouble(problem.into())
    }
}

/// One file on its way.
pub(super) struct Transfer<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) wanted: &'a Wanted,
    pub(super) targets: Vec<Target>,
    pub(super) part: RefCell<Part>,
    bar: Bar,
    /// Whether the file is to come in one stream, without a range.
    no_ranges: Cell<bool>,
    /// The source that is asked next.
    pub(super) source: Cell<usize>,
    /// Where streams began or ended, other than at the ends of the file.
    pub(super) borders: RefCell<Vec<u64>>,
    received: Cell<u64>,
    /// The encodings in which the last answer came, although none was asked for.
    encoding: RefCell<Option<String>>,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        fetcher: &'a Fetcher,
        wanted: &'a Wanted,
        part: Part,
        bar: Bar,
    ) -> Result<Self, Problem> {
        let parse = |source: &String| {
            let cannot = |error: FetchError| super::file::problem(&error, &error);
            Target::parse(source).map_err(cannot)
        };
        let targets = wanted.sources.iter().map(parse).collect::<Result<_, _>>()?;
        let borders = part.pieces.ends().collect();
        Ok(Self {
            fetcher,
            wanted,
            targets,
            part: RefCell::new(part),
            bar,
            no_ranges: Cell::new(false),
            source: Cell::new(0),
            borders: RefCell::new(borders),
            received: Cell::new(0),
            encoding: RefCell::default(),
        })
    }

    /// How many bytes came over the network.
    pub(super) fn received(&self) -> u64 {
        self.received.get()
    }

    /// The encodings in which the bytes came, where the file's name does not say so.
    pub(super) fn unexpected_encoding(&self) -> Option<String> {
        let encoding = self.encoding.borrow().clone()?;
        let ending = self.wanted.name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let expected = match encoding.as_str() {
            "gzip" | "x-gzip" => matches!(ending.as_str(), "gz" | "tgz"),
            "br" => ending == "br",
            "zstd" => matches!(ending.as_str(), "zst" | "zstd" | "tzst"),
            _ => false,
        };
        (!expected).then_some(encoding)
    }

    pub(super) fn into_part(self) -> Part {
        self.part.into_inner()
    }

    /// Begins anew, in one stream where `no_ranges` says so.
    pub(super) fn restart(&self, no_ranges: bool) -> Result<(), Problem> {
        self.no_ranges.set(self.no_ranges.get() || no_ranges);
        self.borders.borrow_mut().clear();
        self.part.borrow_mut().restart(None)
    }

    /// Asks another source from now on.
    pub(super) fn next_source(&self) {
        self.source.set((self.source.get() + 1) % self.targets.len());
    }

    /// Fetches all bytes that are missing.
    pub(super) async fn fill(&self) -> Result<(), Trouble> {
        let mut failures = 0;
        loop {
            let Some(asked) = self.first_range()? else { return Ok(()) };
            let incoming = self.open(asked.clone(), &mut failures).await?;
            match self.judge(&incoming.head, asked.as_ref())? {
                Sent::Part(identity) => {
                    if self.part.borrow().identity.is_none() {
                        self.part.borrow_mut().restart(Some(identity))?;
                    }
                    self.pieces(incoming, asked.unwrap_or_default()).await?;
                }
                Sent::Whole(identity) => {
                    if asked.is_some() && self.same_as_known(&identity).unwrap_or(true) {
                        // It was asked for a part of this very state and sent all.
                        self.no_ranges.set(true);
                    }
                    self.borders.borrow_mut().clear();
                    self.part.borrow_mut().restart(Some(identity))?;
                    match self.whole(incoming).await {
                        Ok(()) => return Ok(()),
                        Err(Broken::Trouble(trouble)) => return Err(trouble),
                        Err(Broken::Fetch(error)) => {
                            let progressed = self.may_join() && !self.part.borrow().pieces.is_empty();
                            self.after(error, &mut failures, progressed).await?;
                        }
                    }
                }
            }
        }
    }

    /// What to ask for first: `None` when all is there, `Some(None)` for the whole file.
    #[allow(clippy::option_option)]
    fn first_range(&self) -> Result<Option<Option<Range<u64>>>, Problem> {
        let mut part = self.part.borrow_mut();
        if let Some(total) = part.identity.as_ref().and_then(|identity| identity.total)
            && part.pieces.are_all(total)
        {
            return Ok(None);
        }
        if self.no_ranges.get() {
            return Ok(Some(None));
        }
        let total =
            part.identity.as_ref().filter(|identity| joins(identity)).and_then(|identity| identity.total);
        if let Some(total) = total {
            return Ok(Some(part.pieces.missing(total, self.step(total)).into_iter().next()));
        }
        part.restart(None)?;
        Ok(Some(Some(0..FIRST.min(self.fetcher.segment_size))))
    }

    /// How long a piece of a file is: so short that all streams end at about the same time.
    fn step(&self, total: u64) -> u64 {
        let share = total / (self.fetcher.segments as u64 * ROUNDS);
        share.max(SHORTEST).min(self.fetcher.segment_size)
    }

    /// Whether what has come can be gone on from.
    fn may_join(&self) -> bool {
        let part = self.part.borrow();
        !self.no_ranges.get()
            && part.identity.as_ref().is_some_and(|identity| joins(identity) && identity.total.is_some())
    }

    /// Asks until there is an answer.
    pub(super) async fn open(
        &self,
        range: Option<Range<u64>>,
        failures: &mut u32,
    ) -> Result<Incoming, Trouble> {
        loop {
            let source = self.source.get();
            let known = self.part.borrow().identity.clone();
            let if_range = known
                .filter(|known| known.source == self.source_id(source))
                .and_then(|known| known.validator);
            // Another source is asked rather than waited for.
            let patient = self.targets.len() == 1;
            let ask = Ask { range: range.clone(), if_range, patient };
            match self.fetcher.client.open(&self.targets[source], &ask, self.fetcher.throttle.clone()).await {
                Ok(incoming) => {
                    self.encoding.borrow_mut().clone_from(&incoming.head.encoding);
                    return Ok(incoming);
                }
                Err(FetchError::Status { status: 416, .. }) if range.is_some() => {
                    return Err(Trouble::NoRanges("the server says that the file has no such part".into()));
                }
                Err(error) => self.after(error, failures, false).await?,
            }
        }
    }

    /// After a failure: a pause, or another source, or the end.
    pub(super) async fn after(
        &self,
        error: FetchError,
        failures: &mut u32,
        progressed: bool,
    ) -> Result<(), Trouble> {
        *failures = if progressed { 1 } else { *failures + 1 };
        self.next_source();
        let untried = (*failures as usize) < self.targets.len();
        match self.fetcher.client.pause(&error, *failures) {
            _ if untried => {}
            Some(pause) => {
                tracing::debug!(file = %self.wanted, %error, ?pause, "asking again after a pause");
                tokio::time::sleep(pause).await;
            }
            None => return Err(Trouble::GaveUp { error, failures: *failures }),
        }
        Ok(())
    }

    /// Several pieces at once, the first of which has begun.
    async fn pieces(&self, first: Incoming, asked: Range<u64>) -> Result<(), Trouble> {
        let total =
            self.part.borrow().identity.as_ref().and_then(|identity| identity.total).unwrap_or_default();
        let asked = asked.start..asked.end.min(total);
        let mut taken = self.part.borrow().pieces.clone();
        taken.add(asked.clone());
        let mut queue = VecDeque::from(taken.missing(total, self.step(total)));
        let mut streams = FuturesUnordered::new();
        streams.push(self.piece(asked, Some(first)));
        let near = tokio::time::timeout(NEAR, streams.next()).await;
        let at_once =
            if near.is_ok() { self.fetcher.segments.min(NEAR_STREAMS) } else { self.fetcher.segments };
        if let Ok(Some(done)) = near {
            done?;
        }
        loop {
            while streams.len() < at_once
                && let Some(range) = queue.pop_front()
            {
                streams.push(self.piece(range, None));
            }
            match streams.next().await {
                Some(done) => done?,
                None => return Ok(()),
            }
        }
    }

    /// One piece, however many answers it takes.
    async fn piece(&self, range: Range<u64>, mut begun: Option<Incoming>) -> Result<(), Trouble> {
        let (mut at, mut failures) = (range.start, 0);
        while at < range.end {
            let incoming = match begun.take() {
                Some(incoming) => incoming,
                None => self.open_part(at..range.end, &mut failures).await?,
            };
            if at > 0 {
                self.borders.borrow_mut().push(at);
            }
            let (from, end) = (at, incoming.head.part.as_ref().map(|part| part.range.end));
            match self.stream(incoming, &mut at, end).await {
                Ok(()) => {}
                Err(Broken::Fetch(error)) => self.after(error, &mut failures, at > from).await?,
                Err(Broken::Trouble(trouble)) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// An answer with this part, or its beginning.
    async fn open_part(&self, range: Range<u64>, failures: &mut u32) -> Result<Incoming, Trouble> {
        let incoming = self.open(Some(range.clone()), failures).await?;
        match self.judge(&incoming.head, Some(&range))? {
            Sent::Part(_) => Ok(incoming),
            Sent::Whole(_) => {
                Err(Trouble::Changed("the server sends the whole file instead of its part".into()))
            }
        }
    }

    /// The whole file from one answer.
    async fn whole(&self, incoming: Incoming) -> Result<(), Broken> {
        let (mut at, end) = (0, incoming.head.length);
        self.stream(incoming, &mut at, end).await?;
        let mut part = self.part.borrow_mut();
        if let Some(identity) = part.identity.clone().filter(|identity| identity.total.is_none()) {
            // The bytes stay; only now it is known that there are no more.
            part.end_at(Identity { total: Some(at), ..identity }, at)?;
        }
        Ok(())
    }

    /// The bytes of one answer, to their place. `at` tells how far they came and may be gone on from.
    async fn stream(&self, mut incoming: Incoming, at: &mut u64, end: Option<u64>) -> Result<(), Broken> {
        let known = self.part.borrow().identity.as_ref().is_some_and(|identity| identity.digest.is_some());
        // Where the whole has no digest, those of the answers vouch for them.
        let carried = if known { None } else { Expected::strongest(&incoming.head.carried) };
        let mut hasher = carried.as_ref().map(|carried| carried.algorithm.hasher());
        let mut told = *at;
        let outcome = loop {
            match incoming.next().await {
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
                Ok(Some(bytes)) => {
                    let after = *at + bytes.len() as u64;
                    if end.is_some_and(|end| after > end) {
                        let why = "the server sends more than it says";
                        return Err(Broken::Trouble(Trouble::NoRanges(why.into())));
                    }
                    self.part.borrow().write(&bytes, *at)?;
                    if let Some(hasher) = &mut hasher {
                        hasher.update(&bytes);
                    }
                    *at = after;
                    self.received.set(self.received.get() + bytes.len() as u64);
                    self.show(bytes.len());
                    if hasher.is_none() && *at - told >= TELL {
                        self.part.borrow_mut().tell(told..*at)?;
                        told = *at;
                    }
                }
            }
        };
        let vouched = hasher.is_some();
        let fits =
            hasher.zip(carried.as_ref()).is_none_or(|(hasher, carried)| hasher.finish() == carried.value);
        let outcome = match outcome {
            Ok(()) if !fits => {
                let stated = carried.map_or_else(String::new, |carried| carried.to_string());
                Err(FetchError::Malformed { why: format!("it has not the {stated} that the server states") })
            }
            Ok(()) if end.is_some_and(|end| *at < end) => {
                Err(FetchError::Truncated { received: *at - told, announced: None })
            }
            outcome => outcome,
        };
        // Half of what a digest is of is vouched for by nothing.
        if vouched && outcome.is_err() {
            *at = told;
        }
        self.part.borrow_mut().tell(told..*at)?;
        outcome.map_err(Broken::Fetch)
    }

    fn show(&self, came: usize) {
        let part = self.part.borrow();
        self.bar.came(
            came as u64,
            part.pieces.bytes(),
            part.identity.as_ref().and_then(|identity| identity.total),
        );
    }
}
