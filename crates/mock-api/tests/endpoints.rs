//! The endpoints over a real loopback socket.

mod loopback;

use loopback::{DEADLINE, Server};
use mock_api::Config;
use serde_json::json;
use tokio::io::AsyncReadExt;

/// Asks for a target, and checks the status and the field that a problem names.
async fn check_refused(server: &Server, target: &str, status: u16, field: Option<&str>) {
    let answer = server.get(target).await;
    assert_eq!(answer.status, status, "{target}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{target}");
    assert_eq!(answer.json()["status"], json!(status), "{target}");
    if let Some(field) = field {
        assert_eq!(answer.json()["errors"][0]["field"], json!(field), "{target}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_weather_of_a_city_is_decided_by_the_seed_and_the_city() {
    let (server, again) = (Server::calm().await, Server::calm().await);
    let other = Server::start(Config { seed: 43, ..Config::default() }).await;
    let lisbon = server.get("/weather/Lisboa").await;
    assert_eq!(lisbon.status, 200);
    assert_eq!(lisbon.header("content-type"), Some("application/json"));
    assert_eq!(lisbon.body, again.get("/weather/Lisboa").await.body);
    assert_ne!(lisbon.body, other.get("/weather/Lisboa").await.body);
    assert_ne!(lisbon.json()["humidity_pct"], server.get("/weather/Porto").await.json()["humidity_pct"]);
    server.stop().await;
}

#[tokio::test]
async fn any_city_name_works_also_one_with_spaces_accents_and_slashes() {
    let server = Server::calm().await;
    for (target, name) in [
        ("/weather/S%C3%A3o%20Paulo", "São Paulo"),
        ("/weather/a%2Fb", "a/b"),
        ("/weather/%22%5C%0A", "\"\\\n"),
        ("/weather/0", "0"),
    ] {
        let answer = server.get(target).await;
        assert_eq!((answer.status, &answer.json()["city"]), (200, &json!(name)), "{target}");
    }
}

#[tokio::test]
async fn orders_come_in_pages_that_cover_them_once() {
    let server = Server::start(Config { orders: 45, ..Config::default() }).await;
    let mut ids = Vec::new();
    for page in 1..=3 {
        let answer = server.get(&format!("/orders?page={page}&page_size=20")).await.json();
        assert_eq!((&answer["total"], &answer["pages"]), (&json!(45), &json!(3)));
        ids.extend(answer["items"].as_array().unwrap().iter().map(|o| o["order_id"].as_u64().unwrap()));
    }
    assert_eq!(ids, (1..=45).collect::<Vec<_>>());
    assert_eq!(server.get("/orders?page=4&page_size=20").await.json()["items"], json!([]));
    assert!(server.get("/orders").await.text().starts_with(r#"{"items":[{"#));
}

#[tokio::test]
async fn a_delayed_answer_comes_after_the_delay_and_echoes_n() {
    let server = Server::calm().await;
    let asked = std::time::Instant::now();
    let answer = server.get("/delay/50?n=17").await;
    assert!(asked.elapsed().as_millis() >= 50);
    assert_eq!(answer.text(), r#"{"ms":50,"n":17}"#);
    assert_eq!(server.get("/delay/0").await.text(), r#"{"ms":0,"n":null}"#);
}

#[tokio::test]
async fn what_cannot_be_served_is_a_problem_that_names_the_field() {
    let server = Server::calm().await;
    check_refused(&server, "/orders?page=0", 422, Some("page")).await;
    check_refused(&server, "/orders?page=x", 422, Some("page")).await;
    check_refused(&server, "/orders?page=1&page=2", 422, Some("page")).await;
    check_refused(&server, "/orders?page_size=1001", 422, Some("page_size")).await;
    check_refused(&server, "/orders?page_size=-1", 422, Some("page_size")).await;
    check_refused(&server, "/delay/60001", 422, Some("ms")).await;
    check_refused(&server, "/delay/soon", 422, Some("ms")).await;
    check_refused(&server, "/delay/1?n=many", 422, Some("n")).await;
    check_refused(&server, "/weather/%FF", 422, Some("city")).await;
    check_refused(&server, "/no/such/path", 404, None).await;
    check_refused(&server, "/weather", 404, None).await;
    let refused = server.request("POST", "/health", &[], b"").await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")));
}

#[tokio::test]
async fn a_stopping_server_lets_an_open_request_finish() {
    let server = Server::calm().await;
    let address = server.address;
    let mut stream = server.connect().await;
    let request = loopback::request_bytes("GET", "/delay/300", &[], b"");
    tokio::io::AsyncWriteExt::write_all(&mut stream, &request).await.unwrap();
    // The request is being served once the server has read it: a second connection's answer proves that time has passed
    // for the first, which was accepted before it.
    server.get("/health").await;
    let stopped = server.ask_to_stop();
    let mut raw = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut raw)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&raw).ends_with(r#"{"ms":300,"n":null}"#));
    tokio::time::timeout(DEADLINE, stopped).await.unwrap().unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_stopping_server_drops_what_is_still_open_at_its_deadline() {
    let deadline = std::time::Duration::from_millis(100);
    let server = Server::start(Config { shutdown_deadline: deadline, ..Config::default() }).await;
    let mut stream = server.connect().await;
    let request = loopback::request_bytes("GET", "/delay/60000", &[], b"");
    tokio::io::AsyncWriteExt::write_all(&mut stream, &request).await.unwrap();
    server.get("/health").await;
    server.stop().await;
}
