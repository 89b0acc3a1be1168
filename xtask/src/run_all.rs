//! From nothing to the table and the report: build, data, server, measurements.

use std::ffi::{OsStr, OsString};

use anyhow::{Context as _, Result};

use crate::arguments::{Data, RunAll};
use crate::children::Leash;
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

/// `cargo xtask data`
pub(crate) fn data(house: &House, options: &Data) -> Result<u8> {
    house.build(&["datagen"])?;
    make_data(house, options)
}

/// `cargo xtask run-all`: its exit code is that of the harness, unless something fails before.
pub(crate) fn run_all(house: &House, options: &RunAll) -> Result<u8> {
    house.build(PROGRAMS)?;
    let code = make_data(house, &options.data)?;
    if code != 0 {
        return Ok(code);
    }

    let api = Server::api(house, &options.data.seed())?;
    let mut words: Vec<OsString> = vec!["run".into(), "--api".into(), api.address.clone().into()];
    words.extend(options.words());
    if let Some(out) = &options.out {
        // The programs run in the project's folder, wherever the user is.
        let out = std::path::absolute(out).context("cannot find the folder of --out")?;
        words.extend(["--out".into(), out.into()]);
    }
    words.push("--stop-with-stdin".into());
    let code = house.run("bench-harness", words, Leash::Stdin)?;
    api.stop()?;
    Ok(code)
}

pub(crate) fn make_data(house: &House, options: &Data) -> Result<u8> {
    let words = options.words();
    let words = [OsStr::new("all")].into_iter().chain(words.iter().map(OsString::as_os_str));
    house.run("datagen", words.chain([OsStr::new("--stop-with-stdin")]), Leash::Stdin)
}
