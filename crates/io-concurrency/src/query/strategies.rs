//! The ways to query, side by side.

use lab::ways::{self, Way};
use lab::{Lab, Problem, Tried};

use super::part::{Part, Planner, Querier, SharedSetup, ask, may_be_split, ranges};
use super::range::Range;
use super::source::Place;
use super::{Input, United};

/// One source after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<United, Problem> {
    by(input, lab, ways::sequential::<Planner>, ways::sequential::<Querier>)
}

/// A thread for each source, and for each range of a large table.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<United, Problem> {
    by(input, lab, ways::threads::<Planner>, ways::threads::<Querier>)
}

/// A fixed number of threads, each with one source or range at a time.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<United, Problem> {
    by(input, lab, ways::pool::<Planner>, ways::pool::<Querier>)
}

/// The same on threads that steal from each other.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<United, Problem> {
    by(input, lab, ways::rayon::<Planner>, ways::rayon::<Querier>)
}

/// A fixed number of processes, which send their rows through pipes.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<United, Problem> {
    by(input, lab, ways::processes::<Planner>, ways::processes::<Querier>)
}

/// One thread that waits for all servers at once. SQLite is no server but a library: its files are read on that thread, one
/// after another, and nothing is won.
pub(super) fn tasks(input: &Input, lab: &Lab) -> Result<United, Problem> {
    United::gather(
        input,
        lab,
        |setup| {
            planned(input, setup, |parts| {
                let mut found = Vec::new();
                let plan = async |part: &Part| ranges(&setup.0, part, &lab.stop).await;
                ways::tasks(
                    lab,
                    input.at_once,
                    &mut parts.iter().cloned(),
                    &mut |outcome| {
                        found.push(or_whole(outcome, setup));
                        Ok(())
                    },
                    &plan,
                )?;
                Ok(found)
            })
        },
        |setup, parts, sink| {
            let query = async |part: &Part| ask(&setup.0, part, &lab.stop).await;
            ways::tasks(lab, input.at_once, parts, sink, &query)
        },
    )
}

fn by(input: &Input, lab: &Lab, planner: Way<Planner>, querier: Way<Querier>) -> Result<United, Problem> {
    United::gather(
        input,
        lab,
        |setup| {
            planned(input, setup, |parts| {
                let mut found = Vec::new();
                planner(lab, setup, &mut parts.iter().cloned(), &mut |outcome| {
                    found.push(or_whole(outcome, setup));
                    Ok(())
                })?;
                Ok(found)
            })
        },
        |setup, parts, sink| querier(lab, setup, parts, sink),
    )
}

/// A source that cannot tell its ranges is asked as a whole: then it says itself what is wrong with it, or with the key.
fn or_whole(outcome: Tried<Vec<Range>>, setup: &SharedSetup) -> Vec<Range> {
    let by_key = setup.0.key.is_some();
    outcome.unwrap_or_else(|_| vec![if by_key { Range::Key { from: None, to: None } } else { Range::Whole }])
}

/// All parts, statement by statement and source by source. The ranges are a matter of the data and not of the workers, so
/// rows come in one order whoever fetches them.
fn planned(
    input: &Input,
    setup: &SharedSetup,
    plan: impl FnOnce(&[Part]) -> Result<Vec<Vec<Range>>, Problem>,
) -> Result<Vec<Part>, Problem> {
    let setup = &setup.0;
    let mut parts = Vec::new();
    for statement in 0..setup.statements.len() {
        for (source, found) in setup.sources.iter().enumerate() {
            let label = match setup.statements.len() {
                1 => found.name.clone(),
                _ => format!("{}: {}", found.name, setup.statements[statement].name),
            };
            parts.push(Part { source, statement, range: Range::Whole, label });
        }
    }
    let is_large = |part: &Part| match &setup.sources[part.source].place {
        Place::Sqlite(path) => std::fs::metadata(path).is_ok_and(|found| found.len() >= super::sqlite::LARGE),
        Place::Postgres(_) => true,
        Place::MariaDb(_) => false,
    };
    let splits =
        |part: &Part| input.by_ranges && may_be_split(setup, part) && (setup.key.is_some() || is_large(part));
    let asked: Vec<Part> = parts.iter().filter(|part| splits(part)).cloned().collect();
    let mut ranges = if asked.is_empty() { Vec::new() } else { plan(&asked)? }.into_iter();
    let mut all = Vec::new();
    for part in parts {
        let ranges = if splits(&part) { ranges.next() } else { None }.unwrap_or_else(|| vec![Range::Whole]);
        let count = ranges.len();
        for (number, range) in ranges.into_iter().enumerate() {
            let label = if count == 1 {
                part.label.clone()
            } else {
                format!("{} [{}/{count}]", part.label, number + 1)
            };
            all.push(Part { range, label, ..part.clone() });
        }
    }
    Ok(all)
}
