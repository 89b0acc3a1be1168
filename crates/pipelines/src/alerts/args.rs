//! What the user says.

use std::path::PathBuf;
use std::time::Duration;

use lab::formats::{Format, Out};
use lab::out::Files;
use lab::{Lab, OrProblem, Problem};

use super::files::Places;
use super::follow::Pace;
use super::rules::Rules;
use super::scan::Setup;
use super::{EXAMPLE, Input};

/// The inputs of `alerts`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Rules are TOML: a pattern or fields of JSON, counts or rates in a window, absence, cool-down. `--example` prints some, with
what each line means. An alert is one line of JSON with its rule, time, number of events and their lines, on standard output
or in --out; the rules may name files, web hooks and commands that are told too.

Files are read once, or followed with --follow: through rotation by renaming, by copying and truncating, and by gzip. With
--state FILE, the next run goes on where this one ended: nothing is lost, and nothing is told twice.

Examples:
  pipelines alerts --example > rules.toml
  pipelines alerts --rules rules.toml /var/log/app/ 'old/*.log.gz' --out alerts.ndjson
  pipelines alerts --rules rules.toml --state app.state --follow /var/log/app.log
  pipelines alerts --compare                 the lab's own logs, under every strategy")]
pub struct AlertsArgs {
    /// Log files, folders (with the folders in them) or quoted patterns; .gz is unpacked [default: the lab's logs]
    pub inputs: Vec<String>,
    /// The rules [default: those that --example prints]
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Print rules to start from
    #[arg(long)]
    pub example: bool,
    /// Keep where this run is in FILE, and go on from there
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Go on reading while the files grow, until Ctrl-C
    #[arg(long, conflicts_with = "compare")]
    pub follow: bool,
    /// With --follow: leave out what is in the files already
    #[arg(long, requires = "follow")]
    pub from_end: bool,
    /// With --follow: look for news so often
    #[arg(long, value_name = "MS", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub every_ms: u64,
    /// With --follow or --state: the last event of a file is whole when the file was not changed for so long
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub settle_ms: u64,
}

impl AlertsArgs {
    /// The rules, and their text.
    pub(super) fn rules(&self, _: &Lab) -> Result<(Rules, String, String), Problem> {
        let (text, place) = match &self.rules {
            None => (EXAMPLE.to_owned(), "the example".to_owned()),
            Some(path) => {
                let text = std::fs::read_to_string(path);
                (
                    text.or_problem(|| format!("cannot read the rules {}", path.display()))?,
                    path.display().to_string(),
                )
            }
        };
        Ok((Rules::parse(&text, &place)?, text, place))
    }

    /// The files that these arguments name.
    pub(super) fn files(&self, lab: &Lab) -> Files {
        let own = self.inputs.is_empty().then(|| lab.raw("logs"));
        let named = self.inputs.iter().map(PathBuf::from).chain(own);
        let files = Files::new(Out::File(&[Format::Ndjson, Format::Json])).reads(self.rules.as_ref()).writes(
            "--state",
            self.state.as_ref(),
            &[],
        );

        named.fold(files, |files, path| files.reads_tree(Some(path)))
    }

    pub(super) fn prepare(&self, lab: &Lab) -> Result<Input, Problem> {
        let (rules, text, place) = self.rules(lab)?;
        let setup = Setup::new(text, place);
        setup.check()?;
        let settle = Duration::from_millis(self.settle_ms);
        let every = Duration::from_millis(self.every_ms);
        let places = Places { named: self.inputs.clone(), own: lab.raw("logs") };
        if !self.follow && !self.example {
            places.files(lab)?;
        }
        Ok(Input {
            places,
            setup,
            rules,
            state: self.state.clone(),
            follow: self.follow.then_some(Pace { every, settle, from_end: self.from_end }),
            settle,
            example: self.example,
            gathered: std::env::temp_dir(),
        })
    }
}
