//! What is asked about the lessons.
//!
//! A row is about one claim of a lesson. Its choices cut the line of numbers into parts, and the part in which the number
//! falls that is measured on this machine is the right one: no row knows an answer. What a published sentence makes one
//! expect stands in the claim's threshold, which the lesson tells.

mod costs;
mod processes;
mod threads;

use lab::Text;

/// A question about a claim.
#[derive(Debug)]
pub(super) struct Asked {
    /// The lesson.
    pub(super) lesson: &'static str,
    /// The claim whose number decides.
    pub(super) claim: &'static str,
    /// The question.
    pub(super) ask: Text,
    /// The choices, each with the greatest number that belongs to it, in growing order.
    pub(super) choices: &'static [(Text, f64)],
    /// Why it is as it is.
    pub(super) because: Text,
}

const ANY: f64 = f64::INFINITY;

/// For what can be counted and should not be there, or should.
const NONE_OR_SOME: &[(Text, f64)] = &[(Text::same("0"), 0.5), (Text::new("more than 0", "mais que 0"), ANY)];

/// For what two workers gain.
const FASTER: &[(Text, f64)] = &[
    (Text::new("no faster", "nada mais rápido"), 1.2),
    (Text::new("about twice as fast", "cerca de duas vezes mais rápido"), 2.6),
    (Text::new("much more than twice as fast", "muito mais que duas vezes mais rápido"), ANY),
];

/// For how many times dearer something is.
const DEARER: &[(Text, f64)] = &[
    (Text::new("about as much", "mais ou menos o mesmo"), 1.3),
    (Text::new("up to 10 times as much", "até 10 vezes mais"), 10.0),
    (Text::new("10 to 100 times as much", "de 10 a 100 vezes mais"), 100.0),
    (Text::new("more than 100 times as much", "mais de 100 vezes mais"), ANY),
];

/// For how many of two threads are at work at one moment.
const AT_ONCE: &[(Text, f64)] = &[
    (Text::new("one at a time", "uma de cada vez"), 1.5),
    (Text::new("both at the same moment", "as duas no mesmo instante"), ANY),
];

/// The question on a lesson.
pub(super) fn asked(lesson: &str) -> Option<&'static Asked> {
    all().find(|asked| asked.lesson == lesson)
}

/// All questions.
pub(super) fn all() -> impl Iterator<Item = &'static Asked> {
    [threads::ASKED, processes::ASKED, costs::ASKED].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_belongs_to_exactly_one_choice() {
        for asked in all() {
            let mosts: Vec<f64> = asked.choices.iter().map(|(_, most)| *most).collect();
            assert!(mosts.is_sorted_by(|one, two| one < two), "{}: {mosts:?}", asked.lesson);
            assert_eq!(mosts.last(), Some(&ANY), "{}", asked.lesson);
            assert!(mosts.len() > 1, "{} leaves no choice", asked.lesson);
        }
    }

    #[test]
    fn no_lesson_is_asked_about_twice() {
        let mut names: Vec<&str> = all().map(|asked| asked.lesson).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
