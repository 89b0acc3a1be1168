//! The whole proof that a killed download goes on: `cargo run -p io-concurrency --example download_kills -- --kills 1000`.
//!
//! The same as the test of this name, which is content with fewer. Build the program first.

#[allow(unreachable_pub, dead_code)]
#[path = "../tests/kills/mod.rs"]
mod kills;

use clap::Parser;

#[derive(Parser)]
struct Args {
    /// How often the program is killed
    #[arg(long, default_value_t = 1_000)]
    kills: u32,
    /// Decides the moments
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

fn main() {
    let args = Args::parse();
    let own = std::env::current_exe().expect("the example's own path");
    let program = own.ancestors().nth(2).expect("a target folder").join("io-concurrency");
    println!("{:?}", kills::kills(&program, args.kills, args.seed));
}
