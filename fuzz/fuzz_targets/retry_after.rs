//! `Retry-After`: what it asks for can be kept.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fetch::promises::any_retry_after_can_be_obeyed(bytes));
