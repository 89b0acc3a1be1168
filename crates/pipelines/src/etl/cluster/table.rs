//! The two tables of the engine, and how they travel: the scheduler plans with them, and the executors read them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use lab::Problem;
use serde::{Deserialize, Serialize};

use super::read::{self, CUSTOMERS, Numbered, ORDERS};

/// Batches that wait for the operator that is next.
const WAITING: usize = 2;

/// What a table is read from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Rows {
    /// Pieces of the lake, as many of them together as one task reads.
    Orders(Vec<Vec<Numbered>>),
    /// Files of customers, and how many they hold.
    Customers(Vec<PathBuf>, usize),
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table(pub(super) Arc<Rows>);

/// Reads some columns of a table.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) rows: Arc<Rows>,
    pub(super) columns: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl Rows {
    fn schema(&self) -> &SchemaRef {
        match self {
            Self::Orders(_) => &ORDERS,
            Self::Customers(..) => &CUSTOMERS,
        }
    }

    /// How many tasks read it.
    fn tasks(&self) -> usize {
        match self {
            Self::Orders(tasks) => tasks.len(),
            Self::Customers(..) => 1,
        }
    }

    fn read(&self, task: usize, take: read::Take<'_>) -> Result<(), Problem> {
        match self {
            Self::Orders(tasks) => tasks[task].iter().try_for_each(|piece| read::orders(piece, take)),
            Self::Customers(paths, _) => paths.iter().try_for_each(|path| read::customers(path, take)),
        }
    }
}

impl Read {
    pub(super) fn new(rows: Arc<Rows>, columns: Vec<usize>) -> Result<Self, ArrowError> {
        let schema = Arc::new(rows.schema().project(&columns)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(rows.tasks()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { rows, columns, properties: Arc::new(properties) })
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.0.schema().clone()
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
        let all = || (0..self.0.schema().fields().len()).collect();
        Ok(Arc::new(Read::new(Arc::clone(&self.0), columns.cloned().unwrap_or_else(all))?))
    }
}

impl DisplayAs for Read {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = if matches!(*self.rows, Rows::Orders(_)) { "orders" } else { "customers" };
        write!(out, "Read: {table}, {} tasks", self.rows.tasks())
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
        Vec::new()
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
        if children.is_empty() { Ok(self) } else { internal_err!("a table has no children") }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, task: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut stream = RecordBatchReceiverStream::builder(self.schema(), WAITING);
        let (rows, columns, to) = (Arc::clone(&self.rows), self.columns.clone(), stream.tx());
        stream.spawn_blocking(move || {
            let mut take = |batch: RecordBatch| {
                let batch = batch.project(&columns).map_err(DataFusionError::from);
                to.blocking_send(batch).map_err(|_| Problem::new("nobody wants the rows any longer"))
            };
            // Whoever does not want the rows has a reason of their own.
            rows.read(task, &mut take).map_err(|problem| DataFusionError::Execution(problem.line()))
        });
        Ok(stream.build())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut known = Statistics::new_unknown(&self.schema());
        // A small table is sent to every executor instead of both being distributed anew.
        if let Rows::Customers(_, count) = &*self.rows {
            known.num_rows = Precision::Exact(*count);
            known.total_byte_size = Precision::Inexact(count * 64);
        }
        Ok(Arc::new(known))
    }
}
