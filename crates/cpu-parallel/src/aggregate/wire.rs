//! Numbers that travel between processes as they lie in memory, and not one by one.

use std::fmt;
use std::marker::PhantomData;

use arrow_array::RecordBatch;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use tabular::ipc;

/// A number of eight bytes.
pub trait Bits: Copy {
    /// Its bytes, the lowest first.
    fn bytes(self) -> [u8; 8];

    /// The number of its bytes.
    fn of(bytes: [u8; 8]) -> Self;
}

macro_rules! bits {
    ($($type:ty),*) => {$(
        impl Bits for $type {
            fn bytes(self) -> [u8; 8] {
                self.to_le_bytes()
            }

            fn of(bytes: [u8; 8]) -> Self {
                Self::from_le_bytes(bytes)
            }
        }
    )*};
}

bits!(u64, i64, f64);

/// Numbers in a row.
#[derive(Clone, Debug)]
pub struct Wired<T>(pub Vec<T>);

impl<T> Default for Wired<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Bits> Serialize for Wired<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|value| value.bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, T: Bits> Deserialize<'de> for Wired<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_bytes(Whole(PhantomData))?;
        let (words, _) = bytes.as_chunks::<8>();
        Ok(Self(words.iter().map(|word| T::of(*word)).collect()))
    }
}

struct Whole<'a>(PhantomData<&'a ()>);

impl<'de> Visitor<'de> for Whole<'de> {
    type Value = &'de [u8];

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bytes")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(bytes)
    }
}

/// A batch that travels as Arrow IPC.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch(pub RecordBatch);

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&ipc::to_bytes(&self.0).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_bytes(Whole(PhantomData))?;
        let batch = ipc::from_bytes(bytes).map_err(D::Error::custom)?;
        batch.map(Self).ok_or_else(|| D::Error::custom("a stream without a batch"))
    }
}
