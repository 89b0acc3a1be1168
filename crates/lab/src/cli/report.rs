//! The end of a tool's run on standard error: the summary, warnings and failures.
//!
//! Failures of one cause are one entry: the first in full, then how many more there are and where some of them are. With
//! `--json` every one is a line of its own.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use owo_colors::OwoColorize;
use serde::Serialize;

use crate::answer::Work;
use crate::job::{Cause, Failure};
use crate::problem::Problem;

/// Places that are named of further failures of one cause.
const PLACES: usize = 5;

/// Causes that are printed; of the rest only the count is.
const CAUSES: usize = 20;

/// What a tool's run did, for its last lines.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) work: Work,
    pub(super) failures: Vec<Failure>,
    pub(super) warnings: Vec<Problem>,
    pub(super) took: Duration,
    /// The strategy, with the number of its workers where that is the user's choice.
    pub(super) strategy: String,
}

/// A line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Summary {
        done: u64,
        #[serde(flatten)]
        work: Work,
        seconds: f64,
        strategy: &'a str,
    },
    Warning(&'a Problem),
    Failed(&'a Failure),
}

impl Ending {
    fn done(&self) -> u64 {
        self.work.items.saturating_sub(self.failures.len() as u64)
    }

    /// Prints sentences. A quiet run prints its failures only.
    pub(super) fn print(&self, quiet: bool, warns: bool) {
        if !quiet {
            anstream::eprintln!(
                "{} of {} items, {} rows, {} read, {} written in {:.3} s ({})",
                self.done(),
                self.work.items,
                self.work.rows,
                bytesize::ByteSize(self.work.bytes_in),
                bytesize::ByteSize(self.work.bytes_out),
                self.took.as_secs_f64(),
                self.strategy,
            );
        }
        if warns {
            let warnings: Vec<_> = self.warnings.iter().map(Fault::of_warning).collect();
            print_grouped(&"warning".yellow().bold(), &warnings);
        }
        failures(&self.failures);
    }

    /// Prints a JSON line for the summary and for each warning and failure.
    pub(super) fn print_json(&self, quiet: bool, warns: bool) {
        let summary = Line::Summary {
            done: self.done(),
            work: self.work,
            seconds: self.took.as_secs_f64(),
            strategy: &self.strategy,
        };
        let summary = (!quiet).then_some(summary);
        let warnings = self.warnings.iter().filter(|_| warns).map(Line::Warning);
        let lines = summary.into_iter().chain(warnings).chain(self.failures.iter().map(Line::Failed));
        for line in lines.filter_map(|line| serde_json::to_string(&line).ok()) {
            anstream::eprintln!("{line}");
        }
    }
}

/// Prints failures, those of one cause together.
pub(super) fn failures(all: &[Failure]) {
    let faults: Vec<_> = all.iter().map(Fault::of_failure).collect();
    print_grouped(&"failed".red().bold(), &faults);
}

/// A warning or a failure as the reader sees it.
struct Fault {
    text: String,
    /// Equal for faults of one cause: the class and the text without the place.
    cause: String,
    /// Where it is.
    place: Option<String>,
}

impl Fault {
    fn of_warning(problem: &Problem) -> Self {
        let place = problem.place().map(Into::into);
        Self { text: problem.to_string(), cause: problem.cause_without(&[]), place }
    }

    fn of_failure(failure: &Failure) -> Self {
        let task = &*failure.task;
        let problem = match &failure.cause {
            Cause::Problem(problem) => Some(problem),
            _ => None,
        };
        let cause = match &failure.cause {
            Cause::Problem(problem) => problem.cause_without(&[task]),
            Cause::Panicked(message) => message.replace(task, "…"),
            Cause::SetAside(deaths) => deaths.iter().map(|death| &*death.how).collect(),
            Cause::CutOff | Cause::NotStarted => String::new(),
        };
        let place = match problem.and_then(Problem::place) {
            Some(place) if place.contains(task) => place.to_owned(),
            Some(place) if !task.contains(place) => format!("{task} at {place}"),
            _ => task.to_owned(),
        };
        Self {
            text: failure.to_string(),
            cause: format!("{} {cause}", failure.cause.name()),
            place: Some(place),
        }
    }
}

/// Prints the first fault of each cause in full, and of the others where some of them are.
fn print_grouped(label: &impl Display, faults: &[Fault]) {
    for entry in grouped(faults) {
        anstream::eprintln!("{label}: {entry}");
    }
}

/// An entry for each cause, in the order in which they were met.
fn grouped(faults: &[Fault]) -> Vec<String> {
    let mut groups: Vec<Vec<&Fault>> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for fault in faults {
        let at = *known.entry(&fault.cause).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Vec::new());
        }
        groups[at].push(fault);
    }

    let mut entries: Vec<String> = groups.iter().take(CAUSES).map(|group| entry(group)).collect();
    if let Some(rest) = groups.get(CAUSES..).filter(|rest| !rest.is_empty()) {
        let faults: usize = rest.iter().map(Vec::len).sum();
        entries.push(format!("and {faults} more of {} other causes; --json prints each one", rest.len()));
    }
    entries
}

