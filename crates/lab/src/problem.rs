//! What went wrong, where, what was expected, and what to do about it.
//!
//! One type for the whole laboratory, because a problem travels: from a library function to the strategy that called
//! it, from a worker process to its parent, from a cell to the record of a run. Libraries keep their own typed errors
//! where a caller matches on them; they become a `Problem` where an exercise reports them.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An error made for a reader: one sentence, its place, its causes, what was expected, and a hint.
///
/// Boxed, because it is the rare branch of every `Result` and should not make the common one larger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Parts {
    what: String,
    class: Option<String>,
    place: Option<String>,
    causes: Vec<String>,
    expected: Option<String>,
    hint: Option<String>,
    carried: Option<String>,
}

impl Problem {
    /// A problem that is its own cause.
    pub fn new(what: impl Into<String>) -> Self {
        let (what, causes) = (what.into(), Vec::new());
        Self(Box::new(Parts {
            what,
            class: None,
            place: None,
            causes,
            expected: None,
            hint: None,
            carried: None,
        }))
    }

    /// A problem caused by `error`; the whole chain of sources is kept, without repeating what a parent already says.
    pub fn because(what: impl Into<String>, error: &dyn Error) -> Self {
        let mut problem = Self::new(what);
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !problem.0.causes.iter().any(|known| known.contains(&text)) {
                problem.0.causes.push(text);
            }
            next = cause.source();
        }
        problem
    }

    /// The class of the problem, in a word that programs can count by: `timeout`, `ragged-row`.
    #[must_use]
    pub fn of_class(mut self, class: impl Into<String>) -> Self {
        self.0.class = Some(class.into());
        self
    }

    /// The class of the problem, where it was given one.
    pub fn class(&self) -> Option<&str> {
        self.0.class.as_deref()
    }

    /// Where it happened: a file with line and column, a row group, a URL, a page.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.place = Some(place.to_string());
        self
    }

    /// The place, where it was given one.
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// The class and the text without the place and without these words: equal for problems of one cause.
    pub(crate) fn cause_without(&self, words: &[&str]) -> String {
        let parts = &self.0;
        let texts =
            std::iter::once(&parts.what).chain(&parts.causes).chain(&parts.expected).chain(&parts.hint);
        let text = texts.map(String::as_str).collect::<Vec<_>>().join("\n");
        let words = words.iter().copied().chain(self.place()).filter(|word| word.chars().count() > 1);
        let text = words.fold(text, |text, word| without(&text, word));
        format!("{} {text}", self.class().unwrap_or_default())
    }

    /// What a right input would have been.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// What the reader can do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// What came with the problem and is no part of its text, for the exercise that reports it: the body of an answer that
    /// refuses.
    #[must_use]
    pub fn carrying(mut self, data: impl Into<String>) -> Self {
        self.0.carried = Some(data.into());
        self
    }

    /// Takes out what came with it.
    pub fn take_carried(&mut self) -> Option<String> {
        self.0.carried.take()
    }

    /// The problem as one line, for tables and records.
    pub fn line(&self) -> String {
        let mut line = self.0.what.clone();
        if let Some(place) = &self.0.place {
            line = format!("{place}: {line}");
        }
        for cause in &self.0.causes {
            line.push_str(": ");
            line.push_str(cause);
        }
        line
    }
}

/// The text with `…` for each `word` that is not a part of a longer one.
fn without(text: &str, word: &str) -> String {
    let mut left = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices(word) {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        if before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric) {
            continue;
        }
        left.push_str(&text[from..at]);
        left.push('…');
        from = at + word.len();
    }
    left + &text[from..]
}

/// The problem as its reader sees it: the sentence, then indented lines for everything else.
impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.what)?;
        let labelled = [("at", self.0.place.as_ref())]
            .into_iter()
            .chain(self.0.causes.iter().map(|cause| ("because", Some(cause))))
            .chain([("expected", self.0.expected.as_ref()), ("hint", self.0.hint.as_ref())]);
        for (label, text) in labelled {
            if let Some(text) = text {
                write!(out, "\n  {label}: {}", text.replace('\n', "\n    "))?;
            }
        }
        Ok(())
    }
}

impl Error for Problem {}

/// Turns any error into a [`Problem`] by saying what was being done.
pub trait OrProblem<T> {
    /// `self`, or a problem that says `what` was being done and keeps the error's chain.
    ///
    /// # Errors
    /// The error of `self`, as a problem.
    fn or_problem<W: Into<String>>(self, what: impl FnOnce() -> W) -> Result<T, Problem>;
}

impl<T, E: Error> OrProblem<T> for Result<T, E> {
    fn or_problem<W: Into<String>>(self, what: impl FnOnce() -> W) -> Result<T, Problem> {
        self.map_err(|error| Problem::because(what(), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_a_sentence_with_its_place_cause_and_hint() {
        let cause = std::io::Error::other("the disk is on fire");
        let problem = Problem::because("cannot write the answer", &cause)
            .at("out/a.csv")
            .expected("a disk that is not on fire")
            .hint("put it out");
        assert_eq!(
            problem.to_string(),
            "cannot write the answer\n  at: out/a.csv\n  because: the disk is on fire\n  \
             expected: a disk that is not on fire\n  hint: put it out"
        );
        assert_eq!(problem.line(), "out/a.csv: cannot write the answer: the disk is on fire");
    }
}
