//! Async: many things that wait on one thread.

pub mod blocking;
pub mod cancellation;
pub mod event_loop;
pub mod gather;
pub mod semaphore;
pub mod sleepers;
pub mod timeouts;

use lab::Role;

use crate::program::Chapter;
use crate::text::Text;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("Async", "Programação assíncrona"),
    programs: &[
        gather::PROGRAM,
        event_loop::PROGRAM,
        blocking::PROGRAM,
        cancellation::PROGRAM,
        timeouts::PROGRAM,
        semaphore::PROGRAM,
        sleepers::PROGRAM,
    ],
    roles: &[Role::worker::<sleepers::Gather>()],
};
