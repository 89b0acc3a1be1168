//! Outputs of every exercise of this program: never an input, and in the format that their ending names.

use std::fs;
use std::path::Path;

use served::BIN;

mod served;

/// A folder with an input of each kind.
fn inputs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ok.csv"), "a,b\n1,2\n").unwrap();
    fs::write(folder.path().join("l.ndjson"), "http://127.0.0.1:9/\n").unwrap();
    let store = rusqlite::Connection::open(folder.path().join("s.db")).unwrap();
    store.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    fs::hard_link(folder.path().join("ok.csv"), folder.path().join("hardlink.csv")).unwrap();
    folder
}

#[track_caller]
fn check(folder: &Path, line: &str, input: &str, words: &str) {
    let before = fs::read(folder.join(input)).unwrap();
    let mut command = witness::program(BIN, folder);
    let ended = witness::run(command.current_dir(folder).args(line.split_whitespace()));
    assert_eq!(ended.code, Some(2), "{line}: {}", ended.err);
    assert!(ended.err.contains(words), "{line}: {}", ended.err);
    assert_eq!(fs::read(folder.join(input)).unwrap(), before, "{line}");
}

#[test]
fn every_path_among_the_arguments_is_known_as_an_input_or_an_output() {
    let unlisted = lab::cli::unlisted_paths(io_concurrency::EXERCISES);
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let folder = inputs();
    check(folder.path(), "ingest ok.csv --out ok.csv", "ok.csv", "input");
    check(folder.path(), "ingest ok.csv --rejects hardlink.csv", "ok.csv", "same file as the input");
    check(folder.path(), "query s.db --sql SELECT --out s.db", "s.db", "input");
    check(folder.path(), "query s.db --sql SELECT --summary s.db", "s.db", "input");
    check(folder.path(), "crawl --urls l.ndjson --out l.ndjson", "l.ndjson", "input");
}

#[test]
fn an_ending_that_the_command_does_not_write_is_refused() {
    let folder = inputs();
    check(folder.path(), "ingest ok.csv --out t.csv", "ok.csv", "cannot write CSV");
    check(folder.path(), "ingest ok.csv --out t.xlsx", "ok.csv", "ends in no format");
    check(folder.path(), "ingest ok.csv --out t.json", "ok.csv", "cannot write JSON");
    check(folder.path(), "crawl --urls l.ndjson --out t.csv", "l.ndjson", "cannot write CSV");
    check(folder.path(), "query s.db --sql SELECT --out t.xlsx", "s.db", "ends in no format");
}

#[test]
fn a_list_without_a_url_is_an_error() {
    let folder = inputs();
    fs::write(folder.path().join("empty.txt"), "").unwrap();
    let mut command = witness::program(BIN, folder.path());
    let ended = witness::run(command.current_dir(folder.path()).args(["crawl", "--urls", "empty.txt"]));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("empty.txt is empty"), "{}", ended.err);
}
