//! The guided path: lessons and exercises in order, a question before each run and the measured answer after it.
//!
//! The walk is a table (`steps`): what is asked, what is started, and how the number is read that decides. No row holds an
//! answer: the choice is right in which the number falls that this machine has just given. What was answered is remembered
//! in `data/learn.json` (`progress`), so that a reader goes on where he stopped. A variant draws other claims, broken
//! mechanisms, strategies, workers and loads from a seed, and the key prints what a teacher should expect of it.

mod exercises;
mod key;
mod lessons;
mod perform;
mod progress;
mod screen;
mod steps;
mod variant;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use jiff::{Timestamp, Unit};
use lab::cli::{End, say};
use lab::{Home, Lang, OrProblem, Problem, Scale, Stop, number, words};
use owo_colors::OwoColorize as _;

use self::perform::{Outcome, Theatre};
use self::progress::{Answered, Progress};
use self::screen::{Answers, Reply, Screen};
use self::steps::{Machine, Step, Subject};
use self::variant::Draw;
use crate::cli::{Refused, cores};
use crate::{discover, run};

/// Options of the guided path.
#[derive(Clone, Debug, Args)]
pub struct LearnOptions {
    /// The language of all texts: en or pt-BR [default: the locale's]
    #[arg(long, value_name = "LANG")]
    pub lang: Option<Lang>,
    /// Begin at this lesson or exercise, by name or by its number in the list, and go on from there
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// List all steps with what was answered
    #[arg(long)]
    pub list: bool,
    /// Forget what was answered in this walk
    #[arg(long)]
    pub reset: bool,
    /// Walk on without asking, and remember what was measured
    #[arg(long)]
    pub look: bool,
    /// Answers instead of asking for them: numbers of choices, and `-` for a look; the walk ends with them
    #[arg(long, value_name = "1,-,2,…", value_delimiter = ',', allow_hyphen_values = true)]
    pub answers: Option<Vec<String>>,
    /// Other questions and parameters, drawn from this seed: one for each student, say
    #[arg(long, value_name = "SEED")]
    pub variant: Option<u64>,
    /// Print the answer key: what is to be expected, and what was measured here
    #[arg(long, conflicts_with_all = ["list", "reset", "look", "answers", "from"])]
    pub key: bool,
    /// The folder of the programs [default: the folder of this program]
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
    /// How much of the lab's own data the exercises get
    #[arg(long, value_enum, default_value_t)]
    pub scale: Scale,
    /// Timed samples of each strategy
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub samples: usize,
    /// How many workers the strategies have [default: the processors of this machine]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub workers: Option<usize>,
    /// The base address of the simulated API
    #[arg(long, value_name = "URL", env = "PARALELO_API", default_value = "http://127.0.0.1:8000")]
    pub api: String,
    /// Let the lessons measure only as much as a test needs
    #[arg(long)]
    pub brief: bool,
    /// The longest that one step may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = RangedU64ValueParser::<u64>::new().range(1..=86_400))]
    pub deadline: u64,
}

impl LearnOptions {
    /// The name under which the walk is remembered.
    fn walk(&self) -> String {
        self.variant.map_or_else(|| "course".into(), |seed| format!("variant-{seed}"))
    }
}

/// Walks, lists, forgets, or prints the key.
///
/// # Errors
/// Programs that are not there, a step that does not exist, a place that cannot be written to.
pub fn learn(options: &LearnOptions) -> Result<End, Refused> {
    let path = Home::find().learnt();
    if options.reset {
        Progress::forget(&path, &options.walk())?;
        if !options.list {
            return Ok(End::Done);
        }
    }
    let screen = Screen::new(options.lang.unwrap_or_else(Lang::of_user));
    let stop = Stop::new();
    stop.on_ctrl_c()?;
    let theatre = Theatre {
        programs: options.programs.clone().map_or_else(run::own_folder, Ok)?,
        lang: screen.lang,
        scale: options.scale,
        samples: options.samples,
        api: options.api.clone(),
        seed: options.variant.unwrap_or(42),
        brief: options.brief,
        colours: screen.has_colours(),
        deadline: Duration::from_secs(options.deadline),
        stop: stop.clone(),
    };
    let discovery = discover::discover(&theatre.programs, &stop);
    discovery.problems.iter().for_each(say);
    let machine = Machine { workers: options.workers.unwrap_or_else(cores), processors: cores() };
    let steps =
        steps::all(&theatre.chapters()?, &discovery.exercises, machine, options.variant.map(Draw::of));
    let progress = Progress::read(&path)?;
    let mut walk = Walk { name: options.walk(), steps, screen, theatre, progress };
    if options.key {
        return key::print(&walk).map(|()| End::Done).map_err(Refused::from);
    }
    if options.list {
        return walk.list().map_err(Refused::from);
    }
    let first = walk.first(options.from.as_deref())?;
    let mut answers = match &options.answers {
        _ if options.look => Answers::None,
        Some(answers) => Answers::Given(answers.clone().into_iter()),
        None => Answers::typed()?,
    };
    walk.go(first, &mut answers, &stop).map_err(Refused::from)
}

