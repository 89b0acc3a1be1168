//! The job on a distributed engine: Ballista, which is `DataFusion` on a scheduler and executors.
//!
//! What the engine does is said in SQL (`judged.sql`, `orders.sql`, `revenue.sql`): the rules of a clean order, the join with
//! the customers, the sums, and the order of the answer. Money is decimal or whole cents, so that no sum depends on the order
//! of adding up. Two things are not the engine's. Its readers do not know where a row stands, so the rows are read by ours,
//! as a table of the engine (`read`, `table`); and the lake is written by who commits it, piece by piece as the rows come
//! (`gather`). Where a wrong value stands is asked of its file afterwards (`refused`).
//!
//! The task that a dying executor was at is done by another one. Rows that died with an executor before somebody had fetched
//! them fail the job, and it is asked for again, from the piece on that is not whole yet.

mod codec;
mod engine;
mod gather;
mod read;
mod refused;
mod roles;
mod table;
mod verdict;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use lab::out::Staging;
use lab::ways::{self, Sink, Tasks};
use lab::{Lab, OrProblem, Problem};
use tokio::net::TcpListener;

pub(super) use roles::{EXECUTOR, SCHEDULER, executor, scheduler};

use super::clean::STATUSES;
use super::plan::grouped;
use super::steps::etl;
use super::strategies::Ways;
use super::work::{Done, Piece, Pieces, Setup};
use super::{Input, Look, Output};
use gather::{Gather, sums};
use read::Numbered;
use table::Table;

/// How many tasks there are for each worker, so that the last ones are short and a dead executor's are not many.
const TASKS: usize = 4;
/// How often an answer is asked for.
const TRIES: usize = 3;
/// How long an executor of this process may be silent: it is never gone.
const PATIENCE: Duration = Duration::from_mins(10);
/// What stands around a text and is none of it, in SQL.
const BLANKS: &str = "' \t\n\u{c}\r'";

/// The engine cleans, joins and adds up; what the files hold is looked at before, here.
pub(super) fn strategy(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    etl(input, lab, &Ways { look: ways::pool::<Look>, clean })
}

