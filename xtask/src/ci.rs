//! What must hold before a change is taken, and the parts of it that stand alone.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::arguments::{Data, RunAll, Words};
use crate::children::Leash;
use crate::cluster;
use crate::deny::{self, Advisories};
use crate::docs;
use crate::house::House;
use crate::run_all::run_all;
use crate::stop::Interrupted;
use crate::tidy;

/// `cargo xtask fmt`
pub(crate) fn fmt(house: &House) -> Result<u8> {
    house.cargo(["fmt", "--all"])
}

/// `cargo xtask test`
pub(crate) fn test(house: &House, words: &Words) -> Result<u8> {
    house.cargo(["test", "--workspace"].into_iter().map(OsStr::new).chain(words))
}

/// `cargo xtask ci`: every check, also after one that failed, so that one run shows all there is to mend.
pub(crate) fn ci(house: &House) -> Result<u8> {
    let mut ledger = Ledger::default();
    ledger.check("format", || house.cargo(["fmt", "--all", "--check"]))?;
    ledger.check("tidy", || tidy::task(house))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    ledger.check("clippy", || house.cargo(clippy))?;
    ledger.check("clippy, cluster and s3", || cluster::clippy(house))?;
    let rustdoc = [("RUSTDOCFLAGS", "-D warnings")];
    ledger.check("rustdoc", || house.cargo_with(["doc", "--workspace", "--no-deps"], &rustdoc))?;
    ledger.check("deny", || deny::policy(house))?;
    match deny::advisories(house) {
        Ok(Advisories::Checked(code)) => ledger.check("deny, advisories", || Ok(code))?,
        Ok(Advisories::Unreachable) => {
            ledger.skip("deny, advisories", "the advisory database cannot be fetched here");
        }
        Err(error) => ledger.check("deny, advisories", || Err(error))?,
    }
    ledger.check("test", || test(house, &Words::default()))?;
    ledger.check("test, cluster and s3", || cluster::test(house))?;
    ledger.check("cluster", || cluster::task(house, &Data::tiny()))?;
    ledger.check("docs", || docs::task(house, &[]))?;
    let runs = Runs::new()?;
    for (name, workers) in RUNS {
        ledger.check(name, || verified_run(house, &runs, *workers))?;
    }
    Ok(ledger.close())
}

/// The runs of a CI: as a user starts one, and with fewer and more workers than there are processors.
const RUNS: &[(&str, Option<u32>)] =
    &[("run-all", None), ("run-all, 1 worker", Some(1)), ("run-all, 7 workers", Some(7))];

fn verified_run(house: &House, runs: &Runs, workers: Option<u32>) -> Result<u8> {
    let code = run_all(house, &RunAll::tiny(&runs.0, workers))?;
    if code != 0 {
        return Ok(code);
    }

    let newest = runs.0.join("latest");
    // It reads a few files and ends; there is no lifeline to give it.
    house.run("bench-harness", [OsStr::new("verify"), newest.as_os_str()], Leash::Signal)
}

/// A folder for the runs of a CI, removed at the end.
struct Runs(PathBuf);

impl Runs {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("paralelo-ci-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// What was checked, and how it went.
#[derive(Debug, Default)]
struct Ledger(Vec<(String, Outcome)>);

#[derive(Debug, PartialEq)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    Skipped(&'static str),
}

impl Ledger {
    /// Does a check. A failure is written down and the next one goes on; only Ctrl-C ends it all.
    fn check(&mut self, name: &str, check: impl FnOnce() -> Result<u8>) -> Result<()> {
        eprintln!("\n== {name}");
        let started = Instant::now();
        let outcome = match check() {
            Ok(0) => Outcome::Passed(started.elapsed()),
            Ok(_) => Outcome::Failed(started.elapsed()),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                eprintln!("error: {error:#}");
                Outcome::Failed(started.elapsed())
            }
        };
        self.0.push((name.to_owned(), outcome));
        Ok(())
    }

    fn skip(&mut self, name: &str, reason: &'static str) {
        eprintln!("\n== {name}: skipped, {reason}");
        self.0.push((name.to_owned(), Outcome::Skipped(reason)));
    }

    /// Prints the list and returns the exit code.
    fn close(self) -> u8 {
        eprintln!();
        let mut code = 0;
        for (name, outcome) in self.0 {
            match outcome {
                Outcome::Passed(took) => eprintln!("ok       {name} ({:.1} s)", took.as_secs_f64()),
                Outcome::Skipped(reason) => eprintln!("skipped  {name}: {reason}"),
                Outcome::Failed(took) => {
                    eprintln!("FAILED   {name} ({:.1} s)", took.as_secs_f64());
                    code = 1;
                }
            }
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(results: Vec<Result<u8>>, expected: u8) {
        let mut ledger = Ledger::default();
        let count = results.len();
        for result in results {
            ledger.check("a check", || result).expect("goes on");
        }
        ledger.skip("another", "there is no program for it");
        assert_eq!(ledger.0.len(), count + 1);
        assert_eq!(ledger.close(), expected);
    }

    #[test]
    fn every_check_is_done_and_one_failure_fails_the_whole() {
        check(vec![Ok(0), Ok(0)], 0);
        check(vec![Ok(0), Ok(101), Ok(0)], 1);
        check(vec![Err(anyhow::anyhow!("the build failed")), Ok(0)], 1);
    }

    #[test]
    fn ctrl_c_ends_the_list() {
        let error = Ledger::default().check("a check", || Err(Interrupted.into())).expect_err("interrupted");
        assert!(error.is::<Interrupted>());
    }
}
