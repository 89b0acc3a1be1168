//! Running programs and writing down what became of their claims.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use lab::cli::{End, say};
use lab::logged::{Step, logged};
use lab::out::{Staging, publish};
use lab::record::{Bilingual, ClaimRecord, Threshold, Verdict};
use lab::{OrProblem, Problem, number};
use owo_colors::OwoColorize;

use super::RunArgs;
use crate::claim::{Mechanism, unhurt};
use crate::program::{Program, find};
use crate::stage::Stage;
use crate::text::{Lang, Text};
use crate::{CHAPTERS, words};

/// The file of the claims' records.
const FILE: &str = "claims.jsonl";

/// Runs programs: each shows itself, then its claims are measured. A program that fails does not keep the others from it.
pub(super) fn run(args: &RunArgs, quiet: bool, stage: &Stage) -> Result<End, Problem> {
    let all = args.names.iter().any(|name| name == "all");
    let programs: Vec<&Program> = if all {
        CHAPTERS.iter().flat_map(|chapter| chapter.programs).collect()
    } else {
        match args.names.iter().map(|name| find(name)).collect() {
            Ok(programs) => programs,
            Err(problem) => {
                say(&problem);
                return Ok(End::Usage);
            }
        }
    };
    let known = |id: &String| programs.iter().flat_map(|program| program.claims).any(|claim| claim.id == id);
    if let Some(id) = args.broken.as_ref().filter(|id| !known(id)) {
        let ids: Vec<_> = programs.iter().flat_map(|program| program.claims).map(|claim| claim.id).collect();
        say(&Problem::new(format!("no program here claims `{id}`")).expected(ids.join(", ")));
        return Ok(End::Usage);
    }
    let mut records = Vec::new();
    let mut whole = true;
    for program in programs {
        if stage.lab.stop.asked() {
            return Ok(End::Interrupted);
        }
        whole &= perform(program, args.broken.as_deref(), quiet, stage, &mut records);
    }
    if all {
        summarise(&records, stage);
    }
    let folder = args.out.clone().or_else(|| all.then(|| stage.lab.home.out()));
    if let Some(folder) = folder {
        write(&records, &folder)?;
    }
    Ok(if whole { End::Done } else { End::Failed })
}

/// Runs one program; `false` when something in it could not be done.
fn perform(
    program: &Program,
    broken: Option<&str>,
    quiet: bool,
    stage: &Stage,
    records: &mut Vec<ClaimRecord>,
) -> bool {
    let mut whole = true;
    stage.line(format_args!("{}  {}", program.name.cyan().bold(), program.about.in_lang(stage.lang)));
    let show = || logged(program.name, "show", || unhurt(|| (program.show)(stage)));
    if !quiet && let Err(problem) = show() {
        // What was cut off is no failure of the program's.
        if !stage.lab.stop.asked() {
            say(&problem);
        }
        whole = false;
    }
    for claim in program.claims {
        if stage.lab.stop.asked() {
            return false;
        }
        let mechanism = if broken == Some(claim.id) { Mechanism::Broken } else { Mechanism::Sound };
        if !mechanism.is_sound() {
            let label = words!(stage, "broken on purpose", "quebrado de propósito");
            stage.line(format_args!("{}: {}", label.red(), claim.breaks.in_lang(stage.lang)));
        }
        let step = Step::begin(program.name, format_args!("claim={} mechanism={mechanism:?}", claim.id));
        let record = claim.check(program, stage, mechanism);
        step.end(record.error.as_ref());
        tell(&record, stage);
        whole &= record.error.is_none();
        records.push(record);
    }
    stage.line("");
    whole
}

/// Two lines for a claim: the sentence with its verdict, and the numbers.
fn tell(record: &ClaimRecord, stage: &Stage) {
    let of = |text: &Bilingual| match stage.lang {
        Lang::En => text.en.clone(),
        Lang::Pt => text.pt.clone(),
    };
    let verdict = match record.verdict {
        Verdict::Holds => Text::new("✓ holds", "✓ vale").in_lang(stage.lang).green().to_string(),
        Verdict::Refuted => {
            Text::new("✗ refuted here", "✗ refutada aqui").in_lang(stage.lang).red().to_string()
        }
        Verdict::Inconclusive => {
            Text::new("? inconclusive", "? inconclusiva").in_lang(stage.lang).yellow().to_string()
        }
    };
    stage.line(format_args!("{verdict}  {}", of(&record.sentence)));
    let number = |value| number(value, stage.lang);
    let unit = of(&record.unit);
    let holds = match record.holds {
        Threshold::AtLeast(least) => format!("≥ {}", number(least)),
        Threshold::AtMost(most) => format!("≤ {}", number(most)),
        Threshold::Within(least, most) if least < most => format!("{} … {}", number(least), number(most)),
        Threshold::Within(exactly, _) => format!("= {}", number(exactly)),
    };
    let measured = record.measured.map(|estimate| {
        let value = number(estimate.value);
        if estimate.low < estimate.high {
            format!("{value} ({} … {}) {unit}", number(estimate.low), number(estimate.high))
        } else {
            format!("{value} {unit}")
        }
    });
    let measured = measured.unwrap_or_else(|| words!(stage, "not measured", "não medido"));
    stage.line(words!(
        stage,
        "    here: {measured}; holds if {holds}",
        "    aqui: {measured}; vale se {holds}"
    ));
    let published = format!("{}: {}", record.published.title, of(&record.published.number));
    stage.line(words!(stage, "    published: {published}", "    publicado: {published}").dimmed());
    if let Some(note) = &record.note {
        stage.line(format_args!("    {}", of(note).yellow()));
    }
    if let Some(error) = &record.error {
        stage.line(format_args!("    {}", error.red()));
    }
}

fn summarise(records: &[ClaimRecord], stage: &Stage) {
    let of = |verdict| records.iter().filter(|record| record.verdict == verdict).count();
    let (holds, refuted, open) = (of(Verdict::Holds), of(Verdict::Refuted), of(Verdict::Inconclusive));
    stage.line(words!(
        stage,
        "{} claims: {holds} hold, {refuted} are refuted here, {open} are inconclusive",
        "{} afirmações: {holds} valem, {refuted} são refutadas aqui, {open} são inconclusivas",
        records.len()
    ));
}

/// Writes the records, one line each.
fn write(records: &[ClaimRecord], folder: &Path) -> Result<(), Problem> {
    let staging = Staging::within(folder)?;
    let staged = staging.path(FILE);
    let cannot = || format!("cannot write {}", folder.join(FILE).display());
    let mut file = File::create(&staged).or_problem(cannot)?;
    for record in records {
        let line = serde_json::to_string(record).or_problem(cannot)?;
        writeln!(file, "{line}").or_problem(cannot)?;
    }
    drop(file);
    publish(&staged, &folder.join(FILE))
}
