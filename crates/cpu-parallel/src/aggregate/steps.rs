//! The steps one after another, in whichever way each of them is done.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use lab::out::Staging;
use lab::ways::Way;
use lab::{Failure, Lab, OrProblem, Problem, Work};
use tabular::columns::{Column, ColumnType};
use tabular::infer::{Decision, Evidence, Leaning, decide};
use tabular::parquet_batches::ParquetFile;
use tabular::table::Table;

use super::answer::{Output, Rejects};
use super::jobs::{Files, GatherPiece, Gathered, MergePartition, Partition, Piece, Setup, unreadable};
use super::part::{Merged, Part};
use super::question::Question;
use super::sum::Unit;
use super::table::table;
use super::values::{Kind, Values};
use super::wire::Batch;
use super::{Form, Input};
use crate::csv_input::{self, Found, Survey, places_of, problem_of};

/// One way, for each of the steps.
pub(super) struct Ways {
    pub(super) survey: Way<Survey>,
    pub(super) gather: Way<GatherPiece>,
    pub(super) merge: Way<MergePartition>,
}

/// Rows that a piece of Parquet row groups has at least, where there are as many.
const PIECE_ROWS: u64 = 1 << 19;
/// Bytes of a piece of CSV.
const PIECE_BYTES: u64 = 8 << 20;
/// Groups from which on merging is spread over workers.
const MANY: usize = 1 << 16;
/// Pieces of CSV whose beginning tells what the columns are.
const SAMPLES: usize = 64;
/// Bytes of each of them that are looked at.
const SAMPLE: usize = 32 << 10;

/// What is to be gathered.
struct Plan {
    setup: Setup,
    pieces: Vec<Piece>,
    rows: u64,
    failures: Vec<Failure>,
}

/// Answers the question in one of the ways.
pub(super) fn aggregate(input: &Input, lab: &Lab, ways: &Ways) -> Result<Output, Problem> {
    let staging = Staging::within(&lab.home.out())?;
    let mut plan = match input.form {
        Form::Parquet => parquet(input)?,
        Form::Csv => csv(input, lab, ways, &staging)?,
    };
    let gathered = match gather(&plan, lab, ways)? {
        Ok(gathered) => gathered,
        Err(column) => {
            tracing::info!(target: "lab", "the type of column {column} was guessed wrong: all values decide");
            settle(input, &mut plan, lab, ways)?;
            gather(&plan, lab, ways)?
                .map_err(|_| Problem::new("a value does not fit the type that all values fit"))?
        }
    };
    lab.stop.check()?;
    let Collected { alone, partitioned, rows, rejects, mut failures } = gathered;
    failures.splice(0..0, plan.failures);
    let question = plan.setup.question;
    if failures.is_empty() && rows + rejects.count() != plan.rows {
        return Err(Problem::new(format!(
            "{} rows were expected, but {rows} were read and {} rejected",
            plan.rows,
            rejects.count()
        ))
        .hint("a file may have changed while it was read"));
    }
    let mut batches = Vec::new();
    if partitioned.is_empty() {
        batches.push(table(&alone.finish(&question), &question)?);
    } else {
        let mut tasks =
            partitioned.into_iter().enumerate().map(|(number, parts)| Partition { number, parts });
        (ways.merge)(lab, &question, &mut tasks, &mut |outcome| {
            batches.push(outcome.map_err(problem_of)?.0);
            Ok(())
        })?;
        lab.stop.check()?;
    }
    let bytes_in = input.files.iter().filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum();
    let work = Work { items: plan.pieces.len() as u64, rows, bytes_in, bytes_out: 0 };
    Ok(Output::new(batches, question.keys.len(), work, failures, rejects))
}

/// What the pieces came to.
struct Collected {
    /// Everything, where there are few groups.
    alone: Merged,
    /// The parts of each partition, in the order of the input, where there are many.
    partitioned: Vec<Vec<Part>>,
    rows: u64,
    rejects: Rejects,
    failures: Vec<Failure>,
}

