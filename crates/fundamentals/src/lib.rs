//! The ideas behind the exercises: small programs, each one a lesson with claims that are measured where it runs.
//!
//! A [`Program`] is one file. The file opens with the idea in prose, then comes the code that is taught, then `show`, which
//! draws what happens, and then its [`Claim`]s. A claim is a sentence that somebody published, the number that is measured
//! here, and a verdict that is computed from the number's interval and a stated threshold.
//!
//! A claim that cannot fail is a defect. So every claim rests on one named part of its program, its [`Mechanism`], which
//! can be broken on purpose: `measure` is called with `Mechanism::Sound` or with `Mechanism::Broken`, and a test compares
//! the two verdicts of every claim in the table (`tests/claims.rs`). `run NAME --break CLAIM` shows the same to a reader.
//!
//! Data flows one way: a program's `measure` gives a [`Measured`], the claim makes a `ClaimRecord` of it, and the screen
//! and `claims.jsonl` are written from the record alone.

// Programs and claims have one signature each, so that they stand in one table; those that cannot fail have it too.
#![allow(clippy::unnecessary_wraps)]

mod claim;
pub mod cli;
mod clock;
pub mod lanes;
mod measured;
mod observe;
mod others;
mod program;
mod stage;
mod text;
pub mod told;
pub mod world;

pub mod advise;
pub mod asynchrony;
pub mod classify;
pub mod costs;
pub mod explorer;
pub mod gil;
pub mod images;
pub mod loader;
pub mod memory;
pub mod models;
pub mod processes;
pub mod races;
pub mod rate_limiter;
pub mod threads;

pub use claim::{Claim, Mechanism, Source};
pub use lab::record::Threshold;
pub use measured::Measured;
pub use others::{BUSY, undisturbed};
pub use program::{Chapter, Program, find};
pub use stage::{Effort, Stage, in_processes, in_turns, timed};
pub use text::{Lang, Text, complete};

/// The chapters in reading order.
pub static CHAPTERS: &[Chapter] = &[
    models::CHAPTER,
    threads::CHAPTER,
    races::CHAPTER,
    explorer::CHAPTER,
    processes::CHAPTER,
    asynchrony::CHAPTER,
    gil::CHAPTER,
    classify::CHAPTER,
    memory::CHAPTER,
    costs::CHAPTER,
    rate_limiter::CHAPTER,
    images::CHAPTER,
    loader::CHAPTER,
    advise::CHAPTER,
];
