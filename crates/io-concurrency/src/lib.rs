//! Exercises 01 to 05: work that waits.
