//! Channels: with no room, with a little, with a lot, and without a bound.
//!
//! A channel with room lets the sender go on while the receiver is busy; both run, and only now and then does one wait for
//! the other. A channel without room is a *meeting*: sender and receiver wait for each other at every single message, which
//! is two changes of threads. A channel without a bound never lets the sender wait, and grows until the memory is full when
//! the receiver is slower. So: bounded, with room for as much as evens out the pace.

use std::sync::mpsc;
use std::thread;

use crossbeam_channel::{bounded, unbounded};
use lab::Problem;
use lab::record::Threshold;

use super::TIMES;
use crate::claim::{Claim, Source};
use crate::clock::{self, each};
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, timed};
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "channels",
    about: Text::new(
        "what a message costs through channels with and without room",
        "quanto custa uma mensagem por canais com e sem espaço",
    ),
    show,
    claims: &[CLAIM],
};

/// Sends so many messages from one thread to another, and returns how long that takes.
fn pass<M: Send>(messages: u64, send: impl Fn(u64) -> bool + Send, receive: impl Fn() -> Option<M>) -> u64 {
    timed(|| {
        thread::scope(|scope| {
            scope.spawn(move || (0..messages).all(send));
            while receive().is_some() {}
        });
    })
}

/// Through a channel of crossbeam with this much room; `None` is without a bound.
fn crossbeam(room: Option<usize>, messages: u64) -> u64 {
    let (sender, receiver) = room.map_or_else(unbounded, bounded);
    pass(messages, move |number| sender.send(number).is_ok(), || receiver.recv().ok())
}

/// Through a channel of the standard library with this much room.
fn standard(room: usize, messages: u64) -> u64 {
    let (sender, receiver) = mpsc::sync_channel(room);
    pass(messages, move |number| sender.send(number).is_ok(), || receiver.recv().ok())
}

/// Room for as much as a slow moment of the receiver needs.
const ROOM: usize = 1024;

const CLAIM: Claim = Claim {
    id: "channel-without-room-costs-more",
    says: Text::new(
        "A message costs more through a channel without room, where sender and receiver must meet.",
        "Uma mensagem custa mais por um canal sem espaço, no qual remetente e destinatário precisam se encontrar.",
    ),
    source: Source {
        title: "crossbeam-channel documentation, bounded",
        link: "https://docs.rs/crossbeam-channel/latest/crossbeam_channel/fn.bounded.html",
        number: Text::new(
            "with no room, a send and a receive must happen at the same time",
            "sem espaço, envio e recebimento precisam ocorrer ao mesmo tempo",
        ),
    },
    unit: TIMES,
    holds: Threshold::AtLeast(2.0),
    breaks: Text::new("both channels have room", "os dois canais têm espaço"),
    measure: |stage, mechanism| {
        let messages = stage.amount(20_000, 10_000);
        let room = mechanism.pick(0, ROOM);
        let (without, with) = (|| crossbeam(Some(room), messages), || crossbeam(Some(ROOM), messages));
        Ok(clock::ratio(9, stage.lab.seed, without, with))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let messages = stage.amount(20_000, 2_000);
    let cost = |total| each(total, messages);
    let room = [Some(0), Some(1), Some(ROOM), None].map(|room| cost(crossbeam(room, messages)));
    let std = [0, 1, ROOM].map(|room| cost(standard(room, messages)));
    say!(
        stage,
        "a message   no room    room for 1   for 1024   no bound",
        "mensagem    sem espaço   para 1     para 1024  sem limite"
    );
    stage.line(format_args!("crossbeam  {:>9}  {:>9}  {:>9}  {:>9}", room[0], room[1], room[2], room[3]));
    stage.line(format_args!("std        {:>9}  {:>9}  {:>9}", std[0], std[1], std[2]));
    Ok(())
}
