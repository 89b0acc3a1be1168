//! The steps one after another, in whichever way each of them is done.

use std::path::PathBuf;

use lab::logged;
use lab::{Cause, Failure, Lab, OrProblem, Problem, Work};
use tabular::row_groups::{Encoder, Encoding};

use super::Input;
use super::commit::NewLake;
use super::customers::CustomerFiles;
use super::lake::{Partition, find};
use super::look::{Chunks, Looked, Seen, chunks, seen};
use super::manifest::{Entry, InputFile, Manifest};
use super::near::Near;
use super::output::Output;
use super::plan::{grouped, identity, pieces, task_size};
use super::revenue;
use super::strategies::Ways;
use super::work::{Piece, Pieces, Setup};
use super::write::Writing;

/// Columns whose values hardly come back, or are counted up: a dictionary of them would be as long as they are.
const WITHOUT_DICTIONARY: [&str; 6] =
    ["order_id", "customer_id", "unit_price_cents", "revenue_cents", "ordered_at", "note"];

/// Makes a lake of a lake.
pub(super) fn etl(input: &Input, lab: &Lab, ways: &Ways) -> Result<Output, Problem> {
    let near = Near::of(input, &lab.stop)?;
    let partitions = find(&near.lake)?;
    let mut lake = NewLake::open(&input.out, &lab.stop)?;
    let mut work = Work::default();
    let mut manifest = Manifest::new(digest_of(&near.customers)?);
    let (looked, mut failures) = look(&partitions, input.piece, lab, ways)?;
    let encoding =
        Encoding { without_dictionary: WITHOUT_DICTIONARY.map(str::to_owned).into(), ..Encoding::default() };
    let mut writing = Writing::new(&encoding);
    let mut todo = Vec::new();
    for (number, (partition, seen)) in partitions.iter().zip(looked).enumerate() {
        let Some(seen) = seen else { continue };
        let files: Vec<InputFile> = partition.files.iter().zip(&seen).map(described).collect();
        let identity = identity(&files, &manifest.customers, input.piece);
        if let Some(known) = lake.known(&partition.name, &identity) {
            manifest.partitions.push(known.clone());
            continue;
        }
        work.items += 1;
        work.bytes_in += files.iter().map(|file| file.bytes).sum::<u64>();
        let staged = lake.staging.path(format!("orders-{number}"));
        todo.extend(pieces(number, partition, seen, input.piece, &staged));
        let entry = Entry { partition: partition.name.clone(), input: identity, files, ..Entry::default() };
        writing.expect(number, entry, partition.keys.clone());
    }
    let setup = Setup {
        customers: CustomerFiles::new(&near.customers),
        encoding: encoding.clone(),
        scheduler: input.scheduler.clone(),
    };
    clean(todo, input.piece, lab, ways, &setup, &lake, &mut writing)?;
    lab.stop.check()?;
    let (entries, failed) = writing.finish(&mut lake)?;
    failures.extend(failed);
    if !failures.is_empty() {
        work.items = work.items.max(failures.len() as u64);
        return Ok(Output::failed(work, failures));
    }
    for entry in entries {
        work.rows += entry.rows_in;
        work.bytes_out += entry.orders.iter().chain(&entry.rejects).map(|file| file.bytes).sum::<u64>();
        manifest.partitions.push(entry);
    }
    manifest.partitions.sort_by(|one, other| one.partition.cmp(&other.partition));
    add_up(&mut manifest, &mut lake, &encoding, &mut work)?;
    lab.stop.check()?;
    let partitions = manifest.partitions.len();
    let commit = || lake.commit(&manifest, &lab.stop);
    let lake = logged("etl commit", format_args!("partitions={partitions} changed={}", work.items), commit)?;
    Ok(Output::whole(lake, manifest, work))
}

/// One digest for the files of the customers.
fn digest_of(files: &[PathBuf]) -> Result<String, Problem> {
    let mut digest = lab::Digest::new();
    files.iter().try_for_each(|file| digest.add_file(file))?;
    Ok(digest.finish())
}

fn described((source, seen): (&super::lake::Source, &Seen)) -> InputFile {
    let digest = seen.digest.to_hex().to_string();
    InputFile { name: source.name.clone(), bytes: source.bytes, digest }
}

/// What is known of the files of each partition; `None` for one that has a file which cannot be read.
type Known = Vec<Option<Vec<Seen>>>;

