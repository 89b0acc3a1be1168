//! Where the places come from: the localities API of IBGE, or one like it, and what was kept of it on disk.

mod ibge;
mod records;
pub mod snapshot;

pub use ibge::{Asked, Ibge, Settings};
