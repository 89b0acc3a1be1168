//! `cargo xtask docs`: every command of the pages is run, so that no page goes stale.
//!
//! The commands are those of the `sh` blocks of the README files ([`pages`]). They run as they stand, in a folder that looks
//! like the project's and holds what a user would bring along ([`world`]), with programs that are built already and on the
//! smallest data ([`smaller`]). What a command needs that a machine may not have, or that it only ends on Ctrl-C, the page
//! says itself, in a remark before the block that no reader sees:
//!
//! ```text
//! <!-- needs: internet in servicodados.ibge.gov.br -->    commands with that text are left out, and said to be
//! <!-- needs: a first build -->                           the whole block is
//! <!-- stays: --follow -->                                commands with that text run until the block's end
//! <!-- fails: explore bank -->                            commands that end so are meant to end with exit code 1
//! ```
//!
//! What ends with `&` stays too. Whoever stays is asked to end by Ctrl-C, and must, with exit code 0 or 130.

mod pages;
mod play;
mod smaller;
mod world;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::house::House;
use crate::run_all;

use self::pages::{Block, Fate};
use self::play::Player;
use self::world::World;

/// How long a command may take on the smallest data. The longest take a few seconds.
const DEADLINE: Duration = Duration::from_secs(90);

/// `cargo xtask docs [TEXT …]`: all commands, or those that contain one of the texts, with what stands before them in
/// their block.
pub(crate) fn task(house: &House, texts: &[String]) -> Result<u8> {
    house.build(run_all::PROGRAMS)?;
    let wanted = |line: &str| texts.is_empty() || texts.iter().any(|text| line.contains(text.as_str()));
    let blocks = pages::blocks(&house.root)?;
    let world = World::make(house)?;
    let mut ledger = Ledger::default();
    for block in &blocks {
        if block.commands.iter().any(|command| wanted(&command.line)) {
            run(block, &world, house, &mut ledger)?;
        }
    }
    Ok(ledger.close())
}

/// Runs a block from its beginning: what stands first often makes what the others need.
fn run(block: &Block, world: &World, house: &House, ledger: &mut Ledger) -> Result<()> {
    let mut player = Player::new(world, &house.stop);
    for command in &block.commands {
        let place = format!("{}:{}", block.page, command.number);
        let line = smaller::adapted(&command.line, world.ports());
        let started = Instant::now();
        match &command.fate {
            Fate::Left(why) => ledger.left.push(format!("{place}: needs {why}: {}", command.line)),
            Fate::Run | Fate::Fails if ledger.known.contains(&line) => ledger.again += 1,
            Fate::Run | Fate::Fails => {
                let code = i32::from(command.fate == Fate::Fails);
                let outcome = player.run(&line, code, DEADLINE)?;
                ledger.note(&place, &line, outcome, started.elapsed());
            }
            Fate::Stays => {
                let outcome = player.start(&line)?;
                ledger.note(&place, &line, outcome, started.elapsed());
            }
        }
    }
    for (line, outcome) in player.end()? {
        if let Err(why) = outcome {
            ledger.note(&block.page, &line, Err(why), Duration::ZERO);
        }
    }
    Ok(())
}

/// What was run, and how it went.
#[derive(Debug, Default)]
struct Ledger {
    known: Vec<String>,
    failed: Vec<String>,
    left: Vec<String>,
    again: usize,
}

impl Ledger {
    fn note(&mut self, place: &str, line: &str, outcome: Result<(), String>, took: Duration) {
        self.known.push(line.to_owned());
        let seconds = took.as_secs_f64();
        match outcome {
            Ok(()) => eprintln!("ok      {seconds:5.1} s  {place}: {line}"),
            Err(why) => {
                eprintln!("FAILED  {seconds:5.1} s  {place}: {line}\n{why}");
                self.failed.push(format!("{place}: {line}"));
            }
        }
    }

    /// Prints what did not go well and returns the exit code.
    fn close(self) -> u8 {
        for left in &self.left {
            eprintln!("left out: {left}");
        }
        for failed in &self.failed {
            eprintln!("FAILED: {failed}");
        }
        let (run, again) = (self.known.len(), self.again);
        let (failed, left) = (self.failed.len(), self.left.len());
        eprintln!("{run} commands run, {again} more that are the same, {left} left out, {failed} failed");
        u8::from(failed > 0)
    }
}
