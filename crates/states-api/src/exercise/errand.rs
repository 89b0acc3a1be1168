//! One request, done by a worker that does one at a time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fetch::{Gate, Manners};
use lab::timeline::Drawn as _;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::domain::{City, Code, District, Region, State, Why};
use crate::source::{Ibge, Settings};

/// How each worker's client is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    base: String,
    manners: Manners,
    headers: Vec<(String, String)>,
    /// The pace that all workers of this process keep; a worker process learns its own.
    #[serde(skip)]
    gate: Arc<Gate>,
}

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Errand {
    /// The cities of a state: its code and its letters.
    Cities(u32, String),
    /// The districts of a city: its code and its name.
    Districts(u32, String),
}

/// Codes and names.
pub(super) type Names = Vec<(u32, Box<str>)>;

/// The longest that one request may take with the wait for its turn under the source's rate limit: a thread for each city waits
/// for those before it. The deadline of the client's manners, which counts no such wait, is far shorter.
const LONGEST: Duration = Duration::from_mins(10);

/// A worker with an event loop and a client of its own.
#[derive(Debug)]
pub(super) struct Surveyor {
    // Dropped before the loop that its connections live on.
    source: Ibge,
    event_loop: Runtime,
}

impl Setup {
    pub(super) fn new(api: &str, latency_ms: Option<u32>) -> Self {
        let Settings { base, manners, mut headers, .. } = Settings::new(api);
        headers.extend(latency_ms.map(|ms| ("x-fault".to_owned(), format!("latency={ms}"))));
        Self { base, manners, headers, gate: Arc::default() }
    }

    pub(super) fn source(&self) -> Result<Ibge, Problem> {
        let Self { base, manners, headers, gate } = self.clone();
        let settings = Settings { manners, headers, gate, ..Settings::new(base) };
        Ibge::new(&settings).or_problem(|| "there is no client to ask with")
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cities(_, name) | Self::Districts(_, name) => out.write_str(name),
        }
    }
}

impl Surveyor {
    pub(super) fn source(&self) -> &Ibge {
        &self.source
    }

    pub(super) fn block_on<R>(&self, work: impl Future<Output = R>) -> R {
        self.event_loop.block_on(work)
    }

    async fn ask(&self, errand: &Errand) -> Result<Names, Why> {
        let until = Instant::now() + LONGEST;
        match errand {
            Errand::Cities(id, sigla) => {
                let named = |city: City| (city.id, city.nome);
                let cities = self.source.cities(&nameless(*id, sigla)?, until).await?;
                Ok(cities.into_iter().map(named).collect())
            }
            Errand::Districts(city, _) => {
                let named = |district: District| (district.id, district.nome);
                Ok(self.source.districts(*city, until).await?.into_iter().map(named).collect())
            }
        }
    }
}

impl Job for Surveyor {
    const NAME: &'static str = "survey";
    type Setup = Setup;
    type Task = Errand;
    type Reply = Names;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let event_loop = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Problem::because("no event loop could be started for this worker", &error)
                .hint("raise the limit of open files (`ulimit -n`), or use the strategy `async`, which needs one event loop for all")
        })?;
        Ok(Self { source: setup.source()?, event_loop })
    }

    fn run(&mut self, errand: &Errand, stop: &Stop) -> Result<Names, Problem> {
        self.block_on(async {
            tokio::select! {
                biased;
                () = stop.wait() => Err(Problem::new("interrupted")),
                names = self.ask(errand).drawn_on_thread(|| lab::span!(Running, "ask", errand)) => names.map_err(|why| problem(&why)),
            }
        })
    }
}

pub(super) fn problem(why: &Why) -> Problem {
    Problem::new(format!("{}: {}", why.class, why.detail))
}

/// As much of a state as a request needs.
fn nameless(id: u32, sigla: &str) -> Result<State, Why> {
    let wrong = || Why { class: "invalid", detail: format!("`{sigla}` is no state") };
    let regiao = Region { id: 0, sigla: "".into(), nome: "".into() };
    Ok(State { id, sigla: Code::parse(sigla).ok_or_else(wrong)?, nome: "".into(), regiao })
}
