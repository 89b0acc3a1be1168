//! Exercise 05, query: one SQL over many databases at once, into one table that says where each row is from.
//!
//! Each source is one task, or several where a large table is read by ranges. A database on another machine makes the
//! asker wait, and waits overlap in every strategy but the first; an SQLite file is read by the asker's own processor, so
//! there only threads and processes help, and an event loop does not: the exercise shows the difference.
//!
//! 1. *Plan* what is asked of whom: statements that read one large table get ranges of its rows.
//! 2. *Ask*. Values go into columns as they come ([`mod@column`]), whose types widen as they must ([`kind`]).
//! 3. *Unite*. When all have answered, the types of the columns are known, and the rows are written in the order of the
//!    sources. A source that failed, was late, or has other columns is named and left out as a whole.
//!
//! How types are mapped, and what becomes of values that differ within a column, stands in [`kind`].
//!
//! Memory: an answer of more than 64 MiB waits in a file, and so does what is more than 256 MiB for all of them together.

mod args;
pub mod batches;
pub mod column;
pub mod dialect;
mod input;
pub mod kind;
pub mod mariadb;
pub mod out;
pub mod part;
pub mod postgres;
pub mod range;
pub mod source;
pub mod sqlite;
pub mod statements;
mod strategies;
mod tokens;
mod united;

pub use args::{Format, QueryArgs};
pub use input::Input;
pub use part::{Planner, Querier};
pub use united::{Summary, United};

use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Strategy};

/// The exercise.
#[derive(Debug)]
pub struct Query;

impl Exercise for Query {
    const ID: u8 = 5;
    const NAME: &'static str = "query";
    const ABOUT: &'static str = "Asks many databases the same SQL at once and unites their answers in one table that says where each row is from.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::tasks),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[Role::worker::<Planner>(), Role::worker::<Querier>()];
    type Args = QueryArgs;
    type Input = Input;
    type Output = United;

    /// A server makes its asker wait. An SQLite file does not: it is read by a processor of this machine.
    fn waiting(args: &QueryArgs) -> usize {
        let servers = args.sources.iter().filter(|source| source.contains("://")).count();
        servers.min(args.concurrency.into())
    }

    fn files(args: &QueryArgs, lab: &Lab) -> Files {
        args.files(lab)
    }

    fn prepare(args: &QueryArgs, lab: &Lab) -> Result<Input, Problem> {
        Input::prepare(args, lab)
    }

    fn deliver(united: &United, args: &QueryArgs, lab: &Lab) -> Result<(), Problem> {
        united.print(args.format_for(lab.out().as_deref()))
    }
}
