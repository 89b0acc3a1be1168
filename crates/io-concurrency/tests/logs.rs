//! Every exercise writes to the log of the program, at home and nowhere else.

const PROGRAM: &str = env!("CARGO_BIN_EXE_io-concurrency");

#[test]
fn every_exercise_logs_its_steps() {
    witness::logs::check_each_exercise(PROGRAM);
}
