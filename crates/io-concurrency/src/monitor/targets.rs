//! What is watched: the user's targets, or the lab's own.

use std::fs;
use std::io::IsTerminal;
use std::time::Duration;

use fetch::{Probing, Target};
use lab::{Lab, OrProblem, Problem, Scale};

use super::args::MonitorArgs;
use super::board::Board;
use super::expect::Expect;
use super::look::{Setup, Watched};
use super::metrics::Place;
use super::state::Quorum;
use crate::descriptors;

/// What all strategies work on.
#[derive(Clone, Debug)]
pub struct Input {
    /// The targets, in the order in which they were given.
    pub watched: Vec<Watched>,
    /// What each worker starts from.
    pub setup: Setup,
    /// The interval of the schedule; nothing for one round without one.
    pub every: Option<Duration>,
    /// How many rounds; nothing for no end.
    pub rounds: Option<u32>,
    /// For how long.
    pub lasting: Option<Duration>,
    /// Probes of one target in flight at once under a schedule.
    pub overlap: usize,
    /// Probes in flight at once in a round without a schedule.
    pub at_once: usize,
    /// Connections that this process may hold at once.
    pub room: usize,
    /// Where metrics are served.
    pub metrics: Option<Place>,
    /// Whether a live table is drawn.
    pub live: bool,
    quorum: Quorum,
}

/// The rounds that `--down` needs are this far apart when nothing else is said.
const GAP: Duration = Duration::from_secs(1);

impl Input {
    /// Reads the user's targets, or makes the lab's own.
    ///
    /// # Errors
    /// Targets and expectations that cannot be read, and none at all.
    pub fn prepare(args: &MonitorArgs, lab: &Lab) -> Result<Self, Problem> {
        let status = Expect::statuses(&args.status).map_err(|why| Problem::new(why).at("--status"))?;
        let within = args.within.map(Duration::from_millis);
        let usual = Expect { status, contains: args.contains.clone(), lacks: args.lacks.clone(), within };
        let mut reader = Reader { api: &lab.api, expects: vec![usual.clone()], usual, watched: Vec::new() };
        let own = args.urls.is_empty() && args.targets.is_none();
        if own {
            own_targets(lab.scale).iter().try_for_each(|line| reader.line(line, "the lab's own targets"))?;
        }
        for url in &args.urls {
            reader.watched.push(Watched::new(url, &lab.api, 0));
        }
        if let Some(path) = &args.targets {
            let text = fs::read_to_string(path)
                .or_problem(|| format!("cannot read the targets in {}", path.display()))?;
            for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
                reader.line(line, &format!("{}:{}", path.display(), number + 1))?;
            }
        }
        let Reader { watched, expects, .. } = reader;
        if watched.is_empty() {
            return Err(Problem::new("there is nothing to watch").expected("at least one URL"));
        }
        let probing =
            Probing { timeout: args.timeout, keep: args.look, head: args.head, fields: args.headers.clone() };
        let rounds = args.rounds();
        Ok(Self {
            watched,
            setup: Setup { probing, expects },
            every: args.every.or((rounds != Some(1)).then_some(GAP)),
            rounds,
            lasting: args.lasting,
            overlap: args.overlap.into(),
            at_once: args.concurrency.into(),
            room: descriptors::room(),
            metrics: args.metrics.map(|address| Place {
                address,
                client_timeout: Duration::from_millis(args.client_timeout_ms),
            }),
            live: !args.no_live && lab.may_read_stdin() && std::io::stderr().is_terminal(),
            quorum: args.down,
        })
    }

    /// A board on which nothing has been entered yet.
    pub(super) fn board(&self) -> Board {
        Board::new(&self.watched, self.quorum, self.every.is_some())
    }
}

/// Reads targets and gathers the different expectations.
struct Reader<'a> {
    api: &'a str,
    usual: Expect,
    expects: Vec<Expect>,
    watched: Vec<Watched>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, place: &str) -> Result<(), Problem> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let wrong = |why: String| {
            Problem::new(why)
                .at(place)
                .expected("URL [status=…] [contains=…] [lacks=…] [within=MS], texts with spaces in \"…\"")
        };
        let mut words = words(line).map_err(wrong)?.into_iter();
        let url = words.next().unwrap_or_default();
        let mut expect = self.usual.clone();
        for word in words {
            let (name, value) = word.split_once('=').ok_or_else(|| wrong(format!("`{word}` has no `=`")))?;
            match name {
                "status" => expect.status = Expect::statuses(value).map_err(wrong)?,
                "contains" => expect.contains = Some(value.into()),
                "lacks" => expect.lacks = Some(value.into()),
                "within" => {
                    let ms = value
                        .parse()
                        .map_err(|_| wrong(format!("`{value}` is no number of milliseconds")))?;
                    expect.within = Some(Duration::from_millis(ms));
                }
                _ => return Err(wrong(format!("nothing called `{name}` can be expected"))),
            }
        }
        let known = self.expects.iter().position(|one| *one == expect);
        let number = known.unwrap_or_else(|| {
            self.expects.push(expect);
            self.expects.len() - 1
        });
        let watched = Watched::new(&url, self.api, number);
        if !url.starts_with('/') {
            Target::parse(&url).map_err(|error| wrong(error.to_string()))?;
        }
        self.watched.push(watched);
        Ok(())
    }
}

/// The words of a line; what stands in double quotes belongs to one word.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            _ if character.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(character),
        }
    }
    if quoted {
        return Err("a quote is not closed".into());
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// The lab's own targets: quick ones, slow ones, one that is rightly not there.
fn own_targets(scale: Scale) -> Vec<String> {
    let count = match scale {
        Scale::Tiny => 10,
        Scale::Small => 40,
        Scale::Medium => 400,
        Scale::Large => 4_000,
    };
    let line = |number: usize| match number % 10 {
        0 => format!("/weather/Bel%C3%A9m?n={number} contains=\"city\""),
        5 => format!("/status/404?n={number} status=404"),
        slow => format!("/delay/{}?n={number} contains=\"ms\" lacks=error", slow % 4 * 2),
    };
    (0..count).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> Reader<'static> {
        let usual = Expect { status: vec![(200, 299)], contains: None, lacks: None, within: None };
        Reader { api: "http://x", expects: vec![usual.clone()], usual, watched: Vec::new() }
    }

    #[test]
    fn a_line_is_a_url_and_what_is_expected_of_it() {
        let mut reader = reader();
        let lines = [
            "# none",
            "",
            "http://a/ status=200,404 contains=\"all is well\" within=300",
            "/b",
            "http://c/ lacks=x",
        ];
        lines.iter().for_each(|line| reader.line(line, "list:1").unwrap());
        assert_eq!(
            reader.watched.iter().map(Watched::shown).collect::<Vec<_>>(),
            ["http://a/", "/b", "http://c/"]
        );
        assert_eq!(reader.expects.len(), 3);
        assert_eq!(reader.expects[1].contains.as_deref(), Some("all is well"));
        assert_eq!(reader.expects[1].status, [(200, 200), (404, 404)]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_with_its_place() {
        for (line, why) in [
            ("http://a/ 200", "`200` has no `=`"),
            ("http://a/ colour=red", "nothing called `colour`"),
            ("http://a/ status=ok", "`ok` is no status"),
            ("http://a/ within=soon", "`soon` is no number"),
            ("http://a/ contains=\"x", "not closed"),
            ("htp://a/", "not a URL"),
        ] {
            let problem = reader().line(line, "list:7").unwrap_err().line();
            assert!(problem.starts_with("list:7: ") && problem.contains(why), "{problem}");
        }
    }
}
