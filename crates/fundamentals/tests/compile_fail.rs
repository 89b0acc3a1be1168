//! What does not compile, in the compiler's own words.
//!
//! The compiler is asked directly. `trybuild` would build every dependency of this crate a second time for two files that
//! need none of them: three minutes instead of a moment.

use std::path::Path;
use std::process::Command;

#[track_caller]
fn check(lesson: &str, code: &str, says: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail").join(lesson);
    let folder = tempfile::tempdir().unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compile = Command::new(compiler);
    compile.args(["--edition", "2024", "--emit", "metadata", "--out-dir"]).arg(folder.path()).arg(file);
    let ended = witness::run(&mut compile);
    let expected = format!("error[{code}]: {says}");
    assert_eq!(ended.code, Some(1), "{lesson} compiles\n{}", ended.err);
    // Nothing else may be wrong with it: the first error is the only one that has a code.
    assert_eq!(ended.err.lines().find(|line| line.starts_with("error")), Some(&*expected), "{}", ended.err);
    assert_eq!(ended.err.matches("\nerror[").count(), 0, "{}", ended.err);
}

#[test]
fn a_data_race_does_not_compile() {
    check("data_race.rs", "E0499", "cannot borrow `counter` as mutable more than once at a time");
}

#[test]
fn a_thread_may_not_borrow_what_it_may_outlive() {
    let says = "closure may outlive the current function, but it borrows `orders`, which is owned by the current function";
    check("borrow.rs", "E0373", says);
}

#[test]
fn the_same_with_an_atomic_and_a_scope_compiles() {
    // Without this, any broken set-up would pass for a refusal.
    let source = "use std::sync::atomic::{AtomicU64, Ordering::Relaxed};\nfn main() {\n    let counter = AtomicU64::new(0);\n    \
                  std::thread::scope(|scope| {\n        scope.spawn(|| counter.fetch_add(1, Relaxed));\n        \
                  scope.spawn(|| counter.fetch_add(1, Relaxed));\n    });\n}\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mended.rs");
    std::fs::write(&file, source).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compile = Command::new(compiler);
    compile.args(["--edition", "2024", "--emit", "metadata", "--out-dir"]).arg(folder.path()).arg(file);
    let ended = witness::run(&mut compile);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}
