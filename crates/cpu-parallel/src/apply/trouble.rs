//! The end of a run whose program fails in the same way again and again.

use lab::{Cause, Failure, Problem};

/// Equal errors of chunks in a row. A program that breaks its protocol in the same way again and again is not asked for more.
#[derive(Default)]
pub(super) struct Trouble {
    pub(super) has_passed: bool,
    first: Option<Problem>,
    last: String,
    equal: usize,
}

/// So many equal errors in a row end the work.
const EQUAL_ERRORS: usize = 3;

impl Trouble {
    pub(super) fn passed(&mut self) {
        self.has_passed = true;
        self.equal = 0;
    }

    /// Takes the cause of a chunk's failure.
    pub(super) fn chunk(&mut self, cause: &Cause) {
        if let Cause::Problem(problem) = cause {
            self.failed(problem);
        }
    }

    fn failed(&mut self, problem: &Problem) {
        self.first.get_or_insert_with(|| problem.clone());
        // The same error names another chunk each time.
        let error: String = problem.to_string().chars().filter(|letter| !letter.is_ascii_digit()).collect();
        self.equal = if self.last == error { self.equal + 1 } else { 1 };
        self.last = error;
    }

    pub(super) fn is_the_end(&self) -> bool {
        self.equal >= EQUAL_ERRORS
    }

    /// The error of a run in which no chunk passed.
    pub(super) fn of_everything(&self) -> Option<Problem> {
        self.first.clone().filter(|_| !self.has_passed)
    }

    /// The failure of the rows that nobody was asked for.
    pub(super) fn told(self) -> Option<Failure> {
        let problem = || {
            Problem::new(format!("the work was stopped after {EQUAL_ERRORS} equal errors in a row"))
                .hint("the rows behind them were not done")
        };
        self.is_the_end().then(|| Failure { task: "the rest".into(), cause: Cause::Problem(problem()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_differ_in_their_numbers_alone_are_equal_and_a_chunk_that_passes_ends_the_row() {
        let mut trouble = Trouble::default();
        for chunk in 1..=EQUAL_ERRORS {
            assert!(!trouble.is_the_end());
            trouble.failed(&Problem::new(format!("chunk {chunk} is not answered")));
        }
        assert!(trouble.is_the_end() && trouble.of_everything().is_some());

        trouble.passed();
        trouble.failed(&Problem::new("another error"));
        assert!(!trouble.is_the_end() && trouble.of_everything().is_none());
    }
}
