//! The user's own program: what it is told, what it answers, and which rows it dies of. The protocol is in `README.md`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use lab::procs::{Limits, Program};
use lab::{Death, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::csv_batches::CsvBatches;
use tabular::csv_text::{self, Dialect};
use tabular::ipc;

use super::table::MOST_ROWS;
use super::{Made, Rejected};

/// A line of the protocol is short; what is longer is something else.
const LONGEST_LINE: u64 = 1 << 16;
/// The most bytes of an answer.
const LONGEST_ANSWER: u64 = 1 << 30;
/// A program that dies so often of a chunk without rows does not work at all.
const FALSE_STARTS: u32 = 3;
/// More deaths in a row than halving the largest chunk can cost: then it is not the rows.
const DEATHS: u32 = 2 * MOST_ROWS.ilog2() + 8;

/// Each program that is started has a number, by which its lines on standard error are known.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// How rows are written for the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Format {
    /// A CSV table with a header line
    Csv,
    /// An Arrow IPC stream
    Arrow,
}

/// What to do with a chunk that the program died of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum OnDeath {
    /// Halve it until the rows that kill the program are found, and leave out only those
    Bisect,
    /// Leave it out
    Skip,
}

/// The user's program and what is borne of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exec {
    /// The command, for `sh -c`.
    pub command: String,
    /// How rows are written.
    pub format: Format,
    /// What to do with a chunk that it died of.
    pub on_death: OnDeath,
    /// The longest that it may take for a chunk.
    pub deadline: Duration,
    /// The most resident memory that it may have, in bytes.
    pub memory_bytes: Option<u64>,
}

/// A worker's program: started when the first chunk needs it, and again after a death.
pub struct User {
    exec: Exec,
    talk: Option<Talk>,
    answered: bool,
    /// Whether the last chunk was the first one of a program that had just been started.
    fresh: bool,
    deaths_in_a_row: u32,
    /// It dies before it ever answers, also without rows.
    unusable: bool,
}

struct Talk {
    program: Program,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// Why there is no answer.
enum Lost {
    /// The program is gone, or was killed by its deadline.
    Died,
    /// It said something else.
    Babbled(Problem),
}

impl User {
    /// Nothing is started yet.
    pub fn new(exec: &Exec) -> Self {
        Self {
            exec: exec.clone(),
            talk: None,
            answered: false,
            fresh: false,
            deaths_in_a_row: 0,
            unusable: false,
        }
    }

    /// Whether the last chunk also paid for the start of a program.
    pub fn was_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether the last error was that of a program that does not work at all: other chunks would fare no better.
    pub fn is_unusable(&self) -> bool {
        self.unusable
    }

    /// What the program makes of a chunk. The rows that it refuses or dies of are left out and named.
    ///
    /// # Errors
    /// A program that cannot be started, never answers, or does not keep to the protocol; a stop.
    pub fn apply(&mut self, rows: &RecordBatch, number: u64, stop: &Stop) -> Result<Made, Problem> {
        let (mut made, mut rejected) = (Vec::new(), Vec::new());
        self.fresh = false;
        // The pieces that are still to be done, the next one last: their first row and how many they are.
        let mut pieces = vec![(0, rows.num_rows())];
        while let Some((first, count)) = pieces.pop() {
            stop.check()?;
            match self.ask(&rows.slice(first, count), number, stop)? {
                Ok(answer) => {
                    self.deaths_in_a_row = 0;
                    rejected.extend(
                        answer
                            .rejected
                            .into_iter()
                            .map(|one| Rejected { row: one.row + first as u64, ..one }),
                    );
                    made.extend(answer.rows);
                }
                Err(death) => {
                    stop.check()?;
                    self.note(&death, rows, stop)?;
                    if count > 1 && self.exec.on_death == OnDeath::Bisect && self.deaths_in_a_row < DEATHS {
                        tracing::info!(
                            "the program died in a chunk of {count} rows, which is halved: {death}"
                        );
                        pieces.extend([(first + count / 2, count - count / 2), (first, count / 2)]);
                    } else {
                        let reason = format!(
                            "the program died of {}: {death}",
                            if count > 1 { "its chunk" } else { "it" }
                        );
                        rejected.extend(
                            (first..first + count)
                                .map(|row| Rejected { row: row as u64, reason: reason.clone() }),
                        );
                    }
                }
            }
        }
        let rows = match made.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            [one, ..] => Some(
                concat_batches(&one.schema(), &made)
                    .or_problem(|| "the answers to one chunk differ in their columns")?,
            ),
        };
        Ok(Made { rows, rejected })
    }