/// Gathers all pieces; the number of a column whose guessed type does not fit, if there is one.
fn gather(plan: &Plan, lab: &Lab, ways: &Ways) -> Result<Result<Collected, usize>, Problem> {
    let (question, partitions) = (&plan.setup.question, plan.setup.partitions);
    let mut all = Collected {
        alone: Merged::new(question),
        partitioned: Vec::new(),
        rows: 0,
        rejects: Rejects::default(),
        failures: Vec::new(),
    };
    let mut misfit = None;
    let outcome = (ways.gather)(lab, &plan.setup, &mut plan.pieces.iter().cloned(), &mut |outcome| {
        let gathered: Gathered = match outcome {
            Ok(gathered) => gathered,
            Err(failure) => {
                all.failures.push(failure);
                return Ok(());
            }
        };
        if let Some(column) = gathered.misfit {
            misfit = Some(column);
            return Err(Problem::new("a guess was wrong"));
        }
        all.rows += gathered.rows;
        if let Files::Csv { files, columns, .. } = &plan.setup.files {
            for (number, reject) in &gathered.rejects {
                let column = reject.column.map_or("", |column| &columns[column].name);
                all.rejects.add(&files[*number as usize].path, column, reject);
            }
        }
        all.put(gathered.parts, question, partitions);
        Ok(())
    });
    if let Some(column) = misfit {
        return Ok(Err(column));
    }
    outcome?;
    Ok(Ok(all))
}

impl Collected {
    /// Takes the next piece in: at once while there are few groups, and later, partition by partition, where there are many.
    fn put(&mut self, mut parts: Vec<Part>, question: &Question, partitions: usize) {
        if self.partitioned.is_empty() && parts.len() == 1 {
            parts.iter().for_each(|part| self.alone.add(part));
            if self.alone.count() > MANY {
                self.cut(question, partitions);
            }
            return;
        }
        if self.partitioned.is_empty() {
            self.cut(question, partitions);
        }
        if parts.len() == 1
            && let Some(part) = parts.pop()
        {
            parts = part.split(partitions);
        }
        self.partitioned.iter_mut().zip(parts).for_each(|(all, part)| all.push(part));
    }

    fn cut(&mut self, question: &Question, partitions: usize) {
        let alone = std::mem::replace(&mut self.alone, Merged::new(question));
        self.partitioned = alone.into_part().split(partitions).into_iter().map(|part| vec![part]).collect();
    }
}

/// As many partitions as keep each one's table in a core's cache, by the rows of the input alone.
fn partitions(rows: u64) -> usize {
    usize::try_from(rows >> 16).unwrap_or(usize::MAX).clamp(16, 512).next_power_of_two()
}

fn parquet(input: &Input) -> Result<Plan, Problem> {
    let first = input.files.first().ok_or_else(|| Problem::new("there is no file"))?;
    let first = ParquetFile::open_plain(first).map_err(|error| unreadable(&error))?;
    let mut question = input.question(first.schema(), &input.files[0])?;
    let (mut pieces, mut rows, mut failures) = (Vec::new(), 0, Vec::new());
    let (mut piece, mut piece_rows): (Vec<(u32, u32)>, u64) = (Vec::new(), 0);
    let mut sample = None;
    for (number, path) in (0_u32..).zip(&input.files) {
        let (file, columns) = match super::jobs::open_parquet(path, &question) {
            Ok(open) => open,
            Err(problem) => {
                let task = path.display().to_string();
                failures.push(Failure { task, cause: lab::Cause::Problem(problem) });
                continue;
            }
        };
        for (group, group_rows) in (0..).zip(file.group_rows()) {
            piece.push((number, group));
            piece_rows += group_rows;
            rows += group_rows;
            if piece_rows >= PIECE_ROWS {
                pieces.push(named(std::mem::take(&mut piece), input));
                piece_rows = 0;
            }
        }
        sample.get_or_insert((file, columns));
    }
    if !piece.is_empty() {
        pieces.push(named(piece, input));
    }
    if let Some((file, columns)) = sample {
        question.units = units(&file, &columns, &question);
    }
    let setup = Setup { question, partitions: partitions(rows), files: Files::Parquet(input.files.clone()) };
    Ok(Plan { setup, pieces, rows, failures })
}

