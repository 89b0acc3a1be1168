//! A queue between processes.
//!
//! Work that is dealt out beforehand is dealt out wrongly: whoever got the long tasks is still at it when the others have
//! gone home. So tasks wait in one queue, and each process takes the next one when it is done with the last. A task that is
//! taken is gone, and nobody else does it again. In a pool of processes the queue lives in the parent, and the pipes carry
//! one task at a time.

use lab::Problem;
use lab::record::Threshold;

use super::errand::{Errand, Reply, Runner};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_processes};
use crate::text::Text;

/// How many tasks there are.
const TASKS: u64 = 10;

/// What two processes did: from one queue, or each from a list of its own.
fn done(stage: &Stage, one_queue: bool) -> Result<Vec<Reply>, Problem> {
    let tasks: Vec<Errand> = (1..=TASKS).map(Errand::Take).collect();
    if one_queue {
        return in_processes::<Runner>(&stage.lab_with(2), &(), &tasks);
    }
    let mut all = Vec::new();
    for _ in 0..2 {
        all.extend(in_processes::<Runner>(&stage.lab_with(1), &(), &tasks)?);
    }
    Ok(all)
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "process-queue",
    about: Text::new(
        "two processes take tasks from one queue, and each task is done once",
        "dois processos tiram tarefas de uma só fila, e cada tarefa é feita uma vez",
    ),
    show,
    claims: &[Claim {
        id: "queue-once",
        says: Text::new(
            "Of tasks in one queue, each is done exactly once, whoever takes it.",
            "De tarefas em uma só fila, cada uma é feita exatamente uma vez, por quem quer que a pegue.",
        ),
        source: Source {
            title: "Python documentation: exchanging objects between processes",
            link: "https://docs.python.org/3/library/multiprocessing.html#exchanging-objects-between-processes",
            number: Text::new("no number", "sem número"),
        },
        unit: Text::new("tasks not done exactly once", "tarefas não feitas exatamente uma vez"),
        holds: Threshold::AtMost(0.0),
        breaks: Text::new("each process has a list of its own", "cada processo tem a sua própria lista"),
        measure: |stage, mechanism| {
            let done = done(stage, mechanism.is_sound())?;
            let times = |task: u64| done.iter().filter(|reply| reply.number == task).count();
            Ok(Measured::count((1..=TASKS).filter(|task| times(*task) != 1).count() as u64))
        },
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let done = stage.drawn(|| done(stage, true))?;
    let tasks = done.len();
    say!(stage, "{tasks} tasks were done, each once", "{tasks} tarefas foram feitas, cada uma vez");
    Ok(())
}
