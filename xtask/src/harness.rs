//! What the harness does beside a whole run: it is built with what it needs, fed with data and an API where it measures,
//! and given the words of the user.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::arguments::{Data, Words};
use crate::children::{Leash, Running, exit_code};
use crate::house::House;
use crate::run_all;
use crate::serve::Server;

/// What the peers need, a requirement a line.
const REQUIREMENTS: &str = "crates/bench-harness/peers/requirements.txt";

/// `cargo xtask report`, `compare` and `gate`: nothing is measured.
pub(crate) fn read(name: &str, house: &House, words: &Words) -> Result<u8> {
    house.build(&["bench-harness"])?;
    house.run("bench-harness", std::iter::once(OsStr::new(name)).chain(words), Leash::Signal)
}

/// The harness's own help on one of its commands: it knows its options best.
fn help(house: &House, name: &str) -> Result<u8> {
    house.build(&["bench-harness"])?;
    house.run("bench-harness", [name, "--help"], Leash::Signal)
}

/// `cargo xtask sweep EXERCISE`: with data and an API; what follows goes to the harness.
pub(crate) fn sweep(house: &House, words: &Words) -> Result<u8> {
    measured(house, "sweep", words, Vec::new())
}

/// `cargo xtask overhead`: what recording timelines costs, with data and an API.
pub(crate) fn overhead(house: &House, words: &Words) -> Result<u8> {
    measured(house, "overhead", words, Vec::new())
}

/// `cargo xtask peers`: with data, an API, a virtual environment that has what can be had, and our programs as users have them,
/// since the peers are built for release too.
pub(crate) fn peers(house: &House, words: &Words) -> Result<u8> {
    if words.ask_for_help() {
        return help(house, "peers");
    }

    let python = environment(house)?;
    measured(&house.released(), "peers", words, vec!["--python".into(), python.into()])
}

/// `cargo xtask live`: the live page, with data and an API, until Ctrl-C.
pub(crate) fn live(house: &House, words: &Words) -> Result<u8> {
    measured(house, "serve", words, Vec::new())
}

/// `cargo xtask learn`: the guided path, with data and an API where something is run.
pub(crate) fn learn(house: &House, words: &Words) -> Result<u8> {
    if words.ask_for_help() {
        return help(house, "learn");
    }

    let data = Data::among(words)?;
    let only_reads =
        words.into_iter().any(|word| ["--list", "--reset", "--key"].iter().any(|option| word == *option));
    house.build(run_all::PROGRAMS)?;

    let mut words: Vec<OsString> =
        std::iter::once(OsStr::new("learn")).chain(words).map(OsString::from).collect();
    if only_reads {
        return house.run("bench-harness", words, Leash::Terminal);
    }
    let code = run_all::make_data(house, &data)?;
    if code != 0 {
        return Ok(code);
    }
    let api = Server::api(house, &[])?;
    words.extend(["--api".into(), api.address.clone().into()]);
    let code = house.run("bench-harness", words, Leash::Terminal)?;
    api.stop()?;
    Ok(code)
}

/// Builds, makes the data for the scale and seed among the words, starts the API, and lets the harness measure.
fn measured(house: &House, name: &str, words: &Words, more: Vec<OsString>) -> Result<u8> {
    if words.ask_for_help() {
        return help(house, name);
    }

    let data = Data::among(words)?;
    house.build(run_all::PROGRAMS)?;
    let code = run_all::make_data(house, &data)?;
    if code != 0 {
        return Ok(code);
    }

    let api = Server::api(house, &data.seed())?;
    let mut words: Vec<OsString> =
        std::iter::once(OsStr::new(name)).chain(words).map(OsString::from).collect();
    words.extend(["--api".into(), api.address.clone().into(), "--stop-with-stdin".into()]);
    words.extend(more);
    let code = house.run("bench-harness", words, Leash::Stdin)?;
    api.stop()?;
    Ok(code)
}

/// The Python of a virtual environment in `data/out/peers-venv`. It is made once for each text of the requirements; one
/// that cannot be installed is said and left out, and so are its peers, and the next time it is tried again.
fn environment(house: &House) -> Result<PathBuf> {
    let folder = house.root.join("data/out/peers-venv");
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed.txt"));
    let wanted =
        std::fs::read_to_string(house.root.join(REQUIREMENTS)).context("cannot read what peers need")?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let venv = [OsStr::new("-m"), OsStr::new("venv"), folder.as_os_str()];
    ensure!(
        run(house, Path::new("python3"), &venv)? == 0,
        "no virtual environment could be made: is python3 with venv installed?"
    );
    let mut all = true;
    for requirement in wanted.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let words =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement].map(OsStr::new);
        if run(house, &python, &words)? != 0 {
            all = false;
            eprintln!("{requirement} cannot be installed; the peers that need it are left out");
        }
    }
    if all {
        std::fs::write(&stamp, wanted).context("cannot write what is installed")?;
    }
    Ok(python)
}

fn run(house: &House, program: &Path, words: &[&OsStr]) -> Result<u8> {
    let mut command = Command::new(program);
    command.args(words).current_dir(&house.root);
    Ok(exit_code("python", Running::start(&mut command, Leash::Signal, &house.stop)?.wait()?))
}
