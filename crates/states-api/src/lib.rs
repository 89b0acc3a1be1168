//! Brazil's states with their cities and districts.
//!
//! The localities API of IBGE answers in 5,599 small requests what this service answers in one. It fans out to it under two
//! bulkheads, keeps what came, and stays useful when the source is slow, wrong or down.
//!
//! ```text
//! http         handlers, encodings, problems        ─▶ application, domain
//! application  the fan-out, keeping, searching      ─▶ source, domain
//! source       the client of the API, the snapshot  ─▶ domain
//! domain       types and rules, no input or output  ─▶ nothing
//! exercise     the same fan-out, measured against five other ways to do it
//! ```

pub mod application;
pub mod cli;
pub mod domain;
pub mod exercise;
pub mod http;
pub mod source;
