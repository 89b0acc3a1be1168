//! The command line of `cargo xtask`.
//!
//! A task that starts another program of ours hands that program's options on as they stand ([`Words`]): the program
//! checks them and has the help about them.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Starts the programs of Paralelo in order: data, server, exercises, report, checks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) task: Task,
}

const EXAMPLES: &str = "\
Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.

Examples:
  cargo xtask run-all                                 from nothing to the report
  cargo xtask run-all --scale tiny --only 08          one exercise, in seconds
  cargo xtask sweep convert --workers 1..4            how it grows, and what that is worth
  cargo xtask serve -- --profile flaky --access-log   an API that misbehaves";

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Build, make the data, serve the API, run every exercise, draw the report
    RunAll(RunAll),
    /// Make the data only
    Data(Data),
    /// Serve the simulated API until Ctrl-C; the options go to mock-api
    #[command(disable_help_flag = true)]
    Serve(Words),
    /// Draw the report of the newest run again, or print its figures: --json, --csv, --markdown
    #[command(disable_help_flag = true)]
    Report(Words),
    /// Measure one exercise with growing numbers of workers: EXERCISE --workers 1..8 [--strategy pool,…]
    #[command(disable_help_flag = true)]
    Sweep(Words),
    /// Compare two runs cell by cell: OLD NEW
    #[command(disable_help_flag = true)]
    Compare(Words),
    /// Exit with code 1 if the newest run is slower than --baseline RUN
    #[command(disable_help_flag = true)]
    Gate(Words),
    /// Measure our programs beside plain Python, Polars, DuckDB, …: [--only 01,08] [--scale tiny]
    #[command(disable_help_flag = true)]
    Peers(Words),
    /// Measure the cost of recording timelines: [--only 14] [--strategy NAME]
    #[command(disable_help_flag = true)]
    Overhead(Words),
    /// Serve the newest report as it grows, with a form to start an exercise: [--port 8002] [--scale tiny]
    #[command(disable_help_flag = true)]
    Live(Words),
    /// Follow the guided path: a question before each run, the measured answer after it
    #[command(disable_help_flag = true)]
    Learn(Words),
    /// Run `etl` on a scheduler and two executors, one of which is killed half-way
    Cluster(Data),
    /// Format the code
    Fmt,
    /// Run every test; the options go to cargo test
    #[command(disable_help_flag = true)]
    Test(Words),
    /// Run every command of the README files on the smallest data
    Docs {
        /// Run only commands that contain one of these texts
        texts: Vec<String>,
    },
    /// Pack release programs with completions and manual pages
    Dist {
        /// Folder of the package [default: data/out/dist]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Let libFuzzer invent inputs for the code that reads untrusted bytes
    Fuzz {
        /// Run only this target
        target: Option<String>,
        /// Time for each target
        #[arg(long, value_name = "SECONDS", default_value_t = NonZeroU32::new(600).expect("not zero"))]
        seconds: NonZeroU32,
    },
    /// Run everything at once under faults and kills, and watch answers and memory
    Soak {
        /// Length of the soak
        #[arg(long, value_name = "MINUTES", default_value_t = NonZeroU32::new(30).expect("not zero"))]
        minutes: NonZeroU32,
        /// Length of the soak in seconds
        #[arg(long, value_name = "SECONDS", conflicts_with = "minutes")]
        seconds: Option<NonZeroU32>,
    },
    /// Run the tests of every `unsafe` block under valgrind
    Memcheck,
    /// Count the lines of the library crates that their own tests reach
    Coverage,
    /// Check the house rules: dependencies, machine paths, file sizes, links, …
    Tidy,
    /// Check everything that must hold before a change is taken
    Ci,
}

/// Options of `run-all`.
#[derive(Debug, Default, Args)]
pub(crate) struct RunAll {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Timed samples of a cell, at the most
    #[arg(long, value_name = "N")]
    samples: Option<NonZeroU32>,
    /// Only these exercises, by number or by name, such as 01,convert
    #[arg(long, value_name = "LIST", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    only: Option<String>,
    /// Folder in which the folder of the run is made [default: data/runs]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

impl RunAll {
    /// A run on the smallest data. One sample of a cell is enough where the number of workers is the question.
    pub(crate) fn tiny(out: &Path, workers: Option<u32>) -> Self {
        let workers = workers.and_then(NonZeroU32::new);

        Self {
            data: Data { workers, ..Data::tiny() },
            samples: workers.and(NonZeroU32::new(1)),
            only: None,
            out: Some(out.into()),
        }
    }

    /// The options that `bench-harness run` takes too, as words for it.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words = self.data.words();
        push(&mut words, "--samples", self.samples.as_ref());
        push(&mut words, "--only", self.only.as_ref());
        words
    }
}

/// Options that decide the data.
#[derive(Debug, Default, Args)]
pub(crate) struct Data {
    /// Amount of data [default: small]
    #[arg(long, value_enum)]
    scale: Option<Scale>,
    /// Seed of everything random [default: 42]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Workers of a strategy [default: the processors of this machine]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroU32>,
}

