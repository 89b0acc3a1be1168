//! The answer: the pages in the order of their URLs, in memory or in a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use lab::job::Failure;
use lab::out::{Staging, publish};
use lab::{Answer, Digest, Lab, OrProblem, Problem, Tried, Work};

use super::Page;

/// The pages that came, and the failures of those that did not.
#[derive(Debug)]
pub struct Pages {
    kept: Kept,
    work: Work,
    failures: Vec<Failure>,
}

#[derive(Debug)]
enum Kept {
    /// In memory, to be printed.
    Lines(Vec<String>),
    /// In the file that was asked for.
    File(PathBuf),
}

impl Pages {
    /// Sorts outcomes, which are in the order of the URLs, into lines and failures, and writes the lines to `--out` if
    /// that was asked for.
    ///
    /// # Errors
    /// An output file that cannot be written, and an interruption: a list cut short must not look like a whole one.
    pub fn gather(outcomes: Vec<Tried<Page>>, lab: &Lab) -> Result<Self, Problem> {
        let mut work = Work { items: outcomes.len() as u64, ..Work::default() };
        let (mut lines, mut failures) = (Vec::with_capacity(outcomes.len()), Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(page) => {
                    work.rows += 1;
                    work.bytes_in += page.received;
                    work.bytes_out += page.line.len() as u64 + 1;
                    lines.push(page.line);
                }
                Err(failure) => failures.push(failure),
            }
        }
        if lab.stop.asked() {
            let done = format!("interrupted when {} of {} URLs were fetched", work.rows, work.items);
            return Err(Problem::new(done)
                .hint("nothing was written: an unfinished list would look like a whole one"));
        }
        let kept = match lab.out() {
            Some(path) => {
                write_file(&lines, &path)?;
                Kept::File(path)
            }
            None => Kept::Lines(lines),
        };
        Ok(Self { kept, work, failures })
    }

    /// Writes the lines to standard output, unless they are in a file.
    ///
    /// # Errors
    /// Standard output that takes no more. A reader that has seen enough, such as `head`, is no error.
    pub fn print(&self) -> Result<(), Problem> {
        let Kept::Lines(lines) = &self.kept else { return Ok(()) };
        match write(lines, &mut BufWriter::new(io::stdout().lock())) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.or_problem(|| "cannot write to standard output"),
        }
    }
}

fn write_file(lines: &[String], path: &Path) -> Result<(), Problem> {
    let staging = Staging::beside(path)?;
    let beside = staging.path("pages.ndjson");
    File::create(&beside)
        .and_then(|file| write(lines, &mut BufWriter::new(file)))
        .or_problem(|| format!("cannot write {}", path.display()))?;
    publish(&beside, path)
}

fn write(lines: &[String], out: &mut impl Write) -> io::Result<()> {
    for line in lines {
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

impl Answer for Pages {
    /// Line by line, so that the digest is the same whether the lines were written to a file or not. What is in a file is
    /// read back from it.
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        match &self.kept {
            Kept::Lines(lines) => lines.iter().for_each(|line| digest.add(line.as_bytes())),
            Kept::File(path) => {
                let read = File::open(path).and_then(|file| {
                    BufReader::new(file).split(b'\n').try_for_each(|line| {
                        digest.add(&line?);
                        Ok(())
                    })
                });
                read.or_problem(|| format!("cannot read {} back", path.display()))?;
            }
        }
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
