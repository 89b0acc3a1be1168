//! Threads: starting them, waiting for them, and what they may share.

pub mod early_reader;
pub mod scoped;
pub mod shared_data;
pub mod start_join;

use crate::program::Chapter;
use crate::text::Text;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::same("Threads"),
    programs: &[start_join::PROGRAM, shared_data::PROGRAM, early_reader::PROGRAM, scoped::PROGRAM],
    roles: &[],
};
