//! What an exercise is, and the ways to run one.
//!
//! An [`Exercise`] is one problem with one right answer. Its strategies are sibling functions in one static table, and
//! most of them are one call to one of the [`ways`] with the same [`Job`]. A [`cell`] runs one strategy under the only
//! clock; [`measure`] starts cells as processes, interleaves their samples and compares their answers; [`timeline`] shows
//! who worked and who waited; [`cli`] gives every exercise program the same command line.
//!
//! Nothing in here knows an exercise, HTTP or SQL.

pub mod answer;
pub mod cell;
pub mod cli;
pub mod content;
mod context;
pub mod exercise;
#[cfg(test)]
mod explored;
pub mod formats;
mod home;
mod inputs;
pub mod job;
mod launch;
mod ledger;
mod lifeline;
pub mod logged;
pub mod logs;
pub mod measure;
mod memory;
pub mod out;
mod pipes;
mod problem;
pub mod procs;
#[cfg(any(test, fuzzing))]
pub mod promises;
pub mod record;
pub mod scaling;
mod stop;
mod sync;
mod text;
pub mod timeline;
pub mod ways;

pub use answer::{Answer, Digest, Work};
pub use content::Content;
pub use context::{Children, Lab, Scale};
pub use exercise::{Exercise, Kind, Strategy};
pub use home::Home;
pub use job::{Cause, Death, Failure, Job, Patience, Tried};
pub use launch::{Launch, parent};
pub use ledger::Ledger;
pub use logged::logged;
pub use problem::{OrProblem, Problem};
pub use procs::Role;
pub use stop::Stop;
pub use text::{Lang, Text, complete, number};
