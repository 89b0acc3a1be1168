//! Costs: what sharing, locking, sending and starting take, and when parallel work loses.
//!
//! Parallel code is bought: with threads that are started, locks that are taken, data that is sent, cache lines that travel.
//! Each of these costs so little that nobody sees it once, and so much that everybody sees it a million times. Five
//! programs, each about one price; what is compared differs in one thing only. Where two threads must run at the
//! same time for there to be anything to see, a round counts only if they did: on a busy machine many do not.

mod channels;
mod contention;
mod sharing;
mod spawn;
mod tiny;

use crate::program::Chapter;
use crate::text::Text;
pub use sharing::ONE_CORE;

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("Costs", "Custos"),
    programs: &[sharing::PROGRAM, contention::PROGRAM, channels::PROGRAM, spawn::PROGRAM, tiny::PROGRAM],
    roles: &[],
};

/// The unit of a ratio of costs.
const TIMES: Text = Text::new("times the cost", "vezes o custo");
