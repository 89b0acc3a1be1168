//! How a crawl treats servers, as the simulated API's ledger tells it: nothing lost, nothing asked twice, no limit broken.

mod served;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab::{Answer, Kind};
use mock_api::Profile;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use served::{BIN, api, api_with, crawl, digest, input, lab};

/// The lines of a crawl's output, as JSON.
fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_stands_several_times_in_the_input_is_fetched_once_and_has_its_line_each_time() {
    for kind in Kind::LOCAL {
        let (api, folder) = (api(), tempfile::tempdir().unwrap());
        let file = folder.path().join("pages.ndjson");
        let lab = lab(3, &api.base).with_out(&file);
        let urls = ["/weather/A", "/weather/B", "/weather/A", "/weather/A", "/weather/B"];
        let pages = crawl(kind, &input(urls, &lab).unwrap(), &lab).unwrap();
        assert_eq!(pages.work().items, 5);
        let found: Vec<_> =
            lines(&fs::read_to_string(&file).unwrap()).iter().map(|line| line["url"].to_string()).collect();
        assert_eq!(found, urls.map(|url| format!("\"{url}\"")), "{kind}");
        assert_eq!(api.ledger(None)["requests"], 2, "{kind}");
    }
}

#[test]
fn a_host_is_asked_by_no_more_at_once_than_it_was_said() {
    for (kind, workers) in [(Kind::Threads, 1), (Kind::Pool, 8), (Kind::Async, 1), (Kind::Processes, 3)] {
        let api = api();
        let lab = lab(workers, &api.base);
        let input = input(["--count", "24", "--delay-ms", "20", "--per-host", "3"], &lab).unwrap();
        assert_eq!(crawl(kind, &input, &lab).unwrap().failures(), []);
        let most = api.ledger(None)["peak_in_flight"]["/delay/{ms}"].as_u64().unwrap();
        assert!((2..=3).contains(&most), "{kind}: {most} at once");
    }
}

#[test]
fn processes_that_cannot_keep_a_limit_together_say_so() {
    let api = api();
    let lab = lab(4, &api.base);
    let input = input(["--count", "8", "--per-host", "3"], &lab).unwrap();
    let problem = crawl(Kind::Processes, &input, &lab).unwrap_err().to_string();
    assert!(problem.contains("--per-host") && problem.contains("hint: use fewer --workers"), "{problem}");
}

#[test]
fn a_rate_is_kept_by_all_workers_together() {
    for (kind, workers) in [(Kind::Threads, 1), (Kind::Pool, 4), (Kind::Async, 1), (Kind::Processes, 2)] {
        let api = api();
        let lab = lab(workers, &api.base);
        let input = input(["--count", "21", "--delay-ms", "0", "--rate", "100"], &lab).unwrap();
        let started = Instant::now();
        assert_eq!(crawl(kind, &input, &lab).unwrap().failures(), []);
        // Twenty intervals of 10 ms lie between 21 requests; two processes begin with one request each.
        assert!(started.elapsed() >= Duration::from_millis(180), "{kind}: {:?}", started.elapsed());
    }
}

/// Crawls so many URLs of an API on a bad day, and returns its ledger.
fn check_bad_day(profile: &str, count: u64, more: &[&str]) -> serde_json::Value {
    let (api, calm) = (api_with(Profile::built_in(profile).unwrap()), api());
    let urls: Vec<_> = (0..count).map(|n| format!("/weather/City%20{n}")).collect();
    let arguments = || more.iter().copied().chain(urls.iter().map(String::as_str));
    let (bad, good) = (lab(2, &api.base), lab(2, &calm.base));
    let pages = crawl(Kind::Async, &input(arguments(), &bad).unwrap(), &bad).unwrap();
    assert_eq!(pages.failures(), []);
    let right = crawl(Kind::Async, &input(arguments(), &good).unwrap(), &good).unwrap();
    assert_eq!(digest(&pages), digest(&right), "a bad day changes nothing but the time");
    let ledger = api.ledger(None);
    // What came whole and right under a wrong content type, or as a page that was doubled, counts there as never served.
    let spoilt = |fault: &str| ledger["others"][fault].as_u64().unwrap_or_default();
    let spoilt = spoilt("wrong_content_type") + spoilt("duplicate_page");
    assert_eq!(ledger["targets"], count, "{ledger}");
    assert!(ledger["targets_never_served"].as_u64().unwrap() <= spoilt, "{ledger}");
    assert_eq!(ledger["duplicates"], 0, "{ledger}");
    ledger
}

