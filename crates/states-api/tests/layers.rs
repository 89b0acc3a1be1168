//! Who may know whom, read from the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// The Rust files of a layer with their text, without comments and without their tests.
fn sources(layer: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(layer);
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code: Vec<&str> =
                    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                files.push((path, code.join("\n")));
            }
        }
    }
    assert!(!files.is_empty(), "there is no layer {layer}");
    files
}

/// The first parts of all paths that a text has, as `std` of `std::fmt`.
fn roots(code: &str) -> Vec<String> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let before = code.match_indices("::").map(|(at, _)| &code[..at]);
    let name = |text: &str| text.chars().rev().take_while(|letter| is_name(*letter)).collect::<String>();
    let starts = before.filter(|text| {
        let name = name(text).len();
        !text[..text.len() - name].ends_with("::")
    });
    starts.map(|text| name(text).chars().rev().collect()).collect()
}

/// Every module outside of the layer that its paths lead to.
fn known(code: &str) -> Vec<String> {
    code.match_indices("crate::")
        .map(|(at, _)| code[at + 7..].chars().take_while(|c| c.is_alphanumeric()).collect())
        .collect()
}

#[test]
fn the_domain_depends_on_nothing() {
    for (path, code) in sources("domain") {
        for root in roots(&code) {
            // A type of its own, `std`, or a module beside it. Types start with a capital letter, primitives have methods.
            let own = root.is_empty() || root.starts_with(char::is_uppercase);
            let primitive = ["str", "char", "u32"].contains(&root.as_str());
            let module = ["std", "fmt", "super", "self", "age", "gap", "name", "place", "selection"]
                .contains(&root.as_str());
            assert!(own || primitive || module, "{} knows `{root}`", path.display());
        }
        for io in ["std::fs", "std::net", "std::io", "std::env", "std::process", "std::thread"] {
            assert!(!code.contains(io), "{} uses {io}", path.display());
        }
    }
}

#[test]
fn each_layer_knows_only_those_below_it() {
    let check = |layer: &str, may: &[&str]| {
        for (path, code) in sources(layer) {
            for module in known(&code) {
                assert!(may.contains(&module.as_str()), "{} knows `{module}`", path.display());
            }
        }
    };
    check("domain", &[]);
    check("source", &["domain"]);
    check("application", &["domain", "source"]);
    check("http", &["domain", "application", "http"]);
}
