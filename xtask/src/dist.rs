//! `cargo xtask dist`: what a user without Rust gets.
//!
//! One folder and one archive of it: the programs, built for release and stripped, with the completions and manual pages
//! that each writes of itself, laid out as a system expects them below a prefix. Beside the archive lies its SHA-256. The
//! archive holds no time and no name of its maker, so that the same programs give the same archive.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::children::{Leash, Running, exit_code};
use crate::house::House;
use crate::run_all::PROGRAMS;

/// What is put beside the programs.
const PAGES: &[&str] = &["README.md", "README.pt-BR.md", "METHODOLOGY.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// Where it goes, unless it is said.
const OUT: &str = "data/out/dist";

/// `cargo xtask dist [--out DIR]`
pub(crate) fn dist(house: &House, out: Option<&Path>) -> Result<u8> {
    let out = match out {
        Some(folder) => std::path::absolute(folder).context("cannot find the folder of --out")?,
        None => house.root.join(OUT),
    };
    let house = &house.released();
    house.build(PROGRAMS)?;
    let name = format!("paralelo-{}-{}-{}", version(), std::env::consts::ARCH, std::env::consts::OS);
    // What was there of the same name is replaced; a name that is not ours is never touched.
    let folder = out.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot replace {}", folder.display()))?;
    }
    furnish(house, &folder)?;
    let archive = format!("{name}.tar.gz");
    pack(house, &out, &name, &archive)?;
    println!("{}", out.join(archive).display());
    Ok(0)
}

/// Puts programs, papers and pages into the folder.
fn furnish(house: &House, folder: &Path) -> Result<()> {
    let bin = folder.join("bin");
    let share = folder.join("share");
    fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
    for program in PROGRAMS {
        let to = bin.join(program);
        fs::copy(house.programs().join(program), &to).with_context(|| format!("cannot copy {program}"))?;
        if in_path("strip") {
            // What is left out are names for debuggers, most of a program's size.
            run(house, Command::new("strip").arg(&to))?;
        }
        run(house, Command::new(&to).arg("papers").arg(&share))?;
    }
    for page in PAGES.iter().filter(|page| house.root.join(page).is_file()) {
        fs::copy(house.root.join(page), folder.join(page)).with_context(|| format!("cannot copy {page}"))?;
    }
    Ok(())
}

/// Packs the folder, and writes the digest of what came out.
fn pack(house: &House, out: &Path, name: &str, archive: &str) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.current_dir(out);
    if cfg!(target_os = "linux") {
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    }
    // `gzip -n` writes neither a name nor a time.
    tar.args(["--use-compress-program=gzip -n", "-cf", archive, name]);
    run(house, &mut tar)?;
    let digest = if in_path("sha256sum") { &["sha256sum"][..] } else { &["shasum", "-a", "256"] };
    let made = Command::new(digest[0]).args(&digest[1..]).arg(archive).current_dir(out).output();
    let made = made.with_context(|| format!("cannot start {}", digest[0]))?;
    ensure!(made.status.success(), "{} failed: {}", digest[0], String::from_utf8_lossy(&made.stderr).trim());
    fs::write(out.join("SHA256SUMS"), made.stdout).context("cannot write SHA256SUMS")
}

fn run(house: &House, command: &mut Command) -> Result<()> {
    let name = command.get_program().to_owned();
    let code =
        exit_code(&name.to_string_lossy(), Running::quietly(command, Leash::Signal, &house.stop)?.wait()?);
    if code != 0 {
        bail!("{} failed with exit code {code}", name.display());
    }
    Ok(())
}

fn in_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(OsStr::new(program)).is_file())
}

/// The project's version: that of this package too.
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
