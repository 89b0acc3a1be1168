//! The adviser on numbers whose answer is known.

use lab::scaling::Curve;

use super::*;
use crate::text::Lang;
use judge::Doubt;

/// Measurements of a curve, three of each number of workers, that scatter by this share.
fn sample(model: &str, curve: Curve, scatter: f64) -> Sample {
    let counts = [1_u32, 2, 3, 4, 6, 8];
    let points = counts.into_iter().flat_map(|workers| {
        [1.0 - scatter, 1.0, 1.0 + scatter]
            .map(|factor| Point::new(workers, factor * curve.at(workers.into())))
    });
    Sample { model: model.into(), points: points.collect() }
}

/// Checks which model and how many workers are recommended, if any are.
#[track_caller]
fn check(samples: &[Sample], expected: Option<(&str, u32)>) {
    let advice = judge(samples, 42).unwrap();
    let take = advice.take.map(|at| &advice.opinions[at]);
    assert_eq!(take.map(|opinion| (opinion.sample.model.as_str(), opinion.workers)), expected);
}

#[test]
fn the_fewest_workers_that_are_as_good_as_the_best_are_recommended() {
    // Peak at √(0.95 / 0.04) = 4.9: of those tried, 4 is best, and 6 is hardly worse.
    let talking = Curve { alpha: 0.05, beta: 0.04, gamma: 10.0 };
    check(&[sample("a", talking, 0.01)], Some(("a", 4)));
    // Nothing in the way: the more the better.
    let free = Curve { alpha: 0.0, beta: 0.0, gamma: 10.0 };
    check(&[sample("a", free, 0.01)], Some(("a", 8)));
    // Nothing to be had: one is enough.
    let serial = Curve { alpha: 1.0, beta: 0.0, gamma: 10.0 };
    check(&[sample("a", serial, 0.01)], Some(("a", 1)));
}

#[test]
fn of_two_models_the_better_one_is_recommended_and_of_equals_the_smaller_and_the_first() {
    let (slow, fast) =
        (Curve { alpha: 0.5, beta: 0.0, gamma: 10.0 }, Curve { alpha: 0.05, beta: 0.0, gamma: 10.0 });
    check(&[sample("slow", slow, 0.01), sample("fast", fast, 0.01)], Some(("fast", 8)));
    check(&[sample("one", fast, 0.01), sample("two", fast, 0.01)], Some(("one", 8)));
}

#[test]
fn measurements_that_scatter_leave_the_question_open() {
    let curve = Curve { alpha: 0.1, beta: 0.0, gamma: 10.0 };
    check(&[sample("a", curve, 0.4)], None);
    let advice = judge(&[sample("a", curve, 0.4)], 42).unwrap();
    assert!(
        matches!(advice.opinions[0].doubts[..], [.., Doubt::Noisy(scatter)] if (scatter - 0.8).abs() < 1e-9)
    );
}

#[test]
fn a_law_that_misses_what_was_kept_from_it_leaves_the_question_open() {
    // Perfect up to 6 workers, and then a cliff: a limit of connections, a licence, a cache that is full.
    let free = Curve { alpha: 0.0, beta: 0.0, gamma: 10.0 };
    let mut cliff = sample("a", free, 0.01);
    cliff.points.iter_mut().filter(|point| point.workers == 8).for_each(|point| point.throughput = 20.0);
    check(&[cliff.clone()], None);
    // A sure model that is better decides the question nevertheless; one that is worse does not.
    let (better, worse) = (Curve { gamma: 30.0, ..free }, Curve { gamma: 3.0, ..free });
    check(&[cliff.clone(), sample("b", better, 0.01)], Some(("b", 8)));
    check(&[cliff, sample("b", worse, 0.01)], None);
}

#[test]
fn what_is_kept_for_the_proof_is_kept_from_the_fit() {
    let curve = Curve { alpha: 0.1, beta: 0.01, gamma: 10.0 };
    let mut sample = sample("a", curve, 0.01);
    let opinion = |sample: &Sample| {
        let mut opinions = judge(std::slice::from_ref(sample), 42).unwrap().opinions;
        opinions.pop().map(|opinion| (opinion.kept, opinion.predicted, opinion.measured)).unwrap()
    };
    let (kept, predicted, measured) = opinion(&sample);
    sample.points.iter_mut().filter(|point| point.workers == 8).for_each(|point| point.throughput *= 1.07);
    // Whatever was measured there, the prediction is the same.
    assert_eq!(opinion(&sample), (kept, predicted, 1.07 * measured));
    assert_eq!(kept, 8);
}

#[test]
fn too_few_numbers_of_workers_are_refused_with_a_hint() {
    let few = Sample { model: "a".into(), points: vec![Point::new(1, 1.0), Point::new(2, 2.0)] };
    let problem = judge(&[few], 42).err().unwrap().to_string();
    assert!(problem.contains("2 numbers of workers") && problem.contains("--most"), "{problem}");
}

#[test]
fn the_numbers_of_workers_double_with_steps_between() {
    assert_eq!(counts(8), [1, 2, 3, 4, 6, 8]);
    assert_eq!(counts(20), [1, 2, 3, 4, 6, 8, 12, 16, 20]);
    assert_eq!(counts(1), [1]);
}

/// A screen whose lines a test reads.
struct Screen(std::sync::Arc<parking_lot::Mutex<Vec<u8>>>);
impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[track_caller]
fn check_answers(answers: &str, words: &str) {
    let said = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let screen = Box::new(Screen(std::sync::Arc::clone(&said)));
    let stage = Stage::new(lab::Lab::new(1), Lang::Pt, crate::stage::Effort::Brief, screen);
    questions::ask(&stage, &mut answers.as_bytes()).unwrap();
    let said = String::from_utf8(said.lock().clone()).unwrap();
    assert!(said.lines().last().unwrap().contains(words), "{said}");
}

#[test]
fn the_answers_lead_through_the_tree() {
    check_answers("n\n", "sequencial");
    check_answers("s\nn\n", "pipeline");
    check_answers("s\ns\ns\ns\n", "async");
    check_answers("s\ns\ns\nn\n", "pool de threads, mais do que processadores");
    check_answers("s\ns\nn\ns\n", "partes maiores");
    check_answers("s\ns\nn\nn\ns\n", "processos");
    check_answers("yes\nsim\nno\ntalvez\nnão\nn\nn\ns\n", "rayon");
    check_answers("s\ns\nn\nn\nn\nn\nn\n", "canal limitado");
}
