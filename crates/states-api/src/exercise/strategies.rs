//! The ways to gather, side by side.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use lab::job::Tried;
use lab::timeline::Drawn as _;
use lab::{Lab, OrProblem as _, Problem, ways};

use super::errand::{Errand, Names, Surveyor};
use super::{Input, Map, deadline};
use crate::application::Gatherer;
use crate::domain::{City, District, Gap, Missing, State, StateTree, Why};

/// One request after another: the waits add up.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Map, Problem> {
    by(input, lab, ways::sequential::<Surveyor>)
}

/// A thread, with an event loop and a connection of its own, for each request of a level: all waits of it overlap.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Map, Problem> {
    by(input, lab, ways::threads::<Surveyor>)
}

/// As many waits overlap as there are workers.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Map, Problem> {
    by(input, lab, ways::pool::<Surveyor>)
}

/// Likewise: there is nothing to win by stealing work that waits.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Map, Problem> {
    by(input, lab, ways::rayon::<Surveyor>)
}

/// Likewise, and each answer is copied through a pipe.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Map, Problem> {
    by(input, lab, ways::processes::<Surveyor>)
}

/// Level after level: the cities of all states, then the districts of all cities.
fn by(input: &Input, lab: &Lab, way: ways::Way<Surveyor>) -> Result<Map, Problem> {
    let asked: Vec<_> =
        input.states.iter().map(|state| Errand::Cities(state.id, state.sigla.to_string())).collect();
    let mut trees: Vec<StateTree> = ways::collect::<Surveyor>(way, lab, &input.setup, &asked)
        .into_iter()
        .zip(&input.states)
        .map(|(outcome, state)| with_cities(state, outcome))
        .collect();
    let cities = || trees.iter().flat_map(|tree| tree.cities.iter().flatten());
    let asked: Vec<_> = cities().map(|city| Errand::Districts(city.id, city.nome.to_string())).collect();
    let mut outcomes = ways::collect::<Surveyor>(way, lab, &input.setup, &asked).into_iter();
    for tree in &mut trees {
        let StateTree { state, cities, gaps } = tree;
        for city in cities.iter_mut().flatten() {
            match outcomes.next() {
                Some(Ok(names)) => {
                    city.districts =
                        Some(names.into_iter().map(|(id, nome)| District { id, nome }).collect());
                }
                Some(Err(failure)) => {
                    let missing = Missing::Districts { state: state.sigla, city: city.id };
                    gaps.push(Gap { missing, why: why(&failure) });
                }
                None => {}
            }
        }
    }
    Map::of(trees, lab)
}

fn with_cities(state: &State, outcome: Tried<Names>) -> StateTree {
    let city = |(id, nome)| City { id, nome, districts: None };
    match outcome {
        Ok(names) => StateTree {
            state: state.clone(),
            cities: Some(names.into_iter().map(city).collect()),
            gaps: Vec::new(),
        },
        Err(failure) => StateTree::bare(state.clone(), why(&failure)),
    }
}

fn why(failure: &lab::Failure) -> Why {
    Why { class: "failed", detail: failure.to_string() }
}

/// The fan-out of the service on one thread: a task for each state and one for each city, whose turn two semaphores
/// decide, with one client whose connections they share.
pub(super) fn tasks(input: &Input, lab: &Lab) -> Result<Map, Problem> {
    let gatherer = Gatherer { source: input.setup.source()?, bulkheads: input.bulkheads() };
    let until = deadline(lab);
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let event_loop = event_loop.or_problem(|| "no event loop could be started")?;
    let trees = event_loop.block_on(async {
        let gathering: FuturesUnordered<_> = input
            .states
            .iter()
            .map(|state| {
                let span = lab::span!(Task, "state", state.sigla);
                async {
                    let tree = gatherer.tree(state, None, until).await;
                    tree.unwrap_or_else(|why| StateTree::bare(state.clone(), why))
                }
                .drawn(span)
            })
            .collect();
        tokio::select! {
            biased;
            // The map is not made of what is there by then.
            () = lab.stop.wait() => Vec::new(),
            trees = gathering.collect() => trees,
        }
    });
    // The client's connections live on the event loop, so it goes first.
    drop(gatherer);
    Map::of(trees, lab)
}
