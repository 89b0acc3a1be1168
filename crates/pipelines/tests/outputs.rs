//! Outputs of every exercise of this program: never an input, and in the format that their ending names.

use std::fs;
use std::path::Path;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pipelines");

#[track_caller]
fn check(folder: &Path, line: &str, words: &str) {
    fs::write(folder.join("a.csv"), "order_id\n1\n").unwrap();
    fs::write(folder.join("a.ndjson"), "{\"account\":1}\n").unwrap();
    let mut command = witness::program(PROGRAM, folder);
    let ended = witness::run(command.current_dir(folder).args(line.split_whitespace()));
    assert_eq!(ended.code, Some(2), "{line}: {}", ended.err);
    assert!(ended.err.contains(words), "{line}: {}", ended.err);
    assert_eq!(fs::read_to_string(folder.join("a.csv")).unwrap(), "order_id\n1\n", "{line}");
    assert_eq!(fs::read_to_string(folder.join("a.ndjson")).unwrap(), "{\"account\":1}\n", "{line}");
}

#[test]
fn every_path_among_the_arguments_is_known_as_an_input_or_an_output() {
    let unlisted = lab::cli::unlisted_paths(pipelines::EXERCISES);
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), "stages a.csv --out a.csv", "input");
    check(folder.path(), "queue a.ndjson --out a.ndjson", "input");
    check(folder.path(), "queue a.ndjson --dead-letters a.ndjson", "input");
    check(folder.path(), "alerts a.ndjson --out a.ndjson", "a.ndjson");
}

#[test]
fn an_ending_that_the_command_does_not_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), "stages a.csv --out t.csv", "cannot write CSV");
    check(folder.path(), "queue a.ndjson --out t.parquet", "cannot write Parquet");
    check(folder.path(), "extract http://127.0.0.1:9/ --out t.csv", "cannot write CSV");
    check(folder.path(), "etl --out t.csv", "writes a folder");
}
