//! A look at the first lines of the inputs, before any work: a field that no message has is a slip of the pen.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use indexmap::IndexSet;
use lab::Problem;
use serde_json::Value;

/// Lines of a file that are looked at.
const LINES: usize = 1_000;
/// Bytes of a file that are looked at.
const BYTES: u64 = 1 << 20;
/// Names that are this similar (Jaro-Winkler) may be meant for each other.
const SIMILAR: f64 = 0.8;

/// Holds the fields that messages need against the fields that the first messages of the files have.
///
/// # Errors
/// A field that none of them has. Files without any object are left to the run, which makes dead letters of their lines.
pub(super) fn check(files: &[PathBuf], needed: &[String]) -> Result<(), Problem> {
    if needed.is_empty() {
        return Ok(());
    }
    let mut fields = IndexSet::new();
    let mut objects = 0_usize;
    for file in files {
        objects += look(file, &mut fields);
    }
    let missing = needed.iter().find(|name| !fields.contains(*name));
    let Some(name) = missing.filter(|_| objects > 0) else { return Ok(()) };

    let all: Vec<&str> = fields.iter().map(String::as_str).collect();
    let problem = Problem::new(format!("no message has the field `{name}`: {objects} were looked at"))
        .at(files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "))
        .expected(format!("one of {}", all.join(", ")));
    Err(match closest(name, &all) {
        Some(other) => problem.hint(format!("did you mean `{other}`?")),
        None => problem.hint("--need names the fields that every message must have"),
    })
}

/// Adds the fields of a file's first objects, and returns how many these are. What is no regular file is not looked at: its
/// bytes come once. A file that cannot be read says so when it is read.
fn look(path: &Path, fields: &mut IndexSet<String>) -> usize {
    let Ok(file) = File::open(path) else { return 0 };
    if !file.metadata().is_ok_and(|data| data.is_file()) {
        return 0;
    }
    let lines = BufReader::new(file.take(BYTES)).split(b'\n').take(LINES);
    let mut objects = 0;
    for line in lines.map_while(Result::ok) {
        if let Ok(Value::Object(object)) = serde_json::from_slice(&line) {
            objects += 1;
            fields.extend(object.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name));
        }
    }
    objects
}

/// The name that is most similar, if one is similar at all.
fn closest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let similarity = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let best = names.iter().max_by(|one, other| similarity(one).total_cmp(&similarity(other)))?;
    (similarity(best) >= SIMILAR).then_some(*best)
}
