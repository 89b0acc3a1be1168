//! Processes: programs that run side by side and share nothing, unless they ask for it.

pub mod errand;
pub mod isolation;
pub mod names;
pub mod pipe;
pub mod pool;
pub mod queue;
pub mod shared;
pub mod shared_value;

use lab::Role;

use crate::program::Chapter;
use crate::text::Text;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("Processes", "Processos"),
    programs: &[
        names::PROGRAM,
        pool::PROGRAM,
        pipe::PROGRAM,
        queue::PROGRAM,
        shared_value::PROGRAM,
        isolation::PROGRAM,
    ],
    roles: &[Role::worker::<errand::Runner>(), Role::worker::<shared_value::Count>()],
};
