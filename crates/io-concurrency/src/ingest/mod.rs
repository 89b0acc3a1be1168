//! Exercise 02: many CSV files into one typed table.
//!
//! Reading waits for the disk, and then everything that is read has to be understood, typed and encoded, so both kinds of
//! work are here. The files are cut into pieces by a plan that knows nothing of workers, and each piece becomes one row
//! group of the table: a thousand small files and a single large one are the same list of pieces, and the bytes of the
//! table are the same for any strategy and any number of workers.
//!
//! What is done, each step under the strategy that was chosen:
//!
//! 1. *Unpack* what cannot be split as it is: compressed files and those in UTF-16, to a hidden folder beside the output.
//! 2. *Survey* each chunk of each file: where rows would begin if it began outside of quotes, and if it began inside. A
//!    prefix over the surveys then tells which was true, so that a quoted line break at a border does no harm.
//! 3. *Guess* the types from a sample of the pieces.
//! 4. *Encode* each piece with these types. A type is inferred over the whole input and not a sample: every value is read as
//!    the type of its column, and one that does not fit ends this step.
//! 5. Only then, *observe* all values, decide the types by all of them, and encode again.
//!
//! Memory stays flat: a worker holds a window of text, its columns and one encoded row group; the writer holds the row
//! groups that came before their turn.

mod args;
mod encode;
mod explain;
mod files;
mod observe;
mod out;
mod rows;
mod schema;
mod steps;
mod strategies;
mod summary;
mod survey;
mod unpack;

pub use args::{Format, IngestArgs};
pub use encode::Encode;
pub use files::Input;
pub use observe::Observe;
pub use steps::Table;
pub use survey::Survey;
pub use unpack::Unpack;

use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Strategy};

/// The exercise.
#[derive(Debug)]
pub struct Ingest;

impl Exercise for Ingest {
    const ID: u8 = 2;
    const NAME: &'static str = "ingest";
    const ABOUT: &'static str = "Reads many CSV files into one typed table.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[
        Role::worker::<Unpack>(),
        Role::worker::<Survey>(),
        Role::worker::<Observe>(),
        Role::worker::<Encode>(),
    ];
    type Args = IngestArgs;
    type Input = Input;
    type Output = Table;

    fn files(args: &IngestArgs, lab: &Lab) -> Files {
        args.files(lab)
    }

    fn prepare(args: &IngestArgs, lab: &Lab) -> Result<Input, Problem> {
        Input::prepare(args, lab)
    }

    fn deliver(table: &Table, _: &IngestArgs, _: &Lab) -> Result<(), Problem> {
        table.print()
    }
}
