//! `cargo xtask memcheck`: the tests of every `unsafe` block under valgrind, which sees each read and write of memory.
//!
//! It takes the test programs as they are built anyway, and needs no other compiler.

use anyhow::{Result, bail};

use crate::house::House;

/// A package, and the tests that pass through its `unsafe` blocks, by the beginnings of their names.
const TESTS: &[(&str, &[&str])] = &[
    ("tabular", &["scan::masks", "promises"]),
    ("lab", &["timeline", "ledger"]),
    ("cpu-parallel", &["aggregate::floats", "relay::ring::tests::a_", "relay::ring::tests::messages"]),
    ("io-concurrency", &["monitor::alarm"]),
    ("fundamentals", &["memory::counting", "processes::shared"]),
];

/// A finding is exit code 101, as a failed test is. Threads take turns, so that none that looks for another one starves it.
const VALGRIND: &str = "valgrind --quiet --error-exitcode=101 --leak-check=no --fair-sched=yes";

/// `cargo xtask memcheck`
pub(crate) fn memcheck(house: &House) -> Result<u8> {
    if !House::has("valgrind") {
        bail!("valgrind is not installed");
    }
    let runner = format!("target.'cfg(unix)'.runner = \"{VALGRIND}\"");
    for (package, tests) in TESTS {
        let words: [&str; 7] = ["--config", &runner, "test", "--package", package, "--lib", "--"];
        // Each step takes thirty times as long, so fewer cases are drawn.
        let code = house.cargo_with(words.iter().chain(*tests), &[("PROPTEST_CASES", "16")])?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}
