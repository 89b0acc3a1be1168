//! The ledger as its readers meet it.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use schemars::JsonSchema;
use serde::Serialize;

use super::coverage::Coverage;
use super::{Client, Ledger, Target, locked};

/// What was served to whom since the start or the last reset.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LedgerReport {
    /// One entry for each client, by name.
    clients: Vec<ClientReport>,
}

/// One client's record.
#[derive(Debug, Serialize, JsonSchema)]
struct ClientReport {
    /// The value of `X-Client-Id`, or the address.
    client: String,
    /// Requests that arrived.
    requests: u64,
    /// Answers that were handed over whole, whatever their status.
    complete: u64,
    /// Answers that ended early: by a fault, by the client or by a shutdown.
    cut_short: u64,
    /// Requests for something that was asked for before and had not come.
    retries: u64,
    /// Requests for something that had already come.
    duplicates: u64,
    /// Requests past the rate limit.
    limit_violations: u64,
    /// Requests that came before the time that `Retry-After` had named.
    impatient_retries: u64,
    /// The most requests that were open at one time, for each route: from their arrival to the end of their answers.
    peak_in_flight: BTreeMap<String, u32>,
    /// Body bytes.
    bytes: u64,
    /// Different paths with their queries that were asked for.
    targets: u64,
    /// Of those, how many never came whole with a status of 2xx.
    targets_never_served: u64,
    /// The names of the first hundred of them, in alphabetical order.
    never_served: Vec<String>,
    /// How often each status other than 200, and each fault, was the answer.
    others: BTreeMap<String, u64>,
    /// Completeness, for each collection that was read, with its filters and its order.
    collections: Vec<CollectionReport>,
}

/// How much of a collection a client has got.
#[derive(Debug, Serialize, JsonSchema)]
struct CollectionReport {
    /// The collection with its filters and its order.
    view: String,
    /// Records it has.
    total: u64,
    /// Different records that were served.
    distinct: u64,
    /// Records that were served again.
    repeated: u64,
    /// Positions that were never served: from the first, up to but without the second.
    missing: Vec<[u64; 2]>,
    /// Numbers of the pages of which a record was never served; null where page sizes were mixed.
    missing_pages: Option<Vec<u64>>,
}

impl Ledger {
    /// The record of one client, or of all.
    pub(crate) fn report(&self, only: Option<&str>) -> LedgerReport {
        // The clients are cloned out, so that no request waits for the report to be made.
        let mut clients: Vec<_> = {
            let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
            let chosen = clients.iter().filter(|(name, _)| only.is_none_or(|only| ***name == *only));
            chosen.map(|(name, client)| (name.clone(), std::sync::Arc::clone(client))).collect()
        };
        clients.sort_by(|(a, _), (b, _)| a.cmp(b));
        LedgerReport { clients: clients.iter().map(|(name, client)| client.report(name)).collect() }
    }
}

impl Client {
    fn report(&self, name: &str) -> ClientReport {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let sum = |counter: fn(&Target) -> u64| {
            targets.values().chain([&self.untold]).map(|target| counter(target)).sum::<u64>()
        };
        let never = targets.iter().filter(|(_, target)| target.served.load(Relaxed) == 0);
        let mut never_served: Vec<String> = never.map(|(name, _)| name.to_string()).collect();
        never_served.sort();
        let targets_never_served = never_served.len() as u64;
        never_served.truncate(100);
        ClientReport {
            client: name.to_owned(),
            requests: sum(|target| target.attempts.load(Relaxed).into()),
            complete: sum(Target::complete),
            cut_short: sum(|target| target.cut_short.load(Relaxed).into()),
            retries: sum(|target| target.retries.load(Relaxed).into()),
            // What was done with targets past the limit cannot be told apart.
            duplicates: targets.values().map(|target| u64::from(target.duplicates())).sum(),
            limit_violations: self.limited.load(Relaxed),
            impatient_retries: self.impatient.load(Relaxed),
            peak_in_flight: locked(&self.flights)
                .iter()
                .map(|(route, flights)| ((*route).to_owned(), flights.peak.load(Relaxed)))
                .collect(),
            bytes: sum(|target| target.bytes.load(Relaxed)),
            targets: targets.len() as u64,
            targets_never_served,
            never_served,
            others: locked(&self.others).clone(),
            collections: locked(&self.coverages)
                .iter()
                .map(|(view, c)| CollectionReport::of(view, c))
                .collect(),
        }
    }
}

impl CollectionReport {
    fn of(view: &str, coverage: &Coverage) -> Self {
        Self {
            view: view.to_owned(),
            total: coverage.total(),
            distinct: coverage.distinct(),
            repeated: coverage.repeated(),
            missing: coverage.missing().into_iter().map(|(start, end)| [start, end]).collect(),
            missing_pages: coverage.missing_pages(),
        }
    }
}
