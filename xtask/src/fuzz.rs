//! `cargo xtask fuzz`: libFuzzer invents inputs for what reads the bytes of others, for a stated time a target.
//!
//! The targets are programs of the workspace in `fuzz/`, which counts edges in our own crates only and takes everything else
//! as it was built for the tests. `cargo fuzz run TARGET` works there as well, with its sanitizers and a nightly compiler.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::Usage;
use crate::children::{Leash, Running, exit_code};
use crate::house::House;

/// What is fuzzed.
const TARGETS: &[&str] =
    &["split", "dialect", "frame", "rules", "pages", "usl", "heads", "retry_after", "urls", "percent"];

/// `cargo xtask fuzz [TARGET]`
pub(crate) fn fuzz(house: &House, named: Option<&str>, seconds: NonZeroU32) -> Result<u8> {
    let chosen: Vec<_> =
        TARGETS.iter().filter(|target| named.is_none_or(|named| named == **target)).collect();
    if chosen.is_empty() {
        let text = format!("unknown target `{}`", named.unwrap_or_default());
        return Err(Usage::new(text, format!("the targets are {}", TARGETS.join(", "))).into());
    }

    let folder = house.root.join("fuzz");
    let mut build = house.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--bins"]).current_dir(&folder);
    let code = exit_code("cargo", Running::start(&mut build, Leash::Signal, &house.stop)?.wait()?);
    ensure!(code == 0, "the targets cannot be built");
    let mut worst = 0;
    for target in chosen {
        worst = worst.max(run(house, &folder, target, seconds)?);
    }
    Ok(u8::from(worst != 0))
}

/// Fuzzes one target from its corpus and its seeds; what broke a promise is kept in `fuzz/artifacts`.
fn run(house: &House, folder: &Path, target: &str, seconds: NonZeroU32) -> Result<u8> {
    let (corpus, artifacts) = (folder.join("corpus").join(target), folder.join("artifacts").join(target));
    for made in [&corpus, &artifacts] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let mut command = house.command(house.root.join("target/debug").join(format!("fuzz_{target}")));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args([
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-max_len=2048",
        "-print_final_stats=1",
        "-verbosity=1",
    ]);
    command.arg(corpus);
    let seeds = folder.join("seeds").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    Ok(exit_code(target, Running::start(&mut command, Leash::Signal, &house.stop)?.wait()?))
}