/// The steps, what was answered, and where it is shown.
struct Walk {
    name: String,
    steps: Vec<Step>,
    screen: Screen,
    theatre: Theatre,
    progress: Progress,
}

impl Walk {
    fn answered(&self, step: &Step) -> Option<&Answered> {
        self.progress.answered(&self.name, &step.name)
    }

    /// Where to begin: at the step that was named, or at the first that is not done.
    fn first(&self, named: Option<&str>) -> Result<usize, Refused> {
        let Some(named) = named else {
            let open = self.steps.iter().position(|step| self.answered(step).is_none());
            return Ok(open.unwrap_or(self.steps.len()));
        };
        let number = named.parse::<usize>().ok().filter(|number| (1..=self.steps.len()).contains(number));
        let place = number.map(|number| number - 1);
        place.or_else(|| self.steps.iter().position(|step| step.name == named)).ok_or_else(|| {
            let problem = Problem::new(format!("there is no step `{named}`"));
            let problem = problem.expected(format!("a name, or a number from 1 to {}", self.steps.len()));
            Refused::Usage(problem.hint("`cargo xtask learn --list` lists them"))
        })
    }

    /// All steps by chapter, with what became of them. A lesson that nobody wrote a question for fails it: the course is
    /// meant to be whole.
    fn list(&self) -> Result<End, Problem> {
        let screen = self.screen;
        let pad = self.steps.iter().map(|step| step.name.len()).max().unwrap_or_default();
        let mut chapter = None;
        for (index, step) in self.steps.iter().enumerate() {
            if chapter != Some(&step.chapter) {
                chapter = Some(&step.chapter);
                screen.line(&format!("\n  {}", screen.of(&step.chapter).bold()))?;
            }
            let mark = match self.answered(step) {
                Some(answered) if answered.foreseen() => "✓".green().to_string(),
                Some(Answered { answer: Some(_), right: Some(_), .. }) => "✗".red().to_string(),
                Some(_) => "·".to_string(),
                None => " ".to_string(),
            };
            let name = format!("{:pad$}", step.name);
            screen.line(&format!(
                "  {mark} {:>2}  {}  {}",
                index + 1,
                name.cyan(),
                screen.of(&step.about)
            ))?;
        }
        screen.line("")?;
        self.meter()?;
        let missing: Vec<&str> =
            self.steps.iter().filter(|step| !step.own).map(|step| step.name.as_str()).collect();
        let orphans: Vec<&str> = lessons::all()
            .map(|asked| asked.lesson)
            .filter(|lesson| !self.steps.iter().any(|step| step.name == *lesson && step.own))
            .filter(|lesson| !missing.contains(lesson))
            .collect();
        if missing.is_empty() && orphans.is_empty() {
            return Ok(End::Done);
        }
        say(&Problem::new(format!(
            "no question was written for: {}",
            [missing, orphans].concat().join(", ")
        ))
        .hint("add a row beside the others in crates/bench-harness/src/learn"));
        Ok(End::Failed)
    }

    fn meter(&self) -> Result<(), Problem> {
        let done: Vec<&Answered> = self.steps.iter().filter_map(|step| self.answered(step)).collect();
        let foreseen = done.iter().filter(|answered| answered.foreseen()).count();
        self.screen.meter(done.len(), self.steps.len(), foreseen)
    }

