//! Exercise 12 against the simulated API: complete, without duplicates, and with manners, as the API's own ledger says.

use std::fs;
use std::time::Instant;

use lab::{Exercise, Lab, Launch, Problem};
use mock_api::{Beside, Config, Profile};
use nix::sys::signal::Signal;
use pipelines::extract::{Extract, ExtractArgs};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pipelines");

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    extract: ExtractArgs,
}

/// An API that misbehaves as this profile in TOML says.
fn api(profile: &str, orders: u64) -> Beside {
    api_under(toml::from_str(profile).unwrap(), orders)
}

fn api_under(profile: Profile, orders: u64) -> Beside {
    Beside::start(Config { profile, orders, ..Config::default() }).unwrap()
}

/// Extracts as the client `client` and returns the lines.
fn extract(
    api: &Beside,
    client: &str,
    strategy: &str,
    workers: usize,
    more: &[&str],
) -> Result<Vec<String>, Problem> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.ndjson");
    let mut lab = Lab::new(workers).with_out(&out);
    api.base.clone_into(&mut lab.api);
    lab.launch = Launch::program(PROGRAM);
    let header = format!("X-Client-Id: {client}");
    let arguments = ["extract", "--header", &header].into_iter().chain(more.iter().copied());
    let args = <CommandLine as clap::Parser>::parse_from(arguments).extract;
    let input = Extract::prepare(&args, &lab)?;
    let strategy = Extract::STRATEGIES.iter().find(|one| one.name == strategy).unwrap();
    strategy.run.unwrap()(&input, &lab)?;
    Ok(fs::read_to_string(out).unwrap().lines().map(str::to_owned).collect())
}

/// The numbers of the orders, in the order of the lines.
fn numbers(lines: &[String]) -> Vec<u64> {
    let number = |line: &String| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["order_id"].as_u64().unwrap()
    };
    lines.iter().map(number).collect()
}

const STYLES: [&str; 4] = ["page", "offset", "cursor", "link"];

#[test]
fn every_strategy_and_every_style_make_the_same_table() {
    let api = api("", 1_234);
    let reference = extract(&api, "reference", "sequential", 1, &[]).unwrap();
    assert_eq!(numbers(&reference), (1..=1_234).collect::<Vec<_>>());
    assert!(reference[0].starts_with("{\"order_id\":1,\"customer_id\":"), "{}", reference[0]);
    for strategy in Extract::STRATEGIES {
        for style in STYLES {
            let client = format!("{}-{style}", strategy.name);
            let found =
                extract(&api, &client, strategy.name, 3, &["--style", style, "--size", "100"]).unwrap();
            assert!(found == reference, "{client}");
            let ledger = api.ledger(Some(&client));
            assert_eq!(ledger["collections"][0]["missing"], serde_json::json!([]), "{client}: {ledger}");
        }
    }
    // The style shows in the first page.
    for query in ["?page_size=50", "?limit=50&offset=0", "?cursor=start", "?per_page=50"] {
        let url = format!("/orders{query}");
        assert!(extract(&api, "seen", "async", 2, &[&url]).unwrap() == reference, "{query}");
    }
}

#[test]
fn an_api_on_a_bad_day_gives_everything_once() {
    let flaky = "healthy_from_attempt = 4\nerrors = { share = 0.08, statuses = [500, 502, 503] }\nreset = { share = 0.04 }\n\
                 truncate = { share = 0.04 }\nmalformed_json = { share = 0.04 }\nduplicate_page = { share = 0.1 }\nwrong_content_type = { share = 0.02 }";
    let drifting = "drift = { every = 150, rows = 7 }";
    let both = format!("{flaky}\n{drifting}");
    for (name, profile) in [("flaky", flaky), ("drifting", drifting), ("both", both.as_str())] {
        let api = api(profile, 3_000);
        // Where no page tells how many records there are, one that skips some cannot be told from one that does not.
        for style in STYLES.into_iter().filter(|style| (name, *style) != ("both", "link")) {
            for strategy in ["sequential", "async", "processes"] {
                let client = format!("{name}-{style}-{strategy}");
                let found = extract(&api, &client, strategy, 3, &["--style", style, "--size", "50"]).unwrap();
                assert!(numbers(&found) == (1..=3_000).collect::<Vec<_>>(), "{client}");
            }
        }
    }
}

#[test]
fn a_limit_that_was_told_is_never_passed_and_hardly_wasted() {
    let api = api("rate_limit = { per_second = 100.0, burst = 20 }", 10_000);
    let started = Instant::now();
    let told = ["--rate", "100", "--burst", "20", "--size", "50", "--style", "page"];
    let found = extract(&api, "told", "async", 2, &told).unwrap();
    let (took, ledger) = (started.elapsed().as_secs_f64(), api.ledger(Some("told")));
    assert_eq!(found.len(), 10_000);
    assert_eq!(
        (&ledger["limit_violations"], &ledger["impatient_retries"]),
        (&0.into(), &0.into()),
        "{ledger}"
    );
    // 201 requests, of which 20 are free.
    let least = (ledger["requests"].as_f64().unwrap() - 20.0) / 100.0;
    assert!(took < least * 1.1 + 0.25, "{took} s of {least} s");
}

