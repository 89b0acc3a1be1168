//! Exercise 13: many producers, many consumers, and a bounded queue between them.
//!
//! Producers read messages (lines of files, or made-up records); consumers process them; one thread puts the results into
//! the order of their sources and writes them. The queue is bounded, so a producer that is faster than the consumers is held
//! up, and memory stays as it is however much there is to read. What cannot be processed becomes a dead letter, with its
//! place and the reason.
//!
//! The strategies differ in the queue alone, under the same load; one has it at a broker (`nats`). The output is the same for all of them: every message of
//! every source once, which is counted and not assumed (`tally`). Closing needs no signal: when the last producer drops its
//! end, the queue empties and everybody ends.

mod channel;
mod message;
#[cfg(feature = "nats")]
mod nats;
mod sample;
mod strategies;
mod tally;

use std::path::PathBuf;
use std::time::Instant;

use lab::exercise::Kind;
use lab::formats::{Format, Out};
use lab::logged;
use lab::out::{Files, Staging, publish};
use lab::{Answer, Cause, Digest, Exercise, Failure, Lab, Problem, Role, Scale, Strategy, Work};

pub use message::{Message, Processed};
use message::{Production, Source};
pub use strategies::{Batch, ProcessBatch};
pub use tally::Measured;
use tally::{AllDead, Tally};

/// The exercise.
pub struct Queue;

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Each line of the inputs is a message: a JSON object. It is checked, written in one canonical form with its fingerprint, in the
order of the inputs. A line that cannot be processed goes to the file of dead letters, {\"file\":…,\"line\":…,\"why\":…,\"text\":…}.
Throughput, waiting times and fairness are told on standard error.

Examples:
  pipelines queue 'events/*.ndjson' --need account,cents --out clean.ndjson --dead-letters dead.ndjson
  pipelines queue --messages 1000000 --producers 4 --workers 4 --strategy kanal
  pipelines queue --broker nats://127.0.0.1:4222 --messages 100000
  pipelines queue --compare                 the same load over every queue")]
pub struct QueueArgs {
    /// NDJSON files, folders or quoted patterns [default: made-up records]
    pub inputs: Vec<String>,
    /// Fields that a message must have
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub need: Vec<String>,
    /// Where messages go that cannot be processed [default: beside --out, with `.dead` added]
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<PathBuf>,
    /// Producers at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub producers: u16,
    /// Messages that the queue holds
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub room: u32,
    /// A NATS server with `JetStream` that passes the messages: then that is the tool's choice
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// How many records are made up, in 8 sources [default: as --scale says]
    #[arg(long, value_name = "N", conflicts_with = "inputs")]
    pub messages: Option<u64>,
}

/// The load.
#[derive(Debug)]
pub struct Input {
    sources: Vec<Source>,
    needed: Vec<String>,
    producers: usize,
    room: usize,
    /// The broker, where one is named; without the feature `nats` nobody asks for it.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only `nats` reads it"))]
    broker: Option<String>,
    out: PathBuf,
    dead: PathBuf,
}

/// The files that were written.
#[derive(Debug)]
pub struct Output {
    out: PathBuf,
    dead: PathBuf,
    work: Work,
    failures: Vec<Failure>,
    /// What was measured.
    pub measured: Measured,
}

impl Exercise for Queue {
    const ID: u8 = 13;
    const NAME: &'static str = "queue";
    const ABOUT: &'static str =
        "Passes messages from many producers to many consumers through a bounded queue.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::std_channel).named("std"),
        Strategy::new(Kind::Threads, strategies::crossbeam).named("crossbeam"),
        Strategy::new(Kind::Threads, strategies::flume_channel).named("flume"),
        Strategy::new(Kind::Threads, strategies::kanal_channel).named("kanal"),
        Strategy::absent(Kind::Rayon, "its threads steal tasks and must not block, which a full queue does"),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
        #[cfg(feature = "nats")]
        Strategy::new(Kind::Cluster, nats::jetstream)
            .named("nats")
            .needing("--broker", "it passes the messages over a broker, and --broker names none"),
        #[cfg(not(feature = "nats"))]
        Strategy::absent(Kind::Cluster, "it was built without the feature `nats`").named("nats"),
    ];
    const BEST: &'static str = "crossbeam";
    const ROLES: &'static [Role] = &[Role::worker::<ProcessBatch>()];
    type Args = QueueArgs;
    type Input = Input;
    type Output = Output;

    fn files(args: &QueueArgs, lab: &Lab) -> Files {
        let out = lab.out_or("queue.ndjson");
        let dead = args.dead_letters.clone().unwrap_or_else(|| out.with_added_extension("dead"));
        let formats: &[Format] = if args.dead_letters.is_some() { &[Format::Ndjson] } else { &[] };
        let files = Files::new(Out::File(&[Format::Ndjson])).default_out("queue.ndjson");
        let inputs =
            if args.inputs.is_empty() { files } else { files.inputs(lab, &args.inputs, "events", "ndjson") };
        inputs.writes("--dead-letters", Some(dead), formats)
    }

    fn prepare(args: &QueueArgs, lab: &Lab) -> Result<Input, Problem> {
        let sources: Vec<Source> = if args.inputs.is_empty() {
            let all = args.messages.unwrap_or(match lab.scale {
                Scale::Tiny => 8_000,
                Scale::Small => 20_000,
                Scale::Medium => 800_000,
                Scale::Large => 8_000_000,
            });
            (0..8)
                .map(|part| Source::Made { seed: lab.seed, count: all * (part + 1) / 8 - all * part / 8 })
                .collect()
        } else {
            let files = lab.inputs(&args.inputs, "events", "ndjson")?;
            sample::check(&files, &args.need)?;
            files.into_iter().map(Source::Lines).collect()
        };
        let out = lab.out_or("queue.ndjson");
        let dead = match (&args.dead_letters, lab.may_read_stdin()) {
            (Some(dead), true) => dead.clone(),
            _ => out.with_added_extension("dead"),
        };
        Ok(Input {
            sources,
            needed: args.need.clone(),
            producers: args.producers.into(),
            broker: args.broker.clone(),
            room: usize::try_from(args.room).unwrap_or(usize::MAX),
            out,
            dead,
        })
    }

    fn deliver(output: &Output, _: &QueueArgs, _: &Lab) -> Result<(), Problem> {
        let Measured {
            messages, dead, per_second, waited_us: [half, most, longest], shares, fairness, ..
        } = &output.measured;
        eprintln!(
            "{messages} messages, none lost, none twice, {dead} dead letters; {per_second:.0} a second"
        );
        eprintln!(
            "in the queue: half up to {half:.1} us, 99 % up to {most:.1} us, the longest {longest:.1} us"
        );
        eprintln!("consumers had {} to {} messages each, fairness {fairness:.3}", shares[0], shares[1]);
        Ok(())
    }
}