    /// Walks from a step to the end, or to where the reader stops.
    fn go(&mut self, first: usize, answers: &mut Answers, stop: &Stop) -> Result<End, Problem> {
        let screen = self.screen;
        let lang = screen.lang;
        let mut end = End::Done;
        for index in first..self.steps.len() {
            let this = self.steps[index].clone();
            self.ask(index, &this)?;
            let reply = answers.ask(screen, this.question.choices.len(), stop)?;
            if reply == Reply::Quit {
                let said = words!(
                    lang,
                    "Until next time: the same command goes on from here.",
                    "Até a próxima: o mesmo comando continua daqui."
                );
                screen.line(&format!("  {}\n", said.dimmed()))?;
                break;
            }
            screen.line("")?;
            let waiting = words!(lang, "measuring: {}", "medindo: {}", self.theatre.line(&this));
            match screen.while_waiting(&waiting, || self.theatre.perform(&this))? {
                Ok(outcome) => self.tell(&this, reply, &outcome)?,
                Err(_) if stop.asked() => break,
                Err(problem) => {
                    say(&problem);
                    end = End::Failed;
                }
            }
        }
        if self.steps.iter().all(|step| self.answered(step).is_some()) && !stop.asked() {
            let said = words!(
                lang,
                "That was the last one. `--reset` begins anew, `--variant 1` asks something else.",
                "Esse foi o último. `--reset` começa de novo, `--variant 1` pergunta outras coisas."
            );
            screen.line("")?;
            screen.paragraph(&said, |line| line.bold().to_string())?;
        }
        self.meter()?;
        Ok(if stop.asked() { End::Interrupted } else { end })
    }

    fn ask(&self, index: usize, step: &Step) -> Result<(), Problem> {
        let screen = self.screen;
        screen.line("")?;
        let title = format!("{} · {}", screen.of(&step.chapter), step.name);
        screen.rule(&title, &format!("{}/{}", index + 1, self.steps.len()))?;
        screen.paragraph(screen.of(&step.about), |line| line.dimmed().to_string())?;
        screen.line("")?;
        screen.paragraph(screen.of(&step.question.ask), |line| line.bold().to_string())?;
        if let Some(given) = &step.question.given {
            screen.paragraph(&format!("({})", screen.of(given)), |line| line.dimmed().to_string())?;
        }
        screen.line("")?;
        for (number, choice) in (1..).zip(&step.question.choices) {
            screen.line(&format!("    {}  {}", number.cyan(), screen.of(choice)))?;
        }
        screen.line("")
    }

    /// Shows what was measured, says which choice was right and why, and remembers it.
    fn tell(&mut self, step: &Step, reply: Reply, outcome: &Outcome) -> Result<(), Problem> {
        let (screen, lang) = (self.screen, self.screen.lang);
        screen.begin(&outcome.drawing)?;
        if let Subject::Exercise { strategy, .. } = &step.subject {
            screen.bars(&outcome.cells, strategy)?;
            screen.line("")?;
        }
        let measured = outcome.number.map(|number| number.value);
        let right = step.question.rule.right(measured.unwrap_or(f64::NAN), outcome.verdict);
        let answer = if let Reply::Choice(choice) = reply { Some(choice) } else { None };
        let truth = right.map(|right| screen.of(&step.question.choices[right]).to_owned());
        let verdict = match (&truth, answer) {
            (None, _) => {
                words!(lang, "This machine cannot tell.", "Esta máquina não sabe dizer.").yellow().to_string()
            }
            (Some(truth), Some(choice)) if right == Some(choice) => {
                words!(lang, "✓ You foresaw it: {truth}.", "✓ Você previu: {truth}.").green().to_string()
            }
            (Some(truth), Some(_)) => {
                words!(lang, "✗ Not here: {truth}.", "✗ Aqui não: {truth}.").red().to_string()
            }
            (Some(truth), None) => words!(lang, "It is: {truth}.", "É: {truth}.").cyan().to_string(),
        };
        screen.line(&format!("  {}", verdict.bold()))?;
        if let Some(estimate) = outcome.number {
            let of = |value| number(value, lang);
            let (value, unit) = (of(estimate.value), screen.of(&outcome.unit));
            let mut said = words!(lang, "measured: {value} {unit}", "medido: {value} {unit}");
            if estimate.low < estimate.high {
                said = format!("{said} ({} … {})", of(estimate.low), of(estimate.high));
            }
            screen.paragraph(&said, str::to_owned)?;
        }
        if let Some(model) = step.question.model {
            let model = number(model, lang);
            let said = words!(
                lang,
                "a model of waiting or computing alone says {model} times",
                "um modelo só de esperar ou só de calcular diz {model} vezes"
            );
            screen.paragraph(&said, |line| line.dimmed().to_string())?;
        }
        if let Some(note) = &outcome.note {
            screen.paragraph(screen.of(note), |line| line.yellow().to_string())?;
        }
        screen.paragraph(screen.of(&step.question.because), str::to_owned)?;
        let at = Timestamp::now().round(Unit::Second).or_problem(|| "the clock cannot be read")?.to_string();
        let unit = outcome.unit.clone();
        self.progress.remember(&self.name, &step.name, Answered { answer, right, measured, unit, at })?;
        self.meter()
    }
}
