//! The answer: the tree as one document.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::sync::Arc;

use lab::job::{Cause, Failure};
use lab::out::{Staging, publish};
use lab::{Answer, Digest, Lab, OrProblem as _, Problem, Work};

use super::errand;
use crate::domain::{Country, StateTree};
use crate::http;

/// The map, as the service would answer with it.
#[derive(Debug)]
pub struct Map {
    document: Vec<u8>,
    work: Work,
    failures: Vec<Failure>,
}

impl Map {
    /// The map of these trees.
    ///
    /// # Errors
    /// An interruption: a map cut short must not look like a whole one.
    pub(super) fn of(mut trees: Vec<StateTree>, lab: &Lab) -> Result<Self, Problem> {
        if lab.stop.asked() {
            return Err(Problem::new("interrupted")
                .hint("nothing was written: an unfinished map would look like a whole one"));
        }
        trees.sort_by_key(|tree| tree.state.id);
        let country = Country { states: trees.into_iter().map(Arc::new).collect() };
        let document = http::document(&country);
        let tally = country.tally();
        let failure = |gap: &crate::domain::Gap| Failure {
            task: match gap.missing.city() {
                Some(city) => format!("{} of {city} in {}", gap.missing.what(), gap.missing.state()),
                None => format!("{} of {}", gap.missing.what(), gap.missing.state()),
            },
            cause: Cause::Problem(errand::problem(&gap.why)),
        };
        Ok(Self {
            work: Work {
                items: (tally.states + tally.cities) as u64,
                rows: tally.districts as u64,
                bytes_in: 0,
                bytes_out: document.len() as u64,
            },
            failures: country.gaps().map(failure).collect(),
            document,
        })
    }

    /// Writes the document to `--out` or to standard output. A reader that has seen enough, such as `head`, is no error.
    pub(super) fn deliver(&self, lab: &Lab) -> Result<(), Problem> {
        let Some(path) = lab.out() else {
            let mut out = io::stdout().lock();
            let written =
                out.write_all(&self.document).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
            return match written {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                written => written.or_problem(|| "cannot write to standard output"),
            };
        };
        let staging = Staging::beside(&path)?;
        let beside = staging.path("map.json");
        fs::write(&beside, &self.document).or_problem(|| format!("cannot write {}", path.display()))?;
        publish(&beside, &path)
    }
}

impl Answer for Map {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add(&self.document);
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
