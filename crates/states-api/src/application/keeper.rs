//! Keeps what is known on disk, for the day on which the source is down when the service starts.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Atlas;
use crate::source::snapshot;

/// After a change, others often follow at once: 27 states of one request. They are written together.
const QUIET: Duration = Duration::from_secs(1);

/// Writes a snapshot after each change, and at the end what has changed since.
pub(super) async fn keep(path: PathBuf, atlas: Atlas, close: CancellationToken) {
    let mut written = atlas.version();
    loop {
        tokio::select! {
            () = close.cancelled() => {}
            () = atlas.changed() => { close.run_until_cancelled(tokio::time::sleep(QUIET)).await; }
        }
        let version = atlas.version();
        if version != written {
            let (path, source) = (path.clone(), atlas.gatherer().source.shown());
            let known = atlas.known();
            // Writing waits for the disk, which is nothing for the threads that serve.
            match tokio::task::spawn_blocking(move || snapshot::save(&path, &source, &known)).await {
                Ok(Ok(())) => tracing::debug!(version, "the snapshot is written"),
                Ok(Err(problem)) => tracing::warn!("{}", problem.line()),
                Err(error) => tracing::error!(%error, "the snapshot could not be written"),
            }
            written = version;
        }
        if close.is_cancelled() {
            return;
        }
    }
}
