//! A server's rate limit costs time and no answer, in whatever form the server refuses.

mod limited;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fetch::{Answer, Client, Failed, Gate, Limits, Manners, Target};
use limited::{Limit, Limited, Word};

/// Fetches all, so many at once, each with a whole answer or a failure.
async fn fetch_all(urls: &[String], at_once: usize, manners: Manners) -> Vec<Result<Answer, Failed>> {
    let gate = Arc::new(Gate::new(Limits { at_once: Some(at_once), ..Limits::default() }));
    let client = Client::new(manners).unwrap().through(gate);
    let mut asked = Vec::new();
    for url in urls {
        let (client, target) = (client.clone(), Target::parse(url).unwrap());
        asked.push(tokio::spawn(async move { client.get(&target).await }));
    }
    let mut outcomes = Vec::new();
    for one in asked {
        outcomes.push(one.await.unwrap());
    }
    outcomes
}

/// Fetches so many URLs of a server with a limit and checks that all came within `most` seconds. Returns how many were refused.
async fn check(server: &Limited, count: usize, at_once: usize, most: f64) -> u32 {
    let started = Instant::now();
    let outcomes =
        fetch_all(&server.urls(count), at_once, Manners { retries: 0, ..Manners::default() }).await;
    let seconds = started.elapsed().as_secs_f64();
    for (number, outcome) in outcomes.iter().enumerate() {
        let answer =
            outcome.as_ref().unwrap_or_else(|failed| panic!("{number}: {failed} {:?}", server.counts()));
        assert_eq!(answer.body, format!("{{\"path\":\"/item/{number}\"}}"));
    }
    let counts = server.counts();
    eprintln!("{:?} {count} by {at_once}: {seconds:.1} s, {counts:?}", server.word());
    assert!(seconds < most, "{seconds} s, {counts:?}");
    counts.refused
}

#[tokio::test]
async fn a_limit_that_is_told_by_nothing_but_refusals_costs_time_and_no_answer() {
    // Of 300, 290 have to wait for a token: 5.8 seconds.
    let server = Limited::start(50.0, 10.0, Word::Seconds);
    let refused = check(&server, 300, 64, 20.0).await;
    assert!(refused < 150, "{refused} refusals of 300");
}

#[tokio::test]
async fn every_word_of_a_refusal_is_understood_and_none_is_too() {
    let words = [Word::Date, Word::Zero, Word::Nothing, Word::Unavailable, Word::Forbidden, Word::Policy];
    let mut all = tokio::task::JoinSet::new();
    for word in words {
        all.spawn(async move { check(&Limited::start(40.0, 5.0, word), 100, 16, 30.0).await });
    }
    while let Some(refused) = all.join_next().await {
        refused.unwrap();
    }
}

#[tokio::test]
async fn a_limit_that_the_server_tells_is_hardly_passed() {
    let refused = check(&Limited::start(50.0, 20.0, Word::Policy), 100, 8, 10.0).await;
    assert!(refused <= 8, "{refused} refusals");
}

#[tokio::test]
async fn a_limit_that_becomes_narrower_while_one_asks_is_followed() {
    let limits =
        vec![Limit { from: 0, rate: 200.0, burst: 20.0 }, Limit { from: 250, rate: 20.0, burst: 2.0 }];
    check(&Limited::changing(limits, Word::Seconds), 300, 32, 40.0).await;
}

#[tokio::test]
async fn the_limit_of_one_host_keeps_nobody_from_asking_another() {
    let (slow, fast) = (Limited::start(5.0, 1.0, Word::Seconds), Limited::start(1e6, 1e6, Word::Seconds));
    let client = Client::new(Manners::default()).unwrap();
    let get = |url: &String| {
        let (client, target) = (client.clone(), Target::parse(url).unwrap());
        tokio::spawn(async move { client.get(&target).await.map(|_| Instant::now()) })
    };
    let started = Instant::now();
    let asked: Vec<_> = slow.urls(6).iter().map(get).collect();
    for one in fast.urls(50).iter().map(get) {
        assert!(one.await.unwrap().unwrap() - started < Duration::from_millis(900));
    }
    for one in asked {
        one.await.unwrap().unwrap();
    }
    assert!(slow.counts().refused > 0 && started.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_told_with_its_url_and_not_waited_for() {
    let server = Limited::start(0.001, 3.0, Word::Always(86_400));
    let started = Instant::now();
    let outcomes = fetch_all(&server.urls(10), 10, Manners::default()).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for failed in outcomes.into_iter().filter_map(Result::err) {
        assert!(failed.error.is_limit() && failed.error.hint().contains("86400 s"), "{failed}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_given_up_at_the_deadline_and_by_all_at_once() {
    for word in [Word::Seconds, Word::Nothing, Word::Zero] {
        let server = Limited::start(1e-9, 1e-9, if word == Word::Seconds { Word::Always(1) } else { word });
        let manners = Manners { whole: Duration::from_millis(2_500), ..Manners::default() };
        let started = Instant::now();
        let outcomes = fetch_all(&server.urls(200), 8, manners).await;
        let (seconds, counts) = (started.elapsed().as_secs_f64(), server.counts());
        assert!(seconds < 15.0, "{word:?}: {seconds} s, {counts:?}");
        assert!(counts.refused < 1_500, "{word:?}: {counts:?}");
        for outcome in outcomes {
            let failed = outcome.unwrap_err();
            assert!(failed.error.is_limit() && failed.to_string().contains("429"), "{failed}");
        }
    }
}

#[tokio::test]
async fn the_callers_own_deadline_holds_also_while_it_waits_for_its_turn() {
    let server = Limited::start(1.0, 1.0, Word::Always(2));
    let client = Client::new(Manners::default()).unwrap();
    let targets: Vec<_> = server.urls(3).iter().map(|url| Target::parse(url).unwrap()).collect();
    client.get(&targets[0]).await.unwrap();
    let refused = {
        let (client, target) = (client.clone(), targets[1].clone());
        tokio::spawn(async move { client.get(&target).await })
    };
    while server.counts().refused == 0 {
        tokio::task::yield_now().await;
    }
    // Another client's turn is held by now.
    let started = Instant::now();
    let until = Some(started + Duration::from_millis(200));
    let failed = client.get_as(&targets[2], until, |_| Ok(())).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1), "{failed}");
    assert!(failed.to_string().contains("rate limit") || failed.error.is_limit(), "{failed}");
    refused.await.unwrap().unwrap();
}
