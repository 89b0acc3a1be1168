//! The answers of all sources, united, and what became of each source.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use lab::out::{Staging, publish};
use lab::ways::{Sink, Tasks};
use lab::{Answer as LabAnswer, Cause, Digest, Failure, Lab, OrProblem, Problem, Tried, Work};
use serde::Serialize;

use super::batches::Batches;
use super::kind::Kind;
use super::out::{TableColumn, write_table};
use super::part::{Named, Part, Reply, SharedSetup};
use super::{Format, Input};

/// What all answers together may hold in memory before one goes to a file, in bytes.
const HELD: usize = 256 << 20;

/// What became of a source under a statement.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Its name.
    pub source: String,
    /// The statement's name.
    pub query: String,
    /// `whole`, `limited`, `late` or `failed`.
    pub state: &'static str,
    /// The rows that are in the table.
    pub rows: u64,
    /// In how many ranges it was asked.
    pub parts: usize,
    /// The time that its ranges took together, in milliseconds.
    pub ms: f64,
    /// Why it is not in the table.
    pub error: Option<String>,
}

/// The united tables.
#[derive(Debug)]
pub struct United {
    /// The files with the tables, one for each statement.
    files: Vec<PathBuf>,
    /// Where they are when no output was asked for: they are printed and go with this folder.
    spool: Option<Staging>,
    /// What became of each source.
    pub summaries: Vec<Summary>,
    work: Work,
    failures: Vec<Failure>,
}

/// One source under one statement, as its parts come.
#[derive(Default)]
struct Gathered {
    columns: Option<Vec<Named>>,
    pieces: Vec<Batches>,
    limited: bool,
    micros: u64,
    parts: usize,
    failure: Option<Failure>,
}

impl United {
    /// Lets `query` ask the parts, and writes the tables when all sources have answered: only then the types of the columns
    /// are known. What is too much for memory waits in files.
    ///
    /// # Errors
    /// Output that cannot be written, and an interruption: a table without some of its rows must not look whole.
    pub(super) fn gather(
        input: &Input,
        lab: &Lab,
        plan: impl FnOnce(&SharedSetup) -> Result<Vec<Part>, Problem>,
        query: impl FnOnce(&SharedSetup, Tasks<'_, Part>, Sink<'_, Reply>) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        let place = lab.out();
        let staging = match &place {
            Some(place) => Staging::beside(place),
            None => Staging::within(&std::env::temp_dir()),
        }?;
        let setup = input.setup.spooling_to(staging.folder());
        let parts = plan(&setup)?;
        let (sources, statements) = (setup.0.sources.len(), setup.0.statements.len());
        let mut gathered: Vec<Gathered> = (0..sources * statements).map(|_| Gathered::default()).collect();
        let mut held = 0;
        let mut next = parts.iter();
        query(&setup, &mut parts.iter().cloned(), &mut |outcome| {
            let part = next.next().ok_or_else(|| Problem::new("more answers than questions"))?;
            gathered[part.statement * sources + part.source].add(outcome, &mut held, staging.folder())
        })?;
        if lab.stop.asked() {
            return Err(Problem::new("interrupted")
                .hint("nothing was written: a table without some of its rows would look like a whole one"));
        }
        let mut united = Self {
            files: Vec::new(),
            spool: None,
            summaries: Vec::new(),
            work: Work::default(),
            failures: Vec::new(),
        };
        united.work.items = (sources * statements) as u64;
        let several = statements > 1;
        for (statement, of_statement) in gathered.chunks_mut(sources).enumerate() {
            let name = &setup.0.statements[statement].name;
            let file = staging.path(format!("{name}.{}", input.format.ending()));
            // A table of nobody is none: it would replace an earlier one by nothing.
            if united.write(input, &setup, statement, of_statement, &file)? {
                united.files.push(file);
            }
        }
        united.summarise(input, &staging)?;
        match place {
            Some(_) if united.files.is_empty() => {}
            Some(place) if several => {
                std::fs::create_dir_all(&place)
                    .or_problem(|| format!("cannot make the folder {}", place.display()))?;
                for file in &mut united.files {
                    let final_place = place.join(file.file_name().unwrap_or_default());
                    publish(file, &final_place)?;
                    *file = final_place;
                }
            }
            Some(place) => {
                publish(&united.files[0], &place)?;
                united.files[0] = place;
            }
            None => united.spool = Some(staging),
        }
        Ok(united)
    }

