//! Stack and heap.
//!
//! A function's locals lie on the stack of its thread, one frame above the other, and are gone when it returns. The stack is
//! as large as it was made: 2 MiB for a thread of Rust, a few for the first one. A recursion that goes deeper than that runs
//! into the guard page below it, and the kernel ends the *process*, with all of its threads: there is no error to handle.
//! The mend is to keep what grows with the data on the heap. A recursion becomes a loop with a list of what is still to do.
//!
//! The other side of it: moving a value moves its bytes. A `[u8; 65536]` that is handed from function to function is copied
//! each time; a `Box` of it is a pointer of 8 bytes, whatever it points to.

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;

use lab::record::Threshold;
use lab::{OrProblem, Problem};
use nix::sys::signal::Signal;

use crate::claim::{Claim, Source};
use crate::clock;
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "stack-and-heap",
    about: Text::new(
        "a stack that overflows, and big values that are moved",
        "uma pilha que estoura, e valores grandes que são movidos",
    ),
    show,
    claims: &[OVERFLOW, MOVES],
};

/// The stack of the child's thread: small, so that it is full soon.
const STACK: usize = 256 << 10;

/// How deep the child goes: with 1 KiB in each frame, far more than the stack holds.
const DEPTH: u64 = 20_000;

/// How to go down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// A function that calls itself: each level is a frame on the stack.
    Recursion,
    /// A loop with a list of what is still to do, on the heap.
    List,
}

/// A child that goes down, and may not survive it.
#[derive(Debug, clap::Args)]
pub struct Descent {
    /// How to go down
    way: Way,
}

impl Descent {
    /// Goes down on a thread with a small stack, and prints the sum over all levels.
    ///
    /// # Errors
    /// When there is no such thread.
    pub fn descend(&self) -> Result<(), Problem> {
        let way = self.way;
        let thread = thread::Builder::new().name("deep".into()).stack_size(STACK);
        let deep = thread.spawn(move || match way {
            Way::Recursion => recursion(DEPTH),
            Way::List => list(DEPTH),
        });
        let deep = deep.or_problem(|| "cannot start a thread with a small stack")?;
        let sum = deep.join().map_err(|_| Problem::new("the deep thread panicked"))?;
        println!("{sum}");
        Ok(())
    }
}

/// What became of a child that went down: its answer, or the signal that ended it.
fn descend(stage: &Stage, way: Way) -> Result<Result<String, Signal>, Problem> {
    let way = match way {
        Way::Recursion => "recursion",
        Way::List => "list",
    };
    let mut command = Command::new(stage.lab.launch.clone().into_program());
    // Its last words, that its stack has overflowed, are not ours; `output` reads them.
    let ended = command.args(["descend", way]).stdin(Stdio::null()).output();
    let ended = ended.or_problem(|| "cannot start a child that goes down")?;
    match (ended.status.signal().map(Signal::try_from), ended.status.success()) {
        (Some(Ok(signal)), _) => Ok(Err(signal)),
        (None, true) => Ok(Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())),
        _ => Err(Problem::new("the child that went down failed")
            .hint(String::from_utf8_lossy(&ended.stderr).trim())),
    }
}

/// What a level keeps while those below it work.
fn level(depth: u64) -> [u8; 1024] {
    black_box([(depth % 251) as u8; 1024])
}

/// The sum over all levels, by calling itself.
fn recursion(depth: u64) -> u64 {
    if depth == 0 {
        return 0;
    }
    let own = level(depth);
    let below = recursion(black_box(depth - 1));
    below + u64::from(black_box(&own)[0])
}

/// The same sum with the levels in a list.
fn list(depth: u64) -> u64 {
    let levels: Vec<[u8; 1024]> = (1..=depth).map(level).collect();
    levels.iter().map(|own| u64::from(black_box(own)[0])).sum()
}

/// A value that is large for a stack.
static BIG: [u8; 65_536] = [0; 65_536];

/// Hands a value on. Neither inlined nor seen through, as a call across crates is not.
#[inline(never)]
fn hand_on<T>(value: T) -> T {
    black_box(value)
}

