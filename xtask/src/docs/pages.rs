//! The commands of the pages.

use std::path::Path;

use anyhow::{Context as _, Result};

/// A block of commands, which may need each other in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The page, from the root.
    pub(super) page: String,
    /// Its commands.
    pub(super) commands: Vec<Command>,
}

/// A command as it stands in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The number of its line, from 1.
    pub(super) number: usize,
    /// What is typed, without the remark behind it.
    pub(super) line: String,
    /// What becomes of it.
    pub(super) fate: Fate,
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is run to its end.
    Run,
    /// It is run to its end, which is exit code 1: it finds what it is meant to find.
    Fails,
    /// It is run until its block is over.
    Stays,
    /// It is left out, because of what it needs.
    Left(String),
}

/// A remark about the commands of the next block.
#[derive(Clone, Debug)]
struct Remark {
    /// What becomes of the commands that are meant.
    fate: Fate,
    /// Which commands are meant; all, if there is no text.
    text: Option<String>,
}

/// All blocks of the README files, the project's own first.
pub(super) fn blocks(root: &Path) -> Result<Vec<Block>> {
    let mut pages: Vec<String> =
        ["README.md", "README.pt-BR.md", "CONTRIBUTING.md"].map(str::to_owned).into();
    within(root, "crates", &mut pages)?;
    let mut blocks = Vec::new();
    for page in pages.iter().filter(|page| root.join(page).is_file()) {
        let text = std::fs::read_to_string(root.join(page)).with_context(|| format!("cannot read {page}"))?;
        blocks.extend(of_page(page, &text));
    }
    Ok(blocks)
}

fn within(root: &Path, folder: &str, pages: &mut Vec<String>) -> Result<()> {
    let cannot = || format!("cannot read the folder {folder}");
    let mut entries: Vec<_> =
        std::fs::read_dir(root.join(folder)).and_then(Iterator::collect).with_context(cannot)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{folder}/{}", entry.file_name().display());
        if entry.file_type().with_context(cannot)?.is_dir() {
            within(root, &path, pages)?;
        } else if entry.file_name() == "README.md" {
            pages.push(path);
        }
    }
    Ok(())
}

/// The blocks of one page.
fn of_page(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut remarks: Vec<Remark> = Vec::new();
    let mut within: Option<bool> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match within {
            None if line.trim_start().starts_with("```") => {
                let is_shell = line.trim() == "```sh";
                within = Some(is_shell);
                if is_shell {
                    blocks.push(Block { page: page.into(), commands: Vec::new() });
                }
            }
            None => {
                remarks.extend(remark(line));
            }
            Some(_) if line.trim_start().starts_with("```") => {
                within = None;
                remarks.clear();
            }
            Some(true) => {
                let typed = without_remark(line).trim();
                if let (false, Some(block)) = (typed.is_empty(), blocks.last_mut()) {
                    let fate = fate(typed, &remarks);
                    let line = typed.trim_end_matches('&').trim_end().to_owned();
                    block.commands.push(Command { number, line, fate });
                }
            }
            Some(false) => {}
        }
    }
    blocks
}

fn remark(line: &str) -> Option<Remark> {
    let said = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    for (word, fate) in [("stays:", Fate::Stays), ("fails:", Fate::Fails)] {
        if let Some(text) = said.strip_prefix(word) {
            return Some(Remark { fate, text: Some(text.trim().to_owned()) });
        }
    }
    let needs = said.strip_prefix("needs:")?.trim();
    let (needs, text) = needs.split_once(" in ").map_or((needs, None), |(needs, text)| (needs, Some(text)));
    Some(Remark { fate: Fate::Left(needs.to_owned()), text: text.map(|text| text.trim().to_owned()) })
}

fn fate(line: &str, remarks: &[Remark]) -> Fate {
    // What fails may succeed with one option more, so the text is all that stands at the end.
    let is_meant = |remark: &&Remark| match (&remark.text, &remark.fate) {
        (None, _) => true,
        (Some(text), Fate::Fails) => line.ends_with(text.as_str()),
        (Some(text), _) => line.contains(text.as_str()),
    };
    match remarks.iter().find(is_meant) {
        Some(remark) => remark.fate.clone(),
        None if line.ends_with('&') => Fate::Stays,
        None => Fate::Run,
    }
}

/// The line without what a shell takes for a remark: from a `#` that begins a word and stands in no quotes.
fn without_remark(line: &str) -> &str {
    let mut quote: Option<char> = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '#') if before.is_whitespace() => return &line[..at],
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
        before = letter;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str, Fate)]) {
        let blocks = of_page("README.md", text);
        let found: Vec<_> = blocks
            .iter()
            .flat_map(|block| &block.commands)
            .map(|command| (command.number, command.line.as_str(), command.fate.clone()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn commands_stand_in_shell_blocks_and_end_before_their_remarks() {
        let text = "a `b`\n```sh\none --x 'a # b'   # what it does\n\ntwo \"#\" c#d\n```\n```text\nthree\n```\n```sh\nfour\n```\n";
        let run = |number, line| (number, line, Fate::Run);
        check(text, &[run(3, "one --x 'a # b'"), run(5, "two \"#\" c#d"), run(11, "four")]);
    }

    #[test]
    fn remarks_are_about_the_next_block_and_no_other() {
        let text = "<!-- needs: internet in example.org -->\n<!-- stays: --follow -->\n<!-- fails: find -->\n```sh\nget example.org\nlook --follow\nserve &\nfind\nfind --not\n```\n```sh\nget example.org\n```\n";
        let expected = [
            (5, "get example.org", Fate::Left("internet".into())),
            (6, "look --follow", Fate::Stays),
            (7, "serve", Fate::Stays),
            (8, "find", Fate::Fails),
            (9, "find --not", Fate::Run),
            (12, "get example.org", Fate::Run),
        ];
        check(text, &expected);
    }

    #[test]
    fn a_need_without_a_text_is_that_of_the_whole_block() {
        let text = "<!-- needs: a first build -->\n```sh\none\ntwo\n```\n";
        let left = || Fate::Left("a first build".into());
        check(text, &[(3, "one", left()), (4, "two", left())]);
    }
}
