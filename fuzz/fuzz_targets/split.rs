//! The CSV splitter: chunks of any size give the rows that one pass byte by byte gives.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tabular::promises::any_cut_gives_the_same_rows(bytes));
