//! Exercise 04, download: many files at once, each whole or not there.
//!
//! A file is fetched in pieces of some MiB, several at a time, where the server has ranges and names the state of the file
//! (a strong `ETag`, or `Last-Modified`) or its digest is known: only then can pieces be known to belong together.
//! Otherwise it is one stream. What has come lies in `NAME.part`, and `NAME.part.journal` says which bytes of it are
//! there, so that a run that was killed goes on where it was; a file that comes in one go has no journal.
//!
//! Servers are not believed. A file takes its name only when it is proved whole, by the best of: the digest that the user
//! gave, one that the server states, the length or the end of its chunks, or the same bytes a second time. Pieces that
//! nothing but their places vouches for are asked for again across their borders. A server that changes the file meanwhile
//! or lies about ranges costs a new beginning.
//!
//! The answer is the files.

mod args;
mod digests;
mod file;
mod journal;
mod judge;
mod list;
mod part;
mod pieces;
#[cfg(any(test, fuzzing))]
pub mod promises;
mod proof;
mod saved;
mod show;
mod strategies;
mod transfer;

pub use args::DownloadArgs;
pub use digests::{Algorithm, Expected};
pub use file::{Fetcher, Getter, Setup, download};
pub use list::{Input, Wanted};
pub use saved::{Downloads, Saved};

use lab::formats::Out;
use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Strategy};

/// The exercise.
#[derive(Debug)]
pub struct Download;

impl Exercise for Download {
    const ID: u8 = 4;
    const NAME: &'static str = "download";
    const ABOUT: &'static str =
        "Downloads many files at once, in pieces, and gives each its name only when it is proved whole.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::tasks),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Async.name();
    const ROLES: &'static [Role] = &[Role::worker::<Getter>()];
    type Args = DownloadArgs;
    type Input = Input;
    type Output = Downloads;

    fn waiting(args: &DownloadArgs) -> usize {
        args.concurrency.min(args.per_host.unwrap_or(u16::MAX)).into()
    }

    fn files(args: &DownloadArgs, _: &Lab) -> Files {
        Files::new(Out::Folder).reads(args.list.as_ref()).reads(args.sums.as_ref())
    }

    fn prepare(args: &DownloadArgs, lab: &Lab) -> Result<Input, Problem> {
        Input::prepare(args, lab)
    }

    fn deliver(downloads: &Downloads, _: &DownloadArgs, _: &Lab) -> Result<(), Problem> {
        downloads.print()
    }
}
