//! CPU-bound or I/O-bound: the first question about any slow program.
//!
//! A program that is slow because it computes gets faster with more processors: threads in Rust, processes in Python. One
//! that is slow because it waits, for a disk, a network, a clock, gains nothing from them; it gets faster when many of its
//! waits overlap, which threads and async tasks do on a single processor. Whoever guesses wrong makes the program bigger
//! and no faster, so this program does not guess. `classify -- CMD…` runs a command and reads what the kernel counts anyway:
//!
//! - the time on a processor, from `wait4` (getrusage(2)): exact, with all children that were waited for;
//! - the time *ready* but without a processor, from `schedstat`: on a busy machine it belongs to computing, not to waiting;
//! - what each waiting thread waits *for*: the system call it is in, and whether the file there is a socket, a pipe or a disk;
//! - bytes from and to disks, context switches (given up: it waited; taken away: it computed), threads, sockets.
//!
//! The verdict is one division: time computing or ready, over time in all. From 80 % on a program is CPU-bound, up to 30 % it
//! is I/O-bound, and between the two it is both, and the evidence says in which proportion.

mod evidence;
mod plays;
mod tell;
mod waits;

use std::ffi::OsString;
use std::process::{Command, Stdio};

use lab::cli::{End, say};
use lab::record::Threshold;
use lab::{OrProblem, Problem};

use crate::claim::{Claim, Mechanism, Source};
use crate::measured::Measured;
use crate::program::{Chapter, Program};
use crate::say;
use crate::stage::Stage;
use crate::text::Text;
use evidence::{Evidence, collect};
use plays::{Play, play, with_server};

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("CPU-bound or I/O-bound", "Limitado pela CPU ou por E/S"),
    programs: &[PROGRAM],
    roles: &[],
};

const PROGRAM: Program = Program {
    name: "cpu-or-io",
    about: Text::new(
        "what a program spends its time on: computing or waiting, and for what",
        "em que um programa gasta o seu tempo: calculando ou esperando, e pelo quê",
    ),
    show,
    claims: &[FIBONACCI, REQUEST],
};

/// The arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the evidence to standard error as JSON, for programs
    #[arg(long)]
    json: bool,
    /// Play a part of the built-in examples
    #[arg(long, hide = true)]
    play: Option<Play>,
    /// The command, with its arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required_unless_present = "play",
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

/// Runs a command, whose input and output stay those of this program, and says on standard error what it is.
///
/// # Errors
/// When the command cannot be started.
pub fn main(args: &Args, stage: &Stage) -> Result<End, Problem> {
    if let Some(part) = &args.play {
        return play(part).map(|()| End::Done);
    }
    let Some((program, arguments)) = args.command.split_first() else { return Ok(End::Usage) };
    let mut command = Command::new(program);
    command.args(arguments);
    let evidence = match collect(command, &stage.lab.stop) {
        Ok(evidence) => evidence,
        Err(problem) => {
            say(&problem.hint("give the command as the shell would find it: classify -- gzip -k big.csv"));
            return Ok(End::Failed);
        }
    };
    if args.json {
        let json = serde_json::to_string(&evidence).or_problem(|| "cannot write the evidence")?;
        eprintln!("{json}");
    } else {
        for line in tell::report(&evidence, stage) {
            anstream::eprintln!("{line}");
        }
    }
    Ok(if evidence.success() { End::Done } else { End::Failed })
}

