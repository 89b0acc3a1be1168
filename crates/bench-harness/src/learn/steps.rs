//! The walk as a list: each step is a question, what to start for its answer, and how the answer is read.

use lab::record::{
    Bilingual, ChapterRecord, LessonRecord, PromiseRecord, StrategyRecord, Threshold, Verdict,
};
use lab::{Text, complete};

use super::exercises::{self, Nature};
use super::lessons;
use super::variant::Draw;
use crate::discover::Found;

/// A step of the walk.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The name of the lesson or exercise, unique in the walk.
    pub(super) name: String,
    /// The chapter it belongs to.
    pub(super) chapter: Bilingual,
    /// One sentence: what it shows or does.
    pub(super) about: Bilingual,
    /// What is asked.
    pub(super) question: Question,
    /// What is started for the answer.
    pub(super) subject: Subject,
    /// Whether the question was written for it; one that was not is made of the claim's own sentence.
    pub(super) own: bool,
}

/// What is started for the answer.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// A program of `fundamentals`, and the claim whose number is read.
    Lesson {
        /// The claim.
        claim: String,
        /// Whether what it rests on is broken on purpose.
        broken: bool,
    },
    /// An exercise under all its strategies, and the one whose speed-up is read.
    Exercise {
        /// The exercise and its program.
        found: Found,
        /// The strategy.
        strategy: String,
        /// How many workers.
        workers: usize,
        /// More arguments.
        args: Vec<String>,
    },
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The question itself.
    pub(super) ask: Bilingual,
    /// What was drawn for it, if anything was.
    pub(super) given: Option<Bilingual>,
    /// What can be answered.
    pub(super) choices: Vec<Bilingual>,
    /// Which choice is right.
    pub(super) rule: Rule,
    /// Why it is as it is.
    pub(super) because: Bilingual,
    /// The choices that what is published, or a simple model, makes one expect.
    pub(super) expected: Vec<usize>,
    /// The number that the model gives.
    pub(super) model: Option<f64>,
}

/// Which choice is right, once something was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    /// The first whose number is not below the measured one.
    UpTo(Vec<f64>),
    /// The first if the claim holds, the second if it is refuted.
    Verdict,
}

impl Rule {
    /// The right choice, counted from 0; `None` where nothing can be said.
    pub(super) fn right(&self, value: f64, verdict: Option<Verdict>) -> Option<usize> {
        match (self, verdict) {
            (Self::UpTo(mosts), _) if !value.is_nan() => mosts.iter().position(|most| value <= *most),
            (Self::Verdict, Some(Verdict::Holds)) => Some(0),
            (Self::Verdict, Some(Verdict::Refuted)) => Some(1),
            _ => None,
        }
    }
}

/// A text of both languages with the same values in both.
macro_rules! both {
    ($en:literal, $pt:literal) => {{
        const _: () = complete($en, $pt);
        Bilingual { en: format!($en), pt: format!($pt) }
    }};
}

/// All steps: the lessons in the order of the course, then the exercises in the order of their numbers.
pub(super) fn all(
    chapters: &[ChapterRecord],
    exercises: &[Found],
    machine: Machine,
    draw: Option<Draw>,
) -> Vec<Step> {
    let lessons = chapters
        .iter()
        .flat_map(|chapter| chapter.lessons.iter().filter_map(|one| lesson(&chapter.title, one, draw)));
    let exercises = exercises.iter().filter_map(|found| exercise(found, machine, draw));
    lessons.chain(exercises).collect()
}

/// What the questions depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    /// How many workers the strategies have, unless that is drawn.
    pub(super) workers: usize,
    /// How many processors there are.
    pub(super) processors: usize,
}

fn lesson(chapter: &Bilingual, lesson: &LessonRecord, draw: Option<Draw>) -> Option<Step> {
    let asked = lessons::asked(&lesson.name);
    let mut draw = draw.map(|draw| draw.for_step(&lesson.name));
    let (claim, broken) = if let Some(draw) = &mut draw {
        (lesson.claims.get(draw.below(lesson.claims.len()))?, draw.below(2) == 1)
    } else {
        let claim = asked.and_then(|asked| lesson.claims.iter().find(|claim| claim.id == asked.claim));
        (claim.or(lesson.claims.first())?, false)
    };
    let own = asked.filter(|asked| asked.claim == claim.id && !broken);
    let question = match own {
        Some(asked) => Question {
            ask: asked.ask.into(),
            given: None,
            choices: asked.choices.iter().map(|(label, _)| (*label).into()).collect(),
            rule: Rule::UpTo(asked.choices.iter().map(|(_, most)| *most).collect()),
            because: asked.because.into(),
            expected: allowed(claim.holds, asked.choices),
            model: None,
        },
        None => true_or_not(claim, broken, asked.map(|asked| asked.because)),
    };
    Some(Step {
        name: lesson.name.clone(),
        chapter: chapter.clone(),
        about: lesson.about.clone(),
        question,
        subject: Subject::Lesson { claim: claim.id.clone(), broken },
        own: asked.is_some_and(|asked| lesson.claims.iter().any(|claim| claim.id == asked.claim)),
    })
}

