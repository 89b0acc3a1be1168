//! The two tables of the engine, and how they travel: the scheduler plans with them, and the executors read them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{BinaryArray, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::StreamExt;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::csv_batches::schema;

use super::read::{self, CUSTOMERS, Numbered, ORDERS};

/// Batches that wait for the operator that is next.
const WAITING: usize = 2;

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Orders, as they were read.
    Orders,
    /// So many customers.
    Customers(usize),
}

/// A table: what its rows are, and the tasks that read them, as bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Table {
    kind: Kind,
    tasks: Vec<Vec<u8>>,
}

/// Reads some columns of a table: one task after another, as its child gives them.
///
/// The child is a table of the engine's own, in memory, because the scheduler cuts only those that it knows into parts: each task of the
/// cluster is sent its own part of the child, and with it no more than its own pieces.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) kind: Kind,
    pub(super) columns: Vec<usize>,
    tasks: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl Kind {
    fn schema(self) -> &'static SchemaRef {
        match self {
            Self::Orders => &ORDERS,
            Self::Customers(_) => &CUSTOMERS,
        }
    }

    fn read(self, task: &[u8], take: read::Take<'_>) -> std::result::Result<(), Problem> {
        let cannot = || "a task of the engine cannot be read";
        match self {
            Self::Orders => {
                let pieces: Vec<Numbered> = postcard::from_bytes(task).or_problem(cannot)?;
                pieces.iter().try_for_each(|piece| read::orders(piece, take))
            }
            Self::Customers(_) => {
                let paths: Vec<PathBuf> = postcard::from_bytes(task).or_problem(cannot)?;
                paths.iter().try_for_each(|path| read::customers(path, take))
            }
        }
    }
}

impl Table {
    /// The orders of these pieces, as many of them together as one task reads.
    ///
    /// # Errors
    /// A path that is no text.
    pub(super) fn orders(tasks: &[Vec<Numbered>]) -> std::result::Result<Self, Problem> {
        let tasks = tasks.iter().map(postcard::to_stdvec).collect::<std::result::Result<_, _>>();
        Ok(Self { kind: Kind::Orders, tasks: tasks.or_problem(|| "the pieces cannot be sent")? })
    }

    /// The customers of these files, which are so many.
    ///
    /// # Errors
    /// A path that is no text.
    pub(super) fn customers(paths: &[PathBuf], count: usize) -> std::result::Result<Self, Problem> {
        let task = postcard::to_stdvec(paths).or_problem(|| "the files of the customers cannot be sent")?;
        Ok(Self { kind: Kind::Customers(count), tasks: vec![task] })
    }

    /// The tasks as a table of the engine's own, each a part of it.
    fn in_memory(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = schema([("task", DataType::Binary, false)]);
        let part = |task: &Vec<u8>| {
            let column = BinaryArray::from_iter_values([task]);
            Ok(vec![RecordBatch::try_new(schema.clone(), vec![Arc::new(column)])?])
        };
        let parts = self.tasks.iter().map(part).collect::<Result<Vec<_>>>()?;
        Ok(MemorySourceConfig::try_new_exec(&parts, schema.clone(), None)?)
    }
}

impl Read {
    pub(super) fn new(kind: Kind, columns: Vec<usize>, tasks: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(kind.schema().project(&columns)?)),
            Partitioning::UnknownPartitioning(tasks.properties().output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { kind, columns, tasks, properties: Arc::new(properties) })
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.kind.schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        columns: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.kind.schema().fields().len()).collect();
        let columns = columns.cloned().unwrap_or_else(all);
        Ok(Arc::new(Read::new(self.kind, columns, self.in_memory()?)?))
    }
}

impl DisplayAs for Read {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Read: {:?}", self.kind)
    }
}

impl ExecutionPlan for Read {
    fn name(&self) -> &'static str {
        "Read"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.tasks]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([tasks]) = <[_; 1]>::try_from(children) else {
            return internal_err!("a table is read by the tasks of one child");
        };
        Ok(Arc::new(Self::new(self.kind, self.columns.clone(), tasks)?))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, part: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut stream = RecordBatchReceiverStream::builder(self.schema(), WAITING);
        let mut tasks = self.tasks.execute(part, context)?;
        let (kind, columns, to) = (self.kind, self.columns.clone(), stream.tx());
        stream.spawn(async move {
            while let Some(batch) = tasks.next().await {
                let (batch, columns, to) = (batch?, columns.clone(), to.clone());
                let read = tokio::task::spawn_blocking(move || {
                    let mut take = |batch: RecordBatch| {
                        let batch = batch.project(&columns).map_err(DataFusionError::from);
                        to.blocking_send(batch).map_err(|_| Problem::new("nobody wants the rows any longer"))
                    };
                    let tasks = batch.column(0).as_binary::<i32>();
                    tasks.iter().flatten().try_for_each(|task| kind.read(task, &mut take))
                });
                let read = read.await.map_err(|error| DataFusionError::External(error.into()))?;
                read.map_err(|problem| DataFusionError::Execution(problem.line()))?;
            }
            Ok(())
        });
        Ok(stream.build())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut known = Statistics::new_unknown(&self.schema());
        // A small table is sent to every executor instead of both being distributed anew.
        if let Kind::Customers(count) = self.kind {
            known.num_rows = Precision::Exact(count);
            known.total_byte_size = Precision::Inexact(count * 64);
        }
        Ok(Arc::new(known))
    }
}
