//! Everything that lives as long as the soak: the servers, who follows the logs, and what was seen of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::children::{Leash, Running};
use crate::house::House;
use crate::serve::Server;
use crate::soak::logs::{Logs, RULES};
use crate::soak::memory::{Line, Memory};
use crate::soak::works::Kills;
use crate::soak::{compare, http, proc};

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// The pause between two looks at a process: short beside what it does.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the last events may take to be told, and the last processes to end.
const LAST: Duration = Duration::from_mins(1);
/// How long one work may take, which takes seconds.
const LONGEST: Duration = Duration::from_mins(5);

/// A program that follows the logs.
#[derive(Debug)]
struct Follower {
    name: &'static str,
    running: Running,
}

/// Who follows the logs: one that is left alone, to see its memory, and one that is killed in each round.
const FOLLOWERS: [&str; 2] = ["alerts", "alerts (killed)"];

#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) house: &'a House,
    /// Removed at the end.
    pub(super) folder: Folder,
    pub(super) api: Server,
    pub(super) states: Server,
    pub(super) dice: Dice,
    followers: Vec<Follower>,
    logs: Logs,
    memory: Memory,
    looked: Instant,
    /// What went wrong, in words.
    faults: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
    /// Every process that was ever there below us: its number and when it was started.
    seen: BTreeSet<(i32, u64)>,
}

impl<'a> World<'a> {
    pub(super) fn new(house: &'a House) -> Result<Self> {
        let folder = Folder::new()?;
        let api = Server::api_anywhere(house)?;
        let mut states = house.program("states-api");
        states.args(["--port", "0", "--stop-with-stdin", "--source", &api.address, "--no-snapshot"]);
        // What is kept is asked for again every second, and meanwhile still served.
        states.args(["--fresh", "1", "--fresh-with-gaps", "1", "--log-level", "error"]);
        let states = Server::start("states-api", states, house)?;
        let logs = Logs::new(folder.0.join("logs"))?;
        std::fs::write(folder.0.join("rules.toml"), RULES).context("cannot write the rules")?;
        let mut world = Self {
            house,
            folder,
            api,
            states,
            dice: Dice(0x9e37_79b9_7f4a_7c15),
            followers: Vec::new(),
            logs,
            memory: Memory::default(),
            looked: Instant::now(),
            faults: Vec::new(),
            counts: BTreeMap::new(),
            seen: BTreeSet::new(),
        };
        for name in FOLLOWERS {
            let running = world.follow(name)?;
            world.followers.push(Follower { name, running });
        }
        Ok(world)
    }

    fn follow(&self, name: &'static str) -> Result<Running> {
        let mut command = self.house.program("pipelines");
        command
            .arg("alerts")
            .arg(self.folder.0.join("logs"))
            .arg("--rules")
            .arg(self.folder.0.join("rules.toml"));
        command
            .arg("--state")
            .arg(self.folder.0.join(format!("{name}.state")))
            .arg("--out")
            .arg(self.out(name));
        command.args(["--follow", "--every-ms", "50", "--settle-ms", "200", "--quiet"]);
        Running::quietly(command.stdout(Stdio::null()), Leash::Signal, &self.house.stop)
    }

    fn out(&self, follower: &str) -> PathBuf {
        self.folder.0.join(format!("{follower}.ndjson"))
    }

    /// Lets the API misbehave in another way, and forget what it knows of us.
    pub(super) fn misbehave(&self, profile: &str) -> Result<()> {
        http::command("POST", &self.api.address, "/admin/reset")?;
        http::command("PUT", &self.api.address, &format!("/admin/profile/{profile}"))
    }

