//! The atlas: what is known, served by its age, and fetched anew when it is time.
//!
//! The list of states and each state are kept and fetched apart, so that a request for one state costs one state, and what
//! could not be had of one is no reason to fetch another again.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use futures::Stream;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;

use super::flights::{Flights, Landing};
use super::gather::Gatherer;
use super::keeper;
use super::shelf::{Kept, Shelf};
use crate::domain::{Ages, City, Code, Country, Freshness, Gap, Missing, State, StateTree, Why};
use crate::source::snapshot::Known;

/// A circuit that will be open for longer than this is not waited for by somebody who has nothing yet.
const OPEN_TOO_LONG: Duration = Duration::from_secs(1);

/// How the atlas behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long what was fetched is good for what.
    pub ages: Ages,
    /// How long fetching a state may take, with everything below it.
    pub deadline: Duration,
    /// Where what is known is kept on disk, if anywhere.
    pub snapshot: Option<std::path::PathBuf>,
}

/// What is known of the places. Cloning it shares it.
#[derive(Clone, Debug)]
pub struct Atlas(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gatherer: Gatherer,
    settings: Settings,
    shelf: Shelf,
    flights: Flights<Key, Landed>,
    /// Wakes the keeper of the snapshot.
    changed: Notify,
    counts: Counts,
}

/// How requests were met. Tallies that nothing is derived from: `Relaxed`.
#[derive(Debug, Default)]
pub struct Counts {
    /// With something fresh.
    pub fresh: AtomicU64,
    /// With something stale, while a new one was fetched.
    pub revalidated: AtomicU64,
    /// With something stale, because no new one could be had.
    pub stale_if_error: AtomicU64,
    /// After a wait for the source.
    pub fetched: AtomicU64,
    /// Not at all.
    pub failed: AtomicU64,
}

/// What is being fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Roster,
    State(Code),
}

/// How it went. What came is on the shelf.
type Landed = Result<(), Why>;

/// Something that may be served, and what must be said with it.
#[derive(Debug)]
pub struct Shown<T> {
    /// The thing.
    pub value: Arc<T>,
    /// When it came from the source.
    pub at: SystemTime,
    /// How old it is.
    pub freshness: Freshness,
    /// Why there is no newer one, where one was needed.
    pub failed: Option<Why>,
}

impl<T> Shown<T> {
    fn new(kept: Kept<T>, freshness: Freshness, failed: Option<Why>) -> Self {
        Self { value: kept.dated.value, at: kept.dated.at, freshness, failed }
    }
}

impl AsRef<Flights<Key, Landed>> for Atlas {
    fn as_ref(&self) -> &Flights<Key, Landed> {
        &self.0.flights
    }
}

impl Atlas {
    /// An atlas that starts from what was known. It fetches nothing before it is asked.
    ///
    /// With a snapshot to keep, it must be made within an async runtime.
    pub fn new(gatherer: Gatherer, settings: Settings, known: Known) -> Self {
        let inner = Inner {
            gatherer,
            settings,
            shelf: Shelf::of(known),
            flights: Flights::new(),
            changed: Notify::new(),
            counts: Counts::default(),
        };
        let atlas = Self(Arc::new(inner));
        if let Some(path) = atlas.0.settings.snapshot.clone() {
            let close = atlas.0.flights.closing();
            atlas.0.flights.spawn(keeper::keep(path, atlas.clone(), close));
        }
        atlas
    }

    /// Grows with each change of what is known.
    pub fn version(&self) -> u64 {
        self.0.shelf.version()
    }

    /// How long what is fetched is good for what.
    pub fn ages(&self) -> &Ages {
        &self.0.settings.ages
    }

    /// The source and its bulkheads.
    pub fn gatherer(&self) -> &Gatherer {
        &self.0.gatherer
    }

    /// How requests were met.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// How many fetches are under way.
    pub fn fetching(&self) -> usize {
        self.0.flights.count()
    }

    /// How many states are known, and how old the oldest of them is.
    pub fn summary(&self) -> (usize, Option<Duration>) {
        self.0.shelf.summary()
    }

