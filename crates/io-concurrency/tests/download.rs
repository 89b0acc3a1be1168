//! Exercise 04 against servers that lie, break off and change: each file is exact, or not there and the reason told.

#[path = "../../fetch/tests/faulty/mod.rs"]
mod faulty;
mod liar;
mod served;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use io_concurrency::download::Download;
use lab::Exercise;
use liar::{Liar, content};
use mock_api::{Beside, Profile};
use nix::sys::signal::Signal;
use served::{BIN, api, api_with};
use witness::{Ended, listing, run};

const LENGTH: usize = 300_000;

fn download(folder: &Path, api: &str) -> Command {
    let mut command = witness::program(BIN, folder);
    command
        .args(["download", "--api", api, "--quiet", "--segment-size", "64KiB", "--out"])
        .arg(folder.join("out"));
    command
}

fn check_ended(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{}", ended.err);
}

/// Downloads a file of a lying server, and checks that it is exact and by what it was proved.
#[track_caller]
fn check(lie: &str, state: u8, proof: &str) -> Liar {
    let (liar, folder) = (Liar::start(LENGTH), tempfile::tempdir().unwrap());
    let ended = run(download(folder.path(), &liar.base).arg(format!("/{lie}/a.bin")));
    check_ended(&ended, 0);
    assert!(ended.out.contains(&format!("\"proof\":\"{proof}\"")), "{lie}: {}", ended.out);
    assert!(
        fs::read(folder.path().join("out/a.bin")).unwrap() == content(LENGTH, state),
        "{lie}: other bytes"
    );
    assert_eq!(listing(&folder.path().join("out")), ["a.bin"], "{lie}");
    liar
}

/// Downloads a file that cannot be proved whole, and checks that nothing has its name.
#[track_caller]
fn check_refused(lie: &str, words: &str) {
    let (liar, folder) = (Liar::start(LENGTH), tempfile::tempdir().unwrap());
    let ended =
        run(download(folder.path(), &liar.base).args(["--retries", "1"]).arg(format!("/{lie}/a.bin")));
    check_ended(&ended, 1);
    assert!(ended.err.contains(words), "{lie}: {}", ended.err);
    assert!(!folder.path().join("out/a.bin").exists(), "{lie}");
}

#[test]
fn a_file_that_never_ends_is_given_up_at_the_limit_and_nothing_of_it_stays() {
    for path in ["/chunks-much", "/announces-much"] {
        let (server, folder) = (faulty::Faulty::start(), tempfile::tempdir().unwrap());
        let ended = run(download(folder.path(), &server.base).args(["--max-size", "2MiB", path]));
        check_ended(&ended, 1);
        assert!(ended.err.contains("longer than the limit of 2097152 bytes"), "{path}: {}", ended.err);
        assert_eq!(listing(&folder.path().join("out")), [""; 0], "{path}");
    }
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let (server, folder) = (faulty::Faulty::start(), tempfile::tempdir().unwrap());
    let list = folder.path().join("list");
    for name in ["/..%2f..%2fa", "/%2e%2e", "/a%00b", "/..", "/b/..%5c..%5cc"] {
        fs::write(&list, name).unwrap();
        let ended = run(download(folder.path(), &server.base).arg("--list").arg(&list));
        check_ended(&ended, 0);
    }
    fs::write(&list, "/a out=../a").unwrap();
    check_ended(&run(download(folder.path(), &server.base).arg("--list").arg(&list)), 1);
    let above: Vec<String> = listing(folder.path()).into_iter().filter(|name| name != "logs").collect();
    assert_eq!(above, ["list", "out"]);
    assert!(fs::read_dir(folder.path().join("out")).unwrap().flatten().all(|entry| entry.path().is_file()));
}

#[test]
fn a_file_comes_in_pieces_that_are_checked_at_their_borders() {
    let liar = check("honest", 0, "borders");
    let asked = liar.asked("/honest/a.bin");
    let pieces = LENGTH.div_ceil(65_536);
    assert_eq!(asked.iter().flatten().filter(|(first, end)| end - first > 32).count(), pieces, "{asked:?}");
    assert_eq!(asked.len(), pieces + pieces - 1, "{asked:?}");
}

