//! Seeded data sets, the same bytes for any number of workers.
//!
//! ```text
//! plan      which rows go into which file; a pure function of the arguments
//! generate  workers make pieces of files; a piece depends on (seed, table, rows) alone
//! sink      pieces are joined in order, hashed, written beside and renamed
//! ```
//!
//! As a library: [`orders::Orders`] gives any order by its index, so that a server can page through millions of them
//! and keep none in memory; every [`table::Table`] writes any range of its rows as text. Nothing here knows of HTTP.
//!
//! ```
//! use datagen::{orders::Orders, page::Page, products::Products, table::{ByRows, Table}};
//!
//! let orders = Orders::new(42);
//! assert_eq!(orders.record(1_000_000).order_id, 1_000_001);
//!
//! let products = ByRows(Products::new(42));
//! let mut page = Page::default();
//! products.json_array(20..30, &mut page);
//! let ten: Vec<serde_json::Value> = serde_json::from_slice(page.as_bytes()).unwrap();
//! assert_eq!((ten.len(), &ten[0]["product_id"]), (10, &21.into()));
//! ```

// Numbers narrow where a draw's range or a table's size is known to fit; the tests pin those ranges.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]

pub mod alias;
pub mod cells;
pub mod cli;
pub mod customers;
pub mod dirt;
mod encode;
mod error;
pub mod generate;
mod hive;
mod home;
mod images;
pub mod localities;
pub mod logs;
pub mod manifest;
pub mod orders;
pub mod page;
pub mod plan;
pub mod products;
pub mod registers;
mod report;
pub mod run;
mod sink;
mod size;
pub mod states;
mod stores;
pub mod stream;
pub mod table;
pub mod verify;
pub mod weather;

pub use encode::{Compression, EncodeError, Options};
pub use error::{Error, Result};
