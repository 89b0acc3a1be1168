//! What the three models cost, from measurements on this machine.
//!
//! A process has its own memory, a thread has its own stack, a task has what it needs to remember until its next turn.
//! Each is about ten times cheaper than the one before, in time and in space, and gives up something for it: threads give up
//! isolation, tasks give up being interrupted by anybody but themselves.

use std::thread;

use lab::Problem;
use lab::measure::nanoseconds;
use lab::record::Threshold;

use super::kitchen::{cakes, on_a_loop, processes};
use crate::asynchrony::sleepers::{Crowd, Model, gather};
use crate::claim::{Claim, Mechanism, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::stage::{Stage, timed};
use crate::text::Text;
use crate::{say, words};

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "models-table",
    about: Text::new(
        "processes, threads and tasks compared: start, memory, switch, and what each is for",
        "processos, threads e tarefas comparados: início, memória, troca, e para que serve cada um",
    ),
    show,
    claims: &[
        Claim {
            id: "process-start-dearer",
            says: Text::new(
                "Starting and ending a process takes at least 5 times as long as a thread.",
                "Iniciar e encerrar um processo leva pelo menos 5 vezes mais que uma thread.",
            ),
            source: Source {
                title: "Python documentation: multiprocessing, contexts and start methods",
                link: "https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods",
                number: Text::new("rather slow, no number", "bastante lento, sem número"),
            },
            unit: Text::new("times the start of a thread", "vezes o início de uma thread"),
            holds: Threshold::AtLeast(5.0),
            breaks: Text::new(
                "a thread is started instead of a process",
                "inicia-se uma thread no lugar do processo",
            ),
            measure: |stage, mechanism| {
                let rounds = stage.amount(15, 7);
                let threads = samples(rounds, start_of_a_thread);
                let these = if mechanism.is_sound() {
                    let mut these = Vec::new();
                    for _ in 0..rounds {
                        these.push(start_of_a_process(stage)?);
                    }
                    these
                } else {
                    samples(rounds, start_of_a_thread)
                };
                Ok(Measured::ratio(&these, &threads, stage.lab.seed))
            },
        },
        Claim {
            id: "thread-start-dearer",
            says: Text::new(
                "Starting and ending a thread takes at least 5 times as long as a task.",
                "Iniciar e encerrar uma thread leva pelo menos 5 vezes mais que uma tarefa.",
            ),
            source: BLANDY,
            unit: Text::new("times the start of a task", "vezes o início de uma tarefa"),
            holds: Threshold::AtLeast(5.0),
            breaks: Text::new("each task gets a thread of its own", "cada tarefa ganha uma thread própria"),
            measure: |stage, mechanism| {
                let rounds = stage.amount(31, 15);
                let task = mechanism.pick(start_of_a_task as fn() -> u64, start_of_a_thread);
                let (threads, tasks) = (samples(rounds, start_of_a_thread), samples(rounds, task));
                Ok(Measured::ratio(&threads, &tasks, stage.lab.seed))
            },
        },
        Claim {
            id: "thread-switch-dearer",
            says: Text::new(
                "Handing over between threads takes at least twice as long as between tasks.",
                "Passar a vez entre threads leva pelo menos o dobro do tempo que entre tarefas.",
            ),
            source: BLANDY,
            unit: Text::new("times the switch of tasks", "vezes a troca de tarefas"),
            holds: Threshold::AtLeast(2.0),
            breaks: Text::new(
                "the tasks live on threads of their own",
                "as tarefas vivem em threads próprias",
            ),
            measure: |stage, mechanism: Mechanism| {
                let rounds = stage.amount(15, 7);
                let task = mechanism.pick(switch_of_tasks as fn() -> u64, switch_of_threads);
                let (threads, tasks) = (samples(rounds, switch_of_threads), samples(rounds, task));
                Ok(Measured::ratio(&threads, &tasks, stage.lab.seed))
            },
        },
    ],
};

const BLANDY: Source = Source {
    title: "Jim Blandy: context-switch",
    link: "https://github.com/jimblandy/context-switch",
    number: Text::new("1.7 µs against 0.2 µs a switch", "1,7 µs contra 0,2 µs por troca"),
};

/// How often a cheap thing is done within one sample.
const OFTEN: u64 = 200;

fn samples(rounds: usize, one: impl Fn() -> u64) -> Vec<u64> {
    one();
    (0..rounds).map(|_| one()).collect()
}

/// Starts, ends and joins threads, one after another; nanoseconds for one.
fn start_of_a_thread() -> u64 {
    timed(|| (0..OFTEN / 10).for_each(|_| drop(thread::spawn(|| ()).join()))) / (OFTEN / 10)
}

