//! The API on a thread of its own, beside the program or the test that asks it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::{Api, Config, serve};

/// A running API. Dropping it ends it at once, whatever it is at, and its thread.
#[derive(Debug)]
pub struct Beside {
    /// Where it is: `http://127.0.0.1:PORT`.
    pub base: String,
    api: Arc<Api>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Beside {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    /// When the system refuses the port or the thread.
    pub fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let base = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let api = Api::new(Config { shutdown_deadline: Duration::ZERO, ..config });
        let runtime = Runtime::new()?;
        let served = Arc::clone(&api);
        let thread = Builder::new().name("mock-api".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let shutdown = async { drop(stopped.await) };
                let served = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => {
                        serve(listener, served, shutdown).await.map_err(|error| error.to_string())
                    }
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = served {
                    tracing::error!(error, "the simulated API has ended");
                }
            });
        })?;
        Ok(Self { base, api, stop: Some(stop), thread: Some(thread) })
    }

    /// What it served to this client, or to the first of all, as `/admin/ledger` tells it; null where that one never came.
    pub fn ledger(&self, client: Option<&str>) -> Value {
        // A report holds texts and numbers, which always serialise.
        let mut report = serde_json::to_value(self.api.ledger.report(client)).unwrap_or_default();
        report.pointer_mut("/clients/0").map(Value::take).unwrap_or_default()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}
