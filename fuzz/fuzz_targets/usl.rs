//! The fit of the scaling laws: whatever was measured, the curve is one.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lab::promises::a_fit_is_a_curve(bytes));