/// The first step.
fn look(
    partitions: &[Partition],
    piece: u64,
    lab: &Lab,
    ways: &Ways,
) -> Result<(Known, Vec<Failure>), Problem> {
    let files: Vec<_> = partitions
        .iter()
        .flat_map(|partition| partition.files.iter().map(|source| chunks(source, piece)))
        .collect();
    let all: Vec<_> = files.iter().flatten().flatten().cloned().collect();
    let size = task_size(all.iter().map(super::look::Chunk::weight).sum(), piece);
    let tasks: Vec<Chunks> = grouped(all, size, super::look::Chunk::weight).into_iter().map(Chunks).collect();
    let lengths: Vec<usize> = tasks.iter().map(|task| task.0.len()).collect();
    let mut lengths = lengths.into_iter();
    let mut looked: Vec<Result<Looked, Problem>> = Vec::new();
    (ways.look)(lab, &(), &mut tasks.into_iter(), &mut |outcome| {
        let length = lengths.next().unwrap_or_default();
        match outcome {
            Ok(reply) => looked.extend(reply),
            Err(failure) => looked.extend((0..length).map(|_| Err(problem(failure.clone())))),
        }
        Ok(())
    })?;
    lab.stop.check()?;
    let (mut files, mut looked) = (files.into_iter(), looked.into_iter());
    let (mut known, mut failures) = (Vec::new(), Vec::new());
    for partition in partitions {
        let mut all = Vec::new();
        for (source, chunks) in partition.files.iter().zip(files.by_ref()) {
            let seen = chunks.and_then(|chunks| {
                let own = looked.by_ref().take(chunks.len()).collect();
                seen(&chunks, own)
            });
            match seen {
                Ok(seen) => all.push(seen),
                Err(problem) if lab.fail_fast => return Err(problem),
                Err(problem) => {
                    let (task, cause) = (source.name.clone(), Cause::Problem(problem));
                    failures.push(Failure { task, cause });
                }
            }
        }
        known.push((all.len() == partition.files.len()).then_some(all));
    }
    Ok((known, failures))
}

fn problem(failure: Failure) -> Problem {
    match failure.cause {
        Cause::Problem(problem) => problem,
        _ => Problem::new(failure.to_string()),
    }
}

/// The second step.
fn clean(
    todo: Vec<Piece>,
    size: u64,
    lab: &Lab,
    ways: &Ways,
    setup: &Setup,
    lake: &NewLake,
    writing: &mut Writing<'_>,
) -> Result<(), Problem> {
    if todo.is_empty() {
        return Ok(());
    }
    let weight = |piece: &Piece| piece.slices.iter().map(|slice| slice.cut.weight()).sum::<u64>();
    let size = task_size(todo.iter().map(weight).sum(), size);
    let tasks: Vec<Pieces> = grouped(todo, size, weight).into_iter().map(Pieces).collect();
    let places: Vec<Vec<(usize, usize)>> =
        tasks.iter().map(|task| task.0.iter().map(|piece| (piece.partition, piece.of)).collect()).collect();
    let mut places = places.into_iter();
    (ways.clean)(lab, setup, &mut tasks.into_iter(), &mut |outcome| {
        let places = places.next().unwrap_or_default();
        let done = match outcome {
            Ok(done) => done,
            Err(failure) => places.iter().map(|_| Err(problem(failure.clone()))).collect(),
        };
        for ((partition, of), done) in places.into_iter().zip(done) {
            if let (true, Err(problem)) = (lab.fail_fast, &done) {
                return Err(problem.clone());
            }
            writing.take(partition, of, done, lake)?;
        }
        Ok(())
    })
}

/// The sums over all partitions, as numbers of the manifest and as a table of the lake.
fn add_up(
    manifest: &mut Manifest,
    lake: &mut NewLake,
    encoding: &Encoding,
    work: &mut Work,
) -> Result<(), Problem> {
    for entry in &manifest.partitions {
        manifest.rows_in += entry.rows_in;
        manifest.rows += entry.rows;
        manifest.rejected += entry.rejected;
    }
    if manifest.rows_in != manifest.rows + manifest.rejected {
        return Err(Problem::new(format!(
            "{} rows were read, but {} were written and {} rejected",
            manifest.rows_in, manifest.rows, manifest.rejected
        ))
        .hint("a file may have changed while it was read; the lake is what it was"));
    }
    let cannot = || "cannot write the revenue";
    let table = revenue::table(&manifest.groups()?)?;
    let mut encoder = Encoder::new(table.schema(), encoding).or_problem(cannot)?;
    encoder.write(&table).or_problem(cannot)?;
    let bytes = encoder.finish().or_problem(cannot)?;
    if !bytes.is_empty() {
        let staged = lake.staging.path("revenue");
        std::fs::write(&staged, &bytes).or_problem(cannot)?;
        let digest = blake3::hash(&bytes);
        let path = format!("revenue-{}.parquet", &digest.to_hex()[..16]);
        work.bytes_out += bytes.len() as u64;
        manifest.revenue = Some(lake.add(staged, path, bytes.len() as u64, digest));
    }
    Ok(())
}
