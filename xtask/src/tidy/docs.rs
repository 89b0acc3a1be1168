//! Pages that tell the truth: what they link to and what they name is there.

use std::ffi::OsStr;
use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::Cli;
use crate::tidy::Finding;
use crate::tidy::manifest::members;
use crate::tidy::tree::Tree;

/// Every link to a file of the project leads somewhere.
pub(super) fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, number, line) in lines(tree, Fences::Skipped) {
        for target in targets(&without_code(line)) {
            let outside = target.contains("://") || target.starts_with("mailto:");
            let file = target.split(['#', '?']).next().unwrap_or_default();
            if !outside && !file.is_empty() && !tree.has(&beside(path, file)) {
                findings.push(Finding::new(path, number, format!("a link to `{file}`, which is not there")));
            }
        }
    }
    findings
}

/// Every crate, file and task that a page names exists.
pub(super) fn names(tree: &Tree) -> Vec<Finding> {
    let crates: Vec<&str> = members(tree).map(|(name, _, _)| name).collect();
    let mut findings = Vec::new();
    for (path, number, line) in lines(tree, Fences::Kept) {
        for missing in code_spans(line).filter(|word| is_missing(tree, path, word)) {
            findings.push(Finding::new(path, number, format!("`{missing}` is not there")));
        }
        for command in line.split(['`', ';', '&', '|']).filter(|command| command.contains("cargo ")) {
            findings.extend(
                wrong_names(command, &crates).into_iter().map(|text| Finding::new(path, number, text)),
            );
        }
    }
    findings
}

/// What is wrong with a command that starts cargo.
fn wrong_names(command: &str, crates: &[&str]) -> Vec<String> {
    let words: Vec<&str> =
        command.split(|letter: char| letter.is_whitespace() || "(),".contains(letter)).collect();
    let known = |task: &str| task == "help" || Cli::command().find_subcommand(task).is_some();
    let mut wrong = Vec::new();
    for three in words.windows(3) {
        match *three {
            [_, "-p" | "--package", name] if is_plain(name) && !crates.contains(&name) => {
                wrong.push(format!("there is no crate `{name}`"));
            }
            ["cargo", "xtask", task] if is_plain(task) && !known(task) => {
                wrong.push(format!("there is no task `cargo xtask {task}`"));
            }
            _ => {}
        }
    }
    wrong
}

/// The project's page in another language says the same: as many headings of each rank, and the same commands.
pub(super) fn languages(tree: &Tree) -> Vec<Finding> {
    const PAGES: [&str; 2] = ["README.md", "README.pt-BR.md"];
    let text = |page: &str| tree.ending(page).find(|(path, _)| *path == page).map(|(_, text)| text);
    let [Some(one), Some(other)] = PAGES.map(text) else { return Vec::new() };
    let [first, second] = PAGES;
    let mut findings = Vec::new();
    let (ranks, others) = (ranks(one), ranks(other));
    if ranks != others {
        let said = |ranks: &[usize]| ranks.iter().map(|rank| "#".repeat(*rank)).collect::<Vec<_>>().join(" ");
        let text = format!("its headings are {}, and {first} has {}", said(&others), said(&ranks));
        findings.push(Finding::new(second, 0, text));
    }
    let (ours, theirs) = (commands(one), commands(other));
    let lacks = |page, these: &[(usize, &str)], those: &[(usize, &str)]| {
        let missing = these.iter().filter(|(_, line)| !those.iter().any(|(_, other)| other == line));
        let found = missing.map(|(number, line)| {
            let other = if page == first { second } else { first };
            Finding::new(page, *number, format!("`{line}` is not in {other}"))
        });
        found.collect::<Vec<_>>()
    };
    findings.extend(lacks(first, &ours, &theirs));
    findings.extend(lacks(second, &theirs, &ours));
    findings
}

/// The ranks of the headings, in order.
fn ranks(text: &str) -> Vec<usize> {
    let mut within = false;
    let mut ranks = Vec::new();
    for line in text.lines() {
        within ^= line.starts_with("```");
        if !within && line.starts_with('#') {
            ranks.push(line.chars().take_while(|letter| *letter == '#').count());
        }
    }
    ranks
}

/// The commands of the shell blocks, without the remarks behind them, which are in the page's language.
fn commands(text: &str) -> Vec<(usize, &str)> {
    let mut within = false;
    let mut commands = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("```") {
            within = !within && line == "```sh";
        } else if within {
            let typed = line.split(" #").next().unwrap_or_default().trim();
            commands.extend((!typed.is_empty()).then_some((number, typed)));
        }
    }
    commands
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fences {
    Kept,
    Skipped,
}

/// The lines of all pages, with or without those between fences.
fn lines(tree: &Tree, fences: Fences) -> impl Iterator<Item = (&str, usize, &str)> {
    tree.ending(".md").flat_map(move |(path, text)| {
        let mut within = false;
        let numbered = text.lines().enumerate().filter(move |(_, line)| {
            let fence = line.trim_start().starts_with("```");
            within ^= fence;
            fences == Fences::Kept || !(within || fence)
        });
        numbered.map(move |(index, line)| (path, index + 1, line))
    })
}

