//! Starting and switching: what a thread costs before it has done anything.
//!
//! A thread is a promise of the kernel: a stack, a place in the queue for processors, an end that somebody can wait for. To
//! make one takes as long as thousands of calls of a function. To change from one thread to another takes a call into the
//! kernel as well; a task of an event loop changes with a call and a return. This is why threads are kept in pools, and why
//! a hundred thousand conversations are tasks.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use crossbeam_channel::bounded;
use lab::Problem;
use lab::record::Threshold;

use super::TIMES;
use crate::claim::{Claim, Source};
use crate::clock::{self, each};
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, timed};
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "start-and-switch",
    about: Text::new(
        "what it costs to start a thread, and to change from one to another",
        "quanto custa criar uma thread, e passar de uma para outra",
    ),
    show,
    claims: &[SPAWN, SWITCH],
};

/// Work that is over at once.
fn nothing(number: u64) -> u64 {
    black_box(number)
}

/// Starts a thread for each number and waits for it.
fn spawned(times: u64) -> u64 {
    timed(|| {
        (0..times)
            .map(|number| thread::spawn(move || nothing(number)).join().unwrap_or_default())
            .sum::<u64>()
    })
}

/// Calls a function for each number.
fn called(times: u64) -> u64 {
    timed(|| (0..times).map(|number| nothing(black_box(number))).sum::<u64>())
}

/// Hands each number to a thread that is already there, and waits for the answer: two switches.
fn by_threads(rounds: u64) -> u64 {
    thread::scope(|scope| {
        // No room at all: each message is a meeting, which is what a switch is.
        let ((ask, asked), (answer, answered)) = (bounded::<u64>(0), bounded::<u64>(0));
        scope.spawn(move || asked.iter().try_for_each(|number| answer.send(nothing(number))));
        timed(move || {
            (0..rounds).filter(|number| ask.send(*number).is_ok() && answered.recv().is_ok()).count()
        })
    })
}

/// Gives way once: whoever else can run is next.
struct GiveWay(bool);

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Two tasks of one event loop that give way to each other: two switches a round.
fn by_tasks(rounds: u64) -> u64 {
    let task = || async move {
        for number in 0..rounds {
            nothing(number);
            GiveWay(false).await;
        }
    };
    let event_loop = tokio::runtime::Builder::new_current_thread().build();
    let Ok(event_loop) = event_loop else { return 0 };
    timed(|| {
        event_loop.block_on(async {
            let (one, two) = (tokio::spawn(task()), tokio::spawn(task()));
            (one.await.is_ok(), two.await.is_ok())
        })
    })
}

const SPAWN: Claim = Claim {
    id: "thread-start-costs",
    says: Text::new(
        "Starting a thread costs at least a hundred calls of a function.",
        "Criar uma thread custa pelo menos cem chamadas de função.",
    ),
    source: Source {
        title: "The Rust Programming Language, 16.1 Using Threads to Run Code Simultaneously; Rust std::thread",
        link: "https://doc.rust-lang.org/std/thread/",
        number: Text::new(
            "a native thread of the system for each",
            "uma thread nativa do sistema para cada uma",
        ),
    },
    unit: TIMES,
    holds: Threshold::AtLeast(100.0),
    breaks: Text::new(
        "the function is called instead of given to a thread",
        "a função é chamada em vez de entregue a uma thread",
    ),
    measure: |stage, mechanism| {
        // One thread for every so many calls, or the clock would see nothing of the calls; the ratio is of the cost of one.
        let (starts, each) = (stage.amount(300, 150), 1_000);
        let calls = starts * each;
        let one = || mechanism.pick(spawned as fn(u64) -> u64, in_one)(starts) * each;
        Ok(clock::ratio(9, stage.lab.seed, one, || called(calls)))
    },
};

/// As many calls as a start stands for, told as the time of one in so many.
fn in_one(starts: u64) -> u64 {
    called(starts * 1_000) / 1_000
}

const SWITCH: Claim = Claim {
    id: "thread-switch-costs-more-than-task-switch",
    says: Text::new(
        "Changing from one thread to another costs more than changing from one async task to another.",
        "Passar de uma thread para outra custa mais do que passar de uma tarefa async para outra.",
    ),
    source: Source {
        title: "Asynchronous Programming in Rust, Why Async?",
        link: "https://rust-lang.github.io/async-book/part-guide/intro.html",
        number: Text::new("tasks switch without the kernel", "tarefas se alternam sem o kernel"),
    },
    unit: TIMES,
    holds: Threshold::AtLeast(3.0),
    breaks: Text::new("tasks take the threads' place", "tarefas ocupam o lugar das threads"),
    measure: |stage, mechanism| {
        let rounds = stage.amount(5_000, 2_000);
        let one = mechanism.pick(by_threads as fn(u64) -> u64, by_tasks);
        Ok(clock::ratio(9, stage.lab.seed, || one(rounds), || by_tasks(rounds)))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let (starts, rounds) = (stage.amount(500, 50), stage.amount(5_000, 500));
    let (spawn, call) = (each(spawned(starts), starts), each(called(200_000) * 10, 2_000_000));
    let (threads, tasks) = (each(by_threads(rounds), 2 * rounds), each(by_tasks(rounds), 2 * rounds));
    say!(
        stage,
        "start and join a thread: {spawn}; call a function: {call}; switch of threads: {threads}; of tasks: {tasks}",
        "criar uma thread e esperar seu fim: {spawn}; chamar uma função: {call}; troca de threads: {threads}; de tarefas: {tasks}"
    );
    Ok(())
}
