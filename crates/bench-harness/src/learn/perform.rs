//! The measured answer: the step's program is started, heard to its end, and its figures are read.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab::out::Staging;
use lab::record::{Bilingual, CellRecord, ChapterRecord, ClaimRecord, Estimate, Verdict};
use lab::{Home, Lang, OrProblem, Problem, Scale, Stop, Text, measure};

use super::steps::{Step, Subject};
use crate::claims::PROGRAM;

/// A list of lessons comes from a static table.
const LISTING: Duration = Duration::from_secs(10);

/// How the programs are started.
#[derive(Clone, Debug)]
pub(super) struct Theatre {
    /// Where the programs are.
    pub(super) programs: PathBuf,
    /// The reader's language.
    pub(super) lang: Lang,
    /// How much of the lab's own data.
    pub(super) scale: Scale,
    /// Timed samples of each strategy.
    pub(super) samples: usize,
    /// The base address of the simulated API.
    pub(super) api: String,
    /// The seed of everything random.
    pub(super) seed: u64,
    /// Whether lessons measure only as much as a test needs.
    pub(super) brief: bool,
    /// Whether what lessons draw may have colours.
    pub(super) colours: bool,
    /// The longest that a step may take.
    pub(super) deadline: Duration,
    /// Asked for by Ctrl-C.
    pub(super) stop: Stop,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// What the lesson has drawn and said.
    pub(super) drawing: String,
    /// The number that answers the question.
    pub(super) number: Option<Estimate>,
    /// Its unit.
    pub(super) unit: Bilingual,
    /// What became of the claim.
    pub(super) verdict: Option<Verdict>,
    /// What a reader should know besides.
    pub(super) note: Option<Bilingual>,
    /// All strategies of an exercise.
    pub(super) cells: Vec<CellRecord>,
}

impl Theatre {
    /// The lessons that there are.
    ///
    /// # Errors
    /// A program that is not there, ends badly, hangs, or says something else.
    pub(super) fn chapters(&self) -> Result<Vec<ChapterRecord>, Problem> {
        let mut command = Command::new(self.lessons()?);
        command.args(["list", "--json"]);
        let said = measure::hear(command, LISTING, &self.stop)?;
        serde_json::from_slice(&said)
            .or_problem(|| format!("`{PROGRAM}` says something that is no list of lessons"))
    }

    /// Starts what the step is about and reads its answer.
    ///
    /// # Errors
    /// A program that ends badly or hangs, or an answer that is not there.
    pub(super) fn perform(&self, step: &Step) -> Result<Outcome, Problem> {
        match &step.subject {
            Subject::Lesson { claim, .. } => self.lesson(step, claim),
            Subject::Exercise { strategy, .. } => self.exercise(step, strategy),
        }
    }

    /// The command that a reader would type for it.
    pub(super) fn line(&self, step: &Step) -> String {
        let (name, words) = match &step.subject {
            Subject::Lesson { .. } => (PROGRAM.into(), self.words(step)),
            Subject::Exercise { found, .. } => {
                (found.program.file_name().unwrap_or_default().to_os_string(), self.words(step))
            }
        };
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        format!("cargo run -p {} -- {}", name.display(), words.join(" "))
    }

    fn words(&self, step: &Step) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |more: &[&str]| words.extend(more.iter().map(OsString::from));
        match &step.subject {
            Subject::Lesson { claim, broken } => {
                add(&["run", &step.name]);
                if *broken {
                    add(&["--break", claim]);
                }
                if self.brief {
                    add(&["--brief"]);
                }
            }
            Subject::Exercise { workers, args, .. } => {
                add(&[&step.name, "--compare", "--scale", self.scale.name()]);
                add(&["--workers", &workers.to_string(), "--samples", &self.samples.to_string()]);
                args.iter().for_each(|arg| add(&[arg]));
            }
        }
        words
    }

    fn lesson(&self, step: &Step, claim: &str) -> Result<Outcome, Problem> {
        let scratch = Staging::within(&Home::find().out())?;
        let mut command = Command::new(self.lessons()?);
        command.args(self.words(step)).args(["--stop-with-stdin", "--seed", &self.seed.to_string()]);
        command.args(["--lang", if self.lang == Lang::Pt { "pt-BR" } else { "en" }]);
        command.arg("--out").arg(scratch.folder());
        if self.colours {
            // It speaks into a pipe, and through it to the same terminal.
            command.env("CLICOLOR_FORCE", "1");
        }
        let said = measure::hear(command, self.deadline, &self.stop)?;
        let record = claim_in(&scratch.path("claims.jsonl"), claim)?;
        Ok(Outcome {
            drawing: String::from_utf8_lossy(&said).into_owned(),
            number: record.measured,
            unit: record.unit,
            verdict: Some(record.verdict),
            note: record.note,
            cells: Vec::new(),
        })
    }

    fn exercise(&self, step: &Step, strategy: &str) -> Result<Outcome, Problem> {
        let Subject::Exercise { found, .. } = &step.subject else {
            return Err(Problem::new(format!("`{}` is no exercise", step.name)));
        };
        let mut command = Command::new(&found.program);
        command.args(self.words(step)).args(["--json", "--quiet", "--seed", &self.seed.to_string()]);
        command.args(["--api", &self.api]);
        let said = measure::hear(command, self.deadline, &self.stop)?;
        let said = String::from_utf8_lossy(&said);
        let cells = said.lines().map(serde_json::from_str).collect::<Result<Vec<CellRecord>, _>>();
        let cells =
            cells.or_problem(|| format!("`{}` says something that is no record of a cell", step.name))?;
        let asked = cells.iter().find(|cell| cell.strategy == strategy);
        let asked = asked.ok_or_else(|| Problem::new(format!("`{strategy}` was not measured")))?;
        let number = asked.speedup.map(|value| {
            let [low, high] = asked.speedup_ci.unwrap_or([value, value]);
            Estimate { value, low, high, samples: asked.samples_ns.len() }
        });
        Ok(Outcome {
            drawing: String::new(),
            number,
            unit: Text::new(
                "times faster than one after the other",
                "vezes mais rápida que um depois do outro",
            )
            .into(),
            verdict: None,
            note: None,
            cells,
        })
    }

    fn lessons(&self) -> Result<PathBuf, Problem> {
        let program = self.programs.join(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
        if program.is_file() {
            return Ok(program);
        }
        let problem = Problem::new(format!("there is no `{PROGRAM}` in {}", self.programs.display()));
        Err(problem.hint("`cargo xtask learn` builds all that is needed; --programs names another folder"))
    }
}

fn claim_in(file: &Path, claim: &str) -> Result<ClaimRecord, Problem> {
    let text = fs::read_to_string(file).or_problem(|| format!("cannot read {}", file.display()))?;
    let records = text.lines().map(serde_json::from_str).collect::<Result<Vec<ClaimRecord>, _>>();
    let records = records.or_problem(|| format!("{} holds something that is no claim", file.display()))?;
    let record = records.into_iter().find(|record| record.id == claim);
    record.ok_or_else(|| Problem::new(format!("the claim `{claim}` was not measured")))
}