/// The targets of the links on a line, in Markdown's spellings and in HTML's.
fn targets(line: &str) -> Vec<String> {
    let after = |mark: &str, end: &[char]| {
        let found = line.match_indices(mark).map(|(at, _)| &line[at + mark.len()..]);
        let whole = found
            .filter_map(|rest| rest.split(end).next())
            .filter_map(|target| target.split_whitespace().next());
        whole.map(|target| target.trim_matches(['<', '>']).to_owned()).collect::<Vec<_>>()
    };
    let mut targets = after("](", &[')']);
    for attribute in ["src=\"", "href=\"", "srcset=\""] {
        targets.extend(after(attribute, &['"']));
    }
    if line.starts_with('[') {
        targets.extend(after("]: ", &[' ']));
    }
    targets
}

/// The line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// What stands between backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// A path from a page's folder, as one from the root.
fn beside(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Whether a word in backticks is a path of the project or the name of a source file, and nothing of that name exists.
fn is_missing(tree: &Tree, page: &str, word: &str) -> bool {
    if !word.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter)) {
        return false;
    }
    let of_the_project =
        ["crates/", "xtask/", ".ci/", ".cargo/"].iter().any(|folder| word.starts_with(folder));
    let is_source = Path::new(word).extension() == Some(OsStr::new("rs"));
    let ends_so =
        |path: &str| path.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    (of_the_project && !tree.has(word))
        || (!of_the_project && is_source && !tree.has(&beside(page, word)) && !tree.paths().any(ends_so))
}

/// Whether a word can be the name of a crate or of a task; `<crate>` and `…` cannot.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    fn page(text: &str) -> [(&str, &str); 4] {
        [
            ("README.md", text),
            ("crates/lab/Cargo.toml", ""),
            ("crates/lab/src/procs/pool.rs", ""),
            ("docs/picture.svg", ""),
        ]
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let text = "[a](crates/lab) ![b](docs/picture.svg \"title\") [c](#d) [e](https://example.org/f) [g](README.md#h)\n\
                    <img src=\"docs/picture.svg\">\n[i]: ./docs/\n`[j](k)`\n```\n[l](m)\n```\n";
        check(links, &page(text), &[]);
    }

    #[test]
    fn a_link_to_nothing_is_named_with_its_line() {
        let text = "a\n[b](docs/other.svg#c)\n<img src=\"picture.svg\">\n[d]: ../README.md\n[d]: gone.md\n";
        let expected = [
            "README.md:2: a link to `docs/other.svg`, which is not there",
            "README.md:3: a link to `picture.svg`, which is not there",
            "README.md:5: a link to `gone.md`, which is not there",
        ];
        check(links, &page(text), &expected);
    }

    #[test]
    fn a_link_is_followed_from_its_own_page() {
        let pages =
            [("a/b/c.md", "[d](../e.md) [f](/g.md) [h](i.md)"), ("a/e.md", ""), ("g.md", ""), ("i.md", "")];
        check(links, &pages, &["a/b/c.md:1: a link to `i.md`, which is not there"]);
    }

    #[test]
    fn names_of_what_exists_are_fine() {
        let text = "`crates/lab/src/` `pool.rs` `procs/pool.rs` `data/runs/latest` `crates/<name>/src` `cargo run -p lab`\n\
                    cargo xtask run-all, cargo xtask help, xtask starts them; `mkdir -p somewhere`, cargo run -p <crate>\n";
        check(names, &page(text), &[]);
    }

    #[test]
    fn pages_of_two_languages_have_the_same_headings_and_commands() {
        let (english, portuguese) = ("README.md", "README.pt-BR.md");
        let one = "# A\n## B\n```sh\nrun a  # it runs\nrun b\n```\n```text\n# no heading\n```\n";
        let same = "# Á\n## Bê\n```sh\nrun a  # executa\nrun b\n```\n";
        check(languages, &[(english, one), (portuguese, same)], &[]);
        let other = "# Á\n```sh\nrun a\nrun c\n```\n";
        let expected = [
            "README.md:5: `run b` is not in README.pt-BR.md",
            "README.pt-BR.md: its headings are #, and README.md has # ##",
            "README.pt-BR.md:4: `run c` is not in README.md",
        ];
        check(languages, &[(english, one), (portuguese, other)], &expected);
    }

    #[test]
    fn a_name_of_nothing_is_named_with_its_line() {
        let text = "`crates/lab/src/gone.rs` `other.rs` `xtask/src/`\n`cargo run -p gone` `cargo test --package lab`\n\
                    ```\n$ cargo xtask jump\n```\n";
        let expected = [
            "README.md:1: `crates/lab/src/gone.rs` is not there",
            "README.md:1: `other.rs` is not there",
            "README.md:1: `xtask/src/` is not there",
            "README.md:2: there is no crate `gone`",
            "README.md:4: there is no task `cargo xtask jump`",
        ];
        check(names, &page(text), &expected);
    }
}
