//! URLs: no user name and no password is shown.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fetch::promises::any_url_keeps_its_secrets(bytes));
