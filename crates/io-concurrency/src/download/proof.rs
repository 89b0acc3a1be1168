//! Whether a file is whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use futures::{StreamExt, TryStreamExt};
use lab::{OrProblem, Problem};

use super::digests::{Algorithm, Expected};
use super::transfer::{Transfer, Trouble};

/// So many bytes on each side of a border are asked for again.
const OVERLAP: u64 = 16;
/// So many borders are asked for again at the most.
const BORDERS: usize = 16;

impl Transfer<'_> {
    /// Proves that the bytes that came are the file, and says by what.
    pub(super) async fn prove(&self) -> Result<String, Trouble> {
        let identity = self.part.borrow().identity.clone();
        let identity = identity.ok_or_else(|| Problem::new("nothing is known of the file"))?;
        if let Some(expected) = &identity.digest {
            let file = self.part.borrow().reader()?;
            let found = digest(file, expected.algorithm).await?;
            if found != expected.value {
                let found = Expected { algorithm: expected.algorithm, value: found };
                return Err(Trouble::Wrong(format!("the file has {found} instead of {}", expected.hex())));
            }
            return Ok(expected.algorithm.name().into());
        }
        let total = identity.total.unwrap_or_default();
        if self.part.borrow().length()? != total {
            return Err(Trouble::Wrong(format!("the file has not the {total} bytes that it should have")));
        }
        let borders = self.borders_to_check(total);
        futures::stream::iter(borders.iter().map(|border| self.check_border(*border, total)))
            .buffer_unordered(self.fetcher.segments)
            .try_collect::<()>()
            .await?;
        if !identity.sure_end {
            self.check_twice(total).await?;
            return Ok("twice".into());
        }
        Ok(if borders.is_empty() { "length" } else { "borders" }.into())
    }

    fn borders_to_check(&self, total: u64) -> Vec<u64> {
        let mut borders = self.borders.borrow().clone();
        borders.retain(|border| (1..total).contains(border));
        borders.sort_unstable();
        borders.dedup();
        let step = borders.len().div_ceil(BORDERS).max(1);
        borders.into_iter().step_by(step).collect()
    }

    /// Asks for the bytes around a border again: a server that sends other bytes than those of the place that it names is
    /// found out.
    async fn check_border(&self, border: u64, total: u64) -> Result<(), Trouble> {
        let range = border.saturating_sub(OVERLAP)..(border + OVERLAP).min(total);
        let mut failures = 0;
        loop {
            let mut incoming = self.open(Some(range.clone()), &mut failures).await?;
            let mut bytes = Vec::new();
            let read = loop {
                match incoming.next().await {
                    Ok(Some(piece)) if bytes.len() as u64 <= range.end - range.start => {
                        bytes.extend_from_slice(&piece);
                    }
                    Ok(_) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            if let Err(error) = read {
                self.after(error, &mut failures, false).await?;
                continue;
            }
            let there = self.part.borrow().read(range).or_problem(|| "cannot read the file back")?;
            if bytes == there {
                return Ok(());
            }
            let why = format!("around byte {border} the server sends something else the second time");
            return Err(Trouble::NoRanges(why));
        }
    }

    /// Fetches the file a second time, and compares.
    async fn check_twice(&self, total: u64) -> Result<(), Trouble> {
        let mut failures = 0;
        let mut incoming = self.open(None, &mut failures).await?;
        let other =
            || Trouble::Wrong("nothing tells its length, and it came otherwise the second time".into());
        let mut at = 0;
        while let Some(bytes) =
            incoming.next().await.map_err(|error| Trouble::GaveUp { error, failures: 1 })?
        {
            let after = at + bytes.len() as u64;
            if after > total {
                return Err(other());
            }
            let there = self.part.borrow().read(at..after).or_problem(|| "cannot read the file back")?;
            if bytes != there {
                return Err(other());
            }
            at = after;
        }
        if at == total { Ok(()) } else { Err(other()) }
    }
}

/// The digest of a file. It is made on another thread: others wait for their bytes meanwhile.
pub(super) async fn digest(mut file: File, algorithm: Algorithm) -> Result<Vec<u8>, Problem> {
    let make = move || -> io::Result<Vec<u8>> {
        let (mut hasher, mut buffer) = (algorithm.hasher(), vec![0; 256 << 10]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finish()),
                count => hasher.update(&buffer[..count]),
            }
        }
    };
    let cannot = || "cannot read the file back";
    tokio::task::spawn_blocking(make).await.or_problem(cannot)?.or_problem(cannot)
}

/// Whether the file at this place has this digest.
pub(super) async fn has(place: &Path, expected: &Expected) -> Result<bool, Problem> {
    let file = File::open(place).or_problem(|| format!("cannot read {}", place.display()))?;
    Ok(digest(file, expected.algorithm).await? == expected.value)
}
