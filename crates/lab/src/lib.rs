//! What an exercise is, and the ways to run one.