/// Plays a part in a process of its own and collects the evidence.
fn witness(stage: &Stage, part: &Play) -> Result<Evidence, Problem> {
    let mut command = Command::new(stage.lab.launch.clone().into_program());
    command.args(["classify", "--play", &part.words()]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    collect(command, &stage.lab.stop)
}

/// The number that takes a few tenths of a second by its definition.
fn number(stage: &Stage) -> u32 {
    stage.amount(39, 37)
}

/// How often the slow server is asked.
const QUESTIONS: u32 = 8;

fn fibonacci(stage: &Stage) -> Result<Evidence, Problem> {
    witness(stage, &Play::Fibonacci(number(stage)))
}

fn request(stage: &Stage) -> Result<Evidence, Problem> {
    with_server(|server| witness(stage, &Play::Request(server, QUESTIONS)))?
}

fn poll(stage: &Stage) -> Result<Evidence, Problem> {
    with_server(|server| witness(stage, &Play::Poll(server, QUESTIONS)))?
}

/// The median over a few runs.
fn rounds(
    stage: &Stage,
    run: fn(&Stage) -> Result<Evidence, Problem>,
    share: fn(&Evidence) -> f64,
) -> Result<Measured, Problem> {
    let mut shares = Vec::new();
    for _ in 0..stage.amount(3, 2) {
        let evidence = run(stage)?;
        stage.lab.stop.check()?;
        if !evidence.success() {
            return Err(Problem::new(format!(
                "the example ended with {:?} {:?}",
                evidence.code, evidence.signal
            )));
        }
        shares.push(100.0 * share(&evidence));
    }
    Ok(Measured::median(&shares))
}

const FIBONACCI: Claim = Claim {
    id: "fibonacci-is-cpu-bound",
    says: Text::new(
        "A program that computes Fibonacci numbers by their definition is CPU-bound.",
        "Um programa que calcula números de Fibonacci pela definição é limitado pela CPU.",
    ),
    source: Source {
        title: "Real Python, Speed Up Your Python Program With Concurrency",
        link: "https://realpython.com/python-concurrency/",
        number: Text::new(
            "CPU-bound: the processor is the limit",
            "limitado pela CPU: o processador é o limite",
        ),
    },
    unit: Text::new("% of the time computing or ready to", "% do tempo calculando ou pronto para isso"),
    holds: Threshold::AtLeast(80.0),
    breaks: Text::new(
        "the numbers are asked of a slow server instead of being computed",
        "os números são pedidos a um servidor lento em vez de serem calculados",
    ),
    measure: |stage, mechanism| {
        let run = if mechanism == Mechanism::Sound { fibonacci } else { request };
        rounds(stage, run, Evidence::computing)
    },
};

const REQUEST: Claim = Claim {
    id: "request-is-io-bound",
    says: Text::new(
        "A program that asks a slow server is I/O-bound.",
        "Um programa que consulta um servidor lento é limitado por E/S.",
    ),
    source: Source {
        title: "Real Python, Speed Up Your Python Program With Concurrency",
        link: "https://realpython.com/python-concurrency/",
        number: Text::new(
            "I/O-bound: most of the time goes into waiting",
            "limitado por E/S: a maior parte do tempo é espera",
        ),
    },
    unit: Text::new("% of the time waiting", "% do tempo esperando"),
    holds: Threshold::AtLeast(70.0),
    breaks: Text::new(
        "the program asks again and again whether the answer is there, instead of waiting for it",
        "o programa pergunta sem parar se a resposta chegou, em vez de esperar por ela",
    ),
    measure: |stage, mechanism| {
        let run = if mechanism == Mechanism::Sound { request } else { poll };
        rounds(stage, run, |evidence| 1.0 - evidence.computing())
    },
};

/// Both examples, with all the evidence there is.
fn show(stage: &Stage) -> Result<(), Problem> {
    let n = number(stage);
    say!(
        stage,
        "The {n}th Fibonacci number, by its definition:",
        "O {n}º número de Fibonacci, pela definição:"
    );
    tell::report(&fibonacci(stage)?, stage).iter().for_each(|line| stage.line(format_args!("  {line}")));
    say!(
        stage,
        "{QUESTIONS} questions to a server on this machine that takes 40 ms for each answer:",
        "{QUESTIONS} perguntas a um servidor nesta máquina que leva 40 ms para cada resposta:"
    );
    tell::report(&request(stage)?, stage).iter().for_each(|line| stage.line(format_args!("  {line}")));
    Ok(())
}
