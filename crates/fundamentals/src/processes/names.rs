//! Names and ids, and what two processes of one program share: nothing.
//!
//! A process is a program that runs, with a number that the system gave it, a parent, and memory of its own. Start the
//! program twice and there are two of everything: a variable that one changes stays as it was in the other. That is the
//! difference from threads, and all that is good and bad about processes follows from it.

use std::sync::atomic::Ordering;

use lab::Problem;
use lab::record::Threshold;

use super::errand::{Errand, OURS, Runner, run};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_processes};
use crate::text::Text;

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "process-names",
    about: Text::new(
        "processes have numbers, names and a parent, and share no variable",
        "processos têm números, nomes e um pai, e não compartilham variável alguma",
    ),
    show,
    claims: &[Claim {
        id: "processes-share-nothing",
        says: Text::new(
            "A variable that a worker process changes stays as it was in its parent.",
            "Uma variável que um processo filho muda continua como estava no pai.",
        ),
        source: Source {
            title: "fork(2), Linux manual page",
            link: "https://man7.org/linux/man-pages/man2/fork.2.html",
            number: Text::new("separate memory spaces", "espaços de memória separados"),
        },
        unit: Text::new("changes seen by the parent", "mudanças vistas pelo pai"),
        holds: Threshold::AtMost(0.0),
        breaks: Text::new("threads run the errands instead", "threads fazem as tarefas no lugar"),
        measure: |stage, mechanism| {
            let errands = vec![Errand::Introduce; 4];
            let before = OURS.load(Ordering::Relaxed);
            if mechanism.is_sound() {
                in_processes::<Runner>(&stage.lab_with(2), &(), &errands)?;
            } else {
                run(&Errand::Together(errands))?;
            }
            Ok(Measured::count(OURS.load(Ordering::Relaxed) - before))
        },
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let own = std::process::id();
    let name = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
    let name = name.trim();
    say!(stage, "parent: process {own}, named {name}", "pai: processo {own}, chamado {name}");
    for reply in in_processes::<Runner>(&stage.lab_with(2), &(), &vec![Errand::Introduce; 4])? {
        let (process, number) = (reply.process, reply.number);
        say!(
            stage,
            "child:  process {process}, whose own variable is now {number}",
            "filho: processo {process}, cuja variável agora vale {number}"
        );
    }
    let ours = OURS.load(Ordering::Relaxed);
    say!(stage, "the parent's variable is {ours}", "a variável do pai vale {ours}");
    Ok(())
}