fn named(groups: Vec<(u32, u32)>, input: &Input) -> Piece {
    let name =
        |(file, group): &(u32, u32)| format!("{}, row group {group}", input.files[*file as usize].display());
    let label = match &*groups {
        [only] => name(only),
        [first, .., last] => format!("{} to {}", name(first), name(last)),
        [] => String::new(),
    };
    Piece::Groups(groups, label)
}

/// The units of the sums, by the first rows. Any would give the same sums, so a row group that cannot be read does not matter.
fn units(file: &ParquetFile, columns: &[usize], question: &Question) -> Vec<Unit> {
    let batch = file.read_group(0, columns, 1_024).ok().and_then(|mut batches| batches.next()?.ok());
    let unit = |(number, kind): (usize, &Kind)| {
        let name = question.schema.0.schema_ref().field(question.keys.len() + number).name();
        let column =
            batch.as_ref().filter(|_| *kind == Kind::Float).and_then(|batch| batch.column_by_name(name));
        match column.and_then(Values::of) {
            Some(Values::Float(values, _)) => Unit::fitting(&values),
            _ => Unit::default(),
        }
    };
    question.measures.iter().enumerate().map(unit).collect()
}

fn csv(input: &Input, lab: &Lab, ways: &Ways, staging: &Staging) -> Result<Plan, Problem> {
    let files = input.csv_files()?;
    let Found { files, pieces, rows, failures } =
        csv_input::find(files, PIECE_BYTES, lab, staging, ways.survey)?;
    let names = input.csv_columns(&files[0])?;
    let keys = input.by.len();
    let texts = Table::new(vec![Column::new("", ColumnType::Text); names.len()]);
    let mut evidence = vec![Evidence::default(); names.len()];
    for piece in pieces.iter().step_by(pieces.len().div_ceil(SAMPLES).max(1)) {
        let Some((number, segment)) = piece.first() else { continue };
        lab.stop.check()?;
        let file = &files[*number as usize];
        let handle = file.open()?;
        let mut rows = file.rows(&handle, segment).with_window(SAMPLE);
        if let Some(block) = rows.next_block().or_problem(|| file.cannot())? {
            let places = places_of(&file.names, names.iter().map(String::as_str), &file.path)?;
            texts.clone().at(places).observe(block, *number, &mut evidence);
        }
    }
    let decisions = decide(&evidence, leaning(&files));
    let (columns, open) = csv_types(input, &names, keys, &decisions)?;
    let question = input.question(&arrow(&columns), &files[0].path)?;
    let label = |piece: &[csv_input::Stretch]| {
        piece.first().map_or(String::new(), |(number, segment)| {
            format!("{} from line {}", files[*number as usize].path.display(), segment.line)
        })
    };
    let pieces = pieces.into_iter().map(|piece| {
        let label = label(&piece);
        Piece::Rows(piece, label)
    });
    let pieces = pieces.collect();
    let setup = Setup {
        question,
        partitions: partitions(rows),
        files: Files::Csv { files, columns, open, observe: false },
    };
    Ok(Plan { setup, pieces, rows, failures })
}

fn leaning(files: &[csv_input::CsvFile]) -> Leaning {
    Leaning { semicolons: files.iter().any(csv_input::CsvFile::has_semicolons), decimals: false }
}

