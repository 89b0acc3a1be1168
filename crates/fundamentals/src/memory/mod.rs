//! Memory: where values live, how a cache leaks, and what an allocation costs.
//!
//! A thread has a *stack*, which is fast because it is only a pointer that moves, and small because it is laid out before the
//! thread starts; and all threads share a *heap*, which is large, and where every piece is asked for and given back. Three
//! programs: what happens when the stack is too small for what is put on it, what a cache without a limit does in a program
//! that never ends, and what it costs to ask for memory again and again.

mod allocation;
mod cache;
mod counting;
mod stack;

use crate::program::Chapter;
use crate::text::Text;
pub use counting::Counting;
pub use stack::Descent;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("Memory", "Memória"),
    programs: &[stack::PROGRAM, cache::PROGRAM, allocation::PROGRAM],
    roles: &[cache::ROLE],
};
