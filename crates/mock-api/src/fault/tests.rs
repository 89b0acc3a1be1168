use std::collections::BTreeMap;

use super::*;

fn flaky() -> Profile {
    Profile::built_in("flaky").unwrap()
}

#[test]
fn every_built_in_profile_can_be_read_and_carries_its_name() {
    for name in Profile::names() {
        assert_eq!(Profile::built_in(name).unwrap().name, name);
    }
    assert!(Profile::built_in("calm").unwrap().is_calm());
    assert!(Profile::names().filter(|name| !Profile::built_in(name).unwrap().is_calm()).count() == 4);
}

#[test]
fn a_fate_depends_on_seed_target_and_attempt_and_on_nothing_else() {
    let profile = Profile { healthy_from_attempt: None, ..flaky() };
    let fates = |seed, attempt| -> Vec<Fate> {
        (0..500).map(|n| profile.fate(seed, &format!("/orders?page={n}"), attempt)).collect()
    };
    let backwards = |seed, attempt| -> Vec<Fate> {
        let mut fates: Vec<_> =
            (0..500).rev().map(|n| profile.fate(seed, &format!("/orders?page={n}"), attempt)).collect();
        fates.reverse();
        fates
    };
    assert_eq!(fates(1, 1), backwards(1, 1));
    assert_ne!(fates(1, 1), fates(2, 1));
    assert_ne!(fates(1, 1), fates(1, 2));
}

#[test]
fn faults_come_as_often_as_the_profile_says() {
    let profile = flaky();
    let mut seen = BTreeMap::new();
    for n in 0..100_000 {
        if let Some(fault) = profile.fate(42, &format!("/x/{n}"), 1).fault {
            *seen.entry(fault.name()).or_insert(0) += 1;
        }
    }
    // Five standard deviations of a binomial count on either side.
    for (name, share) in [
        ("status", 0.05),
        ("reset", 0.02),
        ("truncate", 0.02),
        ("drip", 0.01),
        ("wrong_content_type", 0.005),
        ("malformed_json", 0.01),
        ("duplicate_page", 0.01),
    ] {
        let (expected, margin) = (share * 1e5, 5.0 * (share * 1e5_f64).sqrt());
        let count = f64::from(seen[name]);
        assert!((count - expected).abs() < margin, "{name}: {count}, expected {expected}");
    }
    assert_eq!(seen.len(), 7);
}

#[test]
fn from_the_healthy_attempt_on_nothing_is_decided_against_a_request() {
    let profile = flaky();
    assert!((0..5_000).all(|n| profile.fate(42, &format!("/x/{n}"), 4).fault.is_none()));
}

#[test]
fn an_outage_by_attempts_ends_after_them_and_hits_its_share_of_the_paths() {
    let profile = Profile::built_in("outage").unwrap();
    let down = |n: u32, attempt| profile.fate(42, &format!("/x/{n}"), attempt).fault.is_some();
    let hit: Vec<u32> = (0..10_000).filter(|&n| down(n, 1)).collect();
    assert!((3_100..3_500).contains(&hit.len()), "{}", hit.len());
    assert!(hit.iter().all(|&n| down(n, 2) && !down(n, 3)));
}

#[test]
fn an_outage_by_the_clock_has_a_start_and_an_end() {
    let profile = Profile::built_in("outage").unwrap();
    let left = |ms| profile.clock_outage(Duration::from_millis(ms)).map(|left| left.as_millis());
    assert_eq!([left(2_999), left(3_000), left(4_999), left(5_000)], [None, Some(2_000), Some(1), None]);
}

#[test]
fn latencies_have_the_shape_of_their_distribution() {
    let median = |latency: Latency| {
        let mut waits: Vec<Duration> = (0..20_001)
            .map(|n| {
                let mut dice = Dice::of(1, &[b"latency", &i32::to_le_bytes(n)]);
                latency.wait(dice.unit(), dice.unit())
            })
            .collect();
        waits.sort();
        (waits[0].as_secs_f64() * 1e3, waits[10_000].as_secs_f64() * 1e3, waits[20_000].as_secs_f64() * 1e3)
    };
    assert_eq!(median(Latency::Fixed { ms: 7.0 }), (7.0, 7.0, 7.0));
    let (low, middle, high) = median(Latency::Uniform { min_ms: 10.0, max_ms: 20.0 });
    assert!(low >= 10.0 && (14.8..15.2).contains(&middle) && high <= 20.0);
    let (_, middle, high) = median(Latency::LogNormal { median_ms: 10.0, sigma: 0.5 });
    assert!((9.7..10.3).contains(&middle) && high > 40.0, "{middle} {high}");
    // The median of a Pareto distribution is `min * 2^(1/alpha)`.
    let (low, middle, high) = median(Latency::LongTail { min_ms: 1.0, alpha: 1.0, max_ms: 500.0 });
    assert!(
        low >= 1.0 && (1.9..2.1).contains(&middle) && (499.9..500.1).contains(&high),
        "{low} {middle} {high}"
    );
}

#[test]
fn a_profile_that_makes_no_sense_is_refused_with_its_key() {
    for (text, key) in [
        ("reset = { share = 1.5 }", "reset"),
        ("reset = { share = 0.6 }\nhang = { share = 0.6 }", "share"),
        ("errors = { share = 0.1, statuses = [] }", "errors.statuses"),
        ("errors = { share = 0.1, statuses = [200] }", "errors.statuses"),
        ("latency = { kind = \"uniform\", min_ms = 5.0, max_ms = 1.0 }", "latency"),
        ("latency = { kind = \"fixed\", ms = nan }", "latency.ms"),
        ("drift = { every = 5, rows = 5 }", "drift"),
        ("rate_limit = { per_second = 0.0, burst = 1 }", "rate_limit"),
    ] {
        match Profile::from_toml(text) {
            Err(ProfileError::Value { field, .. }) => assert_eq!(field, key, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let unknown = Profile::from_toml("name = \"x\"\nresets = 1").unwrap_err();
    assert!(std::error::Error::source(&unknown).unwrap().to_string().contains("resets"));
}
