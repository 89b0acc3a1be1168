//! Every exercise writes to the log of the program, at home and nowhere else.

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu-parallel");

#[test]
fn every_exercise_logs_its_steps() {
    witness::logs::check_each_exercise(PROGRAM);
}

#[test]
fn a_folder_of_logs_that_is_not_ours_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    // A workspace of somebody else.
    std::fs::create_dir(folder.path().join("crates")).unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    std::fs::write(folder.path().join("in.csv"), "text\nSao Paulo\n").unwrap();
    let mut command = witness::program(PROGRAM, folder.path());
    command.env_remove("PARALELO_HOME").current_dir(folder.path());
    command.args(["apply", "in.csv", "--function", "jaro-winkler", "--out", "out.csv"]);
    let ended = witness::run(&mut command);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(witness::listing(&folder.path().join("logs")), [""; 0]);
}
