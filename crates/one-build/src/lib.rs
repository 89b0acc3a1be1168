//! Nothing but a manifest.
//!
//! Cargo compiles a dependency with the features that the chosen packages ask for. `cargo xtask run-all` chooses all of them,
//! `cargo run -p cpu-parallel` one, and a test asks for more: so the same crates, Parquet and tokio among them, were
//! compiled again for each. Every program depends on this crate, which asks for all those features at once, and a dependency
//! is compiled once whatever is called.
//!
//! `cargo xtask tidy` compares what each program alone asks for with what all ask for together, and says which line is missing.