    /// Writes the table of one statement; false where no source answered.
    fn write(
        &mut self,
        input: &Input,
        setup: &SharedSetup,
        statement: usize,
        gathered: &mut [Gathered],
        file: &std::path::Path,
    ) -> Result<bool, Problem> {
        let names = |columns: &[Named]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let answers = gathered.iter().filter(|one| one.failure.is_none());
        let first =
            most_common(&answers.filter_map(|one| one.columns.as_deref()).map(names).collect::<Vec<_>>());
        let mut kinds = vec![(Kind::Null, Kind::Null); first.len()];
        for (source, one) in gathered.iter_mut().enumerate() {
            let Some(columns) = one.columns.as_ref().filter(|_| one.failure.is_none()) else { continue };
            let same = columns.len() == first.len()
                && columns.iter().zip(&first).all(|(column, name)| column.name.eq_ignore_ascii_case(name));
            if !same {
                let problem = Problem::new(format!("its columns are {}", names(columns).join(", ")))
                    .of_class("columns")
                    .expected(first.join(", "))
                    .hint("name them alike in the statement, with AS");
                one.fail(Failure {
                    task: setup.0.sources[source].name.clone(),
                    cause: Cause::Problem(problem),
                });
                continue;
            }
            for (column, (found, declared)) in kinds.iter_mut().enumerate() {
                *declared = declared.join(columns[column].declared);
                for piece in &one.pieces {
                    *found = found.join(piece.kinds[column]);
                }
            }
        }
        let columns: Vec<TableColumn> = first
            .into_iter()
            .zip(kinds)
            .map(|(name, (found, declared))| TableColumn {
                name,
                kind: if found == Kind::Null { declared } else { found },
            })
            .collect();
        let whole = gathered.iter().enumerate().filter(|(_, one)| one.failure.is_none());
        let pieces =
            whole.map(|(source, one)| (setup.0.sources[source].name.as_str(), one.pieces.as_slice()));
        let answered = gathered.iter().any(|one| one.failure.is_none());
        if answered {
            self.work.bytes_out +=
                write_table(file, input.format, input.source_column.as_deref(), &columns, pieces)?;
        }
        for (source, one) in gathered.iter_mut().enumerate() {
            let rows = one.pieces.iter().map(|piece| piece.rows).sum();
            self.work.rows += rows;
            let error = one.failure.as_ref().map(|failure| match &failure.cause {
                Cause::Problem(problem) => problem.line(),
                _ => failure.to_string(),
            });
            let late = matches!(one.failure.as_ref().map(|failure| &failure.cause), Some(Cause::Problem(problem)) if problem.class() == Some("late"));
            self.summaries.push(Summary {
                source: setup.0.sources[source].name.clone(),
                query: setup.0.statements[statement].name.clone(),
                state: match (&error, late, one.limited) {
                    (Some(_), true, _) => "late",
                    (Some(_), false, _) => "failed",
                    (None, _, true) => "limited",
                    (None, _, false) => "whole",
                },
                rows,
                parts: one.parts,
                ms: one.micros as f64 / 1_000.0,
                error,
            });
            self.failures.extend(one.failure.take());
        }
        Ok(answered)
    }

    /// The sources that --limit cut, and the tables that are not of all sources.
    fn incomplete(&self) -> Vec<Problem> {
        let limited = self.summaries.iter().filter(|one| one.state == "limited");
        let mut warnings: Vec<Problem> = limited
            .map(|one| {
                Problem::new(format!("only its first {} rows, as --limit says", one.rows)).at(&one.source)
            })
            .collect();

        let mut queries: Vec<&str> = self.summaries.iter().map(|one| one.query.as_str()).collect();
        queries.dedup();
        for query in queries {
            let of_query = || self.summaries.iter().filter(|one| one.query == query);
            let (all, whole) = (of_query().count(), of_query().filter(|one| one.error.is_none()).count());
            if whole == 0 {
                let none = format!("{query}: none of {all} databases answered, so there is no table");
                warnings.push(Problem::new(none));
            } else if whole < all {
                let partial = format!("{query}: the table is partial: {whole} of {all} databases are in it");
                warnings.push(Problem::new(partial));
            }
        }
        warnings
    }

