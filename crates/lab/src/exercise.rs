//! What an exercise is: one problem, one right answer, several ways to reach it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::context::Lab;
use crate::out::Files;
use crate::problem::Problem;
use crate::procs::Role;

/// The kinds of strategy, in the order in which they are shown.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One loop: the reference answer and the speed-up's denominator.
    Sequential,
    /// One thread for each task.
    Threads,
    /// A fixed number of threads on a bounded channel.
    Pool,
    /// Work stealing.
    Rayon,
    /// Tasks on an event loop.
    Async,
    /// Worker processes.
    Processes,
    /// An existing distributed engine.
    Cluster,
}

impl Kind {
    /// The kinds that every exercise has, or says in one line why it has not.
    pub const LOCAL: [Self; 6] =
        [Self::Sequential, Self::Threads, Self::Pool, Self::Rayon, Self::Async, Self::Processes];

    /// The name that the command line, the records and the report use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threads => "threads",
            Self::Pool => "pool",
            Self::Rayon => "rayon",
            Self::Async => "async",
            Self::Processes => "processes",
            Self::Cluster => "cluster",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// One problem with one right answer.
pub trait Exercise: Sized + 'static {
    /// The number in the course, 1 to 15; from 16 on, what is measured besides.
    const ID: u8;
    /// The name on the command line.
    const NAME: &'static str;
    /// One sentence: what is done to what.
    const ABOUT: &'static str;
    /// The ways to do it; the first one is the reference.
    const STRATEGIES: &'static [Strategy<Self>];
    /// The name of the strategy that suits the work best: the tool's default.
    const BEST: &'static str;
    /// Whether a run that was killed can go on (`--resume`): the replies to the tasks are then all that its answer is made of.
    const RESUMES: bool = false;
    /// What this program may be started as by this exercise's strategies.
    const ROLES: &'static [Role] = &[];
    /// The user's inputs. With no argument at all they mean the lab's own data.
    type Args: clap::Args;
    /// What `prepare` made of them.
    type Input;
    /// The answer, canonical and comparable.
    type Output: Answer;

    /// Lists the user's files that these arguments name: what is read, what is written, and the formats of `--out`. The
    /// command line checks the list before any work; a path among the arguments that is in no list fails the build of the
    /// exercise's program (`lab::cli::unlisted_paths`).
    fn files(args: &Self::Args, lab: &Lab) -> Files;

    /// Finds and checks the input. Never timed.
    ///
    /// # Errors
    /// Input that is not there or not fit, before any work is done.
    fn prepare(args: &Self::Args, lab: &Lab) -> Result<Self::Input, Problem>;

    /// The number of tasks that wait for others, such as servers, at once: a strategy of this program has as many workers
    /// as that where the user does not say how many. What waits is not bounded by processors.
    fn waiting(args: &Self::Args) -> usize {
        let _ = args;
        0
    }

    /// Hands the answer to the user, when the exercise is used as a tool. Does nothing where the strategies have already
    /// written the files that were asked for.
    ///
    /// # Errors
    /// An answer that cannot be written.
    fn deliver(output: &Self::Output, args: &Self::Args, lab: &Lab) -> Result<(), Problem> {
        let _ = (output, args, lab);
        Ok(())
    }
}

/// One way to do an exercise.
pub struct Strategy<E: Exercise> {
    /// The name, when several strategies are of one kind; otherwise the kind's own.
    pub name: &'static str,
    /// What kind of strategy it is.
    pub kind: Kind,
    /// How many workers it has whatever is asked for, where that is so: a pipeline has one for each stage.
    pub fixed_workers: Option<usize>,
    /// The option without which it cannot do the exercise, such as the address of a server, and what to say where it is not
    /// given.
    pub needs: Option<(&'static str, &'static str)>,
    /// The option that makes it the tool's choice where it is given, whether it is needed or not.
    pub chosen_by: Option<&'static str>,
    /// The function, or why there is none.
    pub run: Result<Run<E>, &'static str>,
}

/// The signature that the strategies of an exercise share. This call is what the clock measures.
pub type Run<E> = fn(&<E as Exercise>::Input, &Lab) -> Result<<E as Exercise>::Output, Problem>;

impl<E: Exercise> Strategy<E> {
    /// A strategy that can do the exercise, well or badly.
    pub const fn new(kind: Kind, run: Run<E>) -> Self {
        Self { name: kind.name(), kind, fixed_workers: None, needs: None, chosen_by: None, run: Ok(run) }
    }

    /// A strategy that cannot do the exercise, and why, in one line.
    pub const fn absent(kind: Kind, why: &'static str) -> Self {
        Self { name: kind.name(), kind, fixed_workers: None, needs: None, chosen_by: None, run: Err(why) }
    }

    /// The strategy under a name of its own, for exercises with several of one kind.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The strategy where `option` is given. Where it is not, the strategy is in the table with `why`; where it is, it is the
    /// tool's choice.
    #[must_use]
    pub const fn needing(self, option: &'static str, why: &'static str) -> Self {
        Self { needs: Some((option, why)), chosen_by: Some(option), ..self }
    }

    /// The strategy as the tool's choice where `option` is given; it can do the exercise without.
    #[must_use]
    pub const fn chosen_by(self, option: &'static str) -> Self {
        Self { chosen_by: Some(option), ..self }
    }

    /// The strategy with a number of workers that is its own.
    #[must_use]
    pub const fn with_workers(self, workers: usize) -> Self {
        Self { fixed_workers: Some(workers), ..self }
    }
}
