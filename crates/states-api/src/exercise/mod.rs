//! Exercise 16: the map of the country, which takes a request for each state and one for each city.
//!
//! The work is a tree of waits: the list of states, then the cities of each, then the districts of each of those. One after
//! another the waits add up; asynchronously the states are asked at once, up to so many, and their cities at once, up to so
//! many, under two semaphores. The strategy `async` is the very fan-out of the service. On the timeline a lane is a state
//! or a city; where it is blocked it waits for its turn at a semaphore, where it waits it waits for the source.

mod errand;
mod map;
mod strategies;

use std::time::{Duration, Instant};

use lab::cli::Entry;
use lab::formats::{Format, Out};
use lab::job::{Job as _, Patience};
use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Scale, Strategy};

use crate::application::Bulkheads;
use crate::domain::{Code, State};
use errand::{Setup, Surveyor};
pub use map::Map;

/// The exercises of this program.
pub static EXERCISES: &[Entry] = &[Entry::of::<States>()];

/// The exercise.
#[derive(Debug)]
pub struct States;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The localities API is the lab's own; --api takes another one, as https://servicodados.ibge.gov.br. The tree is one JSON
document, to standard output or to --out. What could not be had is null in its place, and listed at the end.

Examples:
  states-api states --uf AC,AP,RR | jq '.states[].cities[].nome'
  states-api states --uf SP --out sp.json
  states-api states --compare
  states-api states --strategy async --timeline trace.json")]
/// The inputs of `states`.
pub struct StatesArgs {
    /// Only these states: their letters, with commas between them [default: the lab's choice for the scale; all at large]
    #[arg(long, value_name = "UF,…", value_delimiter = ',', value_parser = code)]
    pub uf: Vec<Code>,
    /// Requests for the cities of a state in flight at once under `async` [default: 2 at small, 26 at large]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub states_at_once: Option<u16>,
    /// Requests for the districts of a city in flight at once under `async` [default: 16 at small, 500 at large]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub cities_at_once: Option<u16>,
    /// What each answer of the lab's own API is made to take, in milliseconds [default: 15 at small, 10 at large]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub latency_ms: Option<u32>,
}

/// What all strategies work on.
#[derive(Clone, Debug)]
pub struct Input {
    /// The states, in the order of their codes.
    states: Vec<State>,
    setup: Setup,
    states_at_once: usize,
    cities_at_once: usize,
}

/// The lab's own choice for a scale: states, at once, and the delay in milliseconds.
struct Choice {
    states: &'static str,
    at_once: (u16, u16),
    latency_ms: u32,
}

impl Choice {
    /// The limits are in proportion to the number of cities, so that both semaphores are felt at every scale.
    fn of(scale: Scale) -> Self {
        let (states, at_once, latency_ms) = match scale {
            Scale::Tiny => ("AC,RR", (1, 8), 2),
            // Few enough lanes that all of them are drawn.
            Scale::Small => ("AC,AP,DF,RR", (2, 16), 2),
            Scale::Medium => ("RO,AC,AM,RR,PA,AP,TO", (4, 40), 15),
            Scale::Large => ("", (26, 500), 10),
        };
        Self { states, at_once, latency_ms }
    }
}

impl Exercise for States {
    const ID: u8 = 16;
    const NAME: &'static str = "states";
    const ABOUT: &'static str = "Gathers the states with their cities and the districts of those from the localities API into one tree.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::tasks),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Async.name();
    const ROLES: &'static [Role] = &[Role::worker::<Surveyor>()];
    type Args = StatesArgs;
    type Input = Input;
    type Output = Map;

    fn files(_: &StatesArgs, _: &Lab) -> Files {
        Files::new(Out::File(&[Format::Json]))
    }

    fn prepare(args: &StatesArgs, lab: &Lab) -> Result<Input, Problem> {
        serving::program::raise_file_limit();
        let choice = Choice::of(lab.scale);
        let own: Vec<Code> = choice.states.split(',').filter_map(Code::parse).collect();
        // A delay is ordered from the lab's own API; another one would not know what is meant.
        let ordered =
            args.latency_ms.or(args.uf.is_empty().then_some(choice.latency_ms)).filter(|ms| *ms > 0);
        let setup = Setup::new(&lab.api, ordered);
        let states = roster(&setup, lab)?;
        let wanted = if args.uf.is_empty() { &own } else { &args.uf };
        let known = |code: &&Code| states.iter().any(|state| state.sigla == **code);
        if let Some(unknown) = wanted.iter().find(|code| !known(code)) {
            let all: Vec<&str> = states.iter().map(|state| state.sigla.as_str()).collect();
            return Err(Problem::new(format!("there is no state `{unknown}`"))
                .expected(format!("some of {}", all.join(", "))));
        }
        let chosen = |state: &State| wanted.is_empty() || wanted.contains(&state.sigla);
        Ok(Input {
            states: states.into_iter().filter(chosen).collect(),
            setup,
            states_at_once: args.states_at_once.unwrap_or(choice.at_once.0).into(),
            cities_at_once: args.cities_at_once.unwrap_or(choice.at_once.1).into(),
        })
    }

    fn deliver(map: &Map, _args: &StatesArgs, lab: &Lab) -> Result<(), Problem> {
        map.deliver(lab)
    }
}

impl Input {
    fn bulkheads(&self) -> Bulkheads {
        Bulkheads::new(self.states_at_once, self.cities_at_once)
    }
}

/// The list of states: without it, each request would fail for the same reason.
fn roster(setup: &Setup, lab: &Lab) -> Result<Vec<State>, Problem> {
    let surveyor = Surveyor::start(setup)?;
    let until = Instant::now() + Duration::from_secs(20);
    let states = surveyor.block_on(async {
        tokio::select! {
            biased;
            () = lab.stop.wait() => Err(Problem::new("interrupted")),
            states = surveyor.source().states(until) => states.map_err(|why| {
                let shown = surveyor.source().shown();
                Problem::new(format!("the localities API does not answer at {shown}: {}", why.detail))
                    .hint("start it with `cargo run -p mock-api`, or say where it is with --api")
            }),
        }
    })?;
    Ok(states)
}

/// The longest that the whole may take: that of one task in a worker process, which a user may choose.
fn deadline(lab: &Lab) -> Instant {
    let Patience { task_deadline, .. } = lab.patience;
    Instant::now() + task_deadline
}

fn code(text: &str) -> Result<Code, String> {
    Code::parse(text.trim()).ok_or_else(|| "expected the two letters of a state, as SP".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_asks_for_as_much() {
        let peer = include_str!("../../../bench-harness/peers/course/16_states.py");
        for scale in [Scale::Tiny, Scale::Small, Scale::Medium, Scale::Large] {
            let Choice { states, at_once: (states_at_once, cities_at_once), latency_ms } = Choice::of(scale);
            let name = scale.name();
            let size =
                format!("\"{name}\": (\"{states}\", {states_at_once}, {cities_at_once}, {latency_ms})");
            assert!(peer.contains(&size), "{size}");
        }
    }
}
