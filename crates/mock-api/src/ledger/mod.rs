//! The ledger: what was served to whom.
//!
//! A client is the value of its `X-Client-Id` header, or else its address without the port. For each client and each
//! target (the path with its query) the ledger counts the attempts; the fault layer decides by that count. It counts
//! every request when it arrives and every answer when its last byte was handed to the connection, so that a body that
//! the client did not take is not a served one.
//!
//! Its memory is bounded: clients past [`MAX_CLIENTS`] share one entry, and targets past [`MAX_TARGETS`] of a client are
//! counted but not told apart, so that each of their requests is a first attempt.

mod bucket;
mod coverage;
mod report;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bucket::Bucket;
use coverage::Coverage;
pub(crate) use coverage::ServedPage;
pub(crate) use report::LedgerReport;

use crate::fault::RateLimit;

/// Clients that are told apart.
const MAX_CLIENTS: usize = 4_096;

/// Targets of one client that are told apart.
const MAX_TARGETS: usize = 100_000;

/// Collections, with their filters and orders, whose coverage is kept for one client.
const MAX_COVERAGES: usize = 256;

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Written once for each new client; read on every request, for a look-up.
    clients: RwLock<HashMap<Box<str>, Arc<Client>>>,
}

/// What one client did.
///
/// The counters are independent tallies that nothing else is derived from while they run, so their order does not
/// matter: `Relaxed`.
#[derive(Debug, Default)]
struct Client {
    limited: AtomicU64,
    impatient: AtomicU64,
    /// What was done with targets past the limit, taken together.
    untold: Arc<Target>,
    /// Written once for each new target; read on every request, for a look-up.
    targets: RwLock<HashMap<Box<str>, Arc<Target>>>,
    /// What came instead of 200. Locked once for each such answer.
    others: Mutex<BTreeMap<String, u64>>,
    /// Locked once for each page of a collection.
    coverages: Mutex<BTreeMap<String, Coverage>>,
    /// By route. Locked once for each new target.
    flights: Mutex<BTreeMap<&'static str, Arc<Flights>>>,
    /// By route. Locked once for each request under a rate limit and for each answer that says `Retry-After`.
    buckets: Mutex<HashMap<&'static str, Bucket>>,
}

/// What one client did with one target. All that a request counts stands together here, in one cache line; the report
/// adds it up.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Target {
    attempts: AtomicU32,
    /// Answers of 2xx that came whole and unspoilt.
    served: AtomicU32,
    /// The other answers that came whole.
    useless: AtomicU32,
    /// Requests for what had been asked for before and had not come.
    retries: AtomicU32,
    cut_short: AtomicU32,
    bytes: AtomicU64,
    /// Shared by the client's targets of one route, so that a request finds it without another look-up.
    flights: Arc<Flights>,
}

impl Target {
    /// Answers that came whole.
    fn complete(&self) -> u64 {
        u64::from(self.served.load(Relaxed)) + u64::from(self.useless.load(Relaxed))
    }

    /// Requests for something that had already come: what is neither the first nor a retry.
    fn duplicates(&self) -> u32 {
        self.attempts.load(Relaxed).saturating_sub(1).saturating_sub(self.retries.load(Relaxed))
    }
}

/// How many requests of one client on one route are open, from their arrival to the end of their answers.
///
/// The two numbers are `Relaxed`: each change of `open` gives its new value to exactly one request, so the largest of them
/// is the peak in whatever order they are noted.
#[derive(Debug, Default)]
struct Flights {
    open: AtomicU32,
    peak: AtomicU32,
}

impl Flights {
    fn begin(&self) {
        let open = self.open.fetch_add(1, Relaxed).saturating_add(1);
        // Most requests are no peak, and looking costs less than writing.
        if open > self.peak.load(Relaxed) {
            self.peak.fetch_max(open, Relaxed);
        }
    }

