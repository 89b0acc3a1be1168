//! Which URLs are fetched: the user's, or the lab's own.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use fetch::{Client, Manners, Target};
use indexmap::IndexSet;
use lab::{Lab, OrProblem, Problem, Scale, Stop};

use super::{CrawlArgs, Errand, Setup, template};
use crate::descriptors;

/// What all strategies work on.
#[derive(Clone, Debug)]
pub struct Input {
    /// The URLs, each once, in the order in which they first appear.
    pub errands: Vec<Errand>,
    /// For each line of the output, the number of its errand.
    pub order: Vec<usize>,
    /// What each worker starts from.
    pub setup: Setup,
    /// How many requests are in flight at once under the strategy `async`.
    pub at_once: usize,
}

impl Input {
    /// Reads the user's URLs, or makes the lab's own and checks that the API is there.
    ///
    /// # Errors
    /// A list that cannot be read, or the lab's own URLs without an API.
    pub fn prepare(args: &CrawlArgs, lab: &Lab) -> Result<Self, Problem> {
        let mut texts = args.urls.clone();
        if let Some(path) = &args.list {
            texts.extend(read_list(path, lab)?);
        }
        if let (Some(template), Some(path)) = (&args.template, &args.params) {
            let (name, bytes) = read_file(path, lab)?;
            texts.extend(template::urls(template, &name, bytes.as_slice())?);
        }
        if args.urls.is_empty() && args.list.is_none() && args.template.is_none() {
            texts = match (args.count, args.delay_ms) {
                (None, None) => mix(lab.scale),
                (count, delay) => {
                    (0..count.unwrap_or(200)).map(|n| delayed(delay.unwrap_or(50), n)).collect()
                }
            };
            check_api(lab)?;
        }
        if texts.is_empty() {
            let list = args.list.as_ref().or(args.params.as_ref());
            let name = list.map_or_else(|| "the list".to_owned(), |path| path.display().to_string());
            return Err(Problem::new(format!("{name} is empty")).expected("a URL on each line"));
        }

        let room = descriptors::room();
        let wanted = usize::from(args.concurrency);
        if room < wanted.min(texts.len()) {
            tracing::warn!("open files are limited: {room} requests in flight at once instead of {wanted}");
        }
        let (errands, order) = once_each(texts.iter().map(|text| Errand::new(text, &lab.api)));
        Ok(Self { errands, order, setup: Setup::of(args), at_once: wanted.min(room) })
    }
}

/// Each errand once, and which of them stands at each place.
fn once_each(all: impl Iterator<Item = Errand>) -> (Vec<Errand>, Vec<usize>) {
    let mut errands = IndexSet::new();
    let order = all.map(|errand| errands.insert_full(errand).0).collect();
    (errands.into_iter().collect(), order)
}

const CITIES: [&str; 10] = [
    "São Paulo",
    "Rio de Janeiro",
    "Belém",
    "Recife",
    "Curitiba",
    "Manaus",
    "Porto Alegre",
    "Goiânia",
    "Natal",
    "Cuiabá",
];

/// How many URLs of the lab's own there are, and how many milliseconds the slow ones take.
fn own_size(scale: Scale) -> (u32, u32) {
    match scale {
        Scale::Tiny => (12, 10),
        Scale::Small => (36, 10),
        Scale::Medium => (200, 50),
        Scale::Large => (1_000, 50),
    }
}

/// The lab's own URLs: of six, one weather, one page of orders and four delays.
fn mix(scale: Scale) -> Vec<String> {
    let (count, delay_ms) = own_size(scale);
    let url = |n: u32| match n % 6 {
        0 => format!("/weather/{}", CITIES[n as usize / 6 % CITIES.len()]),
        3 => format!("/orders?page={}&page_size=50", 1 + n / 6),
        _ => delayed(delay_ms, n),
    };
    (0..count).map(url).collect()
}

fn delayed(delay_ms: u32, n: u32) -> String {
    format!("/delay/{delay_ms}?n={n}")
}

