//! `cargo xtask coverage`: which lines of the library crates their own tests reach.
//!
//! Only crates of the workspace are compiled once more; dependencies are those of the tests. A process that a test kills has
//! no time to tell what it passed, so what workers do is counted too low.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::house::House;

/// What is measured: the crates that know nothing of exercises. They are tested by themselves, without other processes' help.
const CRATES: &[&str] = &["lab", "fetch", "serving", "tabular"];
/// Versions of LLVM whose tools read what this compiler's programs write (raw profiles of version 10).
const VERSIONS: &[&str] = &["22", "21", "20", "19"];

/// `cargo xtask coverage`
pub(crate) fn coverage(house: &House) -> Result<u8> {
    let version = VERSIONS.iter().find(|version| House::has(&format!("llvm-cov-{version}")));
    let version =
        version.context("llvm-cov is not installed: for example, Debian's package llvm-19 has it")?;
    let folder = house.root.join("target/coverage");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let wrapper = house.root.join("xtask/covering-rustc").display().to_string();
    let profiles = folder.join("%p-%m.profraw").display().to_string();
    let environment = [("RUSTC_WORKSPACE_WRAPPER", &*wrapper), ("LLVM_PROFILE_FILE", &*profiles)];
    let packages = CRATES.iter().flat_map(|name| ["--package", name]);
    let words: Vec<&str> = ["test", "--lib", "--tests"].into_iter().chain(packages).collect();
    let code = house.cargo_with(&words, &environment)?;
    if code != 0 {
        return Ok(code);
    }
    let programs = programs(house, &words, &environment)?;
    let merged = folder.join("all.profdata");
    let raw = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    let raw = raw.filter(|path| path.extension().is_some_and(|end| end == "profraw"));
    let mut merge = Command::new(format!("llvm-profdata-{version}"));
    merge.args(["merge", "--sparse", "--failure-mode=all", "--output"]).arg(&merged).args(raw);
    ensure!(merge.status().context("cannot start llvm-profdata")?.success(), "the profiles cannot be merged");
    let mut report = Command::new(format!("llvm-cov-{version}"));
    report.arg("report").arg("--instr-profile").arg(&merged);
    report.args(programs.iter().flat_map(|program| [OsStr::new("--object"), program.as_ref()]));
    let report = report.output().context("cannot start llvm-cov")?;
    ensure!(report.status.success(), "llvm-cov: {}", String::from_utf8_lossy(&report.stderr));
    std::fs::write(folder.join("report.txt"), &report.stdout).context("cannot write the report")?;
    for (name, (lines, missed)) in by_crate(&String::from_utf8_lossy(&report.stdout), &house.root) {
        let reached = lines - missed;
        println!(
            "{name:<10} {reached:>6} of {lines:>6} lines  {:>5.1} %",
            reached as f64 * 100.0 / lines as f64
        );
    }
    Ok(0)
}

/// The test programs, as cargo tells them.
fn programs(house: &House, words: &[&str], environment: &[(&str, &str)]) -> Result<Vec<String>> {
    let mut command = house.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).args(["--no-run", "--message-format=json", "--quiet"]);
    let told = command.envs(environment.iter().copied()).stderr(Stdio::inherit()).output();
    let told =
        String::from_utf8(told.context("cannot start cargo")?.stdout).context("cargo tells no text")?;
    let path =
        |line: &str| line.split_once("\"executable\":\"")?.1.split_once('"').map(|(path, _)| path.into());
    Ok(told.lines().filter_map(path).collect())
}

/// Lines and missed lines of each crate's own sources, without tests, and of all together.
fn by_crate(report: &str, root: &Path) -> BTreeMap<String, (u64, u64)> {
    let mut found = BTreeMap::new();
    let crates = root.join("crates");
    for line in report.lines() {
        let mut columns = line.split_whitespace();
        let Some(path) = columns.next() else { continue };
        let path = below(Path::new(path), &crates).display().to_string();
        let Some((name, inside)) = path.split_once('/') else { continue };
        let is_test = inside.starts_with("tests") || inside.contains("/tests") || inside.contains("explored");
        let numbers: Vec<u64> = columns.filter_map(|column| column.parse().ok()).collect();
        // Regions, functions and lines, each with what was missed.
        if let [_, _, _, _, lines, missed, ..] = numbers[..]
            && CRATES.contains(&name)
            && !is_test
        {
            for name in [name, "all"] {
                let sum: &mut (u64, u64) = found.entry(name.to_owned()).or_default();
                *sum = (sum.0 + lines, sum.1 + missed);
            }
        }
    }
    found
}

/// The path below `folder`, whose beginning may be missing: the table leaves out what all of its paths begin with.
fn below<'a>(path: &'a Path, folder: &Path) -> &'a Path {
    let mut known = folder.components();
    loop {
        match path.strip_prefix(known.as_path()) {
            Ok(below) => return below,
            Err(_) => known.next(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_up_by_crate_without_those_of_tests() {
        let report = "Filename  Regions\n\
            lab/src/a.rs 10 1 90.00% 2 0 100.00% 30 3 90.00% 0 0 -\n\
            /p/crates/lab/src/b/c.rs 10 1 90.00% 2 0 100.00% 10 1 90.00% 0 0 -\n\
            crates/lab/src/d.rs 10 1 90.00% 2 0 100.00% 1 0 90.00% 0 0 -\n\
            fetch/src/a/tests.rs 10 1 90.00% 2 0 100.00% 30 3 90.00% 0 0 -\n\
            fetch/tests/a.rs 10 1 90.00% 2 0 100.00% 30 3 90.00% 0 0 -\n\
            fetch/src/a.rs 10 1 90.00% 2 0 100.00% 5 0 100.00% 0 0 -\n\
            TOTAL 10 1 90.00% 2 0 100.00% 40 4 90.00% 0 0 -\n";
        let found = by_crate(report, Path::new("/p"));
        let expected = [("all", (46, 4)), ("fetch", (5, 0)), ("lab", (41, 4))];
        assert_eq!(found, BTreeMap::from(expected.map(|(name, lines)| (name.to_owned(), lines))));
    }
}
