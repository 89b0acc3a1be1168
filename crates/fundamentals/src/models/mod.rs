//! Concurrency or parallelism: waiting together, or working together.

pub mod cpu_cakes;
pub mod five_workers;
pub mod kitchen;
pub mod table;
pub mod two_cakes;

use lab::Role;

use crate::program::Chapter;
use crate::text::Text;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("Concurrency or parallelism", "Concorrência ou paralelismo"),
    programs: &[two_cakes::PROGRAM, cpu_cakes::PROGRAM, five_workers::PROGRAM, table::PROGRAM],
    roles: &[Role::worker::<kitchen::Baker>()],
};
