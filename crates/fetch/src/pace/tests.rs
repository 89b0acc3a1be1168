//! A server's bucket and a client in virtual time.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times of a simulation are small and not negative"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

/// How a simulated run went.
#[derive(Debug)]
struct Ran {
    seconds: f64,
    refused: usize,
    limit: Option<RateLimit>,
}

/// What a server is like.
#[derive(Clone, Copy, Debug)]
struct Server {
    rate: f64,
    burst: f64,
    /// Seconds for a request and its answer; what is above `steady` is by chance.
    steady: f64,
    chance: f64,
    /// Whether the client begins with few requests at once.
    careful: bool,
    /// What its answers tell of the limit.
    tells: Option<fn(RateLimit, f64) -> Quota>,
}

impl Server {
    fn near(rate: f64, burst: f64) -> Self {
        Self { rate, burst, steady: 0.001, chance: 0.001, careful: true, tells: None }
    }
}

/// Something happens at a time, in nanoseconds since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A worker looks whether it may ask.
    Looks,
    /// Its turn of this epoch has come.
    Sends(u64),
    /// Its request, sent at this time, arrives.
    Arrives(u64),
    /// The answer is there; a refusal asks for so many seconds.
    Answered(u64, Option<u64>),
}

fn run(server: Server, told: Option<RateLimit>, requests: usize, at_once: u64) -> Ran {
    let start = Instant::now();
    let at = |nanos: u64| start + Duration::from_nanos(nanos);
    let nanos = |time: Instant| u64::try_from(time.duration_since(start).as_nanos()).unwrap();
    let mut dice = fastrand::Rng::with_seed(7);
    let mut half_way = || ((server.steady + server.chance * dice.f64()) * 0.5e9) as u64;
    let mut inner = Inner::new(told, server.careful, start);
    let (mut level, mut then) = (server.burst, 0_u64);
    let (mut done, mut refused, mut end) = (0, 0, 0);
    let mut waiting: Vec<u64> = Vec::new();
    let mut events: BinaryHeap<_> =
        (0..at_once).map(|worker| Reverse((0_u64, Event::Looks, worker))).collect();
    while let Some(Reverse((now, event, worker))) = events.pop() {
        if done >= requests {
            break;
        }
        match event {
            Event::Looks => match inner.turn_and_epoch(at(now)) {
                (When::At(time), epoch) => {
                    events.push(Reverse((nanos(time).max(now), Event::Sends(epoch), worker)));
                }
                (When::NotBefore(time), _) => events.push(Reverse((nanos(time), Event::Looks, worker))),
                (When::Later, _) => waiting.push(worker),
            },
            Event::Sends(epoch) if inner.epoch != epoch => {
                inner.under_way -= 1;
                events.push(Reverse((now, Event::Looks, worker)));
            }
            Event::Sends(_) => events.push(Reverse((now + half_way(), Event::Arrives(now), worker))),
            Event::Arrives(sent) => {
                level = (level + (now - then) as f64 / 1e9 * server.rate).min(server.burst);
                then = now;
                let wait = ((1.0 - level) / server.rate).ceil() as u64;
                let refusal = (level < 1.0).then_some(wait.max(1));
                level -= f64::from(u8::from(refusal.is_none()));
                events.push(Reverse((now + half_way(), Event::Answered(sent, refusal), worker)));
            }
            Event::Answered(sent, refusal) => {
                // The pace reads the clock itself only in the real thing.
                match refusal {
                    None => {
                        let limit = RateLimit { rate: server.rate, burst: server.burst };
                        let quota = server.tells.map(|tells| tells(limit, level));
                        inner.accepted(at(sent), at(now), quota.as_ref());
                        done += 1;
                        end = now;
                    }
                    Some(pause) => {
                        inner.refused(at(sent), at(now), Some(Duration::from_secs(pause)));
                        refused += 1;
                    }
                }
                events.push(Reverse((now, Event::Looks, worker)));
                events.extend(waiting.drain(..).map(|worker| Reverse((now, Event::Looks, worker))));
            }
        }
        assert!(refused < 200, "{server:?}: {inner:?}");
    }
    Ran { seconds: end as f64 / 1e9, refused, limit: inner.limit(at(end)) }
}

#[test]
fn a_limit_that_the_user_told_is_never_passed_and_kept_in_hardly_more_than_the_least_time() {
    for (rate, burst) in [(50.0, 10.0), (5.0, 1.0), (400.0, 100.0)] {
        let ran = run(Server::near(rate, burst), Some(RateLimit { rate, burst }), 400, 16);
        let least = (400.0 - burst) / rate;
        assert!(
            ran.refused == 0 && ran.seconds < least * 1.05 + 0.1,
            "{rate} {burst}: {ran:?}, least {least}"
        );
    }
}