    fn summarise(&self, input: &Input, staging: &Staging) -> Result<(), Problem> {
        let Some(place) = &input.summary else { return Ok(()) };
        let cannot = || format!("cannot write {}", place.display());
        // It may be on another file system than the table, so it is staged beside its own place.
        let own = Staging::beside(place)?;
        let file = own.path("summary.ndjson");
        let mut out = BufWriter::new(File::create(&file).or_problem(cannot)?);
        for summary in &self.summaries {
            serde_json::to_writer(&mut out, summary).or_problem(cannot)?;
            out.write_all(b"\n").or_problem(cannot)?;
        }
        out.flush().or_problem(cannot)?;
        let _ = staging;
        publish(&file, place)
    }

    /// Copies the tables to standard output, unless they are where the user asked for them, and says of each source what
    /// became of it.
    ///
    /// # Errors
    /// Standard output that takes no more. A reader that has seen enough, such as `head`, is no error.
    pub fn print(&self, format: Format) -> Result<(), Problem> {
        self.summaries.iter().for_each(|one| {
            tracing::info!(
                source = one.source,
                query = one.query,
                state = one.state,
                rows = one.rows,
                ms = one.ms,
                "source"
            );
        });
        if self.spool.is_none() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        for (file, number) in self.files.iter().zip(0..) {
            let headed = format == Format::Table && self.files.len() > 1;
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let between = if number > 0 { "\n" } else { "" };
            let head = if headed { format!("{between}{name}\n") } else { String::new() };
            let copied =
                out.write_all(head.as_bytes()).and_then(|()| io::copy(&mut File::open(file)?, &mut out));
            match copied {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                copied => copied.map(drop).or_problem(|| "cannot write to standard output")?,
            }
        }
        Ok(())
    }
}

/// The names of columns that most sources have; of several, those that come first.
fn most_common(all: &[Vec<String>]) -> Vec<String> {
    let same = |one: &[String], two: &[String]| {
        one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.eq_ignore_ascii_case(two))
    };
    let count = |names: &[String]| all.iter().filter(|other| same(names, other)).count();
    let most = all.iter().map(|names| count(names)).max();
    all.iter().find(|names| Some(count(names)) == most).cloned().unwrap_or_default()
}

impl Gathered {
    fn add(
        &mut self,
        outcome: Tried<Reply>,
        held: &mut usize,
        folder: &std::path::Path,
    ) -> Result<(), Problem> {
        self.parts += 1;
        let reply = match outcome {
            Ok(reply) => reply,
            Err(failure) => {
                self.fail(failure);
                return Ok(());
            }
        };
        self.micros += reply.micros;
        if self.failure.is_some() {
            return Ok(());
        }
        let mut rows = reply.answer.rows;
        if *held + rows.held_bytes() > HELD {
            rows.spill(folder)?;
        }
        *held += rows.held_bytes();
        self.limited |= reply.answer.limited;
        self.columns.get_or_insert(reply.answer.columns);
        self.pieces.push(rows);
        Ok(())
    }

    /// A source that did not answer as a whole is not in the table: the first reason is kept.
    fn fail(&mut self, failure: Failure) {
        self.pieces.clear();
        self.failure.get_or_insert(failure);
    }
}

impl LabAnswer for United {
    /// The bytes of the tables, read back from the files.
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        for file in &self.files {
            let bytes = std::fs::read(file).or_problem(|| format!("cannot read {} back", file.display()))?;
            digest.add(&bytes);
        }
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }

    fn warnings(&self) -> Vec<Problem> {
        self.incomplete()
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
