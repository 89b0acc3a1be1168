//! The service over a source that does not behave: never a wrong answer, and nothing missing that is not told.

mod running;

use std::time::{Duration, Instant, SystemTime};

use running::{Setup, check_honest, ledger, source};
use states_api::source::snapshot::{self, Known};

/// Three states with 53 cities: 57 requests.
const NORTH: &[&str] = &["AC", "AP", "RR"];
const STATES: &str = "/api/v1/states?uf=AC,AP,RR";

/// Asks under a profile, checks the answer, and returns how much it lacked.
async fn check(profile: &str) -> usize {
    let source = source(profile).await;
    let mut setup = Setup::of(source.address);
    setup.source.manners.read = Duration::from_millis(300);
    setup.source.manners.retries = 2;
    setup.atlas.deadline = Duration::from_millis(1_500);
    let service = setup.run().await;
    let answer = service.get(STATES).await;
    let mut lacked = 0;
    if answer.status == 200 {
        lacked = check_honest(&answer.json(), NORTH);
        assert_eq!(answer.header("x-partial"), (lacked > 0).then_some("true"), "{profile}");
        let strict = service.get(&format!("{STATES}&strict=true")).await;
        // What was missing may have been mended meanwhile.
        assert!(strict.status >= 502 || check_honest(&strict.json(), NORTH) == 0, "{profile}");
    } else {
        // Not even the list of states came.
        assert!((502..=504).contains(&answer.status), "{profile}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    service.stop().await;
    lacked
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_source_does_the_answer_is_true_and_says_what_it_lacks() {
    let profiles = [
        "errors = { share = 0.3, statuses = [500, 502, 503, 404] }",
        "errors = { share = 0.3, statuses = [429], retry_after_s = 1 }",
        "reset = { share = 0.15 }\ntruncate = { share = 0.15 }",
        "malformed_json = { share = 0.2 }\nwrong_content_type = { share = 0.1 }",
        "rate_limit = { per_second = 20.0, burst = 10 }",
        "outages = [{ kind = \"clock\", after_ms = 0, for_ms = 400 }]",
        "outages = [{ kind = \"attempts\", share = 0.5, attempts = 2 }]",
        "hang = { share = 0.1 }",
    ];
    let lacked: Vec<usize> = futures::future::join_all(profiles.map(check)).await;
    assert!(lacked.iter().sum::<usize>() > 0, "the faults were felt: {lacked:?}");
}

#[tokio::test]
async fn what_is_missing_is_asked_for_again_and_nothing_else_is() {
    // Every first attempt at three of ten paths fails, and nobody tries twice.
    let source = source("healthy_from_attempt = 2\nerrors = { share = 0.3, statuses = [503] }").await;
    let mut setup = Setup::of(source.address);
    setup.source.manners.retries = 0;
    setup.atlas.ages.fresh_with_gaps = Duration::ZERO;
    let service = setup.run().await;
    let deadline = Instant::now() + running::loopback::DEADLINE;
    let mut partial = 0;
    loop {
        let answer = service.get(STATES).await;
        if answer.status == 200 && check_honest(&answer.json(), NORTH) == 0 {
            break;
        }
        partial += 1;
        assert!(Instant::now() < deadline, "it is never whole");
    }
    assert!(partial > 0);
    let ledger = ledger(&source).await;
    assert_eq!(ledger["duplicates"], 0, "what had come was not asked for again");
    service.stop().await;
}

#[tokio::test]
async fn slow_answers_are_given_up_at_the_deadline_of_the_whole() {
    let source = source("").await;
    let mut setup = Setup::of(source.address);
    setup.atlas.deadline = Duration::from_millis(700);
    let service = setup.run().await;
    // The list of states comes, and then the source falls asleep.
    service.get("/api/v1/states/DF").await;
    let profile = r#"{"name":"slow","latency":{"kind":"fixed","ms":20000}}"#;
    let json = [("content-type", "application/json")];
    assert_eq!(source.request("PUT", "/admin/profile", &json, profile.as_bytes()).await.status, 200);
    let started = Instant::now();
    let answer = service.get(STATES).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(check_honest(&answer.json(), NORTH), 3);
    assert!(answer.json()["errors"][0]["class"] == "timeout", "{}", answer.text());
    let strict = service.get("/api/v1/states/AC?strict=true").await;
    assert_eq!((strict.status, strict.header("retry-after")), (504, Some("5")), "{}", strict.text());
    service.stop().await;
}

#[tokio::test]
async fn a_source_that_talks_nonsense_is_a_problem_and_no_answer() {
    for profile in ["malformed_json = { share = 1.0 }", "errors = { share = 1.0, statuses = [404] }"] {
        let source = source(profile).await;
        let service = Setup::of(source.address).run().await;
        for target in ["/api/v1/states", "/api/v1/states/AC", "/api/v1/cities/1200104", "/api/v1/search?q=a"]
        {
            let answer = service.get(target).await;
            assert_eq!(answer.status, 502, "{}", answer.text());
            assert!(
                answer.json()["detail"].as_str().unwrap().starts_with("the source of the localities failed")
            );
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn a_source_that_is_gone_is_left_alone_after_some_failures() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut setup = Setup::of(gone);
    setup.source.fuse.failures = 4;
    setup.source.fuse.first_pause = Duration::from_mins(1);
    let service = setup.run().await;
    let first = service.get("/api/v1/states").await;
    assert_eq!(first.status, 502, "{}", first.text());
    assert_eq!(service.get("/ready").await.status, 503);
    let asked = service.atlas.gatherer().source.asked().all;
    let second = service.get("/api/v1/states").await;
    assert_eq!((second.status, second.header("retry-after")), (503, Some("5")), "{}", second.text());
    assert!(second.text().contains("left alone"));
    assert_eq!(service.atlas.gatherer().source.asked().all, asked, "nobody was asked");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_source_down_altogether_it_answers_from_its_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot.json");
    let source = source("").await;
    let address = source.address;
    let mut setup = Setup::of(address);
    setup.atlas.snapshot = Some(path.clone());
    let service = setup.run().await;
    let fresh = service.get("/api/v1/states").await;
    assert_eq!(check_honest(&fresh.json(), &[]), 0);
    // The end writes what has changed.
    service.stop().await;
    source.stop().await;

    let shown = format!("http://{address}");
    let known = || snapshot::load(&path, &shown).unwrap().unwrap();
    let service = Setup { known: known(), ..Setup::of(address) }.run().await;
    let kept = service.get("/api/v1/states").await;
    assert_eq!((kept.status, kept.header("warning")), (200, None), "an hour has not passed");
    assert!(kept.body == fresh.body);
    service.stop().await;

    // The same two days later: too old to be served without an attempt, and served all the same when that fails.
    let mut old: Known = known();
    let then = SystemTime::now() - Duration::from_hours(48);
    old.roster.iter_mut().for_each(|roster| roster.at = then);
    old.trees.iter_mut().for_each(|tree| tree.at = then);
    let service = Setup { known: old, ..Setup::of(address) }.run().await;
    let stale = service.get("/api/v1/states").await;
    assert!(stale.status == 200 && stale.body == fresh.body);
    let age: u64 = stale.header("age").unwrap().parse().unwrap();
    assert!((48 * 3600..48 * 3600 + 60).contains(&age), "{age}");
    assert!(
        stale.header("warning").unwrap().starts_with("111 - \"Revalidation Failed: "),
        "{:?}",
        stale.headers
    );
    let city = service.get("/api/v1/cities/5300108").await;
    assert!(city.status == 200 && city.header("warning").is_some());
    assert_eq!(service.get("/ready").await.status, 200);
    service.stop().await;
}
