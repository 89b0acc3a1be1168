//! The answer is the same for every strategy, and failures cost only themselves.

#[path = "../../fetch/tests/faulty/mod.rs"]
mod faulty;
#[path = "../../fetch/tests/limited/mod.rs"]
mod limited;
mod served;

use std::collections::BTreeSet;
use std::fs;

use faulty::{Faulty, closed_port};
use lab::{Answer, Kind};
use limited::{Limited, Word};
use proptest::prelude::*;
use served::{api, crawl, digest, input, lab};

#[test]
fn every_strategy_gives_the_same_answer_for_any_number_of_workers() {
    let api = api();
    let mut digests = BTreeSet::new();
    for workers in [1, 2, 7] {
        let lab = lab(workers, &api.base);
        let input = input(["--count", "24", "--delay-ms", "3", "--concurrency", "5"], &lab).unwrap();
        for kind in Kind::LOCAL {
            let pages = crawl(kind, &input, &lab).unwrap();
            assert_eq!(pages.failures(), [], "{kind} {workers}");
            assert_eq!((pages.work().items, pages.work().rows), (24, 24));
            digests.insert(digest(&pages));
        }
    }
    assert_eq!(digests.len(), 1);
}

#[test]
fn the_answer_does_not_depend_on_the_port_and_is_the_same_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut digests = BTreeSet::new();
    for kind in Kind::LOCAL {
        let api = api();
        let mut lab = lab(2, &api.base);
        lab.scale = lab::Scale::Tiny;
        let input = input([], &lab).unwrap();
        digests.insert(digest(&crawl(kind, &input, &lab).unwrap()));
        let file = folder.path().join(kind.name());
        let lab = lab.with_out(&file);
        digests.insert(digest(&crawl(kind, &input, &lab).unwrap()));
        let lines = fs::read_to_string(&file).unwrap();
        assert_eq!(lines.lines().count(), 12);
        assert!(
            lines.starts_with(
                "{\"url\":\"/weather/São Paulo\",\"status\":200,\"body\":{\"city\":\"São Paulo\","
            )
        );
    }
    assert_eq!(digests.len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), Kind::LOCAL.len(), "only what was asked for");
}

#[test]
fn a_parquet_file_has_the_answer_that_the_lines_have() {
    let api = api();
    let folder = tempfile::tempdir().unwrap();
    let urls =
        [format!("{}/weather/Lisboa", api.base), "htp://x/".to_owned(), format!("{}/status/404", api.base)];
    let mut digests = BTreeSet::new();
    for name in ["pages.ndjson", "pages.parquet"] {
        let lab = lab(2, &api.base).with_out(folder.path().join(name));
        let input = input(urls.iter().map(String::as_str), &lab).unwrap();
        let pages = crawl(Kind::Async, &input, &lab).unwrap();
        digests.insert((digest(&pages), pages.work().rows, pages.failures().len()));
    }
    let lines = fs::read_to_string(folder.path().join("pages.ndjson")).unwrap();
    assert_eq!(digests.len(), 1, "{lines}");
    let file = fs::File::open(folder.path().join("pages.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 3);
    let classes = batch.column_by_name("error_class").unwrap();
    assert_eq!(arrow_array::cast::AsArray::as_string::<i32>(classes).value(1), "invalid-url");
}

/// Crawls good and bad URLs in turn and checks the class of each failure, under every strategy.
#[test]
fn each_fault_has_its_class_and_the_rest_goes_on() {
    let server = Faulty::start();
    let closed = closed_port();
    let faults = [
        (closed.as_str(), "connect"),
        ("/truncated", "truncated"),
        ("/truncated-chunks", "truncated"),
        ("/reset", "lost"),
        ("/closes", "lost"),
        ("/hangs", "timeout"),
        ("/hangs-half-way", "timeout"),
        ("/busy", "status"),
        ("/missing", "status"),
        ("/garbage", "protocol"),
        ("/announces-much", "too-large"),
        ("/around", "redirect"),
        ("htp://x/", "invalid-url"),
    ];
    let mut arguments =
        vec!["--retries", "1", "--read-timeout", "0.2", "--timeout", "2", "--max-body", "100KB"];
    for (url, _) in &faults {
        arguments.extend([url, "/ok"]);
    }
    for kind in Kind::LOCAL {
        let lab = lab(4, &server.base);
        let pages = crawl(kind, &input(arguments.clone(), &lab).unwrap(), &lab).unwrap();
        let expected: Vec<_> = faults.iter().map(|(url, class)| format!("{url}: {class}: ")).collect();
        let failures: Vec<_> = pages.failures().iter().map(ToString::to_string).collect();
        assert_eq!(failures.len(), expected.len(), "{kind}: {failures:?}");
        for (failure, expected) in failures.iter().zip(&expected) {
            assert!(failure.starts_with(expected), "{kind}: expected {expected}, got {failure}");
            assert!(failure.contains("\n  hint: "), "{kind}: {failure}");
        }
        assert_eq!((pages.work().items, pages.work().rows), (26, 13), "{kind}");
    }
}

#[test]
fn a_server_that_is_busy_for_a_moment_is_asked_again_when_it_said() {
    for kind in [Kind::Sequential, Kind::Async] {
        let server = Faulty::start();
        let lab = lab(1, &server.base);
        let pages = crawl(kind, &input(["/busy-once", "/flaky"], &lab).unwrap(), &lab).unwrap();
        assert_eq!(pages.failures(), [], "{kind}");
        assert_eq!((server.asked("/busy-once"), server.asked("/flaky")), (2, 3), "{kind}");
    }
}

#[test]
fn an_answer_that_is_no_success_keeps_its_status_and_what_the_server_said() {
    let (server, folder) = (Faulty::start(), tempfile::tempdir().unwrap());
    let mut digests = BTreeSet::new();
    for name in ["pages.ndjson", "pages.parquet"] {
        let lab = lab(2, &server.base).with_out(folder.path().join(name));
        let urls = ["/missing", "/ok", "/busy", "/closes"];
        let input = input(["--timeout", "2", "--retries", "0"].into_iter().chain(urls), &lab).unwrap();
        let pages = crawl(Kind::Async, &input, &lab).unwrap();
        digests.insert((digest(&pages), pages.failures().len()));
    }
    assert_eq!(digests.len(), 1);
    let text = fs::read_to_string(folder.path().join("pages.ndjson")).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["status"], &lines[0]["body"]["detail"]), (&404.into(), &"no".into()), "{text}");
    assert_eq!((&lines[2]["status"], &lines[2]["headers"]["retry-after"]), (&503.into(), &"3600".into()));
    assert_eq!(lines[2]["body"], "later");
    assert!(lines[3]["status"].is_null() && lines[3].get("body").is_none(), "{text}");
}

