//! The simulated API on a thread of its own.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part of this module")]

use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// A running API.
pub struct Api {
    pub base: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Api {
    pub fn start() -> Self {
        Self::with(mock_api::Profile::default())
    }

    /// An API that misbehaves as this profile says.
    pub fn with(profile: mock_api::Profile) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let shutdown_deadline = std::time::Duration::ZERO;
                let config = mock_api::Config { shutdown_deadline, profile, ..Default::default() };
                let stopped = async { drop(stopped.await) };
                mock_api::run(listener, config, stopped).await.unwrap();
            });
        });
        Self { base, stop: Some(stop), thread: Some(thread) }
    }
}

impl Api {
    /// What the API says that it served to this client.
    pub fn ledger(&self) -> serde_json::Value {
        let target = fetch::Target::parse(&format!("{}/admin/ledger", self.base)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = fetch::Client::new(fetch::Manners::default()).unwrap();
        let answer = runtime.block_on(client.get(&target)).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        report["clients"][0].clone()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}