/// Lets `pass` pass all messages to a tally, and gives the files their names when all came through. `pass` returns how many
/// messages each source had. A source that cannot be read costs itself only, unless there is no other.
fn write(
    input: &Input,
    lab: &Lab,
    consumers: usize,
    pass: impl FnOnce(&mut Tally<'_>, Instant) -> Result<Vec<Production>, Problem>,
) -> Result<Output, Problem> {
    let staging = Staging::beside(&input.out)?;
    let names: Vec<String> =
        input.sources.iter().enumerate().map(|(number, source)| source.name(number)).collect();
    let began = Instant::now();
    let mut tally = Tally::new(staging.folder(), &names, consumers);
    let arguments = format!("sources={} consumers={consumers} room={}", names.len(), input.room);
    let produced = logged("queue pass", arguments, || pass(&mut tally, began))?;
    lab.stop.check()?;
    if let Some(problem) = produced.iter().find_map(|production| production.problem.as_ref())
        && produced.iter().all(|production| production.problem.is_some() && production.messages == 0)
    {
        return Err(problem.clone());
    }
    let counts: Vec<u64> = produced.iter().map(|production| production.messages).collect();
    let messages: u64 = counts.iter().sum();
    let seconds = began.elapsed().as_secs_f64();
    let finish = || tally.finish(&counts, seconds);
    let measured = logged("queue join", format_args!("messages={messages}"), finish)?;
    let unread = names.iter().zip(produced).filter_map(|(name, production)| unread(name, production));
    let mut failures: Vec<Failure> = unread.collect();
    failures.extend(measured.all_dead.iter().map(all_dead));
    let size = |name: &str| std::fs::metadata(staging.path(name)).map_or(0, |data| data.len());
    let bytes_out = size("all") + size("dead");
    let files = input.sources.iter().filter_map(|source| match source {
        Source::Lines(path) => std::fs::metadata(path).ok().map(|data| data.len()),
        Source::Made { .. } => None,
    });
    let work =
        Work { items: input.sources.len() as u64, rows: measured.messages, bytes_in: files.sum(), bytes_out };
    publish(&staging.path("dead"), &input.dead)?;
    publish(&staging.path("all"), &input.out)?;
    Ok(Output { out: input.out.clone(), dead: input.dead.clone(), work, failures, measured })
}

/// The failure of a source that could not be read to its end.
fn unread(name: &str, production: Production) -> Option<Failure> {
    let mut problem = production.problem?;
    if production.messages > 0 {
        let messages = production.messages;
        problem = problem.hint(format!("the {messages} messages before it were passed"));
    }
    Some(Failure { task: name.to_owned(), cause: Cause::Problem(problem) })
}

/// The failure of a source of which no message could be processed.
fn all_dead(source: &AllDead) -> Failure {
    let AllDead { source, messages, why } = source;
    let problem = Problem::new(format!("all {messages} messages became dead letters; the first one: {why}"))
        .expected("NDJSON: one JSON object on each line, with the fields that --need names");
    Failure { task: source.clone(), cause: Cause::Problem(problem) }
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add_file(&self.out)?;
        digest.add_file(&self.dead)
    }

    fn work(&self) -> Work {
        self.work
    }

    /// Sources that could not be read, and those of which every message became a dead letter. A single message that cannot be
    /// processed is a dead letter and no failure.
    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
