//! What isolation buys, and what it costs.
//!
//! A worker process that crashes takes its own memory with it and nothing else. The pool notices, starts another one, and
//! the other tasks never hear of it. A thread that does the same takes the whole program along, with everything that it had
//! in its hands.
//!
//! The price is paid in copies: what a process is to work on must be sent to it, byte by byte, and its answer back. A thread
//! gets a reference.

use lab::record::Threshold;
use lab::{Problem, ways};

use super::errand::{Errand, Runner, run};
use crate::claim::{Claim, Mechanism, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_processes, timed};
use crate::text::Text;

/// How many good tasks there are beside the one that crashes.
const GOOD: usize = 7;

/// How many of the good tasks are lost to one that crashes: each task in a process of a pool, or all on threads of one.
fn lost(stage: &Stage, isolated: bool) -> u64 {
    let mut errands = vec![Errand::Take(5); GOOD];
    errands.insert(GOOD / 2, Errand::Crash);
    let mut lab = stage.lab_with(2);
    // Nobody needs to see the same crash three times.
    lab.patience.deaths = 1;
    if isolated {
        let outcomes = ways::collect::<Runner>(ways::processes::<Runner>, &lab, &(), &errands);
        (GOOD - outcomes.iter().flatten().count()) as u64
    } else {
        let outcome =
            ways::collect::<Runner>(ways::processes::<Runner>, &lab, &(), &[Errand::Together(errands)]);
        if outcome.iter().all(Result::is_ok) { 0 } else { GOOD as u64 }
    }
}

/// Adds up a long list of numbers: in another process, to which it is copied, or on a thread, to which it is lent.
fn sum(stage: &Stage, numbers: &[Errand], copied: bool, times: &mut Vec<u64>) -> Result<(), Problem> {
    let lab = stage.lab_with(1);
    // The start of a process is another lesson's: two sums take two copies and one start, and the difference is a copy.
    if copied {
        let mut outcome = Ok(Vec::new());
        let one = timed(|| outcome = in_processes::<Runner>(&lab, &(), &numbers[..1]));
        outcome?;
        let mut outcome = Ok(Vec::new());
        let all = timed(|| outcome = in_processes::<Runner>(&lab, &(), numbers));
        outcome?;
        times.push(all.saturating_sub(one) / (numbers.len() as u64 - 1));
    } else {
        let mut outcome = Ok(0);
        let scoped = || std::thread::scope(|scope| scope.spawn(|| run(&numbers[0])).join());
        times.push(timed(|| outcome = scoped().unwrap_or(Ok(0))));
        outcome?;
    }
    Ok(())
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "isolation",
    about: Text::new(
        "a process that crashes costs one task; a thread that crashes costs all; the price is copying",
        "um processo que cai custa uma tarefa; uma thread que cai custa todas; o preço é copiar",
    ),
    show,
    claims: &[
        Claim {
            id: "crash-costs-one-task",
            says: Text::new(
                "A worker process that crashes costs none of the other tasks.",
                "Um processo que cai não custa nenhuma das outras tarefas.",
            ),
            source: Source {
                title: "Armstrong: Making reliable distributed systems (2003)",
                link: "https://erlang.org/download/armstrong_thesis_2003.pdf",
                number: Text::new("isolation of faults, no number", "isolamento de falhas, sem número"),
            },
            unit: Text::new("of 7 other tasks lost", "de 7 outras tarefas perdidas"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "all tasks run on threads of one process",
                "todas as tarefas rodam em threads de um só processo",
            ),
            measure: |stage, mechanism: Mechanism| Ok(Measured::count(lost(stage, mechanism.is_sound()))),
        },
        Claim {
            id: "copying-costs",
            says: Text::new(
                "Sending 2 million numbers to a process takes at least 3 times as long as lending them to a thread.",
                "Enviar 2 milhões de números a um processo leva pelo menos 3 vezes mais que emprestá-los a uma thread.",
            ),
            source: Source {
                title: "Python documentation: multiprocessing, programming guidelines",
                link: "https://docs.python.org/3/library/multiprocessing.html#programming-guidelines",
                number: Text::new("avoid large amounts of data, no number", "evite muitos dados, sem número"),
            },
            unit: Text::new("times the time of lending", "vezes o tempo de emprestar"),
            holds: Threshold::AtLeast(3.0),
            breaks: Text::new(
                "the list is lent to a thread, too",
                "a lista também é emprestada a uma thread",
            ),
            measure: |stage, mechanism| {
                let numbers = vec![Errand::Sum((0..2_000_000).collect()); 3];
                let (mut copied, mut lent) = (Vec::new(), Vec::new());
                for _ in 0..stage.amount(9, 5) {
                    sum(stage, &numbers, mechanism.is_sound(), &mut copied)?;
                    sum(stage, &numbers, false, &mut lent)?;
                }
                Ok(Measured::ratio(&copied, &lent, stage.lab.seed))
            },
        },
    ],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let (processes, threads) = (lost(stage, true), lost(stage, false));
    say!(
        stage,
        "one of 8 tasks crashes: {processes} others lost in a pool of processes, {threads} on threads of one",
        "uma de 8 tarefas cai: {processes} outras perdidas em um pool de processos, {threads} em threads de um só"
    );
    Ok(())
}
