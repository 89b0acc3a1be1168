//! Where a program shows itself: the reader's language, the run it is part of, and the screen.

use std::fmt;
use std::io::{self, Write};
use std::time::Instant;

use lab::timeline::{self, Slice};
use lab::{Job, Lab, Problem, ways};
use parking_lot::Mutex;

use crate::lanes;
use crate::text::Lang;

/// How much to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Just enough to tell a mechanism from a broken one; for tests.
    Brief,
    /// As much as a reader waits for: a second or two a program.
    #[default]
    Full,
}

/// What a program may know and use while it shows itself.
pub struct Stage {
    /// The run: workers, seed, how worker processes are started, and when to stop.
    pub lab: Lab,
    /// The reader's language.
    pub lang: Lang,
    /// How much to measure.
    pub effort: Effort,
    screen: Mutex<Screen>,
}

struct Screen {
    out: Box<dyn Write + Send>,
    /// The first error of writing. A reader who has closed the pipe is no reason to stop measuring.
    error: Option<io::Error>,
}

/// Recording is one switch for the whole process, so only one program at a time may turn it on.
static RECORDER: Mutex<()> = Mutex::new(());

impl Stage {
    /// A stage whose lines go to `out`.
    pub fn new(lab: Lab, lang: Lang, effort: Effort, out: Box<dyn Write + Send>) -> Self {
        Self { lab, lang, effort, screen: Mutex::new(Screen { out, error: None }) }
    }

    /// A stage that nobody looks at, with brief measurements and two workers: for tests.
    pub fn silent(lang: Lang) -> Self {
        Self::new(Lab::new(2), lang, Effort::Brief, Box::new(io::sink()))
    }

    /// Says a line. Use [`say!`](crate::say) for words; this is for what has none.
    pub fn line(&self, line: impl fmt::Display) {
        let mut screen = self.screen.lock();
        if let Err(error) = writeln!(screen.out, "  {line}") {
            screen.error.get_or_insert(error);
        }
    }

    /// One number for a full run, another for a brief one: rounds, threads, bytes.
    pub fn amount<T>(&self, full: T, brief: T) -> T {
        match self.effort {
            Effort::Full => full,
            Effort::Brief => brief,
        }
    }

    /// The same run with another number of workers.
    pub fn lab_with(&self, workers: usize) -> Lab {
        let mut lab = Lab::new(workers);
        lab.seed = self.lab.seed;
        lab.launch = self.lab.launch.clone();
        lab.stop = self.lab.stop.clone();
        lab
    }

    /// Does `work` with the timeline on, and returns what was recorded. Only one recording at a time: the switch belongs
    /// to the process.
    pub fn recorded<R>(&self, work: impl FnOnce() -> R) -> (R, Vec<Slice>) {
        let _only = RECORDER.lock();
        timeline::record(true);
        let result = work();
        let slices = timeline::drain();
        timeline::record(false);
        (result, slices)
    }

    /// Draws lanes that were recorded.
    pub fn draw(&self, slices: &[Slice]) {
        lanes::timeline(slices, self.lang).iter().for_each(|line| self.line(line));
    }

    /// Does `work` with the timeline on and draws it.
    pub fn drawn<R>(&self, work: impl FnOnce() -> R) -> R {
        let (result, slices) = self.recorded(work);
        self.draw(&slices);
        result
    }

    /// Ends the lines.
    ///
    /// # Errors
    /// The first line that could not be written. A reader who has seen enough and closed the pipe is none.
    pub fn finish(&self) -> io::Result<()> {
        let mut screen = self.screen.lock();
        let outcome = screen.error.take().map_or_else(|| screen.out.flush(), Err);
        outcome.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Stage")
            .field("lang", &self.lang)
            .field("effort", &self.effort)
            .finish_non_exhaustive()
    }
}

/// Does tasks in worker processes, as many as `lab` has workers; all of them, or the first failure.
///
/// # Errors
/// A task that failed or killed its workers.
pub fn in_processes<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Result<Vec<J::Reply>, Problem>
where
    J::Task: Clone,
{
    let replies = ways::collect::<J>(ways::processes::<J>, lab, setup, tasks).into_iter();
    replies.map(|reply| reply.map_err(|failure| Problem::new(failure.to_string()))).collect()
}

/// How long `work` takes, in nanoseconds. What it returns is kept until the clock has stopped, so that neither the compiler
/// leaves it out nor the clock sees it dropped.
pub fn timed<R>(work: impl FnOnce() -> R) -> u64 {
    let started = Instant::now();
    let result = std::hint::black_box(work());
    let nanoseconds = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    drop(result);
    nanoseconds
}

/// Times two pieces of work in turns, so that a machine that slows down slows both, after one round that is not counted.
pub fn in_turns<R, S>(
    rounds: usize,
    mut one: impl FnMut() -> R,
    mut other: impl FnMut() -> S,
) -> (Vec<u64>, Vec<u64>) {
    drop((one(), other()));
    (0..rounds).map(|_| (timed(&mut one), timed(&mut other))).unzip()
}
