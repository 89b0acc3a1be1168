//! What is done in each round, and what must come of it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::children::{Leash, Running};
use crate::soak::compare::{difference, remove};
use crate::soak::http;
use crate::soak::world::World;

/// Whom a work loses on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kills {
    Nobody,
    /// Worker processes, which the program must replace.
    Workers,
    /// The program too, which is then started again and must go on.
    Anyone,
}

impl Kills {
    /// How many in a round, at the most.
    pub(super) fn most(self) -> usize {
        if self == Self::Nobody { 0 } else { 6 }
    }

    /// The longest time between two.
    pub(super) const WITHIN: Duration = Duration::from_millis(150);

    pub(super) fn also_itself(self) -> bool {
        self == Self::Anyone
    }
}

/// A command of one of our programs, and the name of its output.
struct Work {
    name: &'static str,
    program: &'static str,
    words: &'static [&'static str],
    /// The option that takes the output, and the output's name.
    out: (&'static str, &'static str),
    kills: Kills,
}

const WORKS: &[Work] = &[
    Work {
        name: "crawl",
        program: "io-concurrency",
        words: &[
            "crawl",
            "--count",
            "200",
            "--delay-ms",
            "5",
            "--expect-json",
            "--retries",
            "20",
            "--retry-status",
            "500",
        ],
        out: ("--out", "crawl.ndjson"),
        kills: Kills::Nobody,
    },
    Work {
        name: "crawl (processes)",
        program: "io-concurrency",
        words: &[
            "crawl",
            "--count",
            "60",
            "--delay-ms",
            "5",
            "--expect-json",
            "--retries",
            "20",
            "--retry-status",
            "500",
            "--strategy",
            "processes",
            "--workers",
            "3",
            "--worker-deaths",
            "1000",
        ],
        out: ("--out", "crawled.ndjson"),
        kills: Kills::Workers,
    },
    Work {
        name: "extract",
        program: "pipelines",
        words: &["extract", "--retries", "20"],
        out: ("--out", "orders.ndjson"),
        kills: Kills::Nobody,
    },
    Work {
        name: "download",
        program: "io-concurrency",
        words: &["download", "--scale", "tiny", "--retries", "20", "--no-bars"],
        out: ("--out", "files"),
        kills: Kills::Anyone,
    },
    Work {
        name: "convert (processes)",
        program: "cpu-parallel",
        words: &[
            "convert",
            "--scale",
            "tiny",
            "--strategy",
            "processes",
            "--workers",
            "3",
            "--worker-deaths",
            "1000",
        ],
        out: ("--out", "converted"),
        kills: Kills::Workers,
    },
    relay(
        "relay (pipe)",
        &[
            "relay",
            "--scale",
            "tiny",
            "--strategy",
            "pipe",
            "--commit-rows",
            "8192",
            "--worker-deaths",
            "1000",
        ],
        "pipe",
    ),
    relay(
        "relay (socket)",
        &[
            "relay",
            "--scale",
            "tiny",
            "--strategy",
            "socket",
            "--commit-rows",
            "8192",
            "--worker-deaths",
            "1000",
        ],
        "socket",
    ),
    relay(
        "relay (ring)",
        &[
            "relay",
            "--scale",
            "tiny",
            "--strategy",
            "ring",
            "--commit-rows",
            "8192",
            "--worker-deaths",
            "1000",
        ],
        "ring",
    ),
];

const fn relay(name: &'static str, words: &'static [&'static str], out: &'static str) -> Work {
    Work { name, program: "cpu-parallel", words, out: ("--into", out), kills: Kills::Anyone }
}

/// What is asked of the service: three states with 53 cities and their districts.
const STATES: &str = "/api/v1/states?uf=AC,AP,RR&strict=true";
/// How often a work is started in a round before it counts as one that never ends.
const STARTS: usize = 40;

/// Does every work in peace: what it gives then, it must always give.
pub(super) fn once_undisturbed(world: &mut World<'_>) -> Result<()> {
    std::fs::create_dir(world.folder.join("expected"))?;
    std::fs::create_dir(world.folder.join("found"))?;
    for work in WORKS {
        let out = world.folder.join("expected").join(work.out.1);
        if !run(world, work, &out, Kills::Nobody)? {
            bail!("{} fails also where nothing disturbs it", work.name);
        }
    }
    let (status, body) = http::ask("GET", &world.states.address, STATES)?;
    if status != 200 {
        bail!("the service answers {status} where nothing disturbs it");
    }
    Ok(std::fs::write(world.folder.join("expected").join("states.json"), body)?)
}

/// Every work once, under faults and kills.
pub(super) fn round(world: &mut World<'_>, profile: &str) -> Result<()> {
    for work in WORKS {
        let out = world.folder.join("found").join(work.out.1);
        remove(&out)?;
        world.count("works done");
        if !run(world, work, &out, work.kills)? {
            world.fault(format!("{} failed under `{profile}`", work.name));
        } else if let Some(text) = difference(&world.folder.join("expected").join(work.out.1), &out)? {
            world.fault(format!("{} under `{profile}`: {text}", work.name));
        }
        states(world, profile)?;
    }
    world.kill_the_follower()
}

/// Asks the service. It may say that it cannot answer just now, but not answer wrongly.
fn states(world: &mut World<'_>, profile: &str) -> Result<()> {
    let (status, body) = http::ask("GET", &world.states.address, STATES)?;
    match status {
        200 if body == std::fs::read(world.folder.join("expected").join("states.json"))? => {
            world.count("maps served");
        }
        200 => world.fault(format!("states-api answers differently under `{profile}`")),
        502..=504 => world.count("maps refused"),
        status => world.fault(format!("states-api answers {status} under `{profile}`")),
    }
    Ok(())
}

/// Runs a work to its end, as often as it is killed; whether it ended well.
fn run(world: &mut World<'_>, work: &Work, out: &Path, kills: Kills) -> Result<bool> {
    for _ in 0..STARTS {
        let mut command = world.house.program(work.program);
        let words = work.words.iter().map(OsString::from);
        let more = [OsString::from("--api"), world.api.address.clone().into(), "--quiet".into()];
        command.args(words).args(more).arg(work.out.0).arg(out).stdout(Stdio::null());
        if kills != Kills::Nobody {
            // What dies there says so, as it should; only who kills it need not read it.
            command.stderr(Stdio::null());
        }
        let running = Running::quietly(&mut command, Leash::Signal, &world.house.stop)?;
        let status = world.wait(work.name, running, kills)?;
        match status.code() {
            Some(0) => return Ok(true),
            Some(_) if kills != Kills::Anyone => return Ok(false),
            // A program whose own helper was killed may give up; it must go on when it is started again.
            _ => world.count("works started again"),
        }
    }
    Ok(false)
}