/// One question before the many: without an API, each of them would fail for the same reason.
fn check_api(lab: &Lab) -> Result<(), Problem> {
    let manners = Manners {
        connect: Duration::from_secs(2),
        read: Duration::from_secs(5),
        retries: 1,
        ..Manners::default()
    };
    let hint = "start it with `cargo run -p mock-api`, say where it is with --api, or give URLs of your own";
    let answers = || -> Result<(), Box<dyn std::error::Error>> {
        let client = Client::new(manners)?;
        let target = Target::parse(&format!("{}/health", lab.api))?;
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        event_loop.block_on(async {
            tokio::select! {
                biased;
                () = lab.stop.wait() => Err(Problem::new("interrupted").into()),
                answer = client.get(&target) => Ok(answer.map(drop)?),
            }
        })
    };
    answers().map_err(|error| {
        let what = format!("the simulated API does not answer at {}", Target::show(&lab.api));
        Problem::because(what, &*error).hint(hint)
    })
}

fn read_list(path: &Path, lab: &Lab) -> Result<Vec<String>, Problem> {
    let (name, bytes) = read_file(path, lab)?;
    parse_list(&name, &bytes)
}

/// What a file is called in problems, and what is in it; `-` is standard input.
fn read_file(path: &Path, lab: &Lab) -> Result<(String, Vec<u8>), Problem> {
    if path != Path::new("-") {
        let bytes = fs::read(path).or_problem(|| format!("cannot read the URLs in {}", path.display()))?;
        return Ok((path.display().to_string(), bytes));
    }
    if !lab.may_read_stdin() {
        return Err(Problem::new(
            "with --compare the URLs cannot come from standard input, which can be read only once",
        )
        .hint("write them to a file and give that to --urls"));
    }
    Ok(("standard input".into(), read_stdin(&lab.stop)?))
}

fn parse_list(name: &str, bytes: &[u8]) -> Result<Vec<String>, Problem> {
    let mut texts = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = std::str::from_utf8(line).map_err(|error| {
            Problem::new("a line of the list is not UTF-8")
                .at(format!("{name}:{}:{}", number + 1, error.valid_up_to() + 1))
                .expected("one URL on each line")
        })?;
        let text = line.trim_start_matches('\u{feff}').trim();
        if !text.is_empty() && !text.starts_with('#') {
            texts.push(text.to_owned());
        }
    }
    Ok(texts)
}

/// Reads standard input to its end, or until a stop is asked for.
fn read_stdin(stop: &Stop) -> Result<Vec<u8>, Problem> {
    let (done, arrived) = channel();
    // A read of standard input cannot be called off. When a stop comes first, this thread holds nothing that anyone waits
    // for, and ends with the process.
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = done.send(io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes));
    });
    loop {
        match arrived.recv_timeout(Duration::from_millis(20)) {
            Ok(read) => return read.or_problem(|| "cannot read the URLs from standard input"),
            Err(RecvTimeoutError::Timeout) => stop.check()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Problem::new("the reader of standard input is gone"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_url_on_each_line_that_is_not_empty_or_a_remark() {
        let list = b"\xef\xbb\xbfhttp://a/\r\n\n  # no\n /b \nhttp://c/#d";
        assert_eq!(parse_list("list", list).unwrap(), ["http://a/", "/b", "http://c/#d"]);
        let problem = parse_list("list", b"http://a/\nhttp://b\xff/").unwrap_err();
        assert_eq!(problem.line(), "list:2:9: a line of the list is not UTF-8");
    }

    #[test]
    fn the_peer_asks_for_as_much() {
        let peer = include_str!("../../../bench-harness/peers/course/01_crawl.py");
        for scale in [Scale::Tiny, Scale::Small, Scale::Medium, Scale::Large] {
            let size = format!("\"{}\": {:?}", scale.name(), own_size(scale));
            assert!(peer.contains(&size), "{size}");
        }
    }

    #[test]
    fn every_scale_has_every_kind_of_endpoint() {
        for scale in [Scale::Tiny, Scale::Small, Scale::Medium, Scale::Large] {
            let mix = mix(scale);
            for kind in ["/weather/", "/orders?", "/delay/"] {
                assert!(mix.iter().any(|url| url.starts_with(kind)), "{scale:?} {kind}");
            }
        }
    }
}