fn hand_on_times<T>(value: T, times: u32) -> u64 {
    clock::cpu_of(move || (0..times).fold(value, |value, _| hand_on(value)))
}

const OVERFLOW: Claim = Claim {
    id: "stack-overflow-ends-the-process",
    says: Text::new(
        "A recursion that is deeper than its thread's stack ends the whole process.",
        "Uma recursão mais funda que a pilha da sua thread encerra o processo inteiro.",
    ),
    source: Source {
        title: "The Rust Reference, Runtime; Rust std::thread, Stack size",
        link: "https://doc.rust-lang.org/std/thread/index.html#stack-size",
        number: Text::new(
            "2 MiB for a thread; overflowing aborts",
            "2 MiB por thread; o estouro aborta o processo",
        ),
    },
    unit: Text::new("of 1 process ended by a signal", "de 1 processo encerrado por um sinal"),
    holds: Threshold::AtLeast(1.0),
    breaks: Text::new(
        "the levels are kept in a list on the heap instead of in frames on the stack",
        "os níveis ficam numa lista no heap em vez de em quadros na pilha",
    ),
    measure: |stage, mechanism| {
        let ended = descend(stage, mechanism.pick(Way::Recursion, Way::List))?;
        Ok(Measured::count(u64::from(ended.is_err())))
    },
};

const MOVES: Claim = Claim {
    id: "moving-a-big-value-copies-it",
    says: Text::new(
        "Handing on an array of 64 KiB costs many times what handing on a box of it costs.",
        "Repassar um vetor de 64 KiB custa muitas vezes o que custa repassar uma caixa (Box) com ele.",
    ),
    source: Source {
        title: "The Rust Performance Book, Type Sizes",
        link: "https://nnethercote.github.io/perf-book/type-sizes.html",
        number: Text::new(
            "types over 128 bytes are copied with memcpy",
            "tipos acima de 128 bytes são copiados com memcpy",
        ),
    },
    unit: Text::new("times the CPU time", "vezes o tempo de CPU"),
    holds: Threshold::AtLeast(10.0),
    breaks: Text::new("both are in a box", "ambos estão numa caixa (Box)"),
    measure: |stage, mechanism| {
        let times = stage.amount(3_000, 1_500);
        let boxed = || hand_on_times(Box::new(BIG), times);
        let big = || if mechanism.is_sound() { hand_on_times(BIG, times) } else { boxed() };
        Ok(clock::ratio(9, stage.lab.seed, big, boxed))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    say!(
        stage,
        "{DEPTH} levels of 1 KiB in a thread with a stack of 256 KiB, each time in a process of its own:",
        "{DEPTH} níveis de 1 KiB numa thread com pilha de 256 KiB, cada vez num processo próprio:"
    );
    match descend(stage, Way::Recursion)? {
        Err(signal) => say!(stage, "  on the stack: ended by {signal}", "  na pilha: encerrado por {signal}"),
        Ok(sum) => say!(stage, "  on the stack: the answer is {sum}", "  na pilha: a resposta é {sum}"),
    }
    match descend(stage, Way::List)? {
        Err(signal) => say!(stage, "  on the heap: ended by {signal}", "  no heap: encerrado por {signal}"),
        Ok(sum) => say!(stage, "  on the heap: the answer is {sum}", "  no heap: a resposta é {sum}"),
    }
    let times = stage.amount(2_000, 200);
    let (big, boxed) = (hand_on_times(BIG, times), hand_on_times(Box::new(BIG), times));
    let (big, boxed) = (clock::each(big, times.into()), clock::each(boxed, times.into()));
    say!(
        stage,
        "handing on 64 KiB: {big} as an array, {boxed} in a box",
        "repassar 64 KiB: {big} como vetor, {boxed} numa caixa (Box)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_down_give_one_answer() {
        // A depth that any stack holds.
        assert_eq!(recursion(100), list(100));
        assert_eq!(list(3), 6);
    }
}