/// The choices with which the claim holds.
fn allowed(holds: Threshold, choices: &[(Text, f64)]) -> Vec<usize> {
    let (least, most) = match holds {
        Threshold::AtLeast(least) => (least, f64::INFINITY),
        Threshold::AtMost(most) => (f64::NEG_INFINITY, most),
        Threshold::Within(least, most) => (least, most),
    };
    let above = [f64::NEG_INFINITY].into_iter().chain(choices.iter().map(|(_, most)| *most));
    let parts = above.zip(choices.iter().map(|(_, most)| *most)).enumerate();
    parts.filter(|(_, (above, upto))| least <= *upto && *above < most).map(|(index, _)| index).collect()
}

/// A claim's own sentence: is it true here, as it is or with what it rests on broken?
fn true_or_not(claim: &PromiseRecord, broken: bool, because: Option<Text>) -> Question {
    let (en, pt) = (&claim.sentence.en, &claim.sentence.pt);
    let ask = if broken {
        let (broken_en, broken_pt) = (&claim.breaks.en, &claim.breaks.pt);
        Bilingual {
            en: format!("“{en}” Now it is changed on purpose: {broken_en}. Is it still true?"),
            pt: format!("“{pt}” Agora algo muda de propósito: {broken_pt}. Ainda é verdade?"),
        }
    } else {
        Bilingual {
            en: format!("“{en}” Is that true on this machine?"),
            pt: format!("“{pt}” Isso vale nesta máquina?"),
        }
    };
    let because = match because.filter(|_| !broken) {
        Some(because) => because,
        None if broken => Text::new(
            "The claim rests on what was changed. Run it again unbroken, and compare the two numbers.",
            "A afirmação depende do que foi mudado. Execute de novo sem a mudança e compare os dois números.",
        ),
        None => Text::new(
            "The lesson's own text above says what it rests on; `--break` shows what happens without it.",
            "O próprio texto da lição, acima, diz do que ela depende; `--break` mostra o que acontece sem isso.",
        ),
    };
    Question {
        ask,
        given: None,
        choices: vec![Text::new("true", "é verdade").into(), Text::new("not true", "não é verdade").into()],
        rule: Rule::Verdict,
        because: because.into(),
        // What is published holds, and what is broken does not: that is what the claim's test checks on every machine.
        expected: vec![usize::from(broken)],
        model: None,
    }
}

fn exercise(found: &Found, machine: Machine, draw: Option<Draw>) -> Option<Step> {
    let record = &found.exercise;
    let asked = exercises::asked(&record.name);
    let nature = asked.map_or(Nature::Mixed, |asked| asked.nature);
    let there: Vec<&StrategyRecord> =
        record.strategies.iter().skip(1).filter(|strategy| strategy.absent.is_none()).collect();
    let named = |name: &str| there.iter().copied().find(|strategy| strategy.name == name);
    let mut draw = draw.map(|draw| draw.for_step(&record.name));
    let mut workers = machine.workers;
    let mut strategy = asked.and_then(|asked| named(asked.strategy)).or_else(|| named(&record.best))?;
    let mut load = Load::default();
    if let Some(draw) = &mut draw {
        strategy = there.get(draw.below(there.len()))?;
        workers = 2 + draw.below(7);
        load = Load::drawn(&record.name, draw);
    }
    let workers_then = strategy.fixed_workers.unwrap_or(workers);
    let own = asked.filter(|asked| asked.strategy == strategy.name && draw.is_none());
    let (name, kind) = (&strategy.name, strategy.kind);
    let ask = own.map_or_else(
        || {
            both!(
                "How many times faster than one after the other is the strategy `{name}`?",
                "Quantas vezes mais rápida que um depois do outro é a estratégia `{name}`?"
            )
        },
        |asked| asked.ask.into(),
    );
    let processors = machine.processors;
    let mut given = both!(
        "{workers_then} workers on {processors} processors",
        "{workers_then} trabalhadores em {processors} processadores"
    );
    if let Some(words) = &load.words {
        given = Bilingual {
            en: format!("{}, {}", words.en, given.en),
            pt: format!("{}, {}", words.pt, given.pt),
        };
    }
    let model = exercises::expected(nature, kind, workers_then, processors, load.tasks);
    let (choices, mosts) = times(workers_then, processors);
    let rule = Rule::UpTo(mosts);
    Some(Step {
        name: record.name.clone(),
        chapter: Text::new("The exercises", "Os exercícios").into(),
        about: Bilingual { en: record.about.clone(), pt: record.about.clone() },
        question: Question {
            ask,
            given: Some(given),
            choices,
            expected: model.and_then(|model| rule.right(model, None)).into_iter().collect(),
            rule,
            because: own.map_or_else(|| exercises::because(nature, kind), |asked| asked.because).into(),
            model,
        },
        subject: Subject::Exercise {
            found: found.clone(),
            strategy: strategy.name.clone(),
            workers,
            args: load.args,
        },
        own: asked.is_some(),
    })
}