#[test]
fn a_limit_that_the_server_tells_is_never_passed_and_kept_in_hardly_more_than_the_least_time() {
    let policy = |limit: RateLimit, level: f64| Quota {
        rate: Some(limit.rate),
        burst: Some(limit.burst),
        remaining: Some(level as u64),
        reset: None,
    };
    for (rate, burst) in [(50.0, 10.0), (5.0, 3.0), (400.0, 100.0)] {
        for steady in [0.001, 0.05] {
            let server = Server { tells: Some(policy), steady, ..Server::near(rate, burst) };
            let ran = run(server, None, 400, 16);
            // Sixteen at once cannot be faster than this over such a distance.
            let least = f64::max((400.0 - burst) / rate, 400.0 * (steady + 0.001) / 16.0);
            assert!(
                ran.refused == 0 && ran.seconds < least * 1.08 + 0.3,
                "{server:?}: {ran:?}, least {least}"
            );
        }
    }
}

#[test]
fn where_only_what_is_left_is_told_nobody_asks_for_more_than_that() {
    let left = |limit: RateLimit, level: f64| Quota {
        remaining: Some(level as u64),
        reset: Some(Duration::from_secs_f64(limit.burst / limit.rate)),
        ..Quota::default()
    };
    let server = Server { tells: Some(left), ..Server::near(20.0, 40.0) };
    let ran = run(server, None, 400, 16);
    assert!(ran.refused == 0 && ran.seconds < 400.0 / 20.0 * 1.3, "{ran:?}");
}

#[test]
fn a_limit_that_nobody_told_is_learnt_from_a_few_refusals_in_little_more_than_the_least_time() {
    let mut worst = 0.0_f64;
    for (rate, burst) in [(50.0, 10.0), (20.0, 30.0), (200.0, 50.0), (8.0, 4.0), (30.0, 100.0)] {
        for (steady, chance) in [(0.0005, 0.0005), (0.002, 0.01), (0.03, 0.01)] {
            let server = Server { rate, burst, steady, chance, careful: true, tells: None };
            // As many as take a minute: what is learnt costs some seconds, whatever comes after.
            let requests = (60.0 * rate + burst) as usize;
            let ran = run(server, None, requests, 16);
            let learnt = ran.limit.map_or(0.0, |limit| limit.rate / rate);
            println!(
                "{rate} {burst} {steady}: {:.1} s, {} refused, {learnt:.3} of the rate",
                ran.seconds, ran.refused
            );
            worst = worst.max(ran.seconds);
        }
    }
    assert!(worst < 70.0, "{worst} of 60 s");
}

#[test]
fn a_bucket_that_another_client_has_emptied_is_not_taken_for_a_small_one() {
    let start = Instant::now();
    let mut inner = Inner::new(None, true, start);
    assert_eq!(inner.turn(start), When::At(start));
    inner.refused(start, start, Some(Duration::from_secs(1)));
    assert_eq!(
        (inner.learning, inner.turn(start)),
        (Learning::Free, When::At(start + Duration::from_secs(1)))
    );
}

#[test]
fn a_limit_that_is_raised_is_found_within_two_minutes() {
    let from = Instant::now();
    let mut inner = Inner::new(None, false, from);
    let first = First { count: 10.0, seconds: 0.0 };
    inner.learning = Learning::Between { first, low: 49.0, high: 51.0, from };
    let rate = |inner: &Inner, seconds| inner.limit(from + Duration::from_secs(seconds)).unwrap().rate;
    assert!((rate(&inner, 30) - 49.0).abs() < 0.1, "it is not tried at once");
    assert!(rate(&inner, 60) < 70.0 && rate(&inner, 120) > 400.0);
    // A refusal there is news of the new limit, and brings the pace down again.
    let late = from + Duration::from_mins(1);
    inner.refused(late, late, Some(Duration::from_secs(1)));
    assert!(inner.limit(late).unwrap().rate < 50.0, "{inner:?}");
}

#[test]
fn pauses_that_nobody_asked_for_grow_and_end_with_an_answer() {
    let (mut now, mut pauses) = (Instant::now(), Vec::new());
    let mut inner = Inner::new(None, false, now);
    for _ in 0..8 {
        let pause = inner.refused(now, now, None);
        pauses.push(pause.as_millis());
        // What was under way with it is no further refusal.
        assert_eq!(inner.refused(now, now, None), pause);
        now += pause;
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    inner.accepted(now, now, None);
    assert_eq!(inner.refused(now, now, Some(Duration::ZERO)), Duration::ZERO);
}

#[tokio::test]
async fn a_request_that_waits_and_is_not_polled_keeps_no_other_from_its_turn() {
    let pace = Arc::new(Pace::eager());
    pace.refused(Instant::now(), Some(Duration::from_millis(20)));
    let mut forgotten = Box::pin(Turn::wait(&pace));
    let polled = tokio::time::timeout(Duration::from_millis(1), forgotten.as_mut()).await;
    assert!(polled.is_err(), "it waits");
    // As a sink does that asks for a page itself, while the other requests of its loop stand still.
    assert!(tokio::time::timeout(Duration::from_secs(5), Turn::wait(&pace)).await.is_ok());
}