/// The types of the columns. A key is text, whatever it looks like: `01`, `1` and `001` are three keys.
fn csv_types(
    input: &Input,
    names: &[String],
    keys: usize,
    decisions: &[Decision],
) -> Result<(Vec<Column>, Vec<bool>), Problem> {
    let given = &input.types;
    let column = |(number, (name, decision)): (usize, (&String, &Decision))| match given.get(name) {
        Some(column_type) => (Column::new(name, *column_type), false),
        None if number < keys => (Column::new(name, ColumnType::Text), false),
        None => (Column::new(name, decision.column_type), true),
    };
    if let Some(name) = given.keys().find(|name| !names.contains(name)) {
        return Err(Problem::new(format!("--type names the column `{name}`, which is not asked for")));
    }
    let columns = names.iter().zip(decisions).enumerate().map(column);
    // Where nobody says which columns are aggregated, those are that add up.
    let adds_up = |column: &Column| Kind::of(&column.column_type.data_type()).is_some_and(Kind::adds_up);
    let kept = columns
        .enumerate()
        .filter(|(number, (column, _))| *number < keys || input.of.is_some() || adds_up(column));
    Ok(kept.map(|(_, column)| column).unzip())
}

fn arrow(columns: &[Column]) -> Schema {
    let field = |column: &Column| Field::new(&column.name, column.column_type.data_type(), true);
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

/// Decides the types by all values, after a guess was wrong.
fn settle(input: &Input, plan: &mut Plan, lab: &Lab, ways: &Ways) -> Result<(), Problem> {
    let Files::Csv { files, columns, observe, .. } = &mut plan.setup.files else { return Ok(()) };
    *observe = true;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut evidence = vec![Evidence::default(); names.len()];
    let leaning = leaning(files);
    let mut sink = |outcome: lab::Tried<Gathered>| {
        let gathered = outcome.map_err(problem_of)?;
        evidence.iter_mut().zip(gathered.evidence).for_each(|(all, more)| all.merge(more));
        Ok(())
    };
    (ways.gather)(lab, &plan.setup, &mut plan.pieces.iter().cloned(), &mut sink)?;
    lab.stop.check()?;
    let (types, _) = csv_types(input, &names, input.by.len(), &decide(&evidence, leaning))?;
    plan.setup.question = input.question(&arrow(&types), &input.files[0])?;
    if let Files::Csv { columns, open, observe, .. } = &mut plan.setup.files {
        *open = vec![false; types.len()];
        (*columns, *observe) = (types, false);
    }
    Ok(())
}

impl Input {
    /// The question about files with these columns.
    pub(super) fn question(&self, schema: &Schema, path: &std::path::Path) -> Result<Question, Problem> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let keys = places_of(&names, self.by.iter().map(String::as_str), path)?;
        let measures = match &self.of {
            Some(of) => places_of(&names, of.iter().map(String::as_str), path)?,
            None => (0..names.len())
                .filter(|column| !keys.contains(column))
                .filter(|column| Kind::of(schema.field(*column).data_type()).is_some_and(Kind::adds_up))
                .collect(),
        };
        let kind = |column: &usize| {
            let field = schema.field(*column);
            Kind::of(field.data_type()).ok_or_else(|| {
                Problem::new(format!(
                    "column `{}` is {}, which cannot be aggregated",
                    field.name(),
                    field.data_type()
                ))
                .at(path.display())
                .expected("numbers, decimals, dates, times with a date, true or false, or text")
            })
        };
        let kinds = |columns: &[usize]| columns.iter().map(kind).collect::<Result<Vec<_>, _>>();
        let fields = keys.iter().chain(&measures).map(|column| {
            let field = schema.field(*column);
            Field::new(field.name(), field.data_type().clone(), true)
        });
        let empty = RecordBatch::new_empty(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
        Ok(Question {
            keys: kinds(&keys)?,
            units: vec![Unit::default(); measures.len()],
            measures: kinds(&measures)?,
            asked: self.asked.clone(),
            shown: self.shown.clone(),
            schema: Batch(empty),
        })
    }
}
