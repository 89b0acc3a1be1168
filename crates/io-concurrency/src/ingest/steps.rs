//! The steps one after another, in whichever way each of them is done.

use std::fs;
use std::path::{Path, PathBuf};

use lab::out::{Staging, publish};
use lab::{Answer, Cause, Digest, Failure, Lab, OrProblem, Problem, Work};
use tabular::columns::Column;
use tabular::infer::{Decision, Evidence, Leaning, Variety, decide};
use tabular::row_groups::Encoding;
use tabular::rows::Reject;

use super::args::Format;
use super::encode::{Encoded, Setup};
use super::explain;
use super::files::Input;
use super::observe::{rows, table};
use super::out::{Rejects, Writer};
use super::rows::{Found, find};
use super::strategies::Ways;
use super::summary::{Totals, lines};

/// How many pieces are looked at before types are guessed.
const SAMPLES: usize = 64;
/// Bytes of each of them that are looked at.
const SAMPLE: usize = 32 << 10;

/// The table that was made, or what was asked for instead.
#[derive(Debug, Default)]
pub struct Table {
    /// The file that holds it.
    out: Option<PathBuf>,
    rejects: Option<PathBuf>,
    /// A summary or an explanation.
    text: String,
    rows: u64,
    work: Work,
    failures: Vec<Failure>,
}

/// Makes one table of the files.
pub(super) fn ingest(input: &Input, lab: &Lab, ways: &Ways) -> Result<Table, Problem> {
    let staging = match &input.out {
        Some(out) => Staging::beside(out)?,
        None => Staging::within(&lab.home.out())?,
    };
    let found = find(input, lab, ways, &staging)?;
    let bytes_in =
        input.sources.iter().filter_map(|source| source.path.metadata().ok()).map(|found| found.len());
    let items = (input.sources.len() + input.failures.len()) as u64;
    let mut answer = Table {
        work: Work { items, bytes_in: bytes_in.sum(), ..Work::default() },
        failures: input.failures.iter().chain(&found.failures).cloned().collect(),
        ..Table::default()
    };
    if input.explain {
        let evidence = observe_all(&found, lab, ways)?;
        let decisions = decide(&evidence, leaning(input, &found));
        answer.text = explain::text(input, &found.sources, &evidence, &decisions, found.rows);
        answer.work.rows = found.rows;
        return Ok(answer);
    }
    let (guess, varied) = sample(input, &found, lab)?;
    let encoding = Encoding { compression: input.args.compression.into(), without_dictionary: varied };
    let attempt = |decisions: &[Decision]| attempt(input, lab, ways, &staging, &found, decisions, &encoding);
    let (_, open) = columns(input, &guess);
    let settled = guess.iter().zip(open).all(|(decision, open)| decision.settled || !open);
    let first = if settled { attempt(&guess)? } else { None };
    let encoded = if let Some(encoded) = first {
        encoded
    } else {
        // The guess was wrong, or was none: now all values are asked.
        let decisions = decide(&observe_all(&found, lab, ways)?, leaning(input, &found));
        attempt(&decisions)?
            .ok_or_else(|| Problem::new("a value does not fit the type that all values fit"))?
    };
    encoded.deliver(input, &found, &staging, answer)
}

/// Why a task was not done, for a step that cannot do without it.
pub(super) fn problem(failure: Failure) -> Problem {
    match failure.cause {
        Cause::Problem(problem) => problem,
        _ => Problem::new(failure.to_string()),
    }
}

fn leaning(input: &Input, found: &Found) -> Leaning {
    let semicolons = found.sources.iter().any(|source| source.dialect.delimiter == b';');
    Leaning { semicolons, decimals: input.args.decimals }
}

/// What the beginnings of pieces from everywhere in the input tell: the types, and the columns whose values hardly come
/// back.
fn sample(input: &Input, found: &Found, lab: &Lab) -> Result<(Vec<Decision>, Vec<String>), Problem> {
    let table = table(&found.sources);
    let mut evidence = vec![Evidence::default(); input.names.len()];
    let mut varieties = vec![Variety::default(); input.names.len()];
    let step = found.pieces.len().div_ceil(SAMPLES).max(1);
    for piece in found.pieces.iter().step_by(step) {
        let Some((number, segment)) = piece.segments.first() else { continue };
        lab.stop.check()?;
        let source = &found.sources[*number as usize];
        let table = table.clone().at(source.places.clone());
        let file = source.open()?;
        let mut rows = rows(source, &file, segment).with_window(SAMPLE);
        if let Some(block) = rows.next_block().or_problem(|| source.cannot())? {
            table.observe(block, *number, &mut evidence);
            table.count_variety(block, &mut varieties);
        }
    }
    let names = input.names.iter().zip(&varieties).filter(|(_, variety)| variety.is_great());
    let varied = names.map(|(name, _)| name.clone()).collect();
    Ok((decide(&evidence, leaning(input, found)), varied))
}

fn observe_all(found: &Found, lab: &Lab, ways: &Ways) -> Result<Vec<Evidence>, Problem> {
    let width = found.sources.first().map_or(0, |source| source.places.len());
    let mut all = vec![Evidence::default(); width];
    (ways.observe)(lab, &found.sources, &mut found.pieces.iter().cloned(), &mut |outcome| {
        let piece = outcome.map_err(problem)?;
        all.iter_mut().zip(piece).for_each(|(evidence, more)| evidence.merge(more));
        Ok(())
    })?;
    lab.stop.check()?;
    Ok(all)
}

