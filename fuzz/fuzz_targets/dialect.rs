//! The dialect finder: what it finds, it finds again, and it fits the text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tabular::promises::a_found_dialect_is_found_again(bytes));
