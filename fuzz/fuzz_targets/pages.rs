//! The pagination finder: the records of a page are those of a JSON parser, and any page's address can be made.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipelines::extract::promises::a_page_is_what_a_parser_says(bytes));
