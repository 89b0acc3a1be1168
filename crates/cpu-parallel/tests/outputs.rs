//! Outputs of every exercise of this program: never an input, never somebody else's file, and in the format that its ending
//! names.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu-parallel");

/// A folder with `keep.parquet`, a symbolic link and a hard link to it.
fn table() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keep.parquet");

    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..5));
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    symlink("keep.parquet", folder.path().join("symlink.parquet")).unwrap();
    fs::hard_link(&file, folder.path().join("hardlink.parquet")).unwrap();
    folder
}

fn run(folder: &Path, line: &str) -> witness::Ended {
    let mut command = witness::program(PROGRAM, folder);
    witness::run(command.current_dir(folder).args(line.split_whitespace()))
}

#[track_caller]
fn check(folder: &Path, line: &str, words: &str) {
    let before = fs::read(folder.join("keep.parquet")).unwrap();
    let ended = run(folder, line);
    assert_eq!(ended.code, Some(2), "{line}: {}", ended.err);
    assert!(ended.err.contains(words), "{line}: {}", ended.err);
    assert_eq!(fs::read(folder.join("keep.parquet")).unwrap(), before, "{line}");
}

#[test]
fn every_path_among_the_arguments_is_known_as_an_input_or_an_output() {
    let unlisted = lab::cli::unlisted_paths(cpu_parallel::EXERCISES);
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

#[test]
fn an_output_that_is_an_input_is_refused_by_whatever_name() {
    let folder = table();
    for name in ["keep.parquet", "./keep.parquet", "symlink.parquet", "hardlink.parquet"] {
        for command in ["aggregate keep.parquet", "apply keep.parquet", "transform keep.parquet"] {
            check(folder.path(), &format!("{command} --out {name}"), "input");
        }
    }
    check(folder.path(), "aggregate keep.parquet --rejects keep.parquet", "keep.parquet");
    check(folder.path(), "aggregate . --out new.parquet", "would be an input of the next run");
}

#[test]
fn an_ending_that_the_command_does_not_write_is_refused() {
    let folder = table();
    for command in ["aggregate", "apply", "transform"] {
        check(folder.path(), &format!("{command} keep.parquet --out t.json"), "cannot write JSON");
        check(folder.path(), &format!("{command} keep.parquet --out t.xlsx"), "ends in no format");
    }
    check(folder.path(), "convert keep.parquet --out t.csv", "writes a folder");
}

#[test]
fn a_file_that_nobody_named_is_replaced_only_where_we_made_it_or_by_force() {
    let folder = table();
    let place = folder.path().join("keep.csv");
    fs::write(&place, "mine").unwrap();

    let ended = run(folder.path(), "convert keep.parquet --out .");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("--force"), "{}", ended.err);
    assert_eq!(fs::read_to_string(&place).unwrap(), "mine");

    let converted = "id\n0\n1\n2\n3\n4\n";
    for line in ["convert keep.parquet --out . --force", "convert keep.parquet --out ."] {
        let ended = run(folder.path(), line);
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
        assert_eq!(fs::read_to_string(&place).unwrap(), converted, "{line}");
    }
}

#[test]
fn the_bytes_of_an_output_that_is_written_at_the_end_are_counted() {
    let folder = table();
    let ended = run(folder.path(), "aggregate keep.parquet --of id --out groups.csv");
    assert_eq!(ended.code, Some(0), "{}", ended.err);

    let bytes = fs::metadata(folder.path().join("groups.csv")).unwrap().len();
    assert!(ended.err.contains(&format!(" {bytes} B written")), "{bytes}: {}", ended.err);
}

#[test]
fn a_file_of_another_kind_is_recognised_by_its_content() {
    let folder = table();
    fs::write(folder.path().join("b.csv"), "a,b\n1,2\n3,4\n").unwrap();
    for command in ["convert", "relay"] {
        let ended = run(folder.path(), &format!("{command} b.csv --out out"));
        assert_eq!(ended.code, Some(1), "{command}: {}", ended.err);
        assert!(ended.err.contains("CSV"), "{command}: {}", ended.err);
    }
}
