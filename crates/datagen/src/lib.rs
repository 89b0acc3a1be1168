//! Seeded data sets, the same bytes for any number of workers.
