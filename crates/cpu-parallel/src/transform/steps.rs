//! The steps one after another, in whichever way each of them is done.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use lab::out::{Staging, publish};
use lab::ways::{self, Way};
use lab::{Answer, Cause, Digest, Failure, Lab, OrProblem, Problem, Work};

use super::Input;
use super::jobs::{Piece, Setup, TransformPiece, Transformed, encoding};
use super::ladder::Rung;
use super::profile::{STAGES, Spent};
use super::rules::{Rejected, order_columns, transformed};
use super::tables::{Files, Rows, is_parquet, open};
use crate::csv_input::{self, CsvFile, Survey};
use crate::table_file::TableFile;

/// One way, for each of the steps.
pub(super) struct Ways {
    pub(super) survey: Way<Survey>,
    pub(super) transform: Way<TransformPiece>,
    /// Whether several workers share the memory of this process.
    pub(super) sharing: bool,
}

/// Bytes of a piece of CSV.
const PIECE_BYTES: u64 = 4 << 20;
/// How many of the orders that do not fit are named where nobody asked for a file of them.
const NAMED: usize = 10;
/// The first line of a file of rejects.
const REJECTS_HEADER: &str = "order,column,reason\n";

/// The table that was written.
#[derive(Debug)]
pub struct Output {
    out: PathBuf,
    rejects: Option<PathBuf>,
    work: Work,
    failures: Vec<Failure>,
    text: String,
}

/// What is to be transformed.
struct Plan {
    files: Files,
    pieces: Vec<Piece>,
    rows: u64,
    failures: Vec<Failure>,
}

/// Transforms all orders on one rung and in one way.
pub(super) fn transform(input: &Input, lab: &Lab, rung: Rung, ways: &Ways) -> Result<Output, Problem> {
    if input.ladder {
        return ladder(input, lab);
    }
    run(input, lab, rung, ways, false).map(|(output, _)| output)
}

fn run(
    input: &Input,
    lab: &Lab,
    rung: Rung,
    ways: &Ways,
    profiled: bool,
) -> Result<(Output, Spent), Problem> {
    let staging = Staging::beside(&input.out)?;
    let Plan { files, pieces, rows: expected, mut failures } = plan(input, lab, ways, &staging)?;
    let setup = Setup {
        files,
        customers: input.customers.clone(),
        rules: input.rules.clone(),
        rung,
        form: input.form,
        profiled,
        sharing: if ways.sharing { lab.workers } else { 1 },
        register: OnceLock::new(),
    };
    let staged = staging.path("table");
    let mut table = TableFile::create(&staged, input.form, transformed(), &encoding())?;
    let (mut rows, mut rejects, mut spent) = (0, Vec::new(), Spent::default());
    let items = pieces.len() as u64;
    (ways.transform)(lab, &setup, &mut pieces.into_iter(), &mut |outcome| {
        let done: Transformed = match outcome {
            Ok(done) => done,
            Err(failure) => {
                failures.push(failure);
                return Ok(());
            }
        };
        rows += done.rows;
        rejects.extend(done.rejects);
        spent.add(&done.spent);
        table.append(done.bytes.0)
    })?;
    lab.stop.check()?;
    let lost = failures.len();
    if lost == 0 && rows + rejects.len() as u64 != expected {
        return Err(Problem::new(format!(
            "{expected} orders were read, but {rows} were written and {} rejected",
            rejects.len()
        ))
        .hint("a file may have changed while it was read; the table was not written"));
    }
    let kept = keep_rejects(input, &rejects, &staging, &mut failures)?;
    let bytes_out = table.finish()?;
    publish(&staged, &input.out)?;
    let bytes_in =
        input.files.iter().chain(&input.customers).filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    let work = Work { items, rows, bytes_in, bytes_out };
    Ok((Output { out: input.out.clone(), rejects: kept, work, failures, text: String::new() }, spent))
}

