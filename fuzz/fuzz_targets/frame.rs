//! The frame protocol: what is read as frames is written as the same bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::promises::frames_are_the_bytes_that_they_came_as(bytes));
