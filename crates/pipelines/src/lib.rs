//! Exercises 11 to 15: work in stages.
