//! Whether two outputs are the same, byte for byte.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The first difference between two files, or between two folders with what is in them; hidden names are nobody's output.
pub(super) fn difference(expected: &Path, found: &Path) -> Result<Option<String>> {
    if expected.is_dir() != found.is_dir() {
        return Ok(Some(format!("{} is another kind of thing", found.display())));
    }
    if expected.is_dir() {
        let (names, others) = (names(expected)?, names(found)?);
        if names != others {
            return Ok(Some(format!("{}: {others:?} instead of {names:?}", found.display())));
        }
        for name in names {
            if let Some(text) = difference(&expected.join(&name), &found.join(&name))? {
                return Ok(Some(text));
            }
        }
        return Ok(None);
    }
    let read = |path: &Path| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok(if path.extension().is_some_and(|end| end == "ndjson") { lasting(&bytes) } else { bytes })
    };
    let (expected, bytes) = (read(expected)?, read(found)?);
    if expected == bytes {
        return Ok(None);
    }
    let at = expected.iter().zip(&bytes).take_while(|(one, other)| one == other).count();
    Ok(Some(format!(
        "{} differs from byte {at} on ({} bytes, not {})",
        found.display(),
        bytes.len(),
        expected.len()
    )))
}

/// Lines of JSON without what `crawl` says at their ends of the way there, which differs each time.
fn lasting(lines: &[u8]) -> Vec<u8> {
    const JOURNEY: &[u8] = b",\"attempts\":";
    let cut = |line: &[u8]| {
        let journey = line.windows(JOURNEY.len()).rposition(|window| window == JOURNEY);
        line[..journey.unwrap_or(line.len())].to_vec()
    };
    lines.split(|byte| *byte == b'\n').map(cut).collect::<Vec<_>>().join(&b'\n')
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Removes an output, if there is one.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_a_name_and_a_missing_file_are_differences_and_hidden_names_are_not() {
        let folder = std::env::temp_dir().join(format!("paralelo-compare-{}", std::process::id()));
        let line = |attempts: u8| format!("{{\"url\":\"/a\",\"attempts\":{attempts}}}\n");
        let (one, three) = (line(1), line(3));
        let files = [("a/x", "12"), ("b/x", "12"), ("c/x", "13"), ("d/y", "12"), ("b/.lock", "")];
        for (name, text) in files.into_iter().chain([("e/a.ndjson", &*one), ("f/a.ndjson", &*three)]) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let compare = |name: &str| difference(&folder.join("a"), &folder.join(name)).expect("read");
        let (same, byte, name) = (compare("b"), compare("c"), compare("d"));
        let journey = difference(&folder.join("e"), &folder.join("f")).expect("read");
        remove(&folder).expect("removed");
        assert!(same.is_none() && journey.is_none(), "{same:?} {journey:?}");
        assert!(byte.is_some_and(|text| text.contains("from byte 1 on")));
        assert!(name.is_some_and(|text| text.contains("[\"y\"] instead of [\"x\"]")));
    }
}
