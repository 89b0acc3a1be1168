//! The answer: the pages in the order of their URLs, in a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use lab::job::{Cause, Failure};
use lab::out::{Staging, publish};
use lab::ways::{Sink, Tasks};
use lab::{Answer, Digest, Lab, OrProblem, Problem, Tried, Work};

use super::columnar::{self, Table};
use super::{Errand, Input, Page, page};

/// Whether the name of an output asks for Parquet.
fn is_parquet(place: &Path) -> bool {
    place.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"))
}

/// Where lines go: as they are, or as rows.
enum Out {
    Lines(BufWriter<File>),
    Rows(Box<Table>),
}

impl Out {
    fn new(file: &Path, columnar: bool) -> io::Result<Self> {
        let file = File::create(file)?;
        Ok(if columnar { Self::Rows(Box::new(Table::new(file)?)) } else { Self::Lines(BufWriter::new(file)) })
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Lines(out) => writeln!(out, "{line}"),
            Self::Rows(table) => table.push(line),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Lines(mut out) => out.flush(),
            Self::Rows(table) => table.finish(),
        }
    }
}

/// The pages that came, and the failures of those that did not.
#[derive(Debug)]
pub struct Pages {
    /// The file with the lines.
    file: PathBuf,
    /// Where the file is when no output was asked for: it is printed and goes with this folder.
    spool: Option<Staging>,
    work: Work,
    failures: Vec<Failure>,
}

impl Pages {
    /// Lets `crawl` fetch the errands, and writes the line of each page as soon as those before it are written, so that
    /// memory stays flat however many there are.
    ///
    /// # Errors
    /// Output that cannot be written, and an interruption: a list cut short must not look like a whole one.
    pub(super) fn gather(
        input: &Input,
        lab: &Lab,
        crawl: impl FnOnce(Tasks<'_, Errand>, Sink<'_, Page>) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        let place = lab.out();
        let staging = match &place {
            Some(place) => Staging::beside(place),
            None => Staging::within(&std::env::temp_dir()),
        }?;
        let columnar = place.as_ref().is_some_and(|place| is_parquet(place));
        let file = staging.path(if columnar { "pages.parquet" } else { "pages.ndjson" });
        let cannot = || format!("cannot write {}", place.as_ref().unwrap_or(&file).display());
        let mut out = Out::new(&file, columnar).or_problem(cannot)?;
        let mut pages = Self { file: file.clone(), spool: None, work: Work::default(), failures: Vec::new() };
        let mut lines = InOrder::new(&input.order);
        crawl(&mut input.errands.iter().cloned(), &mut |outcome| {
            let came = outcome.is_ok();
            let line = pages.note(outcome);
            lines.came(line, came, |line| out.line(line)).or_problem(cannot)
        })?;
        let Work { bytes_in, .. } = pages.work;
        pages.work = Work { items: input.order.len() as u64, bytes_in, ..lines.written };
        out.finish().or_problem(cannot)?;
        if columnar {
            pages.work.bytes_out = std::fs::metadata(&file).map_or(0, |found| found.len());
        }
        if lab.stop.asked() {
            return Err(pages.interrupted(input));
        }
        match place {
            Some(place) => {
                publish(&file, &place)?;
                pages.file = place;
            }
            None => pages.spool = Some(staging),
        }
        Ok(pages)
    }

    /// Counts an outcome and returns its line.
    fn note(&mut self, outcome: Tried<Page>) -> String {
        match outcome {
            Ok(page) => {
                self.work.bytes_in += page.received;
                page::whole(&page)
            }
            Err(mut failure) => {
                let said = match &mut failure.cause {
                    Cause::Problem(problem) => problem.take_carried(),
                    _ => None,
                };
                let (class, message) = match &failure.cause {
                    Cause::Problem(problem) => (problem.class().unwrap_or("problem"), problem.line()),
                    cause => (cause.name(), failure.to_string()),
                };
                // The status, and then what is added to the line.
                let said = said.as_deref().unwrap_or_default();
                let (status, said) = said.split_at(said.find(',').unwrap_or(said.len()));
                let line = page::failed(&failure.task, status.parse().ok(), class, &message) + said + "}";
                self.failures.push(failure);
                line
            }
        }
    }

