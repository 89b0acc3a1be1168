//! Races and locks: what happens between two steps.

pub mod bank;
pub mod counter;
pub mod relock;
pub mod two_locks;
pub mod watched;

use crate::program::Chapter;
use crate::text::Text;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("Races and locks", "Corridas e travas"),
    programs: &[counter::PROGRAM, bank::PROGRAM, relock::PROGRAM, two_locks::PROGRAM],
    roles: &[],
};
