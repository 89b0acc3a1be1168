//! Ctrl-C: heard once by everyone who waits.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The error of whoever was interrupted. It becomes exit code 130.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// When the user asked to stop. Cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    /// Held only to read or to write the time; the handler's thread is the only writer.
    at: Mutex<Option<Instant>>,
    changed: Condvar,
}

impl Stop {
    /// A stop that Ctrl-C, SIGTERM and SIGHUP ask for. The second time, this process ends at once: the programs that it
    /// started notice that their standard input closes.
    pub(crate) fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let heard = stop.clone();
        let handler = move || {
            if heard.asked().is_some() {
                std::process::exit(130);
            }
            heard.now();
        };
        ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")?;
        Ok(stop)
    }

    /// Asks everyone to stop.
    pub(crate) fn now(&self) {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.changed.notify_all();
    }

    /// When it was asked for.
    pub(crate) fn asked(&self) -> Option<Instant> {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for at most this long; ends at once, as an error, when a stop is asked for.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), Interrupted> {
        let at = self.0.at.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(at, time, |at| at.is_none());
        let (at, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if at.is_some() { Err(Interrupted) } else { Ok(()) }
    }
}
