//! A suspicious look at the files of a run: is everything there, and is every answer right?

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use lab::cli::End;
use lab::{OrProblem, Problem};

use crate::folder::{Run, RunFolder};

/// What is wrong with a run, a sentence each; nothing if it is complete and every answer is right.
///
/// The records' own `verified` is not taken for granted: the digests are compared again, and every strategy that the
/// programs offered must have its line.
pub fn faults(run: &Run) -> Vec<String> {
    let mut faults = run.record.problems.clone();
    if run.record.finished.is_none() {
        faults.push("the run has not come to its end".into());
    }
    if run.cells.is_empty() && !run.record.exercises.is_empty() {
        faults.push("no cell was measured".into());
    }
    let mut references: BTreeMap<u8, &str> = BTreeMap::new();
    for cell in &run.cells {
        let name = format!("{:02} {} under {}", cell.exercise, cell.name, cell.strategy);
        if !cell.verified {
            faults.push(format!("{name}: {}", cell.error.as_deref().unwrap_or("not verified")));
        }
        match &cell.digest {
            Some(digest) => {
                let reference = references.entry(cell.exercise).or_insert(digest);
                if reference != digest {
                    faults.push(format!("{name}: the digest is {digest}, not {reference}"));
                }
            }
            None if cell.verified => faults.push(format!("{name}: there is no answer")),
            None => {}
        }
        if cell.verified && cell.samples_ns.is_empty() {
            faults.push(format!("{name}: there is no timed sample"));
        }
    }
    for exercise in &run.record.exercises {
        for strategy in exercise.strategies.iter().filter(|strategy| strategy.absent.is_none()) {
            let lines = run
                .cells
                .iter()
                .filter(|cell| cell.exercise == exercise.id && cell.strategy == strategy.name)
                .count();
            if lines != 1 {
                let (id, name, strategy) = (exercise.id, &exercise.name, &strategy.name);
                faults
                    .push(format!("{id:02} {name} under {strategy}: {lines} lines in cells.jsonl, not one"));
            }
        }
    }
    if faults.is_empty() && run.record.ok != Some(true) {
        faults.push("the run itself says that it is not in order".into());
    }
    faults
}

/// Prints what is wrong with the run in `folder`, or that nothing is.
///
/// # Errors
/// Files that cannot be read.
pub fn report(folder: &Path) -> Result<End, Problem> {
    let run = RunFolder::open(folder).read()?;
    let faults = faults(&run);
    let (cells, exercises) = (run.cells.len(), run.record.exercises.len());
    let text = if faults.is_empty() {
        format!("{cells} cells of {exercises} exercises, every answer verified\n")
    } else {
        format!("✗ {}\n", faults.join("\n✗ "))
    };
    std::io::stdout().write_all(text.as_bytes()).or_problem(|| "cannot write to standard output")?;
    Ok(if faults.is_empty() { End::Done } else { End::Failed })
}
