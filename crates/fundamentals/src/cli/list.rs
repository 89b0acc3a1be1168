//! The programs in reading order.

use owo_colors::OwoColorize;

use crate::CHAPTERS;
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
