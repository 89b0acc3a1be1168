//! The lake that was made, as an answer.

use lab::{Answer, Digest, Failure, OrProblem, Problem, Work};
use tabular::csv_text;
use tabular::parquet_batches::ParquetBatches;

use super::commit::Lake;
use super::manifest::Manifest;
use super::revenue;

/// Rows of the lake that are read back at a time.
const BATCH_ROWS: usize = 8_192;

/// The lake, and how much of it was made.
#[derive(Debug)]
pub struct Output {
    /// Where it is and what belongs to it; none where the run has failed and the lake is what it was.
    lake: Option<(Lake, Manifest)>,
    work: Work,
    failures: Vec<Failure>,
}

impl Output {
    pub(super) fn whole(lake: Lake, manifest: Manifest, work: Work) -> Self {
        Self { lake: Some((lake, manifest)), work, failures: Vec::new() }
    }

    pub(super) fn failed(work: Work, failures: Vec<Failure>) -> Self {
        Self { lake: None, work, failures }
    }

    /// Says on standard error what has become of the lake.
    pub(super) fn tell(&self) {
        let Some((lake, manifest)) = &self.lake else {
            tracing::warn!(target: "lab", "nothing was committed: the lake is what it was");
            return;
        };
        let (all, changed) = (manifest.partitions.len(), self.work.items);
        tracing::info!(target: "lab", "{changed} of {all} partitions were done, the others have not changed");
        if manifest.rejected > 0 {
            tracing::warn!(
                target: "lab",
                "{} of {} rows were rejected; they are in {}/rejects",
                manifest.rejected,
                manifest.rows_in,
                lake.name()
            );
        }
    }
}

impl Answer for Output {
    /// What the lake holds and not how its files are written: another engine's lake of the same values is the same answer.
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        let Some((lake, manifest)) = &self.lake else { return Ok(()) };
        let cannot = || format!("cannot read the lake in {} back", lake.name());
        for entry in &manifest.partitions {
            digest.add(entry.partition.as_bytes());
            for number in [entry.rows_in, entry.rows, entry.rejected] {
                digest.add(&number.to_le_bytes());
            }
            let mut hasher = blake3::Hasher::new();
            let mut text = Vec::new();
            if let Some(file) = &entry.orders {
                for batch in ParquetBatches::open(&lake.file(&file.path)?, BATCH_ROWS).or_problem(cannot)? {
                    text.clear();
                    let batch = batch.or_problem(cannot)?;
                    csv_text::write_batch(&batch, csv_text::Dialect::default(), &mut text)
                        .or_problem(cannot)?;
                    hasher.update(&text);
                }
            }
            digest.add(hasher.finalize().as_bytes());
            if let Some(rejects) = &entry.rejects {
                digest.add(rejects.digest.as_bytes());
            }
        }
        let mut text = Vec::new();
        let table = revenue::table(&manifest.groups()?)?;
        csv_text::write_batch(&table, csv_text::Dialect::default(), &mut text).or_problem(cannot)?;
        digest.add(&text);
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
