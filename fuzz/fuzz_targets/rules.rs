//! The log rules: one search for the literals of all rules finds what each rule finds alone.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    pipelines::alerts::promises::a_search_finds_what_each_rule_finds_alone(bytes)
});
