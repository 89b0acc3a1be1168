//! An allocation as a cost in a hot loop.
//!
//! Asking the heap for memory is quick, some tens of nanoseconds, and a loop that does it for every line of a file of a
//! hundred million lines has spent seconds on it. Worse are containers that grow: a `Vec` that starts empty asks again for
//! twice as much whenever it is full, and copies. The mend is one line: the buffer lives outside the loop, and `clear`
//! empties it without giving its memory back.

use std::hint::black_box;

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Source};
use crate::clock;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "allocation",
    about: Text::new(
        "a buffer for each line, and one for all of them",
        "um buffer para cada linha, e um para todas",
    ),
    show,
    claims: &[CLAIM],
};

/// The fields of a line, as a parser would find them: where each one ends.
fn fields(line: &[u8], ends: &mut Vec<u32>) -> u32 {
    ends.extend((0_u32..).zip(line).filter(|(_, byte)| **byte == b';').map(|(at, _)| at));
    black_box(&*ends).iter().sum()
}

const LINE: &[u8] = b"2;3;5;7;11;13;17;19;23;29;31;37;41;43;47;53;59;61;67;71\n";

/// A buffer for each line.
fn fresh(lines: u64) -> u64 {
    clock::cpu_of(|| (0..lines).map(|_| u64::from(fields(black_box(LINE), &mut Vec::new()))).sum::<u64>())
}

/// One buffer for all lines.
fn reused(lines: u64) -> u64 {
    clock::cpu_of(|| {
        let mut ends = Vec::new();
        let line = |_| {
            ends.clear();
            u64::from(fields(black_box(LINE), &mut ends))
        };
        (0..lines).map(line).sum::<u64>()
    })
}

const CLAIM: Claim = Claim {
    id: "allocation-in-a-hot-loop-costs",
    says: Text::new(
        "A loop that allocates a buffer for each line takes more CPU time than one that reuses it.",
        "Um laço que aloca um buffer para cada linha gasta mais CPU do que um que o reaproveita.",
    ),
    source: Source {
        title: "The Rust Performance Book, Heap Allocations: Reusing Collections",
        link: "https://nnethercote.github.io/perf-book/heap-allocations.html",
        number: Text::new(
            "heap allocations are moderately expensive",
            "alocações no heap são moderadamente caras",
        ),
    },
    unit: Text::new("times the CPU time", "vezes o tempo de CPU"),
    holds: Threshold::AtLeast(1.3),
    breaks: Text::new("the buffer is reused both times", "o buffer é reaproveitado nas duas vezes"),
    measure: |stage, mechanism| {
        let lines = stage.amount(100_000, 30_000);
        let one = mechanism.pick(fresh as fn(u64) -> u64, reused);
        Ok(clock::ratio(9, stage.lab.seed, || one(lines), || reused(lines)))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let lines = stage.amount(100_000, 10_000);
    let (one, two) = (fresh(lines) / lines, reused(lines) / lines);
    say!(
        stage,
        "a line of 20 fields: {one} ns with a buffer of its own, {two} ns with the one before",
        "uma linha de 20 campos: {one} ns com um buffer próprio, {two} ns com o anterior"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_buffer_gives_the_same_fields() {
        let mut ends = vec![7; 100];
        ends.clear();
        assert_eq!(fields(LINE, &mut ends), fields(LINE, &mut Vec::new()));
        assert_eq!(ends.len(), 19);
    }
}