    /// Does what is due beside the work in hand: the logs grow, memory is looked at, a stop is heard.
    pub(super) fn tend(&mut self) -> Result<()> {
        let outs = FOLLOWERS.map(|name| self.out(name));
        self.logs.grow(&outs)?;
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.remember();
            let servers = [("mock-api", self.api.number()), ("states-api", self.states.number())];
            let alone =
                self.followers.first().map(|follower| (follower.name, Some(follower.running.number())));
            for (name, number) in servers.into_iter().chain(alone) {
                if let Some((now, _)) = number.and_then(proc::memory) {
                    self.memory.look(name, now);
                }
            }
        }
        self.house.stop.pause(PAUSE)?;
        Ok(())
    }

    fn remember(&mut self) {
        let below = proc::offspring(std::process::id().cast_signed());
        self.seen.extend(below.into_iter().filter_map(|number| Some((number, proc::started(number)?))));
    }

    /// Waits for a work's end, kills as `kills` says, and returns how it ended and whether it was killed itself.
    pub(super) fn wait(
        &mut self,
        name: &'static str,
        mut running: Running,
        kills: Kills,
    ) -> Result<ExitStatus> {
        let (mut most, mut left) = (0_u64, kills.most());
        let deadline = Instant::now() + LONGEST;
        let mut next = Instant::now() + self.dice.below(Kills::WITHIN);
        loop {
            if let Some(status) = running.ended()? {
                self.memory.peak(name, most);
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.fault(format!("{name} did not end within {LONGEST:?}"));
                proc::kill_now(running.number());
            }
            let (own, below) = (running.number(), proc::offspring(running.number()));
            let all = below.iter().chain([&own]);
            most = most.max(all.filter_map(|number| Some(proc::memory(*number)?.0)).sum::<u64>());
            if left > 0 && Instant::now() >= next {
                self.remember();
                let victims: Vec<i32> = below.into_iter().chain(kills.also_itself().then_some(own)).collect();
                if let Some(victim) = self.dice.choose(&victims) {
                    proc::kill_now(*victim);
                    left -= 1;
                    self.count("processes killed");
                }
                next = Instant::now() + self.dice.below(Kills::WITHIN);
            }
            self.tend()?;
        }
    }

    /// Kills the second follower and starts it again.
    pub(super) fn kill_the_follower(&mut self) -> Result<()> {
        let [.., follower] = &mut *self.followers else { return Ok(()) };
        proc::kill_now(follower.running.number());
        while follower.running.ended()?.is_none() {
            self.house.stop.pause(PAUSE)?;
        }
        let name = follower.name;
        let running = self.follow(name)?;
        if let [.., follower] = &mut *self.followers {
            follower.running = running;
        }
        self.count("processes killed");
        Ok(())
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn fault(&mut self, text: String) {
        eprintln!("soak: FAILED: {text}");
        self.faults.push(text);
    }

    /// A line about how it goes.
    pub(super) fn brief(&self) -> String {
        let kills = self.counts.get("processes killed").copied().unwrap_or(0);
        format!("{} events, {kills} kills, {} faults", self.logs.next, self.faults.len())
    }

    /// Lets the followers come to the end of the logs, ends everybody, and draws the verdict.
    pub(super) fn end(mut self) -> Result<Verdict> {
        let deadline = Instant::now() + LAST;
        for name in FOLLOWERS {
            while !self.logs.is_told(&self.out(name)) && Instant::now() < deadline {
                self.house.stop.pause(PAUSE)?;
            }
        }
        self.remember();
        for Follower { name, mut running } in std::mem::take(&mut self.followers) {
            if running.ended()?.is_some() {
                self.faults.push(format!("{name} ended by itself"));
            }
            drop(running);
            if let Some(fault) = self.logs.fault(&self.out(name))? {
                self.faults.push(format!("{name}: {fault}"));
            }
        }
        self.states.stop()?;
        self.api.stop()?;
        let deadline = Instant::now() + LAST;
        let alive = |(number, started): &(i32, u64)| proc::started(*number) == Some(*started);
        while self.seen.iter().any(alive) && Instant::now() < deadline {
            self.house.stop.pause(PAUSE)?;
        }
        let left = self.seen.iter().filter(|process| alive(process)).count();
        if left > 0 {
            self.faults.push(format!("{left} processes are left"));
        }
        let memory = self.memory.lines();
        self.counts.insert("events in the logs", self.logs.next);
        self.counts.insert("processes seen", self.seen.len() as u64);
        Ok(Verdict { faults: self.faults, counts: self.counts, memory })
    }
}

/// What the soak came to.
#[derive(Debug)]
pub(super) struct Verdict {
    faults: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
    memory: Vec<Line>,
}

impl Verdict {
    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.memory.iter().all(|line| line.flat)
    }

    pub(super) fn table(&self, seconds: u64, rounds: u64) -> String {
        let mut text = format!("soak: {} minutes, {rounds} rounds\n\n", seconds as f64 / 60.0);
        let mib = |bytes: u64| bytes >> 20;
        let _ = writeln!(text, "{:<24} {:>7} {:>10} {:>10}", "memory", "looks", "before", "after");
        for Line { name, looks, before, after, flat } in &self.memory {
            let word = if *flat { "flat" } else { "FAILED: it grows" };
            let _ = writeln!(
                text,
                "{name:<24} {looks:>7} {:>6} MiB {:>6} MiB  {word}",
                mib(*before),
                mib(*after)
            );
        }
        text.push('\n');
        for (what, count) in &self.counts {
            let _ = writeln!(text, "{what:<24} {count:>7}");
        }
        for fault in &self.faults {
            let _ = writeln!(text, "FAILED: {fault}");
        }
        if self.faults.is_empty() {
            text.push_str("nothing was lost, nothing told twice, every answer the same byte for byte\n");
        }
        text
    }
}

/// A folder of the soak's own, removed at the end.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("paralelo-soak-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }

    pub(super) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = compare::remove(&self.0) {
            eprintln!("{error:#}");
        }
    }
}

/// Xorshift: what is killed and when need not be random, only different.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, longest: Duration) -> Duration {
        longest.mul_f64((self.throw() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn choose<'v, T>(&mut self, values: &'v [T]) -> Option<&'v T> {
        let place = usize::try_from(self.throw() >> 1).unwrap_or_default();
        values.get(place.checked_rem(values.len())?)
    }
}
