//! Heads of HTTP answers, and bodies in the encodings that they name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fetch::promises::any_head_is_read(bytes));
