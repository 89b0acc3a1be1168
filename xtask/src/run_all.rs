//! From nothing to the table and the report: build, data, server, measurements.

use std::ffi::{OsStr, OsString};

use anyhow::{Context as _, Result};

use crate::children::Leash;
use crate::flags::{Flag, Given};
use crate::house::House;
use crate::serve::Server;

/// What a run needs. Built by one cargo, so that everything shares one set of dependencies.
pub(crate) const PROGRAMS: &[&str] = &[
    "datagen",
    "mock-api",
    "io-concurrency",
    "cpu-parallel",
    "pipelines",
    "states-api",
    "fundamentals",
    "bench-harness",
];

/// The options that decide the data.
const DATA: &[Flag] = &[Flag::Scale, Flag::Seed, Flag::Workers];

/// `cargo xtask data`
pub(crate) fn data(house: &House, arguments: &[OsString]) -> Result<u8> {
    let given = Given::parse(arguments, DATA)?;
    house.build(&["datagen"])?;
    make_data(house, &given)
}

/// `cargo xtask run-all`: its exit code is that of the harness, unless something fails before.
pub(crate) fn run_all(house: &House, arguments: &[OsString]) -> Result<u8> {
    let all = [Flag::Scale, Flag::Seed, Flag::Workers, Flag::Samples, Flag::Only, Flag::Out];
    let given = Given::parse(arguments, &all)?;
    house.build(PROGRAMS)?;
    let code = make_data(house, &given)?;
    if code != 0 {
        return Ok(code);
    }
    let api = Server::api(house, &given.words(&[Flag::Seed]))?;
    let mut words: Vec<OsString> = vec!["run".into(), "--api".into(), api.address.clone().into()];
    words.extend(given.words(&[Flag::Scale, Flag::Seed, Flag::Workers, Flag::Samples, Flag::Only]));
    if let Some(out) = given.value(Flag::Out) {
        // The programs run in the project's folder, wherever the user is.
        let out = std::path::absolute(out).context("cannot find the folder of --out")?;
        words.extend([Flag::Out.name().into(), out.into()]);
    }
    words.push("--stop-with-stdin".into());
    let code = house.run("bench-harness", words, Leash::Stdin)?;
    api.stop()?;
    Ok(code)
}

pub(crate) fn make_data(house: &House, given: &Given) -> Result<u8> {
    let words = given.words(DATA);
    let words = [OsStr::new("all")].into_iter().chain(words.iter().map(OsString::as_os_str));
    house.run("datagen", words.chain([OsStr::new("--stop-with-stdin")]), Leash::Stdin)
}
