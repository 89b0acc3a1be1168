//! The open loop: each probe has its time, whatever became of those before it.
//!
//! The targets are spread evenly over the interval. The loop that probes does nothing else: what comes of a probe goes
//! through a bounded channel to the calling thread, which counts, saves and shows. A probe waits for room in the channel
//! only after it was timed.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lab::{Lab, OrProblem, Problem};

use super::alarm::Alarm;
use super::board::Keeper;
use super::look::{Setup, Sighting, event_loop, late, look};
use super::targets::Input;

/// So many probes may wait to be counted.
const WAITING: usize = 16_384;
/// How often what was saved is made to last.
const FLUSH: Duration = Duration::from_secs(1);
/// After so many probes that were due at once, those under way are looked after.
const BURST: usize = 16;

/// What came of a probe.
struct Came {
    number: usize,
    round: u32,
    seen: Sighting,
    left_out: Vec<Duration>,
}

/// The times of all probes.
struct Timetable {
    start: Instant,
    every: Duration,
    targets: usize,
    /// How many probes there are in all; nothing for no end.
    probes: Option<u64>,
    end: Option<Instant>,
}

/// What a target has outstanding.
#[derive(Default)]
struct Outstanding {
    probes: usize,
    /// The times of the probes that were left out since.
    left_out: Vec<Instant>,
}

/// Probes until the last round has ended, or a stop is asked for.
///
/// # Errors
/// An event loop that cannot be started, and probes that cannot be saved.
pub(super) fn run(input: &Input, every: Duration, lab: &Lab, keeper: &mut Keeper) -> Result<(), Problem> {
    let (put, came) = sync_channel(WAITING);
    let halt = lab.stop.child();
    std::thread::scope(|scope| {
        let probing = std::thread::Builder::new().name("probes".into());
        let probing = probing.spawn_scoped(scope, || {
            let runtime = event_loop()?;
            let outcome = runtime.block_on(probe_all(input, every, &halt, put));
            // A look-up of a name cannot be called off.
            runtime.shutdown_background();
            outcome
        });
        let probing = probing.or_problem(|| "there is no thread for the probes")?;
        let kept = keep_all(&came, keeper);
        // Nobody waits for room in a channel that nobody empties.
        drop(came);
        halt.now();
        let probed = probing.join().unwrap_or_else(|_| Err(Problem::new("the thread that probes panicked")));
        kept.and(probed)
    })
}

/// Enters what comes, until no more can come.
fn keep_all(came: &Receiver<Came>, keeper: &mut Keeper) -> Result<(), Problem> {
    let mut flushed = Instant::now();
    loop {
        match came.recv_timeout(FLUSH) {
            Ok(Came { number, round, seen, left_out }) => keeper.keep(number, round, seen, &left_out)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if flushed.elapsed() >= FLUSH {
            keeper.flush()?;
            flushed = Instant::now();
        }
    }
}

/// Hands over what came; `false` where nobody listens any longer.
async fn hand_over(put: &SyncSender<Came>, mut came: Came) -> bool {
    loop {
        came = match put.try_send(came) {
            Ok(()) => return true,
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(back)) => back,
        };
        // Whoever counts and saves is so many probes behind that the schedule waits for it.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn probe_all(
    input: &Input,
    every: Duration,
    halt: &lab::Stop,
    put: SyncSender<Came>,
) -> Result<(), Problem> {
    let prober = input.setup.prober()?;
    let alarm = Alarm::new().or_problem(|| "there is no timer for the schedule")?;
    let start = Instant::now();
    let targets = input.watched.len();
    let table = Timetable {
        start,
        every,
        targets,
        probes: input.rounds.map(|rounds| u64::from(rounds) * targets as u64),
        end: input.lasting.map(|lasting| start + lasting),
    };
    let mut outstanding: HashMap<usize, Outstanding> = HashMap::new();
    let (mut under_way, mut next) = (FuturesUnordered::new(), 0);
    loop {
        for _ in 0..BURST {
            let Some(time) = table.time(next).filter(|time| *time <= Instant::now()) else { break };
            let (number, round) = table.probe(next);
            next += 1;
            let of_target = outstanding.entry(number).or_default();
            if of_target.probes >= input.overlap || under_way.len() >= input.room {
                of_target.left_out.push(time);
                continue;
            }
            of_target.probes += 1;
            under_way.push(one(&prober, &input.setup, input, number, round, time));
        }
        let time = table.time(next);
        if time.is_none() && under_way.is_empty() {
            return Ok(());
        }
        let due = async {
            match time {
                Some(time) => alarm.at(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = halt.wait() => return Ok(()),
            rung = due => rung.or_problem(|| "the timer of the schedule failed")?,
            Some((mut came, ended)) = under_way.next() => {
                let of_target = outstanding.entry(came.number).or_default();
                of_target.probes -= 1;
                came.left_out = of_target.left_out.drain(..).map(|time| ended - time).collect();
                if !hand_over(&put, came).await {
                    return Ok(());
                }
            }
        }
    }
}

async fn one(
    prober: &fetch::Prober,
    setup: &Setup,
    input: &Input,
    number: usize,
    round: u32,
    time: Instant,
) -> (Came, Instant) {
    let seen = look(prober, setup, &input.watched[number], late(time)).await;
    (Came { number, round, seen, left_out: Vec::new() }, Instant::now())
}

impl Timetable {
    /// When the probe of this number is due; nothing after the last one.
    fn time(&self, number: u64) -> Option<Instant> {
        if self.probes.is_some_and(|probes| number >= probes) {
            return None;
        }
        let nanos = self.every.as_nanos() * u128::from(number) / self.targets.max(1) as u128;
        let time = self.start + Duration::from_nanos(u64::try_from(nanos).ok()?);
        self.end.is_none_or(|end| time < end).then_some(time)
    }

    /// The target of a probe, and its round.
    fn probe(&self, number: u64) -> (usize, u32) {
        let targets = self.targets as u64;
        let round = u32::try_from(number / targets).unwrap_or(u32::MAX);
        (usize::try_from(number % targets).unwrap_or_default(), round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_spread_over_the_interval_and_no_rounding_adds_up() {
        let start = Instant::now();
        let every = Duration::from_millis(100);
        let table = Timetable { start, every, targets: 3, probes: Some(3_000_000), end: None };
        let after = |number| (table.time(number).unwrap() - start).as_nanos();
        assert_eq!([after(0), after(1), after(2), after(3)], [0, 33_333_333, 66_666_666, 100_000_000]);
        assert_eq!(after(2_999_999), 99_999_966_666_666);
        assert_eq!(table.time(3_000_000), None);
        assert_eq!(table.probe(4), (1, 1));
    }
}