/// The columns as the user or the values have them.
pub(super) fn columns(input: &Input, decisions: &[Decision]) -> (Vec<Column>, Vec<bool>) {
    let column = |(name, decision): (&String, &Decision)| match input.given.get(name) {
        Some(column_type) => (Column::new(name, *column_type), false),
        None => (Column::new(name, decision.column_type), true),
    };
    input.names.iter().zip(decisions).map(column).unzip()
}

/// What came of encoding all pieces.
struct Attempt {
    staged: Option<PathBuf>,
    columns: Vec<Column>,
    totals: Vec<Totals>,
    rows: u64,
    rejects: Rejects,
}

/// Encodes all pieces with these types; `None` where a value did not fit a type that was guessed.
fn attempt(
    input: &Input,
    lab: &Lab,
    ways: &Ways,
    staging: &Staging,
    found: &Found,
    decisions: &[Decision],
    encoding: &Encoding,
) -> Result<Option<Attempt>, Problem> {
    let (columns, open) = columns(input, decisions);
    let sources = found.sources.clone();
    let setup =
        Setup { sources, columns: columns.clone(), open, format: input.format, encoding: encoding.clone() };
    let staged = staging.path("table");
    let mut writer = Writer::new(input.format, &staged, &columns, encoding)?;
    let mut rejects = Rejects::new(input.rejects.as_ref().map(|_| staging.path("rejects")))?;
    let mut totals = vec![Totals::default(); columns.len()];
    let (mut rows, mut misfit) = (0, None);
    let outcome = (ways.encode)(lab, &setup, &mut found.pieces.iter().cloned(), &mut |outcome| {
        let encoded: Encoded = outcome.map_err(problem)?;
        if let Some(column) = encoded.misfit {
            misfit = Some(column);
            return Err(Problem::new("a guess was wrong"));
        }
        rows += encoded.rows;
        for (number, reject) in &encoded.rejects {
            let source = &found.sources[*number as usize];
            let column = reject.column.map_or("", |column| &columns[column].name);
            rejects.add(&source.name(), column, reject)?;
            if lab.fail_fast && input.rejects.is_none() {
                return Err(refused(&source.path, column, reject));
            }
        }
        totals.iter_mut().zip(encoded.totals).for_each(|(total, more)| total.merge(more));
        writer.append(encoded.bytes.0)
    });
    if let Some(column) = misfit {
        tracing::info!(target: "lab", "the type of `{}` was guessed wrong: all values decide", columns[column].name);
        return Ok(None);
    }
    outcome?;
    lab.stop.check()?;
    let staged = writer.finish()?.then_some(staged);
    Ok(Some(Attempt { staged, columns, totals, rows, rejects }))
}

fn refused(path: &Path, column: &str, reject: &Reject) -> Problem {
    let column = if column.is_empty() { String::new() } else { format!(", column `{column}`") };
    Problem::new(reject.reason.clone())
        .at(format!("{}:{}{column}, byte {}", path.display(), reject.line, reject.byte))
        .hint("--rejects FILE keeps such rows; the others are in the table")
}

impl Attempt {
    /// Checks that no row is lost, and puts the files in their places.
    fn deliver(
        self,
        input: &Input,
        found: &Found,
        staging: &Staging,
        mut answer: Table,
    ) -> Result<Table, Problem> {
        let rejected = self.rejects.count();
        if self.rows + rejected != found.rows {
            return Err(Problem::new(format!(
                "{} rows were read, but {} were written and {rejected} rejected",
                found.rows, self.rows
            ))
            .hint("a file may have changed while it was read; the table was not written"));
        }
        (answer.rows, answer.work.rows) = (self.rows, self.rows);
        if rejected > 0 && input.rejects.is_none() {
            answer.failures.extend(self.rejects.failures(refused));
        }
        if input.format == Format::Summary {
            answer.text = lines(&self.columns, &self.totals)?;
            if let Some(out) = &input.out {
                let staged = staging.path("summary");
                fs::write(&staged, std::mem::take(&mut answer.text))
                    .or_problem(|| "cannot write the summary")?;
                publish(&staged, out)?;
                answer.out = Some(out.clone());
            }
        }
        let file = self.rejects.finish()?;
        if let (Some(staged), Some(place)) = (file, &input.rejects) {
            if rejected > 0 {
                tracing::warn!(
                    "{rejected} of {} rows do not fit; they are in {}",
                    found.rows,
                    place.display()
                );
            }
            move_to(&staged, place)?;
            answer.rejects = Some(place.clone());
        }
        if let (Some(staged), Some(out)) = (&self.staged, &input.out) {
            answer.work.bytes_out = staged.metadata().map_or(0, |found| found.len());
            publish(staged, out)?;
            answer.out = Some(out.clone());
        }
        Ok(answer)
    }
}

/// Moves a file that may have to go to another file system.
fn move_to(staged: &Path, place: &Path) -> Result<(), Problem> {
    if fs::rename(staged, place).is_ok() {
        return Ok(());
    }
    let beside = Staging::beside(place)?;
    let copy = beside.path("rejects");
    fs::copy(staged, &copy).or_problem(|| format!("cannot write {}", place.display()))?;
    publish(&copy, place)
}

impl Table {
    /// Prints what is to be read at once.
    pub(super) fn print(&self) -> Result<(), Problem> {
        use std::io::Write;
        let mut out = std::io::stdout().lock();
        match out.write_all(self.text.as_bytes()).and_then(|()| out.flush()) {
            // A reader that has seen enough is no error.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Problem::because("cannot write to standard output", &error))
            }
            _ => Ok(()),
        }
    }

    /// How many rows the table has.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Answer for Table {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add(self.text.as_bytes());
        self.out.iter().chain(&self.rejects).try_for_each(|path| digest.add_file(path))
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