fn entry(group: &[&Fault]) -> String {
    let Some((first, more)) = group.split_first() else { return String::new() };
    if more.is_empty() {
        return first.text.clone();
    }
    let mut places: Vec<&str> = Vec::new();
    for place in more.iter().filter_map(|fault| fault.place.as_deref()) {
        if !places.contains(&place) && places.len() <= PLACES {
            places.push(place);
        }
    }
    let mut text = format!("{}\n  and {} more", first.text, more.len());
    if !places.is_empty() {
        text.push_str(": ");
        text.push_str(&places[..places.len().min(PLACES)].join(", "));
        if more.len() > PLACES.min(places.len()) {
            text.push_str(", …");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(number: usize, problem: impl Fn(&str) -> Problem) -> Vec<Fault> {
        let failure = |number: usize| {
            let task = format!("in/{number}.csv");
            let cause = Cause::Problem(problem(&task));
            Failure { task, cause }
        };
        (0..number).map(|number| Fault::of_failure(&failure(number))).collect()
    }

    #[test]
    fn many_failures_of_one_cause_are_one_entry_that_names_some_places() {
        let faults = failures(322, |task| {
            Problem::new(format!("cannot start nosuchprogram for {task}"))
                .at(format!("{task}:1"))
                .hint("install it")
        });
        assert_eq!(
            grouped(&faults),
            ["in/0.csv: cannot start nosuchprogram for in/0.csv\n  at: in/0.csv:1\n  hint: install it\n  \
              and 321 more: in/1.csv:1, in/2.csv:1, in/3.csv:1, in/4.csv:1, in/5.csv:1, …"]
        );
    }

    #[test]
    fn other_causes_and_other_classes_stay_apart() {
        let mut faults = failures(2, |_| Problem::new("status 404").of_class("status"));
        faults.extend(failures(2, |_| Problem::new("status 500").of_class("status")));
        faults.extend(failures(2, |_| Problem::new("status 500").of_class("other")));
        let entries = grouped(&faults);
        assert_eq!(entries.len(), 3, "{entries:?}");
        assert!(entries.iter().all(|entry| entry.ends_with("\n  and 1 more: in/1.csv")), "{entries:?}");
    }

    #[test]
    fn a_multitude_of_causes_is_counted_and_not_printed() {
        let faults = failures(500, |task| Problem::new(format!("{task} and {task}")));
        assert_eq!(grouped(&faults).len(), 1);
        let number = std::cell::Cell::new(0_u32);
        let faults = failures(500, |_| {
            number.set(number.get() + 1);
            Problem::new(format!("cause {}", char::from_u32(0x4e00 + number.get()).unwrap()))
        });
        let entries = grouped(&faults);
        assert_eq!(entries.len(), CAUSES + 1);
        assert_eq!(entries[CAUSES], "and 480 more of 480 other causes; --json prints each one");
    }

    #[test]
    fn a_failure_alone_is_printed_as_it_is() {
        assert_eq!(grouped(&failures(1, |_| Problem::new("no"))), ["in/0.csv: no"]);
    }
}
