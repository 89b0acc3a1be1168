//! What the user says.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use lab::{Lab, Problem};

use super::Input;
use super::commit::is_remote;

/// Why there is no cluster.
#[cfg(not(feature = "cluster"))]
pub(super) const WITHOUT_CLUSTER: &str = "it was built without the feature `cluster`: cargo run -p pipelines --features cluster -- etl --strategy cluster";

/// The inputs of `etl`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The lake is a folder of .csv or .parquet files, in folders such as year=2024/month=3/uf=SP where it has partitions. Orders that
are wrong (no number where one belongs, an unknown customer, another month than the folder's) are rejected with file, line,
column and reason. What comes out is a lake again: orders/ has the clean orders with the same partitions, rejects/ the rest,
revenue-….parquet the revenue, orders and ticket by state, month and category; manifest.json says what belongs to it.

Run again, and only partitions whose files have changed are done. A run that fails or is ended leaves the lake as it was.

Examples:
  pipelines etl                                                    the lab's own orders
  pipelines etl orders/ --customers customers.parquet --out lake/
  pipelines etl orders/ --customers customers.csv --out lake/ --compare
  pipelines etl --scheduler 127.0.0.1:50050                        on a cluster, in a build with --features cluster
  pipelines etl s3://shop/orders --customers s3://shop/customers --out s3://shop/clean    in a build with --features s3
  jq '.partitions[] | select(.rejected > 0) | .partition' lake/manifest.json")]
pub struct EtlArgs {
    /// The folder of the orders, here or in an object store, or one file of them [default: the lab's orders]
    #[arg(requires = "customers")]
    pub lake: Option<PathBuf>,
    /// The customers: a .parquet or .csv file, or a folder of Parquet files [default: the lab's]
    #[arg(long, value_name = "PATH", requires = "lake")]
    pub customers: Option<PathBuf>,
    /// How much of a partition is done at once; a larger one is split
    #[arg(long, value_name = "SIZE", default_value = "8MiB")]
    pub piece: ByteSize,
    /// The scheduler of a cluster that is to do it; without one, `--strategy cluster` is a cluster in this process
    #[arg(long, value_name = "HOST:PORT")]
    pub scheduler: Option<String>,
}

impl EtlArgs {
    pub(super) fn prepare(&self, lab: &Lab) -> Result<Input, Problem> {
        let customers = match &self.customers {
            Some(path) if is_remote(path) => vec![path.clone()],
            found => {
                let patterns: Vec<String> =
                    found.iter().map(|path| path.to_string_lossy().into_owned()).collect();
                lab.inputs(&patterns, "customers-parquet", "parquet")?
            }
        };
        let lake = self.lake.clone().unwrap_or_else(|| lab.raw("orders-lake-csv"));
        if !is_remote(&lake) && !lake.exists() {
            let problem = Problem::new("there is no lake").at(lake.display());
            return Err(if self.lake.is_some() {
                problem.expected("a folder with .csv or .parquet files of orders")
            } else {
                problem.hint(format!("`cargo xtask data --scale {}` makes the lab's own", lab.scale.name()))
            });
        }
        #[cfg(not(feature = "cluster"))]
        if let Some(scheduler) = &self.scheduler {
            let problem = Problem::new("this program knows no cluster").at(scheduler);
            return Err(problem.hint(WITHOUT_CLUSTER));
        }
        let out = lab.out_or("lake");
        if inside(&out, &lake) || inside(&lake, &out) {
            return Err(Problem::new("the new lake may not lie in the old one")
                .at(out.display())
                .hint("choose a folder beside it: --out clean/"));
        }
        let (piece, scheduler) = (self.piece.as_u64().max(1), self.scheduler.clone());
        Ok(Input { lake, customers, out, piece, scheduler })
    }
}

/// Whether `path` is `folder` or below it.
fn inside(path: &Path, folder: &Path) -> bool {
    let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.into());
    full(path).starts_with(full(folder))
}
