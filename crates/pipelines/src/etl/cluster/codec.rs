//! The tables as bytes. Whatever is not ours is the engine's own to encode.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result, TableReference};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::table::{Kind, Read, Table};

/// What stands before that which is ours: no message of the engine begins with a zero.
const OURS: &[u8] = b"\0paralelo lake\0";

/// For the plans that the scheduler is asked for.
#[derive(Debug, Default)]
pub(super) struct Logical(BallistaLogicalExtensionCodec);

/// For the plans that the executors are sent.
#[derive(Debug, Default)]
pub(super) struct Physical(BallistaPhysicalExtensionCodec);

fn encode(value: &impl Serialize, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.extend(OURS);
    let bytes = postcard::to_stdvec(value).map_err(|error| DataFusionError::External(error.into()))?;
    buffer.extend(bytes);
    Ok(())
}

fn decode<T: DeserializeOwned>(buffer: &[u8]) -> Option<Result<T>> {
    let bytes = buffer.strip_prefix(OURS)?;
    Some(postcard::from_bytes(bytes).map_err(|error| DataFusionError::External(error.into())))
}

impl LogicalExtensionCodec for Logical {
    fn try_decode(&self, buffer: &[u8], inputs: &[LogicalPlan], context: &TaskContext) -> Result<Extension> {
        self.0.try_decode(buffer, inputs, context)
    }

    fn try_encode(&self, node: &Extension, buffer: &mut Vec<u8>) -> Result<()> {
        self.0.try_encode(node, buffer)
    }

    fn try_decode_table_provider(
        &self,
        buffer: &[u8],
        name: &TableReference,
        schema: SchemaRef,
        context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        match decode::<Table>(buffer) {
            Some(table) => Ok(Arc::new(table?)),
            None => self.0.try_decode_table_provider(buffer, name, schema, context),
        }
    }

    fn try_encode_table_provider(
        &self,
        name: &TableReference,
        table: Arc<dyn TableProvider>,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        match table.downcast_ref::<Table>() {
            Some(ours) => encode(ours, buffer),
            None => self.0.try_encode_table_provider(name, table, buffer),
        }
    }

    fn try_decode_file_format(
        &self,
        buffer: &[u8],
        context: &TaskContext,
    ) -> Result<Arc<dyn FileFormatFactory>> {
        self.0.try_decode_file_format(buffer, context)
    }

    fn try_encode_file_format(&self, buffer: &mut Vec<u8>, node: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.0.try_encode_file_format(buffer, node)
    }
}

impl PhysicalExtensionCodec for Physical {
    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (decode::<(Kind, Vec<usize>)>(buffer), inputs) {
            (Some(read), [tasks]) => {
                let (kind, columns) = read?;
                Ok(Arc::new(Read::new(kind, columns, Arc::clone(tasks))?))
            }
            _ => self.0.try_decode(buffer, inputs, context, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match node.downcast_ref::<Read>() {
            Some(read) => encode(&(read.kind, &read.columns), buffer),
            None => self.0.try_encode(node, buffer, converter),
        }
    }
}
