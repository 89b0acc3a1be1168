//! Exercise 11: a lake of orders is cleaned, joined, added up and written as a lake again.
//!
//! A lake's partitions are as uneven as the states of a country: most are far too small to be a task, and one may be larger
//! than all others together. So the plan, which knows the files and nothing of workers, puts neighbours together and cuts
//! what is large: a partition becomes *pieces* of at most so many bytes (CSV at exact row borders, Parquet at row groups or
//! within one), each piece becomes one row group, and no partition can hold up the end.
//!
//! 1. *Look* at every file: its digest, and for large CSV files where rows begin (`look`). A partition whose files, and
//!    whose customers, are what they were has not changed, and the old lake's files of it stay.
//! 2. *Clean* the pieces of the others (`clean`, `work`): each order is checked or rejected, joined with its customer,
//!    added to the sums of its state, month and category, and encoded.
//! 3. *Commit*: row groups are put together in their order, and one rename of the manifest makes the new files the lake
//!    (`commit`). Until then the lake is what it was, whatever happens.
//!
//! Memory holds the customers, one window of text and one row group for each worker, and the row groups that came before
//! their turn. `README.md` beside this file says what the manifest holds.

mod args;
mod cast;
mod clean;
#[cfg(feature = "cluster")]
mod cluster;
mod commit;
mod customers;
mod lake;
mod look;
mod manifest;
mod near;
mod output;
mod plan;
#[cfg(feature = "s3")]
mod remote;
#[cfg(not(feature = "s3"))]
#[path = "no_remote.rs"]
mod remote;
mod revenue;
mod shape;
mod steps;
mod strategies;
mod work;
mod write;
mod wrong;

use std::path::PathBuf;

use lab::formats::Out;
use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Strategy};

pub use args::EtlArgs;
pub use look::Look;
pub use output::Output;
pub use work::Clean;

/// The exercise.
#[derive(Debug)]
pub struct Etl;

/// Which lake becomes which.
#[derive(Clone, Debug)]
pub struct Input {
    lake: PathBuf,
    customers: Vec<PathBuf>,
    out: PathBuf,
    piece: u64,
    scheduler: Option<String>,
}

impl Exercise for Etl {
    const ID: u8 = 11;
    const NAME: &'static str = "etl";
    const ABOUT: &'static str =
        "Cleans, joins and adds up a partitioned lake of orders, and writes a lake: only what has changed.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
        #[cfg(feature = "cluster")]
        Strategy::new(Kind::Cluster, cluster::strategy).chosen_by("--scheduler"),
        #[cfg(not(feature = "cluster"))]
        Strategy::absent(Kind::Cluster, args::WITHOUT_CLUSTER),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[
        Role::worker::<Look>(),
        Role::worker::<Clean>(),
        #[cfg(feature = "cluster")]
        Role::program(cluster::SCHEDULER, cluster::scheduler),
        #[cfg(feature = "cluster")]
        Role::program(cluster::EXECUTOR, cluster::executor),
    ];
    type Args = EtlArgs;
    type Input = Input;
    type Output = Output;

    fn files(args: &EtlArgs, lab: &Lab) -> Files {
        let lake = args.lake.clone().unwrap_or_else(|| lab.raw("orders-lake-csv"));
        let customers = args.customers.clone().unwrap_or_else(|| lab.raw("customers-parquet"));
        Files::new(Out::Folder)
            .reads_tree(Some(lake))
            .reads_tree(Some(customers))
            .writes_tree("--out", Some(lab.out_or("lake")))
    }

    fn prepare(args: &EtlArgs, lab: &Lab) -> Result<Input, Problem> {
        args.prepare(lab)
    }

    fn deliver(output: &Output, _: &EtlArgs, _: &Lab) -> Result<(), Problem> {
        output.tell();
        Ok(())
    }
}
