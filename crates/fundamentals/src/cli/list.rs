//! The programs in reading order.

use lab::record::{ChapterRecord, LessonRecord, PromiseRecord};
use lab::{OrProblem, Problem};
use owo_colors::OwoColorize;

use crate::CHAPTERS;
use crate::claim::Claim;
use crate::program::{Chapter, Program};
use crate::stage::Stage;

/// Lists the programs by chapter.
pub(super) fn list(stage: &Stage) {
    let names = CHAPTERS.iter().flat_map(|chapter| chapter.programs).map(|program| program.name.len());
    let pad = names.max().unwrap_or_default();
    for (number, chapter) in CHAPTERS.iter().enumerate() {
        stage.line(format_args!("{:>2}  {}", number + 1, chapter.title.in_lang(stage.lang).bold()));
        for program in chapter.programs {
            // Padded before it is painted: the escape codes have a width for the formatter and none for the reader.
            let name = format!("{:pad$}", program.name);
            stage.line(format_args!("    {}  {}", name.cyan(), program.about.in_lang(stage.lang)));
        }
    }
}

/// Lists the chapters with all that their programs claim, for other programs.
pub(super) fn json(stage: &Stage) -> Result<(), Problem> {
    let chapters: Vec<ChapterRecord> = CHAPTERS.iter().map(chapter).collect();
    let text = serde_json::to_string(&chapters).or_problem(|| "cannot list the programs")?;
    stage.line(text);
    Ok(())
}

fn chapter(chapter: &Chapter) -> ChapterRecord {
    ChapterRecord { title: chapter.title.into(), lessons: chapter.programs.iter().map(lesson).collect() }
}

fn lesson(program: &Program) -> LessonRecord {
    LessonRecord {
        name: program.name.into(),
        about: program.about.into(),
        claims: program.claims.iter().map(promise).collect(),
    }
}

fn promise(claim: &Claim) -> PromiseRecord {
    PromiseRecord {
        id: claim.id.into(),
        sentence: claim.says.into(),
        unit: claim.unit.into(),
        holds: claim.holds,
        breaks: claim.breaks.into(),
    }
}
