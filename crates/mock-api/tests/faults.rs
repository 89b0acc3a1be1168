//! Every fault over a real socket, and the ledger that tells of them.

mod loopback;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use loopback::{Answer, DEADLINE, Server, request_bytes};
use mock_api::{Config, Profile};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn faulty(profile: &str) -> Server {
    let profile = Profile::from_toml(profile).expect("a profile");
    Server::start(Config { profile, ..Config::default() }).await
}

/// Asks with a fault order, and returns the raw bytes of the answer.
async fn ordered(server: &Server, order: &str, target: &str) -> Vec<u8> {
    server.exchange(&request_bytes("GET", target, &[("x-fault", order)], b"")).await
}

/// What the ledger says of one client.
async fn ledger(server: &Server, client: &str) -> Value {
    let report = server.get(&format!("/admin/ledger?client={client}")).await.json();
    report["clients"][0].clone()
}

async fn get_as(server: &Server, client: &str, target: &str) -> Answer {
    server.request("GET", target, &[("x-client-id", client)], b"").await
}

#[tokio::test]
async fn a_reset_connection_ends_with_rst_and_without_a_byte() {
    let server = Server::calm().await;
    let mut stream = server.connect().await;
    let request = request_bytes("GET", "/weather/Lisboa", &[("x-fault", "reset")], b"");
    stream.write_all(&request).await.unwrap();
    let mut raw = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut raw)).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(raw.is_empty());
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_its_length() {
    let server = Server::calm().await;
    let whole = server.get("/weather/Lisboa").await.body;
    let answer = Answer::parse(&ordered(&server, "truncate", "/weather/Lisboa").await).unwrap();
    assert_eq!(answer.header("content-length").unwrap(), whole.len().to_string());
    assert_eq!(answer.body, whole[..whole.len() / 2]);
    let part = Answer::parse(&ordered(&server, "truncate", "/download/big?size=3000000").await).unwrap();
    assert_eq!((part.header("content-length"), part.body.len()), (Some("3000000"), 1_500_000));
}

#[tokio::test]
async fn malformed_json_has_a_right_length_and_no_value() {
    let server = Server::calm().await;
    let answer = Answer::parse(&ordered(&server, "malformed-json", "/orders").await).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
}

#[tokio::test]
async fn the_ledger_tells_how_many_requests_were_open_at_one_time_on_each_route() {
    let server = Server::calm().await;
    for _ in 0..3 {
        get_as(&server, "one", "/weather/Lisboa").await;
    }
    let delays: Vec<_> = (0..7).map(|n| format!("/delay/300?n={n}")).collect();
    let mut asked = delays.iter().map(|target| get_as(&server, "one", target)).collect::<Vec<_>>();
    asked.push(get_as(&server, "another", "/delay/300"));
    futures::future::join_all(asked).await;
    let peaks = &ledger(&server, "one").await["peak_in_flight"];
    assert_eq!(*peaks, json!({"/delay/{ms}": 7, "/weather/{city}": 1}));
}

#[tokio::test]
async fn a_wrong_content_type_stands_over_the_right_body() {
    let server = Server::calm().await;
    let answer = Answer::parse(&ordered(&server, "wrong-content-type", "/weather/Lisboa").await).unwrap();
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.body, server.get("/weather/Lisboa").await.body);
}

#[tokio::test]
async fn a_dripping_body_takes_its_time_and_comes_whole() {
    let server = Server::calm().await;
    let whole = server.get("/weather/Lisboa").await.body;
    let asked = Instant::now();
    let answer = Answer::parse(&ordered(&server, "drip=5", "/weather/Lisboa").await).unwrap();
    let pauses = u32::try_from(whole.len().div_ceil(16) - 1).unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(5) * pauses);
    assert_eq!(answer.body, whole);
    let ledger = server.get("/admin/ledger").await.json();
    let client = &ledger["clients"][0];
    assert_eq!(
        (&client["complete"], &client["cut_short"]),
        (&json!(2), &json!(0)),
        "slow is not cut short: {client}"
    );
}

#[tokio::test]
async fn a_hanging_request_gets_no_byte_and_holds_no_shutdown() {
    let server =
        Server::start(Config { shutdown_deadline: Duration::from_millis(50), ..Config::default() }).await;
    let mut stream = server.connect().await;
    let request = request_bytes("GET", "/health", &[], b"");
    let hang = request_bytes("GET", "/weather/Lisboa", &[("x-fault", "hang"), ("x-client-id", "h")], b"");
    stream.write_all(&hang).await.unwrap();
    server.exchange(&request).await;
    let mut byte = [0];
    let nothing = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
    assert!(nothing.is_err());
    server.stop().await;
}

