//! The locks of what is also explored: `explored` compiles the same files with locks that an explorer schedules.

pub(crate) use parking_lot::{Condvar, Mutex};
