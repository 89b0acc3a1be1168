//! The fan-out: a state's cities, and the districts of each of them, under two bulkheads.
//!
//! Everything that belongs to one state is polled by one task. Its futures may borrow, none can be left behind, and the
//! states are what several threads share.

use std::pin::pin;
use std::time::Instant;

use fetch::{Bulkhead, Pass};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use lab::timeline::Drawn as _;
use tokio::time::timeout_at;

use crate::domain::{City, District, Gap, Missing, State, StateTree, Why};
use crate::source::Ibge;

/// How many requests of each sort may be in flight.
#[derive(Debug)]
pub struct Bulkheads {
    /// Requests for the cities of a state.
    pub states: Bulkhead,
    /// Requests for the districts of a city.
    pub cities: Bulkhead,
}

/// The source behind its bulkheads.
#[derive(Debug)]
pub struct Gatherer {
    /// The source.
    pub source: Ibge,
    /// Its bulkheads.
    pub bulkheads: Bulkheads,
}

impl Default for Bulkheads {
    fn default() -> Self {
        Self::new(26, 500)
    }
}

impl Bulkheads {
    /// At most so many of each sort.
    pub fn new(states: usize, cities: usize) -> Self {
        Self { states: Bulkhead::new(states), cities: Bulkhead::new(cities) }
    }
}

impl Gatherer {
    /// The list of states.
    ///
    /// # Errors
    /// Why it could not be had before `until`.
    pub async fn roster(&self, until: Instant) -> Result<Vec<State>, Why> {
        self.source.states(until).await
    }

    /// A state with everything below it that can be had before `until`. What an earlier one with gaps has is not asked for
    /// again.
    ///
    /// # Errors
    /// Why not even its cities could be had.
    pub async fn tree(
        &self,
        state: &State,
        earlier: Option<&StateTree>,
        until: Instant,
    ) -> Result<StateTree, Why> {
        let mut cities = match earlier.and_then(|tree| tree.cities.as_ref()) {
            Some(cities) => cities.clone(),
            None => self.cities(state, until).await?,
        };
        let mut gaps = Vec::new();
        // Each waits for its turn at the bulkhead itself, in the order of the cities.
        let mut asked = FuturesUnordered::new();
        for (index, city) in cities.iter().enumerate().filter(|(_, city)| city.districts.is_none()) {
            let (id, span) = (city.id, lab::span!(Task, "city", city.nome));
            asked.push(async move { (index, id, self.districts(id, until).await) }.drawn(span));
        }
        let mut came: Vec<(usize, Vec<District>)> = Vec::with_capacity(asked.len());
        while let Some((index, city, outcome)) = asked.next().await {
            match outcome {
                Ok(districts) => came.push((index, districts)),
                Err(why) => {
                    let missing = Missing::Districts { state: state.sigla, city };
                    gaps.push(Gap { missing, why });
                }
            }
        }
        drop(asked);
        for (index, districts) in came {
            cities[index].districts = Some(districts);
        }
        // They failed in any order; the answer has one.
        gaps.sort_by_key(|gap| gap.missing);
        Ok(StateTree { state: state.clone(), cities: Some(cities), gaps })
    }

    async fn cities(&self, state: &State, until: Instant) -> Result<Vec<City>, Why> {
        let mut pass = enter(&self.bulkheads.states, until).await?;
        let asked = Box::pin(self.source.cities(state, until));
        asked.await.inspect_err(|_| pass.failed())
    }

    async fn districts(&self, city: u32, until: Instant) -> Result<Vec<District>, Why> {
        let mut pass = enter(&self.bulkheads.cities, until).await?;
        // Thousands wait for their turn, each in the room that it needs for waiting; what asking needs comes after.
        let asked = Box::pin(self.source.districts(city, until));
        asked.await.inspect_err(|_| pass.failed())
    }
}

/// Waits for its turn, but not past the deadline.
async fn enter(bulkhead: &Bulkhead, until: Instant) -> Result<Pass<'_>, Why> {
    let mut turn = pin!(bulkhead.enter());
    if let Some(pass) = turn.as_mut().now_or_never() {
        return Ok(pass);
    }
    // On the timeline, waiting for a turn is not waiting for the source.
    let turn = turn.drawn(lab::span!(Blocked, "bulkhead", "its turn"));
    let pass = timeout_at(until.into(), turn).await;
    pass.map_err(|_late| Why {
        class: "timeout",
        detail: "its turn did not come before the deadline".to_owned(),
    })
}