    fn end(&self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// One request, from its arrival to the end of its answer. If it is dropped before, the answer was cut short.
#[derive(Debug)]
pub(crate) struct Visit {
    client: Arc<Client>,
    target: Arc<Target>,
    route: &'static str,
    /// How often this client has asked for this target, this time included.
    pub(crate) attempt: u32,
    /// Whether the answer, even if it comes whole, leaves its client with a good reason to ask again.
    spoilt: bool,
    closed: bool,
}

impl Ledger {
    /// Enters a request of `client` for `target`, which `route` serves.
    pub(crate) fn enter(&self, client: &str, target: &str, route: &'static str) -> Visit {
        let client = self.client(client);
        let target = client.target(target, route);
        target.flights.begin();
        let mut attempt = target.attempts.fetch_add(1, Relaxed).saturating_add(1);
        if Arc::ptr_eq(&target, &client.untold) {
            attempt = 1;
        } else if attempt > 1 && target.served.load(Relaxed) == 0 {
            target.retries.fetch_add(1, Relaxed);
        }
        Visit { client, target, route, attempt, spoilt: false, closed: false }
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        self.clients.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn client(&self, name: &str) -> Arc<Client> {
        if let Some(client) = self.clients.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(client);
        }
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        let name = if clients.len() < MAX_CLIENTS { name } else { "(others)" };
        Arc::clone(clients.entry(name.into()).or_default())
    }
}

impl Client {
    fn target(&self, name: &str, route: &'static str) -> Arc<Target> {
        if let Some(target) = self.targets.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(target);
        }
        let new = || {
            let flights = Arc::clone(locked(&self.flights).entry(route).or_default());
            Arc::new(Target { flights, ..Target::default() })
        };
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        if targets.len() < MAX_TARGETS {
            Arc::clone(targets.entry(name.into()).or_insert_with(new))
        } else {
            Arc::clone(&self.untold)
        }
    }

    fn count_other(&self, what: &str) {
        let mut others = locked(&self.others);
        match others.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(others.insert(what.to_owned(), 1)),
        }
    }
}

impl Visit {
    /// Notes a request that came before the time that an earlier answer on this route asked it to wait for.
    pub(crate) fn note_manners(&self, now: Instant) {
        let mut buckets = locked(&self.client.buckets);
        if let Some(bucket) = buckets.get_mut(self.route)
            && bucket.is_impatient(now)
        {
            self.client.impatient.fetch_add(1, Relaxed);
        }
    }

    /// Takes a token and says how many are left, or how long until there is one.
    pub(crate) fn take_token(&self, limit: RateLimit, now: Instant) -> Result<f64, Duration> {
        let taken = locked(&self.client.buckets).entry(self.route).or_default().take(limit, now);
        if taken.is_err() {
            self.client.limited.fetch_add(1, Relaxed);
        }
        taken
    }

    /// Remembers that the client was told to wait.
    pub(crate) fn told_to_wait(&self, until: Instant) {
        locked(&self.client.buckets).entry(self.route).or_default().told_to_wait(until);
    }

    /// Notes a fault that spoils the answer without showing in its status: to ask again is then a retry.
    pub(crate) fn spoil(&mut self, fault: &str) {
        self.spoilt = true;
        self.client.count_other(fault);
    }

    /// Closes a visit whose answer came whole.
    pub(crate) fn close(mut self, status: u16, bytes: u64, page: Option<&ServedPage>) {
        self.end();
        self.target.bytes.fetch_add(bytes, Relaxed);
        let useful = (200..300).contains(&status) && !self.spoilt;
        let outcome = if useful { &self.target.served } else { &self.target.useless };
        outcome.fetch_add(1, Relaxed);
        if status != 200 {
            self.client.count_other(&status.to_string());
        }
        if let Some(page) = page {
            let mut coverages = locked(&self.client.coverages);
            if coverages.len() < MAX_COVERAGES || coverages.contains_key(&page.view) {
                coverages.entry(page.view.clone()).or_default().add(page);
            }
        }
    }

    fn end(&mut self) {
        self.closed = true;
        self.target.flights.end();
    }

    /// Closes a visit whose answer was cut short after so many bytes, by the client, by a fault or by a shutdown.
    pub(crate) fn cut_short(mut self, bytes: u64) {
        self.target.bytes.fetch_add(bytes, Relaxed);
        self.end_short();
    }

    fn end_short(&mut self) {
        self.end();
        self.target.cut_short.fetch_add(1, Relaxed);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.closed {
            self.end_short();
        }
    }
}

/// A poisoned lock means that a thread panicked between two counters; the counters themselves are whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
