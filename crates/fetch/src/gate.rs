//! A gate that all requests of a program pass: how many at once for one host, and how many a second, by the user's limits and
//! by those that the host itself tells or shows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep_until;

use crate::pace::{Pace, Turn};
use crate::quota::Quota;

/// How hard servers may be asked. What is `None` is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests in flight at once, for all hosts together.
    pub at_once: Option<usize>,
    /// Requests in flight at once for one host.
    pub host_at_once: Option<usize>,
    /// Requests a second for one host.
    pub host_rate: Option<f64>,
    /// Requests a second for all hosts together.
    pub rate: Option<f64>,
}

/// The gate. Clients that share it share its limits.
///
/// Rates are kept by appointment: each request is given the next free time, and the times lie one interval apart, so no
/// stretch of time has more requests than its length allows plus one. A host that asked one request to come back later
/// (`Retry-After`) is left alone by all of them until then, and asked at the pace that its refusals show afterwards.
#[derive(Debug, Default)]
pub struct Gate {
    limits: Limits,
    /// Locked to look a host up, once for each request.
    hosts: Mutex<HashMap<String, Arc<Line>>>,
    all: Arc<Line>,
}

/// What limits the requests for one host, or for all.
#[derive(Debug, Default)]
struct Line {
    places: Option<Arc<Semaphore>>,
    appointments: Appointments,
    /// The pace at which this host lets itself be asked; none for all hosts together.
    pace: Option<Arc<Pace>>,
}

/// The next free time. Locked for a comparison and an addition.
#[derive(Debug, Default)]
struct Appointments(Mutex<Option<Instant>>);

/// The permission to ask a host once. Dropping it makes room for the next request.
#[derive(Debug)]
pub(crate) struct Pass {
    _places: [Option<OwnedSemaphorePermit>; 2],
    turn: Option<Turn>,
    sent: Instant,
}

impl Pass {
    /// The answer was no refusal, and told this of the host's limit.
    pub(crate) fn accepted(&mut self, quota: Option<&Quota>) {
        if let Some(turn) = self.turn.take() {
            turn.accepted(self.sent, quota);
        }
    }

    /// The host refused to be asked so fast, and asks for a pause. Returns the pause that all keep.
    pub(crate) fn refused(&mut self, asked: Option<Duration>) -> Duration {
        self.turn.take().map_or(Duration::ZERO, |turn| turn.refused(self.sent, asked))
    }
}

impl Gate {
    /// A gate with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, hosts: Mutex::default(), all: Arc::new(Line::new(limits.at_once, None)) }
    }

    /// Waits until `host` may be asked. Whoever waits for a host keeps nobody from asking another one.
    pub(crate) async fn enter(&self, host: &str) -> Pass {
        let host = self.host(host);
        let at_host = host.place().await;
        loop {
            let turn = host.turn().await;
            host.appointments.keep(self.limits.host_rate).await;
            let of_all = self.all.place().await;
            self.all.appointments.keep(self.limits.rate).await;
            // Something was refused while it waited for the others.
            if turn.as_ref().is_none_or(Turn::is_good) {
                return Pass { _places: [at_host, of_all], turn, sent: Instant::now() };
            }
        }
    }

    /// For how long `host` has refused everything.
    pub(crate) fn refuses_for(&self, host: &str) -> Duration {
        self.host(host).pace.as_ref().map_or(Duration::ZERO, |pace| pace.refuses_for())
    }

    fn host(&self, name: &str) -> Arc<Line> {
        let mut hosts = self.hosts.lock();
        if let Some(host) = hosts.get(name) {
            return Arc::clone(host);
        }
        let host = Arc::new(Line::new(self.limits.host_at_once, Some(Pace::eager())));
        hosts.insert(name.to_owned(), Arc::clone(&host));
        host
    }
}

impl Line {
    fn new(places: Option<usize>, pace: Option<Pace>) -> Self {
        let places = places.map(|most| Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))));
        Self { places, appointments: Appointments::default(), pace: pace.map(Arc::new) }
    }

    /// Waits for a turn at the host's own pace.
    async fn turn(&self) -> Option<Turn> {
        match &self.pace {
            Some(pace) => Some(Turn::wait(pace).await),
            None => None,
        }
    }

    /// Waits for a place, in the order of arrival.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(self.places.as_ref()?).acquire_owned().await.ok()
    }
}

impl Appointments {
    /// Makes an appointment under this rate and waits for it.
    async fn keep(&self, rate: Option<f64>) {
        if let Some(time) = rate.and_then(|rate| self.make(rate, Instant::now())) {
            sleep_until(time.into()).await;
        }
    }

    /// The time of the next appointment; `None` for at once.
    fn make(&self, rate: f64, now: Instant) -> Option<Instant> {
        let mut free = self.0.lock();
        let time = free.map_or(now, |free| free.max(now));
        *free = Some(time + Duration::from_secs_f64(1.0 / rate));
        (time > now).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_appointments_than_the_rate_allows_plus_one(
            rate in 1.0_f64..1_000.0, gaps in proptest::collection::vec(0_u64..20_000, 1..60),
        ) {
            let (appointments, start) = (Appointments::default(), Instant::now());
            let mut now = start;
            let mut times = Vec::new();
            for gap in gaps {
                now += Duration::from_micros(gap);
                let time = appointments.make(rate, now).unwrap_or(now);
                times.push(time);
            }
            for (first, from) in times.iter().enumerate() {
                for (last, to) in times.iter().enumerate().skip(first) {
                    let allowed = (*to - *from).as_secs_f64() * rate + 1.0;
                    // An interval is kept to the nanosecond.
                    prop_assert!((last - first + 1) as f64 <= allowed + 1e-3);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_host_has_no_more_places_than_it_was_given_and_another_one_its_own() {
        let gate = Gate::new(Limits { host_at_once: Some(2), ..Limits::default() });
        let (_one, two) = (gate.enter("a").await, gate.enter("a").await);
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, gate.enter("a")).await.is_err());
        assert!(tokio::time::timeout(soon, gate.enter("b")).await.is_ok());
        drop(two);
        assert!(tokio::time::timeout(soon, gate.enter("a")).await.is_ok());
    }

    #[tokio::test]
    async fn a_host_that_asked_for_a_pause_is_left_alone_by_everybody() {
        let gate = Gate::new(Limits::default());
        let until = Instant::now() + Duration::from_millis(40);
        gate.enter("a").await.refused(Some(Duration::from_millis(40)));
        gate.enter("b").await;
        assert!(Instant::now() < until);
        gate.enter("a").await;
        assert!(Instant::now() >= until);
    }
}
