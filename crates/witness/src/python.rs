//! A Python interpreter with the packages that a differential test compares with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the interpreter that is asked before the one on the search path.
const INTERPRETER: &str = "PARALELO_PYTHON";

/// Fails unless each package is installed, in the version that is asked for, with all of its requirements for an extra.
const IS_INSTALLED: &str = r#"
import sys
from importlib.metadata import requires, version
for wanted in sys.argv[1:]:
    name, _, exact = wanted.partition("==")
    name, _, extras = name.rstrip("]").partition("[")
    assert not exact or version(name) == exact
    version(name)
    if extras:
        from pip._vendor.packaging.requirements import Requirement
        for needed in map(Requirement, requires(name) or []):
            if needed.marker and any(needed.marker.evaluate({"extra": extra}) for extra in extras.split(",")):
                version(needed.name)
"#;

/// An interpreter that can import all `packages`, each named as pip takes it: `pandas`, `pyarrow==26.0.0`, `moto[s3,server]`.
///
/// This machine's Python is taken where it has them all: the one that `PARALELO_PYTHON` names, or `python3`. Otherwise a virtual
/// environment below the target folder is: the first test that asks makes it, under a lock, and installs the packages by pip.
/// The programs of a package lie beside the interpreter of such an environment. `None`, with the reason on standard error,
/// where there is neither: the test is skipped.
///
/// # Panics
/// In the gate (`CI` is set) instead of `None`: a comparison that did not take place is a failure there.
pub fn python(packages: &[&str]) -> Option<PathBuf> {
    let own = std::env::var_os(INTERPRETER).map(PathBuf::from);
    let interpreter = own.unwrap_or_else(|| "python3".into());
    if has_all(&interpreter, packages) {
        return Some(interpreter);
    }

    match environment(&interpreter, packages) {
        Ok(python) => Some(python),
        Err(reason) => {
            let reason = format!("no Python with {}: {reason}", packages.join(", "));
            assert!(std::env::var_os("CI").is_none(), "{reason}");
            eprintln!("skipped: {reason}");
            None
        }
    }
}

fn has_all(python: &Path, packages: &[&str]) -> bool {
    let mut check = Command::new(python);
    check.args(["-c", IS_INSTALLED]).args(packages);
    check.output().is_ok_and(|output| output.status.success())
}

/// The interpreter of the environment with these packages, which is made where it is not there.
fn environment(interpreter: &Path, packages: &[&str]) -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = test.ancestors().nth(3).ok_or("a test lies in target/<profile>/deps")?;
    let all = target.join("python");
    fs::create_dir_all(&all).map_err(|error| format!("{}: {error}", all.display()))?;

    let folder = all.join(key(packages));
    let python = folder.join("bin/python");
    let complete = folder.join("complete");

    // Held until the environment is whole: test programs run beside each other, and one of them makes it.
    let path = folder.with_added_extension("lock");
    let lock = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    lock.lock().map_err(|error| format!("{}: {error}", path.display()))?;

    if complete.exists() && has_all(&python, packages) {
        return Ok(python);
    }
    run(Command::new(interpreter).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--retries", "2"]).args(packages);
    run(&mut install)?;
    File::create(&complete).map_err(|error| format!("{}: {error}", complete.display()))?;
    Ok(python)
}

/// The name of the environment with these packages, in whatever order they are named.
fn key(packages: &[&str]) -> String {
    let mut sorted = packages.to_vec();
    sorted.sort_unstable();
    sorted.join("+").replace(|letter: char| !letter.is_ascii_alphanumeric() && !"+-_.".contains(letter), "_")
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let [out, error] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    Err(format!("{command:?}: {}\n{out}{error}", output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_in_any_order_are_one_environment() {
        assert_eq!(key(&["pyarrow", "moto[s3,server]"]), key(&["moto[s3,server]", "pyarrow"]));
        assert_eq!(key(&["pyarrow==26.0.0", "pandas"]), "pandas+pyarrow__26.0.0");
    }

    #[test]
    fn a_package_that_is_not_there_is_missed_and_one_that_is_there_is_found() {
        let python = Path::new("python3");
        if has_all(python, &[]) {
            assert!(!has_all(python, &["no-such-package-of-anybody"]));
            let there = has_all(python, &["pip"]);
            assert_eq!(there, run(Command::new(python).args(["-m", "pip", "--version"])).is_ok());
            assert!(!has_all(python, &["pip==0.0.1"]));
        }
    }
}