#[test]
fn a_limit_that_the_server_does_not_tell_costs_no_url_under_any_strategy() {
    for kind in Kind::LOCAL {
        let server = Limited::start(100.0, 10.0, Word::Seconds);
        let lab = lab(3, &server.base);
        let urls: Vec<_> = (0..100).map(|number| format!("/item/{number}")).collect();
        let pages = crawl(kind, &input(urls.iter().map(String::as_str), &lab).unwrap(), &lab).unwrap();
        assert_eq!(pages.failures(), [], "{kind}");
        assert_eq!(server.counts().answered, 100, "{kind}");
    }
}

#[test]
fn without_the_api_the_labs_own_list_is_one_problem_and_not_many() {
    let closed = closed_port();
    let lab = lab(1, closed.trim_end_matches('/'));
    let problem = input([], &lab).unwrap_err().to_string();
    assert!(problem.contains("does not answer") && problem.contains("cargo run -p mock-api"), "{problem}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn the_output_is_in_the_order_of_the_input_whatever_the_delays(
        delays in proptest::collection::vec(0_u32..60, 1..40),
        concurrency in 1_u32..50,
    ) {
        let api = api();
        let lab = lab(3, &api.base);
        let urls: Vec<_> = delays.iter().enumerate().map(|(n, ms)| format!("/delay/{ms}?n={n}")).collect();
        let expected: Vec<_> = delays.iter().enumerate().map(|(n, ms)| {
            format!("{{\"url\":\"/delay/{ms}?n={n}\",\"status\":200,\"body\":{{\"ms\":{ms},\"n\":{n}}}")
        }).collect();
        let concurrency = concurrency.to_string();
        let arguments = ["--concurrency", &concurrency].into_iter().chain(urls.iter().map(String::as_str));
        let input = input(arguments, &lab).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pages.ndjson");
        let lab = lab.with_out(&file);
        for kind in [Kind::Threads, Kind::Pool, Kind::Async] {
            crawl(kind, &input, &lab).unwrap();
            let written = fs::read_to_string(&file).unwrap();
            let pages: Vec<_> = written.lines().map(|line| line.split(",\"attempts\":").next().unwrap()).collect();
            prop_assert_eq!(pages, expected.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