    fn interrupted(&self, input: &Input) -> Problem {
        let all = input.order.len();
        Problem::new(format!("interrupted when {} of {all} lines were written", self.work.rows))
            .hint("nothing was written: an unfinished list would look like a whole one; with --resume FILE the next run goes on where this one ended")
    }

    /// Copies the lines to standard output, unless they are where the user asked for them.
    ///
    /// # Errors
    /// Standard output that takes no more. A reader that has seen enough, such as `head`, is no error.
    pub fn print(&self) -> Result<(), Problem> {
        if self.spool.is_none() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        match File::open(&self.file).and_then(|mut lines| io::copy(&mut lines, &mut out)) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            copied => copied.map(drop).or_problem(|| "cannot write to standard output"),
        }
    }
}

/// Brings the lines of errands, which come in the order of their first appearance, into the order of the input. A line is
/// held only while a place further on still needs it.
struct InOrder<'a> {
    order: &'a [usize],
    /// How many places are filled.
    filled: usize,
    /// How many errands have come.
    come: usize,
    /// How many places are still to be filled with each errand that stands several times.
    wanted: HashMap<usize, usize>,
    /// Lines, and whether they are pages.
    held: HashMap<usize, (String, bool)>,
    /// The pages and bytes that were written.
    written: Work,
}

impl<'a> InOrder<'a> {
    fn new(order: &'a [usize]) -> Self {
        let mut wanted = HashMap::new();
        order.iter().for_each(|errand| *wanted.entry(*errand).or_default() += 1);
        wanted.retain(|_, times| *times > 1);
        Self { order, filled: 0, come: 0, wanted, held: HashMap::new(), written: Work::default() }
    }

    /// Takes the line of the next errand, and fills the places that can be filled now.
    fn came(
        &mut self,
        line: String,
        is_page: bool,
        mut write: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let newest = self.come;
        self.come += 1;
        self.held.insert(newest, (line, is_page));
        while let Some(errand) = self.order.get(self.filled).filter(|errand| **errand <= newest) {
            let (line, is_page) = &self.held[errand];
            write(line)?;
            self.written.rows += u64::from(*is_page);
            self.written.bytes_out += line.len() as u64 + 1;
            self.filled += 1;
            let left = self.wanted.get_mut(errand).map_or(0, |left| {
                *left -= 1;
                *left
            });
            if left == 0 {
                self.held.remove(errand);
            }
        }
        Ok(())
    }
}

impl Answer for Pages {
    /// Line by line, read back from the file, without the way that each page took.
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        if is_parquet(&self.file) {
            return columnar::digest(&self.file, digest);
        }
        let read = File::open(&self.file).and_then(|file| {
            BufReader::new(file).lines().try_for_each(|line| {
                digest.add(page::lasting(&line?).as_bytes());
                Ok(())
            })
        });
        read.or_problem(|| format!("cannot read {} back", self.file.display()))
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_place_gets_the_line_of_its_errand_and_nothing_is_held_for_nobody(inputs in proptest::collection::vec(0_u8..9, 0..40)) {
            // The numbers of errands are given out in the order of their first appearance, as the list does.
            let mut known = Vec::new();
            let order: Vec<usize> = inputs.iter().map(|input| {
                known.iter().position(|one| one == input).unwrap_or_else(|| {
                    known.push(*input);
                    known.len() - 1
                })
            }).collect();
            let (mut lines, mut written) = (InOrder::new(&order), Vec::new());
            for input in &known {
                lines.came(input.to_string(), true, |line| {
                    written.push(line.to_owned());
                    Ok(())
                }).unwrap();
            }
            prop_assert_eq!(written, inputs.iter().map(ToString::to_string).collect::<Vec<_>>());
            prop_assert!(lines.held.is_empty());
        }
    }
}
