//! Who has how many connections open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::resource::{Resource, getrlimit};

/// File descriptors that one address leaves to others and to the program itself.
const RESERVE: u64 = 200;

/// The connections of one address that leave some for others, where a process has so many file descriptors.
pub(super) fn most_of_one() -> usize {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    usize::try_from(files - RESERVE.min(files / 8)).unwrap_or(usize::MAX)
}

/// The open connections by address.
pub(super) struct Clients {
    most: usize,
    /// All connections. The number is only ever shown: `Relaxed`.
    all: Arc<AtomicU64>,
    /// Locked for one look-up when a connection begins and when it ends.
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Clients {
    pub(super) fn new(most: usize, all: Arc<AtomicU64>) -> Self {
        Self { most, all, by_address: Arc::default() }
    }

    /// Counts one more connection, unless its address has as many as it may.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Open> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        self.all.fetch_add(1, Relaxed);
        Some(Open { address, all: Arc::clone(&self.all), by_address: Arc::clone(&self.by_address) })
    }
}

/// Counts a connection for as long as it lives.
pub(super) struct Open {
    address: IpAddr,
    all: Arc<AtomicU64>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Relaxed);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_connections_back_and_takes_none_of_another() {
        let clients = Clients::new(2, Arc::default());
        let [one, other] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
        let first = clients.admit(one).unwrap();
        let _second = clients.admit(one).unwrap();
        assert!(clients.admit(one).is_none() && clients.admit(other).is_some());
        drop(first);
        assert!(clients.admit(one).is_some());
    }

    #[test]
    fn an_address_with_no_connections_is_forgotten() {
        let clients = Clients::new(2, Arc::default());
        drop(clients.admit(IpAddr::from([127, 0, 0, 1])));
        assert!(clients.by_address.lock().unwrap().is_empty());
        assert_eq!(clients.all.load(Relaxed), 0);
    }
}