/// How much there is to do, where an exercise can be told.
#[derive(Debug, Default)]
struct Load {
    args: Vec<String>,
    words: Option<Bilingual>,
    tasks: Option<usize>,
}

impl Load {
    fn drawn(exercise: &str, draw: &mut Draw) -> Self {
        match exercise {
            "crawl" => {
                let (count, delay) = (20 * (1 + draw.below(5)), 10 * (1 + draw.below(6)));
                Self {
                    args: ["--count".into(), count.to_string(), "--delay-ms".into(), delay.to_string()]
                        .into(),
                    words: Some(both!(
                        "{count} addresses that take {delay} ms each",
                        "{count} endereços que levam {delay} ms cada"
                    )),
                    tasks: Some(count),
                }
            }
            "states" => {
                let latency = 2 + draw.below(9);
                Self {
                    args: ["--latency-ms".into(), latency.to_string()].into(),
                    words: Some(both!(
                        "a source that takes {latency} ms for an answer",
                        "uma fonte que leva {latency} ms por resposta"
                    )),
                    tasks: None,
                }
            }
            _ => Self::default(),
        }
    }
}

/// Choices of a speed-up: none, by the processors, by the workers, many times; with the numbers that part them.
fn times(workers: usize, processors: usize) -> (Vec<Bilingual>, Vec<f64>) {
    let mut numbers = vec![1, workers.min(processors), workers, 4 * workers.max(processors)];
    numbers.sort_unstable();
    numbers.dedup();
    // Between two choices lies their geometric mean: twice too much is as far off as half of it.
    let between: Vec<f64> = numbers.windows(2).map(|two| ((two[0] * two[1]) as f64).sqrt()).collect();
    let many = numbers.len() - 1;
    let label = |(index, number): (usize, &usize)| match index {
        0 => Text::new("no faster", "nada mais rápida").into(),
        last if last == many => {
            let border = between[last - 1].round();
            both!("more than {border} times", "mais de {border} vezes")
        }
        _ => both!("about {number} times", "cerca de {number} vezes"),
    };
    let choices = numbers.iter().enumerate().map(label).collect();
    (choices, between.into_iter().chain([f64::INFINITY]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_number_alone_decides_which_choice_is_right() {
        let rule = Rule::UpTo(vec![1.2, 2.6, f64::INFINITY]);
        assert_eq!([0.9, 1.2, 1.3, 30.0].map(|value| rule.right(value, None)), [0, 0, 1, 2].map(Some));
        assert_eq!(rule.right(f64::NAN, None), None);
        let judged = [Verdict::Holds, Verdict::Refuted, Verdict::Inconclusive];
        assert_eq!(judged.map(|verdict| Rule::Verdict.right(7.0, Some(verdict))), [Some(0), Some(1), None]);
    }

    #[test]
    fn the_choices_to_expect_are_those_with_which_the_claim_holds() {
        let choices = [1.2, 2.6, f64::INFINITY].map(|most| (Text::same("x"), most));
        assert_eq!(allowed(Threshold::AtLeast(1.6), &choices), [1, 2]);
        assert_eq!(allowed(Threshold::AtMost(1.2), &choices), [0]);
        assert_eq!(allowed(Threshold::Within(1.3, 2.0), &choices), [1]);
    }

    #[test]
    fn more_workers_than_processors_is_a_choice_of_its_own() {
        let words = |workers, processors| -> Vec<String> {
            times(workers, processors).0.into_iter().map(|choice| choice.en).collect()
        };
        assert_eq!(words(2, 2), ["no faster", "about 2 times", "more than 4 times"]);
        assert_eq!(words(6, 2), ["no faster", "about 2 times", "about 6 times", "more than 12 times"]);
        assert_eq!(words(1, 2), ["no faster", "more than 3 times"]);
    }
}
