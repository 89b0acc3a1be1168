//! Files downloaded from a server on a bad day by a program that is killed again and again.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mock_api::{Beside, Config, Profile};
use nix::sys::signal::Signal;

/// What became of it.
#[derive(Debug)]
pub struct Report {
    /// How often the program was killed while it worked.
    pub kills: u32,
    /// How often a set of files was whole before the next kill, and another was begun.
    pub sets: u32,
    /// Files that were compared, byte by byte.
    pub files: u32,
}

/// The sizes of the files of a set: empty, small, and in several pieces.
const SIZES: [usize; 5] = [0, 70_001, 400_000, 1_000_003, 2_500_000];

/// Kills the program so many times at random moments, lets it come to its end, and compares every file.
pub fn kills(program: &Path, wanted: u32, seed: u64) -> Report {
    let api = |profile: &str| {
        let profile = Profile::built_in(profile).unwrap();
        Beside::start(Config { profile, ..Config::default() }).unwrap()
    };
    let (flaky, calm) = (api("flaky"), api("calm"));
    let folder = tempfile::tempdir().unwrap();
    let mut random = seed;
    let mut next = move || {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut report = Report { kills: 0, sets: 0, files: 0 };
    while report.kills < wanted {
        let set = report.sets;
        let out = folder.path().join(set.to_string());
        let run = |api: &str, out: &Path, rate: &str| {
            let mut command = witness::program(program, folder.path());
            command.args([
                "download",
                "--api",
                api,
                "--quiet",
                "--segment-size",
                "256KiB",
                "--rate-limit",
                rate,
            ]);
            command.arg("--out").arg(out);
            command
                .args(SIZES.iter().enumerate().map(|(n, size)| format!("/download/f{set}-{n}?size={size}")));
            command
        };
        loop {
            let mut child = run(&flaky.base, &out, "4MB").spawn().unwrap();
            // sleep: the random moment at which it is killed.
            std::thread::sleep(Duration::from_micros(5_000 + next() % 120_000));
            if report.kills == wanted || child.try_wait().unwrap().is_some() {
                let ended = child.wait_with_output().unwrap();
                assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
                break;
            }
            witness::signal(witness::number(&child), Signal::SIGKILL);
            let ended = child.wait_with_output().unwrap();
            report.kills += u32::from(!ended.status.success());
        }
        let right = folder.path().join(format!("{set}-right"));
        let ended = witness::run(&mut run(&calm.base, &right, "10GB"));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(
            witness::listing(&out),
            witness::listing(&right),
            "nothing half-written and nothing beside"
        );
        for name in witness::listing(&right) {
            assert!(
                fs::read(out.join(&name)).unwrap() == fs::read(right.join(&name)).unwrap(),
                "{name} differs"
            );
            report.files += 1;
        }
        report.sets += 1;
    }
    report
}