/// The tasks on the engine, as one of the ways.
fn clean(
    lab: &Lab,
    setup: &Setup,
    tasks: Tasks<'_, Pieces>,
    sink: Sink<'_, Vec<Result<Done, Problem>>>,
) -> Result<(), Problem> {
    let (mut pieces, mut lengths) = (Vec::new(), Vec::new());
    for task in tasks {
        lengths.push(task.0.len());
        pieces.extend(task.0);
    }
    // What is wrong with the customers is said as by every other strategy.
    let customers = setup.customers.get()?.len();
    let tables = Tables {
        orders: Table::orders(&spread(&pieces, lab.workers * TASKS)?)?,
        customers: Table::customers(setup.customers.paths(), customers)?,
    };
    let mut lengths = lengths.into_iter();
    let (mut task, mut length) = (Vec::new(), lengths.next());
    let mut give = |done| {
        task.push(done);
        if Some(task.len()) == length {
            length = lengths.next();
            sink(Ok(std::mem::take(&mut task)))?;
        }
        Ok(())
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.or_problem(|| "cannot start an event loop")?;
    let outcome = runtime.block_on(async {
        let job = async {
            let cluster = Cluster::of(setup.scheduler.as_deref(), lab.workers).await?;
            let session = engine::session(cluster.scheduler, lab.workers * TASKS).await?;
            let gathered = run(&session, tables, &pieces, setup, &mut give).await;
            drop(cluster);
            gathered
        };
        tokio::select! {
            () = lab.stop.wait() => Err(Problem::new("interrupted")),
            done = job => done,
        }
    });
    // Nobody wants what is still being read.
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome
}

/// What the engine reads.
struct Tables {
    orders: Table,
    customers: Table,
}

/// Neighbouring pieces together, as about so many tasks.
fn spread(pieces: &[Piece], tasks: usize) -> Result<Vec<Vec<Numbered>>, Problem> {
    let weight = |piece: &Piece| piece.slices.iter().map(|slice| slice.cut.weight()).sum::<u64>();
    let numbered = pieces.iter().zip(0..).map(|(piece, number)| Numbered { number, piece: piece.clone() });
    let all: u64 = pieces.iter().map(weight).sum();
    let size = all.div_ceil(tasks.max(1) as u64).max(1);
    i32::try_from(pieces.len()).or_problem(|| "there are too many pieces for the engine")?;
    Ok(grouped(numbered.collect(), size, |numbered: &Numbered| weight(&numbered.piece)))
}

/// Where the scheduler is; one of our own has an executor beside it, and a folder for what that hands on.
struct Cluster {
    scheduler: SocketAddr,
    serving: Vec<tokio::task::JoinHandle<Result<(), Problem>>>,
    _folder: Option<Staging>,
}

impl Cluster {
    async fn of(scheduler: Option<&str>, workers: usize) -> Result<Self, Problem> {
        if let Some(told) = scheduler {
            let found = tokio::net::lookup_host(told).await.ok().and_then(|mut found| found.next());
            let scheduler = found.ok_or_else(|| {
                Problem::new("this is no address of a scheduler").at(told).expected("HOST:PORT")
            })?;
            return Ok(Self { scheduler, serving: Vec::new(), _folder: None });
        }
        let folder = Staging::within(&std::env::temp_dir())?;
        let listen = || async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            listener.or_problem(|| "cannot listen on the loopback device")
        };
        let (schedule, execute) = (listen().await?, listen().await?);
        let scheduler = schedule.local_addr().or_problem(|| "cannot listen on the loopback device")?;
        let scheduling = tokio::spawn(engine::schedule(schedule, PATIENCE));
        let place = folder.folder().to_path_buf();
        let executing =
            tokio::spawn(async move { engine::execute(execute, scheduler, &place, workers).await });
        Ok(Self { scheduler, serving: vec![scheduling, executing], _folder: Some(folder) })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.serving.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Asks the engine what the partitions are worth, and then for their orders.
async fn run(
    session: &SessionContext,
    tables: Tables,
    pieces: &[Piece],
    setup: &Setup,
    give: gather::Give<'_>,
) -> Result<(), Problem> {
    let cannot = || "the engine does not take the tables";
    session.register_table("orders", Arc::new(tables.orders)).or_problem(cannot)?;
    session.register_table("customers", Arc::new(tables.customers)).or_problem(cannot)?;
    let mut tries = 0;
    let worth = loop {
        match collected(session, include_str!("revenue.sql")).await {
            Ok(batches) => break sums(&batches)?,
            Err(problem) => again(&mut tries, problem)?,
        }
    };
    let mut gather = Gather::new(pieces, &setup.encoding, worth, give);
    tries = 0;
    'again: loop {
        let mut rows = match asked(session, include_str!("orders.sql")).await {
            Ok(rows) => rows,
            Err(problem) => {
                again(&mut tries, problem)?;
                continue;
            }
        };
        while let Some(batch) = rows.next().await {
            match batch.or_problem(|| LOST) {
                Ok(batch) => gather.take(&batch)?,
                Err(problem) => {
                    again(&mut tries, problem)?;
                    gather.again();
                    continue 'again;
                }
            }
        }
        return gather.end();
    }
}

const LOST: &str = "the engine cannot answer";

fn again(tries: &mut usize, problem: Problem) -> Result<(), Problem> {
    *tries += 1;
    if *tries == TRIES {
        return Err(problem);
    }
    tracing::warn!(target: "lab", "asked again: {problem}");
    Ok(())
}

async fn collected(session: &SessionContext, question: &str) -> Result<Vec<RecordBatch>, Problem> {
    let mut rows = asked(session, question).await?;
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await {
        batches.push(batch.or_problem(|| LOST)?);
    }
    Ok(batches)
}

async fn asked(
    session: &SessionContext,
    question: &str,
) -> Result<datafusion::execution::SendableRecordBatchStream, Problem> {
    let statuses = STATUSES.map(|status| format!("'{status}'")).join(", ");
    let judged = include_str!("judged.sql");
    let text = format!("WITH judged AS (\n{judged})\n{question}");
    let text = text.replace("{BLANKS}", BLANKS).replace("{STATUSES}", &statuses);
    let frame = session.sql(&text).await.or_problem(|| LOST)?;
    frame.execute_stream().await.or_problem(|| LOST)
}
