//! What the harness does beside a whole run: it is built with what it needs, fed with data and an API where it measures,
//! and given the words of the user.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::children::{Leash, Running, exit_code};
use crate::flags::{Flag, Given};
use crate::house::House;
use crate::run_all;
use crate::serve::Server;

/// What the peers need, a requirement a line.
const REQUIREMENTS: &str = "crates/bench-harness/peers/requirements.txt";

/// `cargo xtask report`, `compare` and `gate`: nothing is measured.
fn read(name: &'static str, house: &House, arguments: &[OsString]) -> Result<u8> {
    house.build(&["bench-harness"])?;
    let words = std::iter::once(OsStr::new(name)).chain(arguments.iter().map(OsString::as_os_str));
    house.run("bench-harness", words, Leash::Signal)
}

/// The harness's own help on one of its commands.
pub(crate) fn help(house: &House, name: &OsStr) -> Result<u8> {
    house.build(&["bench-harness"])?;
    house.run("bench-harness", [name, OsStr::new("--help")], Leash::Signal)
}

/// `cargo xtask report`
pub(crate) fn report(house: &House, arguments: &[OsString]) -> Result<u8> {
    read("report", house, arguments)
}

/// `cargo xtask compare`
pub(crate) fn compare(house: &House, arguments: &[OsString]) -> Result<u8> {
    read("compare", house, arguments)
}

/// `cargo xtask gate`
pub(crate) fn gate(house: &House, arguments: &[OsString]) -> Result<u8> {
    read("gate", house, arguments)
}

/// `cargo xtask sweep EXERCISE`: with data and an API; what follows goes to the harness.
pub(crate) fn sweep(house: &House, arguments: &[OsString]) -> Result<u8> {
    measured(house, "sweep", arguments, Vec::new())
}

/// `cargo xtask overhead`: what recording timelines costs, with data and an API.
pub(crate) fn overhead(house: &House, arguments: &[OsString]) -> Result<u8> {
    measured(house, "overhead", arguments, Vec::new())
}

/// `cargo xtask peers`: with data, an API, a virtual environment that has what can be had, and our programs as users have them,
/// since the peers are built for release too.
pub(crate) fn peers(house: &House, arguments: &[OsString]) -> Result<u8> {
    let python = environment(house)?;
    measured(&house.released(), "peers", arguments, vec!["--python".into(), python.into()])
}

/// `cargo xtask live`: the live page, with data and an API, until Ctrl-C.
pub(crate) fn live(house: &House, arguments: &[OsString]) -> Result<u8> {
    measured(house, "serve", arguments, Vec::new())
}

/// `cargo xtask learn`: the guided path, with data and an API where something is run.
pub(crate) fn learn(house: &House, arguments: &[OsString]) -> Result<u8> {
    let only_reads =
        arguments.iter().any(|word| ["--list", "--reset", "--key"].iter().any(|option| word == option));
    house.build(run_all::PROGRAMS)?;
    let mut words: Vec<OsString> = vec!["learn".into()];
    words.extend(arguments.iter().cloned());
    if only_reads {
        return house.run("bench-harness", words, Leash::Terminal);
    }
    let data = Given::among(arguments, &[Flag::Scale])?;
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
fn measured(house: &House, name: &str, arguments: &[OsString], more: Vec<OsString>) -> Result<u8> {
    house.build(run_all::PROGRAMS)?;
    let data = Given::among(arguments, &[Flag::Scale, Flag::Seed])?;
    let code = run_all::make_data(house, &data)?;
    if code != 0 {
        return Ok(code);
    }
    let api = Server::api(house, &data.words(&[Flag::Seed]))?;
    let mut words: Vec<OsString> = vec![name.into()];
    words.extend(arguments.iter().cloned());
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