/// Starts and awaits tasks, one after another; nanoseconds for one.
fn start_of_a_task() -> u64 {
    on_a_loop(async {
        let started = std::time::Instant::now();
        for _ in 0..OFTEN {
            let _ = tokio::spawn(async {}).await;
        }
        u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX) / OFTEN
    })
}

/// Starts a worker process, gives it nothing to do, and waits for its end.
fn start_of_a_process(stage: &Stage) -> Result<u64, Problem> {
    let lab = stage.lab_with(1);
    let mut outcome = Ok(Vec::new());
    let time = timed(|| outcome = processes(&cakes(1, 0, 0), &lab));
    outcome.map(|_| time)
}

/// Two threads wake each other and sleep; nanoseconds for one hand-over.
fn switch_of_threads() -> u64 {
    let (to, arrives) = std::sync::mpsc::sync_channel::<()>(0);
    let (back, returns) = std::sync::mpsc::sync_channel::<()>(0);
    thread::scope(|scope| {
        scope.spawn(move || {
            while arrives.recv().is_ok() {
                let _ = back.send(());
            }
        });
        let time = timed(|| {
            for _ in 0..OFTEN {
                let _ = to.send(());
                let _ = returns.recv();
            }
        });
        drop(to);
        time / (2 * OFTEN)
    })
}

/// Two tasks yield to each other on one thread; nanoseconds for one hand-over.
fn switch_of_tasks() -> u64 {
    on_a_loop(async {
        let yields = async || {
            for _ in 0..OFTEN {
                tokio::task::yield_now().await;
            }
        };
        let started = std::time::Instant::now();
        let other = tokio::spawn(yields());
        yields().await;
        let _ = other.await;
        u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX) / (2 * OFTEN)
    })
}

/// Tasks through the pipes of one worker process, one after another; nanoseconds for one way.
fn switch_of_processes(stage: &Stage) -> Result<u64, Problem> {
    let lab = stage.lab_with(1);
    let mut outcome = Ok(Vec::new());
    let few = timed(|| outcome = processes(&cakes(1, 0, 0), &lab));
    let many = timed(|| outcome = processes(&cakes(OFTEN + 1, 0, 0), &lab));
    outcome.map(|_| many.saturating_sub(few) / (2 * OFTEN))
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let median = |one: &dyn Fn() -> u64| lab::measure::stats::median(&samples(5, one)).unwrap_or_default();
    let size = |bytes: f64| {
        if bytes < 1024.0 { format!("{bytes:.0} B") } else { format!("{:.1} KiB", bytes / 1024.0) }
    };
    let crowd = |model, count| gather(stage, Crowd { model, count, ballast: 0 });
    let head = [
        words!(stage, "model", "modelo"),
        words!(stage, "start and end", "início e fim"),
        words!(stage, "memory each", "memória de cada"),
        words!(stage, "switch", "troca"),
        words!(stage, "for what", "para quê"),
    ];
    let processes = crowd(Model::Processes, 1)?;
    let (threads, tasks) = (crowd(Model::Threads, 200)?, crowd(Model::Tasks, 20_000)?);
    let rows = [
        [
            words!(stage, "process", "processo"),
            nanoseconds(start_of_a_process(stage)?),
            size(processes.bytes_each),
            nanoseconds(switch_of_processes(stage)?),
            words!(stage, "computing in isolation", "cálculo isolado"),
        ],
        [
            words!(stage, "thread", "thread do sistema"),
            nanoseconds(median(&start_of_a_thread)),
            size(threads.bytes_each),
            nanoseconds(median(&switch_of_threads)),
            words!(stage, "computing on shared data", "cálculo sobre dados compartilhados"),
        ],
        [
            words!(stage, "task", "tarefa"),
            nanoseconds(median(&start_of_a_task)),
            size(tasks.bytes_each),
            nanoseconds(median(&switch_of_tasks)),
            words!(stage, "waiting, in thousands", "espera, aos milhares"),
        ],
    ];
    for row in [&head].into_iter().chain(&rows) {
        let [model, start, memory, switch, purpose] = row;
        stage.line(format_args!("{model:18} {start:>14} {memory:>16} {switch:>9}  {purpose}"));
    }
    say!(
        stage,
        "memory is what the process has touched; the kernel keeps about 10 KiB more for each thread",
        "memória é o que o processo tocou; o kernel guarda uns 10 KiB a mais por thread"
    );
    Ok(())
}
