//! The service over a source that behaves.

mod running;

use std::io::Read as _;
use std::time::Duration;

use running::{Running, Setup, check_honest, ledger, source};
use serde_json::{Value, json};

const NORTH: &str = "uf=AC,AP,RR";

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_country_comes_in_one_answer_and_never_more_than_26_and_500_requests_are_in_flight() {
    // Slow enough that everything that may be asked at once is.
    let source = source("latency = { kind = \"fixed\", ms = 30 }").await;
    let service = Setup::of(source.address).run().await;
    // Many who want the same wait for the same.
    let asked = (0..20).map(|_| service.get("/api/v1/states"));
    let answers = futures::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(check_honest(&answers[0].json(), &[]), 0);
    let counts =
        answers[0].json()["states"].as_array().unwrap().iter().fold((0, 0), |(cities, districts), state| {
            let list = state["cities"].as_array().unwrap();
            let below: usize = list.iter().map(|city| city["districts"].as_array().unwrap().len()).sum();
            (cities + list.len(), districts + below)
        });
    assert_eq!(counts, (5_571, 10_670));
    let ledger = ledger(&source).await;
    assert_eq!((ledger["requests"].as_u64(), ledger["duplicates"].as_u64()), (Some(5_599), Some(0)));
    let peaks = &ledger["peak_in_flight"];
    let peak = |route: &str| peaks[format!("/api/v1/localidades/{route}")].as_u64().unwrap();
    assert_eq!(peak("estados/{uf}/municipios"), 26);
    let cities = peak("municipios/{id}/distritos");
    // How wide it gets depends on how busy the machine is, but never more than that.
    assert!((100..=500).contains(&cities), "{cities}");
    let metrics = service.get("/metrics").await.text();
    assert!(metrics.contains("states_api_bulkhead_in_flight_limit{bulkhead=\"cities\"} 500"), "{metrics}");
    assert!(
        metrics.contains("states_api_requests_total{route=\"/api/v1/states\",status=\"200\"} 20"),
        "{metrics}"
    );
    service.stop().await;
}

async fn calm() -> (running::Server, Running) {
    let source = source("").await;
    let service = Setup::of(source.address).run().await;
    (source, service)
}

#[tokio::test]
async fn an_answer_has_the_states_and_the_fields_that_were_asked_for() {
    let (_source, service) = calm().await;
    let states = service.get("/api/v1/states?uf=rr,ac&fields=sigla,regiao").await;
    let north = json!({"id": 1, "sigla": "N", "nome": "Norte"});
    assert_eq!(
        states.json(),
        json!({"states": [{"sigla": "AC", "regiao": north}, {"sigla": "RR", "regiao": north}], "errors": []})
    );
    let one = service.get("/api/v1/states/53").await.json();
    assert_eq!(one["state"]["cities"][0]["nome"], "Brasília");
    assert_eq!(service.get("/api/v1/states/df").await.json(), one);
    // The municipality without a microregion is one like any other.
    let city = service.get("/api/v1/cities/5101837").await.json();
    assert_eq!((&city["city"]["id"], &city["state"]["sigla"]), (&json!(5_101_837), &json!("MT")));
    assert!(
        city["state"].get("cities").is_none() && !city["city"]["districts"].as_array().unwrap().is_empty()
    );
    service.stop().await;
}

#[tokio::test]
async fn places_are_found_by_name_with_accents_or_without() {
    let (_source, service) = calm().await;
    let found = service.get("/api/v1/search?q=BRASILIA&kind=city").await.json();
    assert_eq!(found["results"][0], json!({"kind": "city", "id": 5_300_108, "nome": "Brasília", "uf": "DF"}));
    let district = service.get("/api/v1/search?q=bras%C3%ADlia&kind=district&uf=DF").await.json();
    assert_eq!(district["results"][0]["city"], json!({"id": 5_300_108, "nome": "Brasília"}));
    assert_eq!(district["total"], 1);
    let few = service.get("/api/v1/search?q=a&limit=3").await.json();
    assert_eq!(few["results"].as_array().unwrap().len(), 3);
    assert!(few["total"].as_u64() > Some(10_000));
    service.stop().await;
}

#[tokio::test]
async fn lines_come_as_the_states_do_and_the_last_one_tells_that_it_was_all() {
    let (_source, service) = calm().await;
    let answer =
        service.get_with(&format!("/api/v1/states?{NORTH}"), &[("accept", "application/x-ndjson")]).await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[3], json!({"done": {"states": 3, "cities": 53, "districts": 96, "errors": 0}}));
    let mut states: Vec<&str> =
        lines[..3].iter().filter_map(|line| line["state"]["sigla"].as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["AC", "AP", "RR"]);
    let one = service.get("/api/v1/states/AC").await.json();
    assert!(lines.contains(&one));
    service.stop().await;
}

