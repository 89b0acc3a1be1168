//! A pool of processes: a chosen size, close, and join.
//!
//! Starting a process takes milliseconds, so one is not started for each task. A pool starts as many as were chosen, and
//! each takes task after task. *Closing* the pool says that no more will come; *joining* it waits until every process has
//! ended and the system has been told that we know, for a child that nobody waits for stays in its tables as a zombie.

use std::collections::BTreeSet;
use std::fs;

use lab::record::Threshold;
use lab::{Problem, Stop};

use super::errand::{Errand, Runner};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_processes};
use crate::text::Text;

/// The size that is asked for.
const SIZE: usize = 3;

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "process-pool",
    about: Text::new(
        "a pool of a chosen size does many tasks with few processes, and leaves none behind",
        "um pool de tamanho escolhido faz muitas tarefas com poucos processos, e não deixa nenhum para trás",
    ),
    show,
    claims: &[
        Claim {
            id: "pool-size",
            says: Text::new(
                "A pool of 3 does all its tasks with 3 processes.",
                "Um pool de 3 faz todas as tarefas com 3 processos.",
            ),
            source: POOL,
            unit: Text::new("different processes", "processos diferentes"),
            holds: Threshold::Within(3.0, 3.0),
            breaks: Text::new("the chosen size is forgotten", "o tamanho escolhido é esquecido"),
            measure: |stage, mechanism| {
                let size = mechanism.pick(SIZE, 1);
                Ok(Measured::count(members(stage, size)?.iter().collect::<BTreeSet<_>>().len() as u64))
            },
        },
        Claim {
            id: "pool-join",
            says: Text::new(
                "After the pool was joined, no child is left.",
                "Depois do join no pool, não sobra nenhum filho.",
            ),
            source: POOL,
            unit: Text::new("children left", "filhos restantes"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new("nobody waits for the processes", "ninguém espera pelos processos"),
            measure: |stage, mechanism| {
                if mechanism.is_sound() {
                    let members = members(stage, SIZE)?;
                    return Ok(Measured::count(left(&members)));
                }
                // Not joined: looked at while it is still at work, and joined after that.
                let stop = Stop::new();
                let mut lab = stage.lab_with(SIZE);
                lab.stop = stop.child();
                let own = std::process::id();
                let found = std::thread::scope(|scope| {
                    let pool =
                        scope.spawn(|| in_processes::<Runner>(&lab, &(), &vec![Errand::Take(60_000); SIZE]));
                    let mut found = 0;
                    while found == 0 && !pool.is_finished() {
                        std::thread::yield_now();
                        found = children(own).len() as u64;
                    }
                    stop.now();
                    found
                });
                Ok(Measured::count(found))
            },
        },
    ],
};

const POOL: Source = Source {
    title: "Python documentation: multiprocessing.pool",
    link: "https://docs.python.org/3/library/multiprocessing.html#multiprocessing.pool.Pool",
    number: Text::new("the number of worker processes to use", "o número de processos a usar"),
};

/// The processes that did each of twelve tasks.
fn members(stage: &Stage, size: usize) -> Result<Vec<u32>, Problem> {
    let tasks = vec![Errand::Take(stage.amount(20, 10)); 12];
    let replies = in_processes::<Runner>(&stage.lab_with(size), &(), &tasks)?;
    Ok(replies.into_iter().map(|reply| reply.process).collect())
}

/// How many of these processes are still children of ours, zombies among them.
fn left(members: &[u32]) -> u64 {
    let children = children(std::process::id());
    members.iter().collect::<BTreeSet<_>>().iter().filter(|member| children.contains(member)).count() as u64
}

/// The numbers of a process's children.
fn children(parent: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    let numbers = lists.iter().flat_map(|list| list.split_whitespace());
    numbers.filter_map(|number| number.parse().ok()).collect()
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let members = members(stage, SIZE)?;
    for process in members.iter().collect::<BTreeSet<_>>() {
        let tasks = members.iter().filter(|member| *member == process).count();
        say!(
            stage,
            "process {process} did {tasks} of 12 tasks",
            "o processo {process} fez {tasks} de 12 tarefas"
        );
    }
    let left = left(&members);
    say!(stage, "closed and joined: {left} children left", "fechado e com join: restam {left} filhos");
    Ok(())
}