#[test]
fn a_server_that_encodes_although_it_was_asked_not_to_is_told_of_unless_the_name_says_so() {
    let (liar, folder) = (Liar::start(LENGTH), tempfile::tempdir().unwrap());
    for (name, told) in [("a.csv", true), ("a.csv.gz", false)] {
        let ended = run(download(folder.path(), &liar.base).arg(format!("/encodes/{name}")));
        check_ended(&ended, 0);
        // The bytes are those that the server has stored: only so can parts be joined.
        assert!(fs::read(folder.path().join("out").join(name)).unwrap() == content(LENGTH, 0));
        assert_eq!(ended.out.contains("\"encoding\":\"gzip\""), told, "{}", ended.out);
    }
}

#[test]
fn servers_that_lie_about_ranges_are_found_out() {
    check("no-ranges", 0, "length");
    check("elsewhere", 0, "length");
    check("from-zero", 0, "length");
    let liar = check("nameless", 0, "length");
    // Nothing tells which parts belong together, so there is one stream.
    assert_eq!(liar.asked("/nameless/a.bin").last(), Some(&None));
}

#[test]
fn a_file_that_changes_half_way_is_fetched_anew_and_never_mixed() {
    check("changes", 1, "borders");
    // What changes with each request comes in one answer in the end, and is one of its states.
    let (liar, folder) = (Liar::start(LENGTH), tempfile::tempdir().unwrap());
    check_ended(&run(download(folder.path(), &liar.base).arg("/always-changes/a.bin")), 0);
    let bytes = fs::read(folder.path().join("out/a.bin")).unwrap();
    assert!([0, 1].iter().any(|state| bytes == content(LENGTH, *state)));
}

#[test]
fn what_breaks_off_is_gone_on_from_where_it_can_be() {
    let liar = check("cut", 0, "borders");
    let longest = liar
        .asked("/cut/a.bin")
        .iter()
        .flatten()
        .filter(|(first, end)| *first == 0 && *end == 65_536)
        .count();
    assert_eq!(longest, 1, "the first bytes came once");
    check("cut-whole", 0, "length");
    check("busy", 0, "borders");
    check_refused("gone", "status: the server answered with status 404");
}

#[test]
fn without_a_length_the_end_of_chunks_or_a_second_time_is_the_proof() {
    check("chunked", 0, "length");
    check("close", 0, "twice");
    check_refused("close-cut", "came otherwise the second time");
}

#[test]
fn digests_are_checked_whoever_tells_them() {
    check("spoilt-parts", 0, "borders");
    check_refused("wrong-digest", "digest: the file has sha-256");
    let (liar, folder) = (Liar::start(LENGTH), tempfile::tempdir().unwrap());
    let digest = blake3::hash(&content(LENGTH, 0)).to_hex();
    let good = format!("{}/honest/a.bin out=good.bin blake3={digest}", liar.base);
    let bad = format!("{}/honest/a.bin out=bad.bin blake3={}", liar.base, digest.replace(['0', '1'], "2"));
    let list = folder.path().join("list");
    fs::write(&list, format!("{good}\n# none\n{bad}\n")).unwrap();
    let ended = run(download(folder.path(), "").arg("--list").arg(&list));
    check_ended(&ended, 1);
    assert!(ended.err.contains("instead of"), "{}", ended.err);
    assert!(ended.out.contains("\"proof\":\"blake3\""), "{}", ended.out);
    assert_eq!(listing(&folder.path().join("out")), ["good.bin"]);
    // With a digest that is another one, also what is there is not kept.
    fs::rename(folder.path().join("out/good.bin"), folder.path().join("out/bad.bin")).unwrap();
    let ended = run(download(folder.path(), "").arg("--list").arg(&list));
    check_ended(&ended, 1);
}

#[test]
fn a_mirror_steps_in_and_with_a_digest_pieces_come_from_both() {
    let (liar, folder) = (Liar::start(LENGTH), tempfile::tempdir().unwrap());
    let digest = blake3::hash(&content(LENGTH, 0)).to_hex();
    let list = folder.path().join("list");
    let base = &liar.base;
    let lines = format!(
        "{base}/gone/x {base}/honest/a.bin out=a\n{base}/cut/a.bin {base}/honest/b.bin out=b blake3={digest}\n"
    );
    fs::write(&list, lines).unwrap();
    let ended = run(download(folder.path(), "").arg("--list").arg(&list));
    check_ended(&ended, 0);
    for name in ["a", "b"] {
        assert!(fs::read(folder.path().join("out").join(name)).unwrap() == content(LENGTH, 0), "{name}");
    }
    assert!(!liar.asked("/cut/a.bin").is_empty() && !liar.asked("/honest/b.bin").is_empty());
}

