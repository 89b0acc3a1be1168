//! Habits of the code: sizes, unfinished marks, tests that sleep.

use crate::tidy::Finding;
use crate::tidy::rust::{code_of, is_name, test_lines};
use crate::tidy::tree::Tree;

/// From here on, a file's size is a question.
const LONG: usize = 400;
/// And from here on, it is answered.
const TOO_LONG: usize = 600;

/// No Rust file is too long to be read.
pub(super) fn sizes(tree: &Tree) -> Vec<Finding> {
    let long = tree.ending(".rs").filter_map(|(path, text)| {
        let lines = text.lines().count();
        let question =
            Finding { question: true, ..Finding::new(path, 0, format!("{lines} lines: could it be two?")) };
        match lines {
            _ if lines > TOO_LONG => {
                Some(Finding::new(path, 0, format!("{lines} lines, more than {TOO_LONG}")))
            }
            _ if lines > LONG => Some(question),
            _ => None,
        }
    });
    long.collect()
}

/// What stands in code only until it is finished, and why that is no state to keep.
const UNFINISHED: &[(&str, &str)] = &[
    ("#[ignore]", "a test is ignored without a reason: write `#[ignore = \"why\"]`"),
    ("todo!", "`todo!` is no code"),
    ("unimplemented!", "`unimplemented!` is no code"),
    ("dbg!", "`dbg!` was left behind"),
];

/// No code is unfinished.
pub(super) fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs") {
        for (index, line) in code_of(text).lines().enumerate() {
            let marks = UNFINISHED.iter().filter(|(mark, _)| has_word(line, mark));
            findings.extend(marks.map(|(_, why)| Finding::new(path, index + 1, *why)));
        }
    }
    findings
}

/// The comment that says why a test sleeps all the same.
const EXCUSE: &str = "// sleep:";

/// No test waits by sleeping. Where a sleep is what is being tested, a comment says so.
pub(super) fn sleeping_tests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let all = path.contains("/tests/") || path.ends_with("/tests.rs");
        let code = code_of(text);
        let tests = test_lines(&code);
        let raw: Vec<&str> = text.lines().collect();
        for (index, line) in code.lines().enumerate() {
            let tested = all || tests.iter().any(|lines| lines.contains(&index));
            if tested && sleeps(line) && !excused(&raw, index) {
                let text =
                    format!("a test that sleeps: wait for the thing, or say why in `{EXCUSE} …` above");
                findings.push(Finding::new(path, index + 1, text));
            }
        }
    }
    findings
}

fn sleeps(line: &str) -> bool {
    ["sleep(", "sleep_until(", "sleep_ms("].iter().any(|call| has_word(line, call))
}

/// Whether the comment stands on the line, or in the lines of comment right above it.
fn excused(raw: &[&str], index: usize) -> bool {
    let above = raw[..index].iter().rev().take_while(|line| line.trim_start().starts_with("//"));
    std::iter::once(&raw[index])
        .chain(above)
        .any(|line| line.split_once(EXCUSE).is_some_and(|(_, reason)| !reason.trim().is_empty()))
}

/// Whether a line holds this word, and not only as the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn long_files_are_a_question_and_very_long_ones_an_answer() {
        let lines = |count| "// a\n".repeat(count);
        let (short, long, too_long) = (lines(LONG), lines(LONG + 1), lines(TOO_LONG + 1));
        let files = [("a.rs", &*short), ("b.rs", &*long), ("c.rs", &*too_long), ("d.md", &*too_long)];
        check(
            sizes,
            &files,
            &["b.rs: question: 401 lines: could it be two?", "c.rs: 601 lines, more than 600"],
        );
    }

    #[test]
    fn unfinished_code_is_found_and_words_about_it_are_not() {
        let text = "fn a() { todo!() }\n// todo!()\nlet b = \"dbg!(c)\"; dbg!(b); debug_dbg!(b);\n\
                    #[ignore]\n#[ignore = \"why\"]\nunimplemented!(\"d\")";
        let expected = [
            "a.rs:1: `todo!` is no code",
            "a.rs:3: `dbg!` was left behind",
            "a.rs:4: a test is ignored without a reason: write `#[ignore = \"why\"]`",
            "a.rs:6: `unimplemented!` is no code",
        ];
        check(unfinished, &[("a.rs", text)], &expected);
    }

    const SLEEPS: &str = "a test that sleeps: wait for the thing, or say why in `// sleep: …` above";

    #[test]
    fn a_test_that_sleeps_is_found_wherever_tests_are() {
        let sleep = "fn a() {\n    thread::sleep(LONG);\n}\n";
        let module = "fn a() { sleep(1); }\n#[cfg(test)]\nmod tests {\n    fn b() { tokio::time::sleep(1).await }\n}\n";
        let files = [
            ("crates/a/tests/b.rs", sleep),
            ("crates/a/src/c/tests.rs", sleep),
            ("crates/a/src/d.rs", module),
            ("crates/a/examples/e.rs", sleep),
        ];
        let expected = ["crates/a/src/c/tests.rs:2", "crates/a/src/d.rs:4", "crates/a/tests/b.rs:2"];
        let expected = expected.map(|place| format!("{place}: {SLEEPS}"));
        check(sleeping_tests, &files, &expected.each_ref().map(String::as_str));
    }

    #[test]
    fn a_sleep_with_a_reason_is_no_finding() {
        let text = "// sleep: the server is\n// slow.\nsleep(1);\nsleep(2); // sleep: so is this one.\nlet sleep = 3;\n";
        check(sleeping_tests, &[("crates/a/tests/b.rs", text)], &[]);
        let text = "// sleep:\nsleep(1);\n// sleep: far above.\n\nsleep(2);";
        let expected = [2, 5].map(|line| format!("crates/a/tests/b.rs:{line}: {SLEEPS}"));
        check(sleeping_tests, &[("crates/a/tests/b.rs", text)], &expected.each_ref().map(String::as_str));
    }
}
