//! Whether every program alone is built of the same dependencies as all together.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};

use crate::house::House;
use crate::run_all::PROGRAMS;
use crate::tidy::Finding;

/// Where the features stand that all share.
const PLACE: &str = "crates/one-build/Cargo.toml";

/// The features of a dependency, in each form in which it is compiled.
type Forms = BTreeMap<String, BTreeSet<String>>;

/// A dependency is compiled once, whatever is called: the features of a program's are those of the workspace's, tests
/// included.
pub(super) fn one_build(house: &House) -> Result<Vec<Finding>> {
    let all = forms(house, &["--workspace", "--edges", "normal,build,dev"])?;
    let mut missing = Forms::new();
    for program in PROGRAMS {
        let own = forms(house, &["--package", program, "--edges", "normal,build"])?;
        for (name, wanted) in differences(&own, &all) {
            missing.entry(name).or_default().insert(wanted);
        }
    }
    let finding = |(name, wanted): (String, BTreeSet<String>)| {
        let wanted: Vec<_> = wanted.into_iter().collect();
        Finding::new(
            PLACE,
            0,
            format!("{name} is compiled twice: let it have the features {}", wanted.join(" or ")),
        )
    };
    Ok(missing.into_iter().map(finding).collect())
}

fn forms(house: &House, words: &[&str]) -> Result<Forms> {
    let mut cargo = house.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["tree", "--quiet", "--prefix", "none", "--format", "{p} [{f}]"]).args(words);
    let ended = cargo.output().context("cargo tree cannot be started")?;
    ensure!(ended.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(parse(&String::from_utf8_lossy(&ended.stdout)))
}

/// Lines such as `libc v0.2.1 [default,std] (*)`; our own crates, which have a path, are left out.
fn parse(text: &str) -> Forms {
    let mut forms = Forms::new();
    for line in text.lines().filter(|line| !line.contains("(/")) {
        let Some((name, rest)) = line.split_once(" [") else { continue };
        let Some((features, _)) = rest.split_once(']') else { continue };
        forms.entry(name.replace(" (proc-macro)", "")).or_default().insert(features.into());
    }
    forms
}

/// What is compiled otherwise, and the features that it should have.
fn differences(own: &Forms, all: &Forms) -> Vec<(String, String)> {
    let wanted =
        |name: &String| all.get(name).map(|all| all.iter().cloned().collect::<Vec<_>>().join(" or "));
    let differs = |(name, forms): &(&String, &BTreeSet<String>)| {
        all.get(*name).is_some_and(|all| !forms.is_subset(all))
    };
    own.iter().filter(differs).filter_map(|(name, _)| Some((name.clone(), wanted(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_with_fewer_features_than_the_others_want_is_named() {
        let all = parse(
            "lab v0.1.0 (/x/lab) [a]\nlibc v0.2.1 [default,std] (*)\nserde v1.0.0 (proc-macro) [derive]\nnix v0.3.0 []\n",
        );
        assert_eq!(all.len(), 3);
        let own = parse("libc v0.2.1 [std]\nnix v0.3.0 []\nserde v1.0.0 [derive]\n");
        assert_eq!(differences(&own, &all), [("libc v0.2.1".into(), "default,std".into())]);
        assert_eq!(differences(&all, &all), []);
    }
}