    /// Counts a death; the error is a program that does not work at all. Whether it is the rows or the program is asked once,
    /// of a program that has never answered, by a chunk without rows.
    fn note(&mut self, death: &Death, rows: &RecordBatch, stop: &Stop) -> Result<(), Problem> {
        self.deaths_in_a_row += 1;
        if self.answered {
            return Ok(());
        }
        for _ in 0..FALSE_STARTS {
            if self.ask(&rows.slice(0, 0), 0, stop)?.is_ok() {
                return Ok(());
            }
            stop.check()?;
        }
        self.unusable = true;
        let what = format!("the program dies before it ever answers, also without rows: {death}");
        let hint = "it reads `chunk NUMBER ROWS BYTES`, a line break and the rows; see crates/cpu-parallel/src/apply/README.md";
        Err(Problem::new(what).at(&self.exec.command).hint(hint))
    }

    /// Asks once. The inner error is the program's death.
    fn ask(&mut self, rows: &RecordBatch, number: u64, stop: &Stop) -> Result<Result<Made, Death>, Problem> {
        let mut talk = if let Some(talk) = self.talk.take() {
            talk
        } else {
            self.fresh = true;
            self.start(stop)?
        };
        let payload = encode(rows, self.exec.format)?;
        talk.program.due(Some(Instant::now() + self.exec.deadline));
        let head = format!("chunk {number} {} {}\n", rows.num_rows(), payload.len());
        let Talk { program, to, from } = &mut talk;
        let answer = thread::scope(|scope| {
            // A program may answer before it has read everything, and then both of us must be able to go on. One that is
            // gone is noticed by its answer.
            scope.spawn(move || {
                to.write_all(head.as_bytes()).and_then(|()| to.write_all(&payload)).and_then(|()| to.flush())
            });
            let answer = receive(from, number, rows.num_rows() as u64, self.exec.format);
            if answer.is_err() {
                // The writing thread is blocked while nobody reads.
                program.due(Some(Instant::now()));
            }
            answer
        });
        match answer {
            Ok(made) => {
                talk.program.due(None);
                self.answered = true;
                self.talk = Some(talk);
                Ok(Ok(made))
            }
            Err(Lost::Babbled(problem)) => Err(problem.at(&self.exec.command)),
            Err(Lost::Died) => {
                let reaped = talk.program.end().or_problem(|| "the program cannot be waited for")?;
                Ok(Err(reaped.death(self.exec.deadline)))
            }
        }
    }

