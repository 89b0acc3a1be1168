//! Tiny parallel work that loses.
//!
//! A thousand numbers are added in less time than it takes to wake one thread. Whoever splits such a sum among threads
//! waits for their start, and gets nothing for it. Parallel work pays when a part takes far longer than its hand-out: the
//! table shows the break-even on this machine, the length from which two threads are faster than one.

use std::hint::black_box;
use std::thread;

use lab::Problem;
use lab::measure::nanoseconds;
use lab::record::Threshold;

use super::TIMES;
use crate::claim::{Claim, Source};
use crate::clock;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_turns, timed};
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "tiny-work",
    about: Text::new(
        "a sum that is too small to share, and from which length on it pays",
        "uma soma pequena demais para dividir, e a partir de que tamanho compensa",
    ),
    show,
    claims: &[CLAIM],
};

fn sum(numbers: &[u64]) -> u64 {
    // Without the box the sum of a range is a formula, and there would be no work at all.
    numbers.iter().fold(0, |sum, number| black_box(sum + number))
}

/// Adds each half on a thread of its own.
fn split(numbers: &[u64]) -> u64 {
    let (one, two) = numbers.split_at(numbers.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| sum(two));
        sum(one) + other.join().unwrap_or_default()
    })
}

/// Adds each half where it is called.
fn halves(numbers: &[u64]) -> u64 {
    let (one, two) = numbers.split_at(numbers.len() / 2);
    sum(one) + sum(two)
}

const CLAIM: Claim = Claim {
    id: "tiny-work-loses",
    says: Text::new(
        "A thousand numbers are added more slowly by two threads than by one.",
        "Mil números são somados mais devagar por duas threads do que por uma.",
    ),
    source: Source {
        title: "Rayon documentation, IndexedParallelIterator::with_min_len",
        link: "https://docs.rs/rayon/latest/rayon/iter/trait.IndexedParallelIterator.html",
        number: Text::new(
            "a least length can be set, below which nothing is split",
            "pode-se fixar um tamanho mínimo, abaixo do qual nada é dividido",
        ),
    },
    unit: TIMES,
    holds: Threshold::AtLeast(2.0),
    breaks: Text::new("the halves are added without a thread", "as metades são somadas sem uma thread"),
    measure: |stage, mechanism| {
        let numbers: Vec<u64> = (0..1_000).collect();
        let times = stage.amount(200, 100);
        let parts = mechanism.pick(split as fn(&[u64]) -> u64, halves);
        let run =
            |add: fn(&[u64]) -> u64| timed(|| (0..times).map(|_| add(black_box(&numbers))).sum::<u64>());
        Ok(clock::ratio(9, stage.lab.seed, || run(parts), || run(sum)))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let mut even = None;
    for power in [10, 13, 16, 19, 22] {
        let numbers: Vec<u64> = (0..1 << power).collect();
        let (one, two) = in_turns(stage.amount(5, 3), || sum(&numbers), || split(&numbers));
        let median = |times: &[u64]| lab::measure::stats::median(times).unwrap_or_default();
        let (one, two) = (median(&one), median(&two));
        if two < one {
            even.get_or_insert(numbers.len());
        }
        let (length, one, two) = (numbers.len(), nanoseconds(one), nanoseconds(two));
        say!(
            stage,
            "{length:>9} numbers   one thread {one:>9}   two {two:>9}",
            "{length:>9} números   uma thread {one:>9}   duas {two:>9}"
        );
    }
    if let Some(length) = even {
        say!(
            stage,
            "Of these, {length} is the first length at which two threads win.",
            "Destes, {length} é o primeiro tamanho em que duas threads ganham."
        );
    } else {
        say!(
            stage,
            "Two threads never win here: the machine has no processor to spare now.",
            "Duas threads nunca ganham aqui: a máquina não tem processador livre agora."
        );
    }
    Ok(())
}