/// Writes the rejects where the user wants them, and names the first ones where not.
fn keep_rejects(
    input: &Input,
    rejects: &[Rejected],
    staging: &Staging,
    failures: &mut Vec<Failure>,
) -> Result<Option<PathBuf>, Problem> {
    let Some(path) = &input.rejects else {
        failures.extend(rejects.iter().take(NAMED).map(|reject| {
            let problem = Problem::new(format!("{}: {}", reject.column, reject.reason))
                .hint("--rejects FILE keeps all of them; the others are in the table");
            Failure { task: format!("order {}", reject.order), cause: Cause::Problem(problem) }
        }));
        if rejects.len() > NAMED {
            let problem = Problem::new(format!("{} orders more are not in the table", rejects.len() - NAMED));
            failures.push(Failure { task: "rejects".into(), cause: Cause::Problem(problem) });
        }
        return Ok(None);
    };
    let mut text = String::from(REJECTS_HEADER);
    for Rejected { order, column, reason } in rejects {
        let _ =
            writeln!(text, "\"{}\",{column},\"{}\"", order.replace('"', "\"\""), reason.replace('"', "\"\""));
    }
    let beside = Staging::beside(path)?;
    let staged = beside.path("rejects");
    std::fs::write(&staged, text).or_problem(|| format!("cannot write {}", path.display()))?;
    publish(&staged, path)?;
    let _ = staging;
    if !rejects.is_empty() {
        tracing::warn!("{} orders are not in the table; they are in {}", rejects.len(), path.display());
    }
    Ok(Some(path.clone()))
}

fn plan(input: &Input, lab: &Lab, ways: &Ways, staging: &Staging) -> Result<Plan, Problem> {
    if !is_parquet(&input.files[0]) {
        let files = input.files.iter().map(|file| CsvFile::look(file)).collect::<Result<_, _>>()?;
        let found = csv_input::find(files, PIECE_BYTES, lab, staging, ways.survey)?;
        let label = |piece: &[csv_input::Stretch]| {
            piece.first().map_or(String::new(), |(number, segment)| {
                format!("{} from line {}", found.files[*number as usize].path.display(), segment.line)
            })
        };
        let pieces = found
            .pieces
            .iter()
            .map(|piece| Piece { label: label(piece), rows: Rows::Stretches(piece.clone()) });
        let pieces = pieces.collect();
        return Ok(Plan {
            pieces,
            rows: found.rows,
            failures: found.failures,
            files: Files::Csv(found.files),
        });
    }
    let (mut pieces, mut rows, mut failures) = (Vec::new(), 0, Vec::new());
    for (number, path) in (0..).zip(&input.files) {
        match open(path, &order_columns()) {
            Ok((file, _)) => {
                for (group, group_rows) in (0_u32..).zip(file.group_rows()) {
                    rows += group_rows;
                    let label = format!("{}, row group {group}", path.display());
                    pieces.push(Piece { rows: Rows::Group(number, group), label });
                }
            }
            Err(problem) => {
                failures.push(Failure { task: path.display().to_string(), cause: Cause::Problem(problem) });
            }
        }
    }
    Ok(Plan { files: Files::Parquet(input.files.clone()), pieces, rows, failures })
}

/// Climbs the ladder: each rung is timed, and run once more to see where its time goes.
fn ladder(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let alone = Ways {
        survey: ways::sequential::<Survey>,
        transform: ways::sequential::<TransformPiece>,
        sharing: false,
    };
    let shared =
        Ways { survey: ways::pool::<Survey>, transform: ways::pool::<TransformPiece>, sharing: true };
    let workers = format!("parallel ({})", lab.workers);
    let rungs = [
        ("rows", Rung::Rows, &alone),
        ("no allocation", Rung::Buffers, &alone),
        ("columns", Rung::Columns, &alone),
        (workers.as_str(), Rung::Columns, &shared),
    ];
    let stages = STAGES.iter().fold(String::new(), |line, (_, name)| line + &format!("{name:>10}"));
    let mut text = format!("{:<14}{:>9}{:>13}{:>9}{stages}\n", "step", "seconds", "orders/s", "faster");
    let mut first = None;
    let mut last = None;
    for (name, rung, ways) in rungs {
        let started = Instant::now();
        let (output, _) = run(input, lab, rung, ways, false)?;
        let seconds = started.elapsed().as_secs_f64();
        let (_, spent) = run(input, lab, rung, ways, true)?;
        let before = *first.get_or_insert(seconds);
        let parts = spent.shares().iter().fold(String::new(), |line, share| line + &format!("{share:>9.1}%"));
        let speed = output.work.rows as f64 / seconds;
        let _ = writeln!(text, "{name:<14}{seconds:>9.3}{speed:>13.0}{:>8.2}x{parts}", before / seconds);
        last = Some(output);
    }
    let last = last.ok_or_else(|| Problem::new("the ladder has no rung"))?;
    Ok(Output { text, ..last })
}

impl Output {
    /// Prints what is to be read at once.
    pub(super) fn print(&self) -> Result<(), Problem> {
        let mut out = std::io::stdout().lock();
        out.write_all(self.text.as_bytes()).or_problem(|| "cannot write to standard output")
    }
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        std::iter::once(&self.out).chain(&self.rejects).try_for_each(|path| digest.add_file(path))
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