    fn start(&self, stop: &Stop) -> Result<Talk, Problem> {
        let format = if self.exec.format == Format::Csv { "csv" } else { "arrow" };
        let mut command = Command::new("sh");
        command.args(["-c", &self.exec.command]).env("PARALELO_FORMAT", format);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // The number only names the program; nothing is ordered by it.
        let label = format!("program {}", STARTED.fetch_add(1, Ordering::Relaxed) + 1);
        let limits = Limits { memory_bytes: self.exec.memory_bytes, label: Some(label) };
        let cannot = || format!("`{}` cannot be started", self.exec.command);
        let mut program = Program::start(command, limits, stop).or_problem(cannot)?;
        match (program.stdin(), program.stdout()) {
            (Some(to), Some(from)) => Ok(Talk { program, to, from: BufReader::with_capacity(1 << 16, from) }),
            _ => Err(Problem::new(cannot())),
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(Talk { program, to, .. }) = self.talk.take() {
            drop(to);
            let _ = program.leave(Duration::from_secs(2));
        }
    }
}

fn encode(rows: &RecordBatch, format: Format) -> Result<Vec<u8>, Problem> {
    match format {
        Format::Arrow => ipc::to_bytes(rows).or_problem(|| "the rows cannot be written as Arrow"),
        Format::Csv => {
            let mut text = Vec::new();
            csv_text::write_header(rows.schema_ref(), Dialect::default(), &mut text);
            csv_text::write_batch(rows, Dialect::default(), &mut text).map_err(|error| {
                Problem::because("the rows have no text in CSV", &error)
                    .hint("--format arrow passes any type")
            })?;
            Ok(text)
        }
    }
}

/// Reads an answer.
fn receive(from: &mut impl BufRead, number: u64, rows: u64, format: Format) -> Result<Made, Lost> {
    let mut rejected: Vec<Rejected> = Vec::new();
    loop {
        let line = line(from)?;
        let babbled = |why: &str| {
            let said: String = line.chars().take(80).collect();
            let problem = Problem::new(format!("the program answered {said:?}, which {why}"));
            Lost::Babbled(
                problem
                    .expected(format!("`row ROW MESSAGE` or `chunk {number} ROWS BYTES`"))
                    .hint("standard output belongs to the protocol; print to standard error"),
            )
        };
        if let Some(row) = line.strip_prefix("row ") {
            let (row, reason) = row.split_once(' ').unwrap_or((row, "refused"));
            let row = row.parse().ok().filter(|row| *row < rows);
            let row = row.filter(|row| rejected.last().is_none_or(|last| last.row < *row));
            let row = row.ok_or_else(|| babbled("names no row of the chunk, or not in order"))?;
            rejected.push(Rejected { row, reason: reason.into() });
            continue;
        }
        let fields: Vec<Option<u64>> = line
            .strip_prefix("chunk ")
            .unwrap_or_default()
            .split(' ')
            .map(|field| field.parse().ok())
            .collect();
        let [Some(answered), Some(made), Some(bytes)] = fields[..] else {
            return Err(babbled("is no line of the protocol"));
        };
        if answered != number || bytes > LONGEST_ANSWER {
            return Err(babbled("is the answer to another chunk, or too long"));
        }
        if made + rejected.len() as u64 != rows {
            return Err(babbled(&format!("does not account for the {rows} rows of the chunk")));
        }
        let mut payload = Vec::new();
        let read = from.by_ref().take(bytes).read_to_end(&mut payload).map_err(|_| Lost::Died)?;
        if (read as u64) < bytes {
            return Err(Lost::Died);
        }
        let table = decode(&payload, format)
            .map_err(|error| Lost::Babbled(Problem::because("the program's rows cannot be read", &error)))?;
        let found = table.as_ref().map_or(0, RecordBatch::num_rows) as u64;
        if found != made {
            return Err(Lost::Babbled(Problem::new(format!(
                "the program said that it answers {made} rows, and sent {found}"
            ))));
        }
        return Ok(Made { rows: table.filter(|table| table.num_rows() > 0), rejected });
    }
}

/// One line, without its end.
fn line(from: &mut impl BufRead) -> Result<String, Lost> {
    let mut line = Vec::new();
    from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(|_: io::Error| Lost::Died)?;
    match line.pop() {
        Some(b'\n') => Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()),
        None => Err(Lost::Died),
        Some(_) if (line.len() as u64) < LONGEST_LINE - 1 => Err(Lost::Died),
        Some(_) => Err(Lost::Babbled(Problem::new("the program answered a line without end"))),
    }
}

fn decode(payload: &[u8], format: Format) -> Result<Option<RecordBatch>, tabular::Error> {
    if format == Format::Arrow {
        return if payload.is_empty() { Ok(None) } else { ipc::from_bytes(payload) };
    }
    let batches = CsvBatches::of_text(payload, Path::new("answer"), MOST_ROWS)?;
    let schema = batches.schema().clone();
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(concat_batches(&schema, &batches)?))
}
