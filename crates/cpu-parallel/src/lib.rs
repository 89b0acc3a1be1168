//! Exercises 06 to 10: work that computes.
