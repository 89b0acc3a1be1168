//! Rate limiter: a bucket of tokens, with a lock and without one.
//!
//! A server allows so many requests a second, and a few more at once after a pause. The *token bucket* says it exactly: a
//! bucket holds at most `burst` tokens, a new one drops in every `interval`, and a request takes one or goes away. In any
//! stretch of time `T` no more than `burst + T / interval` requests pass. That is a promise about *every* stretch, so a
//! limiter that is right on average and wrong for a moment is wrong.
//!
//! Under many threads the promise is about a *check* and an *act* that must not come apart: two threads that both see the
//! last token must not both take it. There are two ways to keep them together:
//!
//! - [`Locked`] holds a lock from the look to the taking. The clock is read under the lock too: a time that was read before
//!   waiting for the lock is stale, and a token would be given for a moment at which it was not there yet.
//! - [`Atomic`] folds the whole bucket into one number, the moment at which it will be full again, and replaces it with one
//!   compare-and-exchange (the *generic cell rate algorithm* of ITU-T I.371). Whoever loses the race looks again.
//!
//! Time is a number that the caller gives, so the proof needs no waiting: threads turn a clock of their own, every grant is
//! written down with its time, and [`excess`] looks at every stretch between any two of them.

mod bucket;
mod proof;

use std::time::Duration;

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::{Chapter, Program};
use crate::say;
use crate::stage::Stage;
use crate::text::Text;
pub use bucket::{Atomic, Bucket, Careless, Forgetful, Locked, Rate, Torn};
pub use proof::{excess, grants};

/// The chapter.
pub const CHAPTER: Chapter =
    Chapter { title: Text::new("Rate limits", "Limites de taxa"), programs: &[PROGRAM], roles: &[] };

const PROGRAM: Program = Program {
    name: "rate-limiter",
    about: Text::new(
        "a bucket of tokens that never lets more through than it may, with a lock and without",
        "um balde de fichas que nunca deixa passar mais do que pode, com trava e sem trava",
    ),
    show,
    claims: &[WITH_LOCK, WITHOUT_LOCK, NOTHING_LOST],
};

/// 1000 a second and 8 at once.
const RATE: Rate = Rate { interval: Duration::from_millis(1), burst: 8 };

/// Threads that ask at the same time: more than any machine of today runs at once by accident.
const THREADS: usize = 4;

const BUCKET: Source = Source {
    title: "RFC 2215, General Characterization Parameters for Integrated Service Network Elements, 3.6",
    link: "https://www.rfc-editor.org/rfc/rfc2215",
    number: Text::new(
        "at most r·T + b in every time T: 0 too many",
        "no máximo r·T + b em todo tempo T: 0 a mais",
    ),
};

const TOO_MANY: Text =
    Text::new("tokens too many in the worst stretch of time", "fichas a mais no pior trecho de tempo");

const WITH_LOCK: Claim = Claim {
    id: "bucket-with-a-lock-keeps-its-rate",
    says: Text::new(
        "A token bucket whose lock is held from the look to the taking never exceeds its rate.",
        "Um balde de fichas cuja trava é mantida da consulta à retirada nunca ultrapassa a sua taxa.",
    ),
    source: BUCKET,
    unit: TOO_MANY,
    holds: Threshold::AtMost(0.0),
    breaks: Text::new(
        "the lock is let go between the look and the taking",
        "a trava é solta entre a consulta e a retirada",
    ),
    measure: |stage, mechanism| {
        let asks = stage.amount(20_000, 5_000);
        Ok(Measured::count(if mechanism.is_sound() {
            excess(&grants(&Locked::new(RATE), THREADS, asks), RATE)
        } else {
            excess(&grants(&Careless::new(RATE), THREADS, asks), RATE)
        }))
    },
};

