//! The programs of the course, asked what they have. Python's own library is enough for that; without Python the tests say
//! that they are skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The course's programs by their numbers.
fn programs() -> Vec<(u8, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/course");
    let numbered = |file: PathBuf| {
        let id = file.file_name()?.to_str()?.split_once('_')?.0.parse().ok()?;
        Some((id, file))
    };
    let mut all: Vec<_> =
        std::fs::read_dir(folder).unwrap().filter_map(|entry| numbered(entry.unwrap().path())).collect();
    all.sort();
    all
}

/// What a program prints; nothing where there is no Python.
fn said(program: &Path, words: &[&str]) -> Option<Value> {
    let ran = Command::new("python3").arg("-B").arg(program).args(words).output();
    let Ok(ran) = ran else {
        eprintln!("skipped: there is no python3");
        return None;
    };
    assert!(ran.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&ran.stderr));
    Some(serde_json::from_slice(&ran.stdout).unwrap())
}

#[test]
fn every_exercise_has_its_peers_and_each_says_what_it_lacks() {
    let programs = programs();
    assert_eq!(programs.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (1..=16).collect::<Vec<u8>>());
    for (_, program) in &programs {
        let Some(listed) = said(program, &["list"]) else { return };
        let peers = listed.as_array().unwrap();
        assert!(peers.len() >= 2, "{} has too few peers", program.display());
        for peer in peers {
            assert!(peer["peer"].is_string() && peer["missing"].is_array(), "{peer}");
        }
    }
}

#[test]
fn ours_is_a_command_of_our_programs_that_writes_below_the_output_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (id, program) in &programs() {
        let out = folder.path().join(id.to_string());
        std::fs::create_dir(&out).unwrap();
        // The lab's data is not needed to say what would be called; a file of each part is enough.
        for part in [
            "orders-csv/a.csv",
            "orders-parquet/a.parquet",
            "customers-parquet/a.parquet",
            "stores-db/a.db",
            "logs/a.log",
        ] {
            let file = folder.path().join("data").join(part);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let request = serde_json::json!({
            "data": folder.path().join("data"), "out": out, "api": "http://127.0.0.1:1", "workers": 2, "scale": "tiny", "seed": 42
        });
        let Some(words) = said(program, &["ours", &request.to_string()]) else { return };
        let words: Vec<&str> = words.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert!(
            ["io-concurrency", "cpu-parallel", "pipelines", "states-api"].contains(&words[0]),
            "{words:?}"
        );
        assert!(words.iter().any(|word| word.starts_with(out.to_str().unwrap())), "{words:?}");
    }
}
