//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md, where a program can check them.
//!
//! They are absences: who does not depend on whom, which words stand nowhere. Each check is a function from the tree of
//! files to findings; the tests give it small trees that live in memory.

mod code;
mod dependencies;
mod docs;
mod features;
mod manifest;
mod places;
mod rust;
mod tree;
mod words;

use std::fmt;

use anyhow::Result;

use crate::house::House;
use crate::tidy::tree::Tree;

/// Something that a check found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// Counted from 1; 0 when the whole file is meant.
    line: usize,
    /// A question only, which fails nothing.
    question: bool,
    text: String,
}

impl Finding {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.into(), line, question: false, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str(&self.path)?;
        if self.line > 0 {
            write!(text, ":{}", self.line)?;
        }
        let mark = if self.question { "question: " } else { "" };
        write!(text, ": {mark}{}", self.text)
    }
}

/// What looks at the whole tree.
const CHECKS: &[fn(&Tree) -> Vec<Finding>] = &[
    manifest::lints,
    dependencies::directions,
    words::knowledge,
    places::machine_paths,
    places::registries,
    places::loopback,
    code::sizes,
    code::unfinished,
    code::sleeping_tests,
    docs::links,
    docs::names,
    docs::languages,
];

/// `cargo xtask tidy`: one line for each finding on standard output.
pub(crate) fn task(house: &House) -> Result<u8> {
    let tree = Tree::read(&house.root)?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.extend(features::one_build(house)?);
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let wrong = findings.iter().filter(|finding| !finding.question).count();
    eprintln!("tidy: {} files, {wrong} findings, {} questions", tree.count(), findings.len() - wrong);
    Ok(u8::from(wrong > 0))
}

/// Runs one check on a tree of a few files and compares what it prints.
#[cfg(test)]
#[track_caller]
fn check(check: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)], expected: &[&str]) {
    let mut found = check(&Tree::of(files));
    found.sort();
    let found: Vec<String> = found.iter().map(Finding::to_string).collect();
    assert_eq!(found, expected);
}
