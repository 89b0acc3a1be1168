//! The `bench-harness` program; everything is in the library.

fn main() -> std::process::ExitCode {
    bench_harness::main()
}