    /// Everything that is known.
    pub fn known(&self) -> Known {
        self.0.shelf.known()
    }

    /// Waits until something has changed.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Calls off what is being fetched, keeps what is known, and waits until all of it has ended.
    pub async fn close(&self) {
        self.0.flights.close().await;
    }

    /// The list of states.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn roster(&self) -> Result<Shown<Vec<State>>, Why> {
        let look = || self.0.shelf.roster();
        self.served(look, |_| true, || self.fetch_roster()).await
    }

    /// A state with everything below it.
    ///
    /// # Errors
    /// Why there is nothing of it.
    pub async fn tree(&self, state: &State) -> Result<Shown<StateTree>, Why> {
        let look = || self.0.shelf.tree(state.sigla);
        self.served(look, StateTree::is_whole, || self.fetch_tree(state)).await
    }

    /// These states in their order, each as soon as it is there or known to be missing.
    pub fn each(
        &self,
        states: Vec<State>,
    ) -> impl Stream<Item = (State, Result<Shown<StateTree>, Why>)> + use<> {
        let fetching = FuturesUnordered::new();
        for state in states {
            let atlas = self.clone();
            fetching.push(async move {
                let outcome = atlas.tree(&state).await;
                (state, outcome)
            });
        }
        fetching
    }

    /// All of these states together, with the oldest one's age.
    pub async fn country(&self, states: Vec<State>) -> Shown<Country> {
        let mut all: Vec<_> = self.each(states).collect().await;
        all.sort_by_key(|(state, _)| state.id);
        let mut country = Country::default();
        let (mut at, mut freshness, mut failed) = (SystemTime::now(), Freshness::Fresh, None);
        for (state, outcome) in all {
            match outcome {
                Ok(shown) => {
                    at = at.min(shown.at);
                    freshness = freshness.max(shown.freshness);
                    failed = failed.or(shown.failed);
                    country.states.push(shown.value);
                }
                Err(why) => country.states.push(Arc::new(StateTree::bare(state, why))),
            }
        }
        Shown { value: Arc::new(country), at, freshness, failed }
    }

    /// The city with this code, in its state.
    ///
    /// # Errors
    /// Why there is nothing of its state.
    pub async fn city(&self, id: u32) -> Result<Option<Shown<StateTree>>, Why> {
        let roster = self.roster().await?;
        let state = roster.value.iter().find(|state| Some(state.id) == City::state_of(id));
        match state {
            Some(state) => self.tree(state).await.map(Some),
            None => Ok(None),
        }
    }

    /// Serves what is kept as its age allows, and fetches it where it does not.
    async fn served<T>(
        &self,
        look: impl Fn() -> Option<Kept<T>>,
        is_whole: impl Fn(&T) -> bool,
        fetch: impl Fn() -> Landing<Landed>,
    ) -> Result<Shown<T>, Why> {
        let counts = &self.0.counts;
        let look = || {
            let kept = look()?;
            let freshness = self.ages().of(kept.age(), is_whole(&kept.dated.value));
            (freshness < Freshness::Expired).then_some((freshness, kept))
        };
        match look() {
            Some((Freshness::Fresh, kept)) => {
                counts.fresh.fetch_add(1, Relaxed);
                Ok(Shown::new(kept, Freshness::Fresh, None))
            }
            Some((Freshness::Revalidate, kept)) => {
                if kept.may_be_tried() && self.is_reachable() {
                    // The flight goes on without anybody who waits for it.
                    drop(fetch());
                }
                counts.revalidated.fetch_add(1, Relaxed);
                Ok(Shown::new(kept, Freshness::Revalidate, None))
            }
            old => self.fetched(old.is_none_or(|(_, kept)| kept.may_be_tried()), look, fetch).await,
        }
    }

    /// Waits for something newer, and serves what is kept if that fails.
    async fn fetched<T>(
        &self,
        try_it: bool,
        look: impl Fn() -> Option<(Freshness, Kept<T>)>,
        fetch: impl Fn() -> Landing<Landed>,
    ) -> Result<Shown<T>, Why> {
        let counts = &self.0.counts;
        let outcome = match (try_it, self.is_reachable()) {
            (true, true) => fetch().wait().await.unwrap_or_else(|| Err(stopped())),
            (_, false) => Err(left_alone(self.0.gatherer.source.circuit().pause())),
            (false, true) => Err(tried_just_now()),
        };
        match (outcome, look()) {
            (outcome, Some((freshness @ (Freshness::Fresh | Freshness::Revalidate), kept))) => {
                counts.fetched.fetch_add(1, Relaxed);
                // Who waited for it gets it as new, however short it is fresh.
                Ok(Shown::new(kept, if outcome.is_ok() { Freshness::Fresh } else { freshness }, None))
            }
            (outcome, Some((freshness, kept))) => {
                counts.stale_if_error.fetch_add(1, Relaxed);
                Ok(Shown::new(kept, freshness, outcome.err().or_else(|| Some(worse()))))
            }
            (outcome, None) => {
                counts.failed.fetch_add(1, Relaxed);
                Err(outcome.err().unwrap_or_else(stopped))
            }
        }
    }

    /// Fetches everything that is not known yet, for nobody in particular.
    pub fn prefetch(&self) {
        let (atlas, close) = (self.clone(), self.0.flights.closing());
        self.0.flights.spawn(async move {
            let fetch = async {
                if let Ok(roster) = atlas.roster().await {
                    atlas.country(roster.value.to_vec()).await;
                }
            };
            close.run_until_cancelled(fetch).await;
        });
    }

    /// Whether it makes sense to ask the source now.
    pub fn is_reachable(&self) -> bool {
        self.0.gatherer.source.circuit().pause() <= OPEN_TOO_LONG
    }

    fn fetch_roster(&self) -> Landing<Landed> {
        self.0.flights.join(Key::Roster, self, |atlas| async move {
            let inner = &atlas.0;
            let until = Instant::now() + inner.settings.deadline;
            match inner.gatherer.roster(until).await {
                Ok(states) => inner.shelf.put_roster(states),
                Err(why) => {
                    log_error("the list of states", &why);
                    inner.shelf.failed(None, &inner.settings.ages);
                    return Err(why);
                }
            }
            inner.changed.notify_one();
            Ok(())
        })
    }

    fn fetch_tree(&self, state: &State) -> Landing<Landed> {
        let state = state.clone();
        self.0.flights.join(Key::State(state.sigla), self, |atlas| async move {
            let inner = &atlas.0;
            let ages = &inner.settings.ages;
            let until = Instant::now() + inner.settings.deadline;
            // What has gaps is mended as long as the rest of it is fresh.
            let kept = inner.shelf.tree(state.sigla);
            let kept = kept.filter(|kept| !kept.dated.value.is_whole() && kept.age() <= ages.fresh);
            let earlier = kept.as_ref().map(|kept| &*kept.dated.value);
            match inner.gatherer.tree(&state, earlier, until).await {
                Ok(tree) => {
                    for Gap { missing, why } in &tree.gaps {
                        log_error(missing, why);
                    }
                    inner.shelf.put_tree(tree, earlier.is_some(), ages);
                }
                Err(why) => {
                    log_error(Missing::Cities { state: state.sigla }, &why);
                    inner.shelf.failed(Some(state.sigla), ages);
                    return Err(why);
                }
            }
            inner.changed.notify_one();
            Ok(())
        })
    }
}

/// Logs an error of the source: each one, whether or not a client sees it.
fn log_error(what: impl Display, why: &Why) {
    tracing::warn!(target: "states_api::source", %what, class = why.class, "the source failed: {}", why.detail);
}

fn stopped() -> Why {
    Why { class: "stopped", detail: "the service is being stopped".to_owned() }
}

fn left_alone(pause: Duration) -> Why {
    let detail =
        format!("the source has failed too often and is left alone for another {} s", pause.as_secs() + 1);
    Why { class: "open", detail }
}

fn tried_just_now() -> Why {
    Why { class: "pause", detail: "the source failed a moment ago and is not asked again yet".to_owned() }
}

fn worse() -> Why {
    Why { class: "gaps", detail: "what the source gave last has more gaps than this".to_owned() }
}