#[tokio::test]
async fn an_order_for_some_attempts_fails_those_and_no_more() {
    let server = Server::calm().await;
    for expected in [503, 503, 200, 200] {
        let order = [("x-fault", "status=503; attempts=2"), ("x-client-id", "o")];
        assert_eq!(server.request("GET", "/orders", &order, b"").await.status, expected);
    }
    let refused = server.request("GET", "/orders", &[("x-fault", "explode")], b"").await;
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!("X-Fault")));
}

#[tokio::test]
async fn two_runs_fail_at_the_same_places_whatever_the_order_of_arrival() {
    let flaky = || async {
        let profile = Profile::from_toml("errors = { share = 0.3, statuses = [500, 503] }").unwrap();
        Server::start(Config { profile, ..Config::default() }).await
    };
    let (forwards, backwards) = (flaky().await, flaky().await);
    let ask = |server: &Server, n: u32| {
        let request = request_bytes("GET", &format!("/weather/c{n}"), &[], b"");
        let address = server.address;
        async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(&request).await.unwrap();
            let mut raw = Vec::new();
            stream.read_to_end(&mut raw).await.unwrap();
            Answer::parse(&raw).unwrap().status
        }
    };
    let mut one_by_one = Vec::new();
    for n in 0..60 {
        one_by_one.push(ask(&forwards, n).await);
    }
    let mut at_once = futures::future::join_all((0..60).rev().map(|n| ask(&backwards, n))).await;
    at_once.reverse();
    assert_eq!(one_by_one, at_once);
    assert!(one_by_one.contains(&500) && one_by_one.contains(&503) && one_by_one.contains(&200));
}

#[tokio::test]
async fn a_quota_is_kept_by_client_and_route_and_says_when_to_come_back() {
    let server = faulty("rate_limit = { per_second = 0.01, burst = 2 }").await;
    for (client, target, expected) in [
        ("a", "/weather/x", 200),
        ("a", "/weather/y", 200),
        ("a", "/weather/z", 429),
        ("a", "/orders", 200),
        ("b", "/weather/z", 200),
        ("a", "/weather/z", 429),
    ] {
        let answer = get_as(&server, client, target).await;
        assert_eq!(answer.status, expected, "{client} {target}");
        if expected == 429 {
            let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((90..=100).contains(&wait), "{wait}");
        }
    }
    let record = ledger(&server, "a").await;
    assert_eq!((&record["limit_violations"], &record["impatient_retries"]), (&json!(2), &json!(1)));
    assert_eq!(record["others"], json!({"429": 2}));
}

