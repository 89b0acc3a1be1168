//! The bytes of every table and format, fixed.
//!
//! A golden value is the BLAKE3 hash of the hashes that the manifest lists, in its order. The values were made by the
//! program itself when its tables were first complete, after the other tests had read the files back; they change only
//! with `manifest::VERSION`. To print new ones: `DATAGEN_GOLDEN=print cargo test -p datagen --test golden -- --nocapture`.

use std::process::Command;

use datagen::manifest::Manifest;

/// Runs the program and checks the hash of what it wrote.
fn check(arguments: &str, expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_datagen"));
    let output = program.args(arguments.split(' ')).arg("--quiet").arg("--out").arg(folder.path()).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    let below = if arguments.starts_with("all") { "tiny" } else { "" };
    let manifest = Manifest::read(&folder.path().join(below)).expect("readable").expect("a manifest");
    let mut hasher = blake3::Hasher::new();
    for entry in &manifest.files {
        hasher.update(entry.path.as_bytes());
        hasher.update(entry.blake3.as_bytes());
    }
    let found = hasher.finalize().to_hex();
    if std::env::var_os("DATAGEN_GOLDEN").is_some() {
        println!("check(\"{arguments}\", \"{}\");", &found[..32]);
    } else {
        assert_eq!(&found[..32], expected, "{arguments}");
    }
}

#[test]
fn the_laboratorys_data_has_its_golden_bytes() {
    // Databases have the version of SQLite in their heads, so this one also changes with `rusqlite`.
    check("all --scale tiny --workers 3", "94791092a19dead832871bb083b9e2ff");
}

#[test]
fn every_table_and_format_has_its_golden_bytes() {
    check("customers --format csv --scale tiny", "672908d31e0186d0938db4c6b26ea265");
    check("products --format csv --scale tiny", "f6cf35807ac027eb09ecbcc23fcac925");
    check("weather --format csv --scale tiny", "b3bed5fa1f7dfe1f1a03d48c85aa6419");
    check("localities --format csv --scale tiny", "56a5361fd8620f26666e5f8792416158");
    check("orders --rows 10000 --files 3", "5e1f7c4232828514dfbbb4f471e24777");
    check("orders --rows 10000 --files 3 --seed 7 --workers 5", "368e01eac45fba99c3c86f5fc47557a3");
    check("orders --rows 10000 --files 3 --format ndjson", "32b6939ad53490f7c9bfa6ab1774e52a");
    check("orders --rows 100000 --files 1 --format parquet", "954f0ba8205ccb434efcc33a440e9303");
    check(
        "orders --rows 10000 --files 3 --format parquet --compression zstd --row-group 1000",
        "5fbde46dff0d168406f39427a299370f",
    );
    check("orders --rows 10000 --files 3 --format arrow", "d59fae725d1ccf5463df6bc5dd524813");
    check("orders --rows 10000 --layout hive", "27d7054fb3b7fab54f584c50b259feaa");
    check("orders --rows 10000 --files 8 --dirty 0.01", "6151e0735956dd7d7bcb242e51071a51");
    check("logs --rows 20000 --files 2", "d9387547420537dea9f58cdb214ec171");
    check("stores --format sql --rows 2000 --files 2", "40abe8741eaee05bff6e50e5e7537145");
    check("weather --rows 1000 --format ndjson", "24ed621ad8ba5bd119f62b113cca84c9");
    check("customers --rows 1000 --files 1 --format parquet", "714db18850206282af90b707a52ba38c");
}