#[test]
fn every_strategy_gives_the_same_files_with_any_number_of_workers_from_a_server_on_a_bad_day() {
    let api = api_with(Profile::built_in("flaky").unwrap());
    let mut answers = BTreeSet::new();
    for workers in ["1", "2", "7"] {
        for strategy in Download::STRATEGIES {
            let folder = tempfile::tempdir().unwrap();
            let ended = run(download(folder.path(), &api.base)
                .args(["--strategy", strategy.name, "--workers", workers])
                .args([
                    "/download/a?size=1",
                    "/download/b?size=200000",
                    "/download/none?size=0",
                    "/download/c?size=65536",
                ]));
            assert_eq!(ended.code, Some(0), "{} {workers}: {}", strategy.name, ended.err);
            let out = folder.path().join("out");
            assert_eq!(listing(&out), ["a", "b", "c", "none"]);
            answers.insert(
                listing(&out).iter().map(|name| fs::read(out.join(name)).unwrap()).collect::<Vec<_>>(),
            );
        }
    }
    assert_eq!(answers.len(), 1);
    assert_eq!(answers.first().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [1, 200_000, 65_536, 0]);
}

#[test]
fn limits_are_kept_for_hosts_and_for_bytes() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let urls: Vec<_> = (0..12).map(|n| format!("/download/f{n}?size=50000")).collect();
    let started = Instant::now();
    let ended = run(download(folder.path(), &api.base)
        .args(["--per-host", "3", "--rate-limit", "1200KB"])
        .args(&urls));
    check_ended(&ended, 0);
    // Half a second for 600,000 bytes, but for the burst.
    assert!(started.elapsed() >= Duration::from_millis(450), "{:?}", started.elapsed());
    let peak = api.ledger(None)["peak_in_flight"]["/download/{name}"].as_u64().unwrap();
    assert!((1..=3).contains(&peak), "{peak}");
}

#[test]
fn ctrl_c_leaves_what_the_next_run_goes_on_from() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let size = 3_000_000;
    let url = format!("/download/a?size={size}");
    let command = |rate: &str| {
        let mut command = download(folder.path(), &api.base);
        command.args(["--rate-limit", rate, "--segment-size", "1MB", &url]);
        command
    };
    let child = command("1500KB").spawn().unwrap();
    let part = folder.path().join("out/a.part.journal");
    // The first line has come, and a record.
    witness::wait_for("a piece", || fs::metadata(&part).ok().filter(|journal| journal.len() > 300).map(drop));
    let (ended, took) = witness::end(child, &[], Signal::SIGINT);
    check_ended(&ended, 130);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(listing(&folder.path().join("out")), ["a.part", "a.part.journal"]);
    let served = |api: &Beside| api.ledger(None)["bytes"].as_u64();
    let before = served(&api);
    check_ended(&run(&mut command("1GB")), 0);
    assert_eq!(listing(&folder.path().join("out")), ["a"]);
    assert_eq!(fs::metadata(folder.path().join("out/a")).unwrap().len(), size);
    if let (Some(before), Some(after)) = (before, served(&api)) {
        assert!(after - before < size, "{before} {after}: it began anew");
    }
    // And what is there is kept.
    let ended = run(&mut command("1GB"));
    assert!(ended.out.contains("\"kept\":true"), "{}", ended.out);
}

#[test]
fn two_runs_do_not_write_to_the_same_file() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let command = |rate: &str| {
        let mut command = download(folder.path(), &api.base);
        command.args(["--rate-limit", rate, "/download/a?size=500000"]);
        command
    };
    let first = command("200KB").spawn().unwrap();
    witness::wait_for("the first run", || folder.path().join("out/a.part").exists().then_some(()));
    let ended = run(&mut command("1GB"));
    check_ended(&ended, 1);
    assert!(ended.err.contains("another run is downloading this file"), "{}", ended.err);
    check_ended(&first.wait_with_output().unwrap().into(), 0);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |args: &[&str], words: &str| {
        let ended = run(download(folder.path(), "http://127.0.0.1:9").args(args));
        check_ended(&ended, 1);
        assert!(ended.err.contains(words), "{args:?}: {}", ended.err);
    };
    refused(&["/a/x", "/b/x"], "two files would be called `x`");
    refused(&["/a", "/b", "--digest", "md5=900150983cd24fb0d6963f7d28e17f72"], "--digest is of one file");
    refused(&["htp://me:s3cr3t@x/"], "not a URL");
    let ended = run(download(folder.path(), "http://127.0.0.1:9").args(["htp://me:s3cr3t@x/"]));
    assert!(!ended.err.contains("s3cr3t"), "{}", ended.err);
}