#[test]
fn on_a_flaky_server_nothing_is_lost_and_nothing_is_asked_for_that_had_come() {
    let ledger = check_bad_day(
        "flaky",
        300,
        &["--retries", "12", "--read-timeout", "1", "--retry-status", "500", "--expect-json"],
    );
    assert!(ledger["retries"].as_u64().unwrap() > 0, "{ledger}");
}

#[test]
fn a_server_with_a_quota_is_never_asked_too_much_when_its_rate_is_known() {
    // The quota is fifty a second.
    let ledger = check_bad_day("rate-limited", 60, &["--host-rate", "48"]);
    assert_eq!(
        (&ledger["limit_violations"], &ledger["impatient_retries"]),
        (&0.into(), &0.into()),
        "{ledger}"
    );
}

#[test]
fn a_limit_that_the_server_tells_is_kept_by_all_without_an_option() {
    let ledger = check_bad_day("rate-limited", 80, &["--retries", "0"]);
    // What is under way when the first answer tells the limit may be too much for it.
    let refused = ledger["limit_violations"].as_u64().unwrap();
    assert!(refused <= 80 && ledger["impatient_retries"].as_u64().unwrap() <= refused, "{ledger}");
}

#[test]
fn with_a_cache_only_what_has_changed_is_sent_again() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let cache = folder.path().join("cache").display().to_string();
    let urls = ["/download/a.bin?size=3000", "/download/b.bin?size=10", "/weather/A"];
    let run = |name: &str| {
        let file = folder.path().join(name);
        let lab = lab(2, &api.base).with_out(&file);
        let arguments = ["--cache", &cache].into_iter().chain(urls);
        let pages = crawl(Kind::Async, &input(arguments, &lab).unwrap(), &lab).unwrap();
        (digest(&pages), lines(&fs::read_to_string(&file).unwrap()))
    };
    let ((first, lines), (second, again)) = (run("first"), run("second"));
    assert_eq!(first, second);
    let revalidated = |lines: &[serde_json::Value]| {
        lines.iter().map(|line| line["revalidated"] == true).collect::<Vec<_>>()
    };
    assert_eq!((revalidated(&lines), revalidated(&again)), (vec![false; 3], vec![true, true, false]));
    assert_eq!(api.ledger(None)["others"]["304"], 2);
}

#[test]
fn a_crawl_that_is_killed_goes_on_and_asks_for_nothing_that_it_had() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let (ledger, out) = (folder.path().join("ledger"), folder.path().join("pages.ndjson"));
    let program = || {
        let mut command = witness::program(BIN, folder.path());
        command.args([
            "crawl",
            "--count",
            "300",
            "--delay-ms",
            "5",
            "--concurrency",
            "4",
            "--api",
            &api.base,
        ]);
        command.arg("--resume").arg(&ledger).arg("--out").arg(&out);
        command
    };
    for round in 1..=3 {
        let mut command: Command = program();
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        witness::wait_for("some pages in the ledger", || {
            let length = fs::metadata(&ledger).map_or(0, |file| file.len());
            (length > round * 4_000).then_some(())
        });
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).unwrap();
        child.wait().unwrap();
        assert!(!out.exists(), "an unfinished list looks like a whole one");
    }
    let output = program().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let numbers: Vec<_> = lines(&fs::read_to_string(&out).unwrap())
        .iter()
        .map(|line| line["body"]["n"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
    assert!(!ledger.exists());
    // What was in flight when it was killed may have been served without being kept: four at a time, three times.
    let again =
        api.ledger(None)["duplicates"].as_u64().unwrap() + api.ledger(None)["retries"].as_u64().unwrap();
    assert!(again <= 12, "{again} URLs were asked for again");
}

#[test]
fn a_template_makes_a_url_for_each_row_of_its_parameters() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let rows = folder.path().join("cities.csv");
    fs::write(&rows, "city,n\nSão Paulo,1\nA/B,2\n").unwrap();
    let output = witness::program(BIN, folder.path())
        .args(["crawl", "--api", &api.base, "--template", "/weather/{city}?n={n}", "--params"])
        .arg(&rows)
        .output()
        .unwrap();
    let cities: Vec<_> = lines(&String::from_utf8(output.stdout).unwrap())
        .iter()
        .map(|line| line["body"]["city"].to_string())
        .collect();
    assert_eq!(cities, ["\"São Paulo\"", "\"A/B\""]);
}