impl Data {
    /// The smallest data.
    pub(crate) fn tiny() -> Self {
        Self { scale: Some(Scale::Tiny), ..Self::default() }
    }

    /// The scale and the seed among the words that are meant for another program.
    pub(crate) fn among(words: &Words) -> clap::error::Result<Self> {
        #[derive(Parser)]
        #[command(name = "cargo xtask", no_binary_name = true)]
        struct Line {
            #[command(flatten)]
            data: Data,
        }

        let named = ["--scale", "--seed"].map(|name| [Some(name.into()), words.value(name)]);
        let given = named.into_iter().filter(|[_, value]| value.is_some()).flatten().flatten();

        Ok(Line::try_parse_from(given)?.data)
    }

    /// The options that were given, as words for another program.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let scale = self.scale.and_then(|scale| scale.to_possible_value());

        let mut words = Vec::new();
        push(&mut words, "--scale", scale.as_ref().map(PossibleValue::get_name));
        push(&mut words, "--seed", self.seed);
        push(&mut words, "--workers", self.workers.as_ref());
        words
    }

    /// The seed alone, as words for another program.
    pub(crate) fn seed(&self) -> Vec<OsString> {
        let mut words = Vec::new();
        push(&mut words, "--seed", self.seed);
        words
    }
}

fn push(words: &mut Vec<OsString>, name: &str, value: Option<impl ToString>) {
    if let Some(value) = value {
        words.extend([name.into(), value.to_string().into()]);
    }
}

/// Amounts of data, as `datagen` names them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scale {
    Tiny,
    Small,
    Medium,
    Large,
}

/// Words for another program.
#[derive(Debug, Default, Args)]
pub(crate) struct Words {
    #[arg(value_name = "OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<OsString>,
}

impl Words {
    /// Reports a request for help before `--`.
    pub(crate) fn ask_for_help(&self) -> bool {
        let before_dashes = self.words.iter().take_while(|word| *word != "--");
        before_dashes.into_iter().any(|word| word == "--help" || word == "-h")
    }

    /// The value of an option, in either spelling: `--name value` or `--name=value`.
    fn value(&self, name: &str) -> Option<OsString> {
        let joined = format!("{name}=");

        self.words.iter().enumerate().find_map(|(at, word)| match word.to_str()? {
            word if word == name => Some(self.words.get(at + 1).cloned().unwrap_or_default()),
            word => word.strip_prefix(&joined).map(OsString::from),
        })
    }
}

impl<'a> IntoIterator for &'a Words {
    type Item = &'a OsStr;
    type IntoIter = std::iter::Map<std::slice::Iter<'a, OsString>, fn(&OsString) -> &OsStr>;

    fn into_iter(self) -> Self::IntoIter {
        self.words.iter().map(OsString::as_os_str)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[track_caller]
    fn check(line: &str, expected: Result<&str, &str>) {
        let words = ["cargo xtask", "run-all"].into_iter().chain(line.split_whitespace());
        let parsed = Cli::try_parse_from(words).map(|cli| match cli.task {
            Task::RunAll(options) => options.words().join(OsStr::new(" ")).into_string().expect("text"),
            task => panic!("{task:?}"),
        });

        match (parsed, expected) {
            (Ok(words), Ok(expected)) => assert_eq!(words, expected, "{line}"),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{line}: {error}"),
            (parsed, _) => panic!("{line}: {parsed:?}"),
        }
    }

    #[test]
    fn options_are_read_in_both_spellings_and_passed_on_in_one() {
        check("", Ok(""));
        check("--workers=2 --scale tiny", Ok("--scale tiny --workers 2"));
        check(
            "--seed 18446744073709551615 --only 01,convert",
            Ok("--seed 18446744073709551615 --only 01,convert"),
        );
    }

    #[test]
    fn wrong_options_are_refused_before_anything_is_built() {
        check("--scale huge", Err("invalid value 'huge' for '--scale"));
        check("--workers 0", Err("invalid value '0' for '--workers"));
        check("--seed -1", Err("'-1'"));
        check("--seed", Err("a value is required for '--seed"));
        check("--seed 1 --seed 2", Err("cannot be used multiple times"));
        check("--minutes 1", Err("unexpected argument '--minutes'"));
        check("small", Err("unexpected argument 'small'"));
    }

    #[test]
    fn scale_and_seed_are_found_among_the_words_for_another_program() {
        let words = |line: &str| Words { words: line.split_whitespace().map(OsString::from).collect() };

        let found = Data::among(&words("convert --workers 1..8 --scale tiny --seed=7")).expect("sound");
        assert_eq!(found.words(), ["--scale", "tiny", "--seed", "7"]);

        assert!(Data::among(&words("convert --scale")).is_err());
        assert!(Data::among(&words("convert --scale huge")).is_err());
    }
}