const WITHOUT_LOCK: Claim = Claim {
    id: "bucket-without-a-lock-keeps-its-rate",
    says: Text::new(
        "A token bucket that is one atomic number, changed by compare-and-exchange, never exceeds its rate.",
        "Um balde de fichas que é um só número atômico, trocado por compare-and-exchange, nunca ultrapassa a sua taxa.",
    ),
    source: Source {
        title: "ITU-T I.371, Traffic control and congestion control in B-ISDN (GCRA)",
        link: "https://www.itu.int/rec/T-REC-I.371",
        number: Text::new("no cell before its time: 0 too many", "nenhuma célula antes da hora: 0 a mais"),
    },
    unit: TOO_MANY,
    holds: Threshold::AtMost(0.0),
    breaks: Text::new(
        "a load and a store take the place of the compare-and-exchange",
        "uma leitura e uma escrita separadas substituem o compare-and-exchange",
    ),
    measure: |stage, mechanism| {
        let asks = stage.amount(20_000, 5_000);
        Ok(Measured::count(if mechanism.is_sound() {
            excess(&grants(&Atomic::new(RATE), THREADS, asks), RATE)
        } else {
            excess(&grants(&Torn::new(RATE), THREADS, asks), RATE)
        }))
    },
};

const NOTHING_LOST: Claim = Claim {
    id: "bucket-gives-all-it-may",
    says: Text::new(
        "A token bucket that is asked all the time gives every token that it may give.",
        "Um balde de fichas consultado o tempo todo dá todas as fichas que pode dar.",
    ),
    source: BUCKET,
    unit: Text::new("% of the tokens that the rate allows", "% das fichas que a taxa permite"),
    holds: Threshold::AtLeast(99.0),
    breaks: Text::new(
        "only whole tokens are filled in, and the time of the look is kept: the fraction of a token is forgotten",
        "só fichas inteiras são repostas, e guarda-se a hora da consulta: a fração de ficha é esquecida",
    ),
    measure: |stage, mechanism| {
        let steps = stage.amount(100_000, 20_000);
        let given = if mechanism.is_sound() {
            steady(&Locked::new(RATE), steps)
        } else {
            steady(&Forgetful::new(RATE), steps)
        };
        let allowed = u64::from(RATE.burst) + steps * STEP_NS / RATE.interval_ns();
        Ok(Measured::exactly(100.0 * given as f64 / allowed as f64))
    },
};

/// How far the clock goes between two asks: most of a token.
const STEP_NS: u64 = 900_000;

/// How many tokens a bucket gives to somebody who asks twice at each of so many steps of the clock.
fn steady(bucket: &impl Bucket, steps: u64) -> u64 {
    let at = |step: u64| move || step * STEP_NS;
    let asks = (0..=steps).flat_map(|step| [step; 2]).chain([0; 8].map(|_| steps));
    let first = (0..RATE.burst).filter(|_| bucket.take(&at(0)).is_some()).count();
    (first + asks.filter(|step| bucket.take(&at(*step)).is_some()).count()) as u64
}

/// A bucket over time: what it lets through when somebody asks all the time, rests, and asks again.
fn show(stage: &Stage) -> Result<(), Problem> {
    let rate = Rate { interval: Duration::from_millis(100), burst: 5 };
    say!(
        stage,
        "10 tokens a second, 5 at once. One column is 25 ms: ● let through, · sent away, blank: nobody asked.",
        "10 fichas por segundo, 5 de uma vez. Uma coluna são 25 ms: ● passou, · foi recusado, vazio: ninguém pediu."
    );
    let (locked, atomic) = (Locked::new(rate), Atomic::new(rate));
    let column = |bucket: &dyn Fn(u64) -> bool, number: u64| match number {
        30..50 => ' ',
        _ if bucket(number * 25_000_000) => '●',
        _ => '·',
    };
    let line =
        |bucket: &dyn Fn(u64) -> bool| (0..72).map(|number| column(bucket, number)).collect::<String>();
    let with = line(&|now| locked.take(&|| now).is_some());
    let without = line(&|now| atomic.take(&|| now).is_some());
    say!(stage, "with a lock    ▏{with}▏", "com trava      ▏{with}▏");
    say!(stage, "without        ▏{without}▏", "sem trava      ▏{without}▏");
    Ok(())
}

#[cfg(test)]
mod tests;
