//! `cargo xtask soak`: everything at once under faults and kills, for a stated time, with an eye on answers and memory.
//!
//! An API that misbehaves by turns is asked by everything that asks APIs; worker processes and whole programs are killed at
//! random moments; two programs follow logs that grow and rotate. What each work gives is compared with what it gave
//! once, undisturbed, byte for byte. At the end every event of the logs must have been told, once.
//!
//! Memory is *flat* by two rules (`memory.rs`): one for what lives as long as the soak, one for what is started each round.
//! It all ends by itself, and nobody is left.

mod compare;
mod http;
mod logs;
mod memory;
mod proc;
mod works;
mod world;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::children::Leash;
use crate::house::House;
use world::World;

/// What goes wrong, by turns.
const PROFILES: &[&str] = &["flaky", "rate-limited", "outage", "calm"];
/// What the soak starts.
const PROGRAMS: &[&str] =
    &["datagen", "mock-api", "io-concurrency", "cpu-parallel", "pipelines", "states-api"];

/// `cargo xtask soak [--minutes N]`
pub(crate) fn soak(house: &House, length: Duration) -> Result<u8> {
    ensure!(proc::is_readable(), "the soak needs Linux: it reads /proc");
    house.build(PROGRAMS)?;
    let made = house.run("datagen", ["all", "--scale", "tiny", "--stop-with-stdin"], Leash::Stdin)?;
    ensure!(made == 0, "the data could not be made");
    let deadline = Instant::now() + length;
    let mut world = World::new(house)?;
    works::once_undisturbed(&mut world)?;
    let mut rounds = 0_u64;
    while Instant::now() < deadline {
        let profile = PROFILES[usize::try_from(rounds).unwrap_or_default() % PROFILES.len()];
        world.misbehave(profile)?;
        works::round(&mut world, profile)?;
        rounds += 1;
        eprintln!("soak: round {rounds} under `{profile}` is done; {}", world.brief());
    }
    let verdict = world.end()?;
    let left = proc::offspring(std::process::id().cast_signed());
    print!("{}", verdict.table(length.as_secs(), rounds));
    let sound = verdict.is_sound() && left.is_empty();
    println!("{}", if left.is_empty() { "nobody is left" } else { "FAILED: a process is left" });
    println!("{}", if sound { "the soak is passed" } else { "the soak has FAILED" });
    Ok(u8::from(!sound))
}
