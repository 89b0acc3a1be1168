//! The second step: what each chunk means, whatever stands before it.

use std::fmt;

use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::scan::plan::{Span, before};
use tabular::scan::survey::{self, Scratch, utf8_counts, utf16_units};

use super::files::{Source, read_span};

/// Chunks of files that are surveyed together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chunks {
    pub(super) chunks: Vec<(u32, Span)>,
    pub(super) label: String,
}

impl fmt::Display for Chunks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.label)
    }
}

/// The job: surveys one chunk after another.
#[derive(Debug)]
pub struct Survey {
    sources: Vec<Source>,
    scratch: Scratch,
    text: Vec<u8>,
}

impl Job for Survey {
    const NAME: &'static str = "ingest-survey";
    type Setup = Vec<Source>;
    type Task = Chunks;
    type Reply = Vec<survey::Survey>;

    fn start(sources: &Vec<Source>) -> Result<Self, Problem> {
        Ok(Self { sources: sources.clone(), scratch: Scratch::default(), text: Vec::new() })
    }

    fn run(&mut self, task: &Chunks, stop: &Stop) -> Result<Self::Reply, Problem> {
        let surveyed = task.chunks.iter().map(|(number, span)| {
            stop.check()?;
            let source = &self.sources[*number as usize];
            let file = source.open()?;
            let read = |span: Span| {
                let mut bytes = Vec::new();
                read_span(&file, span, &mut bytes).map(|()| bytes)
            };
            let before = before(*span, source.data, &source.dialect, read).or_problem(|| source.cannot())?;
            read_span(&file, *span, &mut self.text).or_problem(|| source.cannot())?;
            let mut found = survey::survey(&self.text, before, &source.dialect, &mut self.scratch);
            if source.ascii_so_far && !self.text.is_ascii() {
                found.utf8 = utf8_counts(&self.text);
            }
            if source.is_utf16() {
                found.units = utf16_units(&self.text);
            }
            Ok(found)
        });
        surveyed.collect()
    }
}
