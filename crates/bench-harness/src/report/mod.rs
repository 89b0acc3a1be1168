//! The report: one HTML file that works offline and without script.
//!
//! It is drawn from the files of a run and from nothing else. `page` is the whole, `table` the figures, `bars` the
//! speed-ups with their intervals, `lanes` the picture of who worked and who waited, and `explain` the sentences that
//! say why, from the measured evidence.

mod bars;
mod claims;
mod explain;
mod figures;
mod lanes;
mod page;
mod picture;
mod shapes;
mod table;
mod ticks;

use std::path::Path;

use lab::Problem;
use lab::cli::End;
use lab::record::{CellRecord, ExerciseRecord};

use crate::folder::{Run, RunFolder};
use picture::Timeline;

/// One cell and its timeline.
struct Shown<'a> {
    cell: &'a CellRecord,
    /// The timeline, or why there is none.
    timeline: Result<Timeline, String>,
}

/// One exercise as it is shown.
struct Section<'a> {
    exercise: &'a ExerciseRecord,
    cells: Vec<Shown<'a>>,
}

/// Draws the report of a run into its folder.
///
/// # Errors
/// Records that cannot be read, or a report that cannot be written. A timeline that cannot be read is told in the report.
pub fn draw(folder: &RunFolder) -> Result<(), Problem> {
    let run = folder.read()?;
    folder.write("report.html", html(folder, &run).as_bytes())
}

/// Draws the report of the run in `folder` again and prints its path.
///
/// # Errors
/// Those of [`draw`].
pub fn redraw(folder: &Path) -> Result<End, Problem> {
    let folder = RunFolder::open(folder);
    draw(&folder)?;
    println!("{}", folder.report().display());
    Ok(End::Done)
}

/// The report as text.
pub fn html(folder: &RunFolder, run: &Run) -> String {
    let timeline = |cell: &CellRecord| match folder.timeline(&run.record, cell) {
        Ok(Some(slices)) => Timeline::of(slices).ok_or_else(|| "its timeline is empty".to_owned()),
        Ok(None) => Err("no timeline was recorded".to_owned()),
        Err(problem) => Err(problem.line()),
    };
    let sections: Vec<_> = run
        .record
        .exercises
        .iter()
        .map(|exercise| {
            let cells = run.cells.iter().filter(|cell| cell.exercise == exercise.id);
            Section { exercise, cells: cells.map(|cell| Shown { cell, timeline: timeline(cell) }).collect() }
        })
        .collect();
    page::page(run, &sections).into_string()
}
