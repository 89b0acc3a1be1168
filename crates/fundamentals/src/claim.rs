//! A claim: a published sentence, and what is measured here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lab::Problem;
use lab::record::{ClaimRecord, Publication, Threshold, Verdict};

use crate::measured::Measured;
use crate::program::Program;
use crate::stage::Stage;
use crate::text::Text;

/// A sentence that can turn out to be wrong on the machine it is measured on.
#[derive(Debug)]
pub struct Claim {
    /// The name by which it is found: `--break NAME`.
    pub id: &'static str,
    /// The sentence.
    pub says: Text,
    /// Who published it, and which number they gave.
    pub source: Source,
    /// What is measured, such as `updates lost`; the unit of the number and of the threshold.
    pub unit: Text,
    /// For which numbers the sentence is true.
    pub holds: Threshold,
    /// What `Mechanism::Broken` breaks.
    pub breaks: Text,
    /// Measures the number.
    pub measure: fn(&Stage, Mechanism) -> Result<Measured, Problem>,
}

/// Where a claim is published.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The work's title.
    pub title: &'static str,
    /// A link to it.
    pub link: &'static str,
    /// The number that stands there, or the words where it gives none.
    pub number: Text,
}

/// The part of a program that a claim rests on.
///
/// It is sound, or it is broken on purpose in the way that the claim's `breaks` describes: the lock is not taken, the tasks
/// run one after another, the queue is left out. Nothing else in the measurement changes. A verdict that does not change
/// with it was not about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// As it is taught.
    Sound,
    /// Broken on purpose.
    Broken,
}

impl Mechanism {
    /// Whether it is as it is taught.
    pub fn is_sound(self) -> bool {
        self == Self::Sound
    }

    /// The first if it is sound, the second if it is broken.
    pub fn pick<T>(self, sound: T, broken: T) -> T {
        if self.is_sound() { sound } else { broken }
    }
}

impl Claim {
    /// Measures the claim and judges it. What goes wrong is part of the record, so that the other claims go on.
    pub fn check(&self, program: &Program, stage: &Stage, mechanism: Mechanism) -> ClaimRecord {
        let measured = unhurt(|| (self.measure)(stage, mechanism));
        let (measured, error) = match measured {
            Ok(measured) => (measured, None),
            Err(problem) => (Measured::nothing_at_all(), Some(problem.line())),
        };
        ClaimRecord {
            id: self.id.into(),
            program: program.name.into(),
            sentence: self.says.into(),
            published: Publication {
                title: self.source.title.into(),
                link: self.source.link.into(),
                number: self.source.number.into(),
            },
            verdict: measured.estimate.map_or(Verdict::Inconclusive, |estimate| self.holds.judge(estimate)),
            measured: measured.estimate,
            unit: self.unit.into(),
            holds: self.holds,
            note: measured.note.map(Into::into),
            broken: !mechanism.is_sound(),
            error,
        }
    }
}

/// Runs a lesson's own code. A panic in it costs that lesson and no other: it becomes a problem.
///
/// # Errors
/// What the code says, or its panic.
pub(crate) fn unhurt<R>(code: impl FnOnce() -> Result<R, Problem>) -> Result<R, Problem> {
    // What a panic has left half-done belongs to the lesson alone and goes with it.
    catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().map(ToString::to_string);
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Problem::new(format!("panicked: {words}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    const SOURCE: Source = Source { title: "nowhere", link: "https://example.org", number: Text::same("1") };

    fn check(measure: fn(&Stage, Mechanism) -> Result<Measured, Problem>) -> (Verdict, Option<String>) {
        let says = Text::new("One.", "Um.");
        let (unit, breaks) = (Text::same("ones"), Text::new("two", "dois"));
        let claim =
            Claim { id: "one", says, source: SOURCE, unit, holds: Threshold::AtMost(1.0), breaks, measure };
        let program = Program { name: "p", about: says, show: |_| Ok(()), claims: &[] };
        let record = claim.check(&program, &Stage::silent(Lang::En), Mechanism::Sound);
        (record.verdict, record.error)
    }

    #[test]
    fn a_verdict_comes_from_the_number_and_from_nothing_else() {
        assert_eq!(check(|_, _| Ok(Measured::exactly(1.0))), (Verdict::Holds, None));
        assert_eq!(check(|_, _| Ok(Measured::exactly(1.5))), (Verdict::Refuted, None));
        assert_eq!(check(|_, _| Ok(Measured::median(&[0.5, 1.5]))), (Verdict::Inconclusive, None));
    }

    #[test]
    fn what_goes_wrong_is_part_of_the_record() {
        let failed = |words: &str| (Verdict::Inconclusive, Some(words.to_owned()));
        assert_eq!(check(|_, _| Err(Problem::new("no such thing"))), failed("no such thing"));
        assert_eq!(check(|_, _| panic!("seven")), failed("panicked: seven"));
    }
}
