//! Rows that are handed from one worker to another.

use arrow_array::RecordBatch;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tabular::ipc;

/// A batch of rows. Between threads it is handed over as it is; between processes as an Arrow IPC stream.
#[derive(Clone, Debug)]
pub struct Handed(pub RecordBatch);

impl Serialize for Handed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = ipc::to_bytes(&self.0).map_err(serde::ser::Error::custom)?;
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Handed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let batch = ipc::from_bytes(bytes).map_err(serde::de::Error::custom)?;
        batch.map(Self).ok_or_else(|| serde::de::Error::custom("there is no batch in it"))
    }
}
