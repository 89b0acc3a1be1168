//! Starts the programs in order.
fn main() {}
