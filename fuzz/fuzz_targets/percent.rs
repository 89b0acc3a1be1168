//! Percent-encoding: names of files and values in templates.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| io_concurrency::download::promises::any_percent_encoding_is_decoded(bytes));
