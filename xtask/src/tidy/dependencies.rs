//! Who may depend on whom.

use crate::tidy::Finding;
use crate::tidy::manifest::{dependencies, members};
use crate::tidy::tree::Tree;

/// Each crate of ours, and those of ours that it may depend on. A new crate says here where it stands.
const MAY: &[(&str, &[&str])] = &[
    ("papers", &[]),
    ("one-build", &[]),
    ("lab", &["papers"]),
    ("fetch", &[]),
    ("tabular", &[]),
    ("datagen", &["one-build", "papers"]),
    ("witness", &[]),
    ("serving", &[]),
    ("mock-api", &["one-build", "datagen", "papers", "serving"]),
    ("io-concurrency", &["one-build", "lab", "fetch", "serving", "tabular"]),
    ("cpu-parallel", &["one-build", "lab", "tabular"]),
    ("pipelines", &["one-build", "lab", "fetch", "tabular"]),
    ("fundamentals", &["one-build", "lab", "papers"]),
    ("states-api", &["one-build", "lab", "fetch", "papers", "serving"]),
    ("bench-harness", &["one-build", "lab", "papers", "serving"]),
    ("xtask", &[]),
];

/// What tests of any crate may use besides.
const IN_TESTS: &[&str] = &["datagen", "mock-api", "witness"];

/// No crate depends on one that it must not know.
pub(super) fn directions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours: Vec<&str> = members(tree).map(|(name, _, _)| name).collect();
    for (name, path, text) in members(tree) {
        let Some((_, may)) = MAY.iter().find(|(this, _)| *this == name) else {
            let text =
                format!("`{name}` is a new crate: say in xtask/src/tidy/dependencies.rs whom it may know");
            findings.push(Finding::new(path, 0, text));
            continue;
        };
        for dependency in dependencies(text) {
            let other = &*dependency.name;
            let allowed = may.contains(&other) || (dependency.dev && IN_TESTS.contains(&other));
            if ours.contains(&other) && !allowed {
                let verb = if dependency.dev { "test with" } else { "depend on" };
                findings.push(Finding::new(
                    path,
                    dependency.line,
                    format!("`{name}` must not {verb} `{other}`"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    const LAB: (&str, &str) = ("crates/lab/Cargo.toml", "[package]\nname = \"lab\"\n");
    const DATAGEN: (&str, &str) = ("crates/datagen/Cargo.toml", "[package]\nname = \"datagen\"\n");
    const FETCH: (&str, &str) = ("crates/fetch/Cargo.toml", "[dev-dependencies]\ndatagen.workspace = true\n");

    #[test]
    fn what_the_design_allows_is_allowed() {
        let exercises = "[dependencies]\nlab.workspace = true\nserde = \"1\"\n[dev-dependencies]\ndatagen.workspace = true\n";
        check(directions, &[LAB, DATAGEN, FETCH, ("crates/cpu-parallel/Cargo.toml", exercises)], &[]);
    }

    #[test]
    fn a_library_that_knows_a_program_is_named_with_the_line() {
        let lab =
            ("crates/lab/Cargo.toml", "[dependencies]\nserde = \"1\"\ndatagen = { path = \"../datagen\" }\n");
        check(directions, &[lab, DATAGEN], &["crates/lab/Cargo.toml:3: `lab` must not depend on `datagen`"]);
    }

    #[test]
    fn another_name_hides_nobody() {
        let harness =
            "[dependencies]\nlab.workspace = true\nx = { package = \"datagen\", path = \"../datagen\" }\n";
        let expected = "crates/bench-harness/Cargo.toml:3: `bench-harness` must not depend on `datagen`";
        check(directions, &[LAB, DATAGEN, ("crates/bench-harness/Cargo.toml", harness)], &[expected]);
    }

    #[test]
    fn tests_may_use_the_data_and_the_server_and_no_more() {
        let xtask =
            ("xtask/Cargo.toml", "[dev-dependencies]\nlab.workspace = true\ndatagen.workspace = true\n");
        check(directions, &[LAB, DATAGEN, xtask], &["xtask/Cargo.toml:2: `xtask` must not test with `lab`"]);
    }

    #[test]
    fn no_exercise_depends_on_another() {
        let pipelines = ("crates/pipelines/Cargo.toml", "[dependencies]\nio-concurrency.workspace = true\n");
        let other = ("crates/io-concurrency/Cargo.toml", "");
        let expected = "crates/pipelines/Cargo.toml:2: `pipelines` must not depend on `io-concurrency`";
        check(directions, &[pipelines, other], &[expected]);
    }

    #[test]
    fn a_new_crate_has_to_say_where_it_stands() {
        let text = "`novel` is a new crate: say in xtask/src/tidy/dependencies.rs whom it may know";
        check(directions, &[("crates/novel/Cargo.toml", "")], &[&format!("crates/novel/Cargo.toml: {text}")]);
    }
}