#[tokio::test]
async fn an_outage_by_the_clock_begins_anew_with_a_reset() {
    let server = faulty("outages = [{ kind = \"clock\", after_ms = 0, for_ms = 400 }]").await;
    let down = server.get("/weather/x").await;
    assert_eq!((down.status, down.header("retry-after")), (503, Some("1")));
    let over = Instant::now() + DEADLINE;
    while server.get("/weather/x").await.status == 503 {
        assert!(Instant::now() < over, "the outage does not end");
        // sleep: the pause between two looks.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.request("POST", "/admin/reset", &[], b"").await.status, 200);
    assert_eq!(server.get("/weather/x").await.status, 503);
}

#[tokio::test]
async fn pages_drift_for_readers_by_number_and_not_for_readers_by_cursor() {
    let profile = Profile::from_toml("drift = { every = 20, rows = 5 }").unwrap();
    let server = Server::start(Config { orders: 60, profile, ..Config::default() }).await;
    let ids = |answer: &Value| -> Vec<i64> {
        answer["items"].as_array().unwrap().iter().map(|order| order["order_id"].as_i64().unwrap()).collect()
    };
    let second = get_as(&server, "p", "/orders?page=2&page_size=20").await.json();
    assert_eq!(ids(&second), (16..=35).collect::<Vec<_>>());
    assert_eq!(second["total"], json!(65));
    let (mut cursor, mut seen) = ("start".to_owned(), Vec::new());
    loop {
        let page = get_as(&server, "c", &format!("/orders?cursor={cursor}&limit=20")).await.json();
        seen.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, (1..=60).collect::<Vec<_>>());
    assert_eq!(ledger(&server, "c").await["collections"][0]["missing"], json!([]));
}

#[tokio::test]
async fn a_duplicated_page_holds_the_records_of_the_page_before() {
    let server = Server::calm().await;
    let first = server.get("/orders?page=1&page_size=5").await.json();
    let order = [("x-fault", "duplicate-page")];
    let second = server.request("GET", "/orders?page=2&page_size=5", &order, b"").await.json();
    assert_eq!((&second["page"], &second["items"]), (&json!(2), &first["items"]));
}

#[tokio::test]
async fn a_profile_can_be_changed_at_run_time_and_a_wrong_one_is_refused() {
    let server = Server::calm().await;
    let put = async |target: &str, body: &str| server.request("PUT", target, &[], body.as_bytes()).await;
    assert_eq!(put("/admin/profile/flaky", "").await.json()["name"], json!("flaky"));
    assert_eq!(server.get("/admin/profile").await.json()["name"], json!("flaky"));
    let all_fail = r#"{"name":"dead","errors":{"share":1,"statuses":[418]}}"#;
    assert_eq!(put("/admin/profile", all_fail).await.status, 200);
    assert_eq!(server.get("/weather/x").await.status, 418);
    assert_eq!(server.get("/health").await.status, 200);
    for (body, field) in [
        (r#"{"reset":{"share":2}}"#, "reset"),
        (r#"{"errors":{"share":"x","statuses":[500]}}"#, "errors.share"),
        (r#"{"resets":{}}"#, "resets"),
        ("{", "body"),
    ] {
        let refused = put("/admin/profile", body).await;
        assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!(field)), "{body}");
    }
    assert_eq!(put("/admin/profile/none", "").await.json()["errors"][0]["field"], json!("name"));
    assert_eq!(server.get("/weather/x").await.status, 418, "a refused profile changes nothing");
}

/// A client that does everything wrong, each thing a known number of times.
#[tokio::test]
async fn the_ledger_tells_exactly_what_a_rude_client_did() {
    let server = Server::start(Config { orders: 100, ..Config::default() }).await;
    let rude = [("x-client-id", "rude")];
    let with = |order: &'static str| [("x-client-id", "rude"), ("x-fault", order)];
    let mut bytes = 0;
    // It reads pages 1, 2, 2 and 5 of ten.
    for page in [1, 2, 2, 5] {
        bytes += get_as(&server, "rude", &format!("/orders?page={page}&page_size=10")).await.body.len();
    }
    // It needs three attempts for one city, and asks for it once more.
    for order in ["status=500", "status=503", "none", "none"] {
        bytes += server.request("GET", "/weather/a", &with(order), b"").await.body.len();
    }
    // It is cut off and does not come back; it is reset and does come back.
    server.exchange(&request_bytes("GET", "/weather/b", &with("reset"), b"")).await;
    let raw = server.exchange(&request_bytes("GET", "/weather/c", &with("truncate"), b"")).await;
    bytes += Answer::parse(&raw).unwrap().body.len();
    bytes += server.request("GET", "/weather/c", &rude, b"").await.body.len();
    // It gets half a value, and takes it for a whole one.
    bytes += server.request("GET", "/weather/d", &with("malformed-json"), b"").await.body.len();
    // It walks away from a large file.
    let mut stream = server.connect().await;
    stream.write_all(&request_bytes("GET", "/download/large?size=1000000000", &rude, b"")).await.unwrap();
    let mut some = vec![0; 100_000];
    stream.read_exact(&mut some).await.unwrap();
    drop(stream);
    // It asks for what does not exist.
    bytes += server.request("GET", "/orders?page=x", &rude, b"").await.body.len();

    // The server learns of the walk when its next write fails: wait for that, with a deadline.
    let deadline = Instant::now() + DEADLINE;
    let record = loop {
        let record = ledger(&server, "rude").await;
        if record["cut_short"] == json!(3) {
            break record;
        }
        assert!(Instant::now() < deadline, "{record}");
        // sleep: the pause between two looks.
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let expected = json!({
        "client": "rude", "requests": 14, "complete": 11, "cut_short": 3, "retries": 3, "duplicates": 2,
        "limit_violations": 0, "impatient_retries": 0, "targets": 9, "targets_never_served": 4,
        "never_served": ["/download/large?size=1000000000", "/orders?page=x", "/weather/b", "/weather/d"],
        "others": {"422": 1, "500": 1, "503": 1, "malformed_json": 1, "reset": 1, "truncate": 1},
        "collections": [{
            "view": "orders", "total": 100, "distinct": 30, "repeated": 10, "missing": [[20, 40], [50, 100]],
            "missing_pages": [3, 4, 6, 7, 8, 9, 10],
        }],
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&record[key], value, "{key}: {record}");
    }
    // What was sent of the file before the server noticed is not known to the client; the rest is.
    let counted = record["bytes"].as_u64().unwrap();
    let known = bytes as u64;
    assert!((known + 100_000..known + 100_000_000).contains(&counted), "{counted}, known {known}");

    server.request("POST", "/admin/reset", &[], b"").await;
    assert_eq!(server.get("/admin/ledger").await.json(), json!({"clients": []}));
}

#[tokio::test]
async fn clients_without_a_name_are_told_apart_by_their_address() {
    let server = Server::calm().await;
    server.get("/weather/x").await;
    server.get("/weather/x").await;
    let record = ledger(&server, "127.0.0.1").await;
    assert_eq!((&record["requests"], &record["duplicates"]), (&json!(2), &json!(1)));
}
