//! The report: one HTML file that works offline and without script.
//!
//! It is drawn from the files of a run and from nothing else. `page` is the whole, `table` the figures, `bars` the
//! speed-ups with their intervals, `lanes` the picture of who worked and who waited, and `explain` the sentences that
//! say why, from the measured evidence.

mod about;
mod bars;
mod claims;
mod costs;
mod explain;
mod figures;
mod lanes;
mod machine;
mod page;
mod picture;
mod rivals;
mod shapes;
mod sweeps;
mod table;
mod ticks;
mod words;

use std::path::Path;

use lab::Problem;
use lab::cli::End;
use lab::record::{CellRecord, ExerciseRecord};

use crate::cli::Form;
use crate::export;
use crate::folder::{Run, RunFolder};
pub(crate) use figures::memory;
use picture::Timeline;
pub(crate) use rivals::needs;
use shapes::Budget;

/// A language of the page. Both are in it, and a switch changes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// English
    #[default]
    #[value(name = "en")]
    English,
    /// Brazilian Portuguese
    #[value(name = "pt-BR")]
    Portuguese,
}

impl Language {
    /// The tag of RFC 5646.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }
}

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
    draw_in(folder, Language::English)
}

/// The same, with the language that is shown first.
///
/// # Errors
/// Those of [`draw`].
pub fn draw_in(folder: &RunFolder, language: Language) -> Result<(), Problem> {
    let run = folder.read()?;
    folder.write("report.html", html(folder, &run, language).as_bytes())
}

/// Draws the report of the run in `folder` again and prints its path; or prints the figures in another form.
///
/// # Errors
/// Those of [`draw`].
pub fn redraw(folder: &Path, form: Form, language: Language) -> Result<End, Problem> {
    let folder = RunFolder::open(folder);
    if form.any() {
        export::print(&folder.read()?.cells, form)?;
        return Ok(End::Done);
    }
    draw_in(&folder, language)?;
    println!("{}", folder.report().display());
    Ok(End::Done)
}

/// More bytes than this are not written where smaller pictures can help: a report is sent around.
const MOST_BYTES: usize = 980_000;

/// The report as text.
pub fn html(folder: &RunFolder, run: &Run, language: Language) -> String {
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
    let pictures = sections.iter().flat_map(|section| &section.cells);
    let mut budget = Budget::of(pictures.filter(|shown| shown.timeline.is_ok()).count());
    loop {
        let html = page::page(run, &sections, language, budget).into_string();
        // Tables and claims are as long as the run makes them: the pictures give way.
        match budget.less().filter(|_| html.len() > MOST_BYTES) {
            Some(less) => budget = less,
            None => return html,
        }
    }
}