#[test]
fn under_every_profile_of_the_api_everything_comes_once_and_no_limit_is_passed() {
    for profile in ["calm", "flaky", "rate-limited", "drifting"] {
        let api = api_under(Profile::built_in(profile).unwrap(), 3_000);
        for style in STYLES {
            for strategy in ["async", "pool", "processes"] {
                let client = format!("{profile}-{style}-{strategy}");
                let found =
                    extract(&api, &client, strategy, 2, &["--style", style, "--size", "100"]).unwrap();
                assert!(numbers(&found) == (1..=3_000).collect::<Vec<_>>(), "{client}");
                let ledger = api.ledger(Some(&client));
                assert_eq!(
                    (&ledger["limit_violations"], &ledger["impatient_retries"]),
                    (&0.into(), &0.into()),
                    "{client}: {ledger}"
                );
                assert_eq!(ledger["collections"][0]["missing"], serde_json::json!([]), "{client}: {ledger}");
            }
        }
    }
}

/// The least time in which a limit lets so many requests through.
fn least(ledger: &serde_json::Value, rate: f64, burst: f64) -> f64 {
    (ledger["requests"].as_f64().unwrap() - ledger["limit_violations"].as_f64().unwrap() - burst) / rate
}

#[test]
fn a_limit_that_the_server_tells_is_never_passed_and_hardly_wasted() {
    let api = api("rate_limit = { per_second = 100.0, burst = 20, told = true }", 20_000);
    let started = Instant::now();
    assert_eq!(extract(&api, "told", "async", 2, &["--size", "50"]).unwrap().len(), 20_000);
    let (took, ledger) = (started.elapsed().as_secs_f64(), api.ledger(Some("told")));
    assert_eq!(ledger["limit_violations"], 0, "{ledger}");
    let least = least(&ledger, 100.0, 20.0);
    assert!(took < least * 1.1 + 0.25, "{took} s of {least} s");
}

#[test]
fn a_limit_that_nobody_told_is_learnt_from_few_refusals_and_remembered() {
    let api = api("rate_limit = { per_second = 100.0, burst = 10 }", 60_000);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let more = ["--state", state.to_str().unwrap(), "--size", "50"];
    let started = Instant::now();
    assert_eq!(extract(&api, "learns", "async", 2, &more).unwrap().len(), 60_000);
    let (took, ledger) = (started.elapsed().as_secs_f64(), api.ledger(Some("learns")));
    let violations = ledger["limit_violations"].as_u64().unwrap();
    // Those that were under way together with a refused one could not know of it; after that everybody waits.
    assert!(violations <= 12 && ledger["impatient_retries"].as_u64().unwrap() < violations, "{ledger}");
    // Each of the two to four times that something is refused costs a second, and the rise some more: that is left out.
    let least = least(&ledger, 100.0, 10.0);
    assert!(took < least * 1.1 + 6.0, "{took} s of {least} s: {ledger}");
    let learnt: serde_json::Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    let rate = learnt["limit"]["rate"].as_f64().unwrap();
    assert!((85.0..=110.0).contains(&rate), "{learnt}");
}

#[test]
fn a_run_that_is_killed_goes_on_and_the_next_one_takes_only_what_is_new() {
    for style in STYLES {
        let api = api("latency = { kind = \"fixed\", ms = 4.0 }", 6_000);
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut command = witness::program(PROGRAM, folder.path());
        let records = state.with_added_extension("ndjson");
        command.args([
            "extract",
            "--api",
            &api.base,
            "--size",
            "20",
            "--concurrency",
            "2",
            "--style",
            style,
            "--header",
            "X-Client-Id: killed",
        ]);
        command.arg("--state").arg(&state);
        let program = command.spawn().unwrap();
        witness::wait_for("some records", || {
            fs::metadata(&records).is_ok_and(|data| data.len() > 20_000).then_some(())
        });
        witness::wait_for("a state", || state.exists().then_some(()));
        witness::signal(witness::number(&program), Signal::SIGKILL);
        program.wait_with_output().unwrap();
        let more = ["--state", state.to_str().unwrap(), "--size", "20", "--style", style];
        let found = extract(&api, "second", "async", 2, &more).unwrap();
        assert!(numbers(&found) == (1..=6_000).collect::<Vec<_>>(), "{style}");
        let second = api.ledger(Some("second"))["requests"].as_u64().unwrap();
        assert!(second < 300, "{style}: the second run asked for {second} pages of 300");
        let found = extract(&api, "third", "async", 2, &more).unwrap();
        assert_eq!((found.len(), &api.ledger(Some("third"))["requests"]), (6_000, &1.into()), "{style}");
    }
}

#[test]
fn a_page_that_never_comes_ends_the_run_with_its_address_and_nothing_is_written() {
    let api = api("errors = { share = 1.0, statuses = [500] }", 100);
    let problem =
        extract(&api, "never", "pool", 2, &["--retries", "1", "--style", "page"]).unwrap_err().to_string();
    assert!(problem.contains("500") && problem.contains("/orders"), "{problem}");
}

#[test]
fn parquet_has_the_records_of_the_ndjson() {
    let api = api("", 500);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.parquet");
    let mut command = witness::program(PROGRAM, folder.path());
    let ended = witness::run(command.args(["extract", "--api", &api.base, "--out"]).arg(&out));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let batches = tabular::parquet_batches::ParquetBatches::open(&out, 1_000).unwrap();
    let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 500);
}
