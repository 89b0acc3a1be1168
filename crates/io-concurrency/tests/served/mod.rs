//! The simulated API beside the tests, and the exercise run in this process.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part of this module")]

use clap::Parser;
use io_concurrency::crawl::{Crawl, CrawlArgs, Input, Pages};
use lab::{Answer, Digest, Exercise, Kind, Lab, Launch, Problem};
use mock_api::{Beside, Config, Profile};

pub const BIN: &str = env!("CARGO_BIN_EXE_io-concurrency");

pub fn api() -> Beside {
    api_with(Profile::default())
}

/// An API that misbehaves as this profile says.
pub fn api_with(profile: Profile) -> Beside {
    Beside::start(Config { profile, ..Config::default() }).unwrap()
}

pub fn lab(workers: usize, api: &str) -> Lab {
    let mut lab = Lab::new(workers);
    api.clone_into(&mut lab.api);
    lab.launch = Launch::program(BIN);
    lab
}

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    crawl: CrawlArgs,
}

pub fn input<'a>(arguments: impl IntoIterator<Item = &'a str>, lab: &Lab) -> Result<Input, Problem> {
    let arguments = std::iter::once("crawl").chain(arguments);
    Crawl::prepare(&CommandLine::parse_from(arguments).crawl, lab)
}

pub fn crawl(kind: Kind, input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    let strategy = Crawl::STRATEGIES.iter().find(|strategy| strategy.kind == kind).unwrap();
    strategy.run.unwrap()(input, lab)
}

pub fn digest(pages: &Pages) -> String {
    let mut digest = Digest::new();
    pages.digest(&mut digest).unwrap();
    digest.finish()
}