#[tokio::test]
async fn every_encoding_holds_the_same_and_who_has_it_already_is_told_so() {
    let (_source, service) = calm().await;
    for target in ["/api/v1/states/SE", "/api/v1/states?uf=SE&fields=cities"] {
        let plain = service.get(target).await;
        assert_eq!(plain.header("content-encoding"), None);
        for (accepted, coding) in [("gzip", "gzip"), ("gzip, deflate, br", "br")] {
            let packed = service.get_with(target, &[("accept-encoding", accepted)]).await;
            assert_eq!(packed.header("content-encoding"), Some(coding));
            let mut text = Vec::new();
            match coding {
                "gzip" => {
                    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut text).unwrap();
                }
                _ => brotli::BrotliDecompress(&mut &packed.body[..], &mut text).unwrap(),
            }
            assert!(text == plain.body && packed.body.len() * 2 < text.len());
            assert_ne!(packed.header("etag"), plain.header("etag"));
            let tag = packed.header("etag").unwrap();
            let again =
                service.get_with(target, &[("accept-encoding", accepted), ("if-none-match", tag)]).await;
            assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag)));
        }
        assert_eq!(plain.header("age"), Some("0"));
        assert!(plain.header("cache-control").unwrap().starts_with("public, max-age=3600"));
        assert!(plain.header("x-request-id").is_some());
    }
    service.stop().await;
}

/// Asks for something that makes no sense and checks that the problem names the field and says what would be right.
#[track_caller]
fn check(answer: &running::Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_that_says_what_would() {
    let (_source, service) = calm().await;
    let long = "a".repeat(101);
    for (target, status, words) in [
        ("/api/v1/states/XX", 404, "there is no state `XX`"),
        ("/api/v1/states/99", 404, "there is no state `99`"),
        ("/api/v1/states/SPX", 422, "uf: `SPX` is neither two letters nor two digits"),
        ("/api/v1/states/S%C3%A3", 422, "neither two letters"),
        ("/api/v1/states/%ff", 422, "UTF-8"),
        ("/api/v1/states?uf=AC,XX", 422, "there is no state `XX`; there are RO, AC"),
        ("/api/v1/states?uf=", 422, "two letters"),
        ("/api/v1/states?fields=sigla,name", 422, "there is no field `name`; there are id, sigla"),
        ("/api/v1/states?strict=perhaps", 422, "strict"),
        ("/api/v1/states?colour=blue", 422, "colour"),
        ("/api/v1/states?uf=AC&uf=RR", 422, "uf"),
        ("/api/v1/cities/1", 422, "between 1000000 and 9999999"),
        ("/api/v1/cities/9999999", 404, "there is no city 9999999"),
        ("/api/v1/cities/1200000", 404, "there is no city 1200000"),
        ("/api/v1/cities/-5300108", 422, "id"),
        ("/api/v1/cities/99999999999999999999", 422, "id"),
        ("/api/v1/search", 422, "q"),
        ("/api/v1/search?q=%20-%20", 422, "a letter or a digit"),
        ("/api/v1/search?q=a&limit=0", 422, "between 1 and 500"),
        ("/api/v1/search?q=a&kind=planet", 422, "kind"),
        ("/api/v1/search?q=a&uf=XX", 422, "there is no state `XX`"),
        (&format!("/api/v1/search?q={long}"), 422, "between 1 and 100"),
        ("/api/v2/states", 404, "there is nothing at /api/v2/states"),
    ] {
        check(&service.get(target).await, status, words);
    }
    service.stop().await;
}

#[tokio::test]
async fn its_own_state_and_its_description_are_told() {
    let (_source, service) = calm().await;
    assert_eq!(service.get("/health").await.json(), json!({"status": "ok"}));
    let ready = service.get("/ready").await.json();
    assert_eq!(ready, json!({"ready": true, "states": 0, "age_s": null, "circuit": "closed"}));
    service.get("/api/v1/states/DF").await;
    assert_eq!(service.get("/ready").await.json()["states"], 1);
    let description = service.get("/openapi.json").await.json();
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description["paths"].as_object().unwrap().len(), 7);
    for page in ["/docs", "/redoc"] {
        let page = service.get(page).await;
        let loads = page.text();
        assert!(page.status == 200 && !loads.contains("src=\"http") && !loads.contains("href=\"http"));
        assert!(page.header("content-security-policy").is_some());
    }
    service.stop().await;
}

#[tokio::test]
async fn what_is_stale_is_served_while_a_new_one_is_fetched() {
    let source = source("").await;
    let mut setup = Setup::of(source.address);
    setup.atlas.ages.fresh = Duration::ZERO;
    let service = setup.run().await;
    assert_eq!(service.get("/api/v1/states/AC").await.header("warning"), None);
    let before = ledger(&source).await["requests"].as_u64().unwrap();
    let stale = service.get("/api/v1/states/AC").await;
    assert_eq!((stale.status, stale.header("warning")), (200, Some("110 - \"Response is Stale\"")));
    // The new one comes without anybody who waits for it.
    let deadline = tokio::time::Instant::now() + running::loopback::DEADLINE;
    while ledger(&source).await["requests"].as_u64().unwrap() < before + 23 {
        assert!(tokio::time::Instant::now() < deadline, "nothing was fetched");
    }
    service.stop().await;
}
