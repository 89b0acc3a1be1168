//! The endpoints over a real loopback socket.

mod loopback;

use std::time::Duration;

use loopback::{DEADLINE, Server};
use mock_api::Config;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    check_refused(&server, "/weather", 422, Some("cities")).await;
    check_refused(&server, "/weather?cities=,", 422, Some("cities")).await;
    check_refused(&server, "/orders?page=1&limit=2", 422, Some("page")).await;
    check_refused(&server, "/orders?cursor=start&offset=2", 422, Some("offset")).await;
    check_refused(&server, "/orders?cursor=0123456789abcdef0123456789abcdef", 422, Some("cursor")).await;
    check_refused(&server, "/orders?sort=colour", 422, Some("sort")).await;
    check_refused(&server, "/status/99", 422, Some("code")).await;
    check_refused(&server, "/bytes/10485761", 422, Some("n")).await;
    check_refused(&server, "/drip?bytes=0", 422, Some("bytes")).await;
    check_refused(&server, "/api/v1/localidades/estados?orderBy=idade", 422, Some("orderBy")).await;
    let refused = server.request("POST", "/health", &[], b"").await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")));
}

#[tokio::test]
async fn a_stopping_server_lets_an_open_request_finish() {
    let server = Server::calm().await;
    let address = server.address;
    let mut stream = server.connect().await;
    let request = loopback::request_bytes("GET", "/delay/300", &[], b"");
    stream.write_all(&request).await.unwrap();
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
    let deadline = Duration::from_millis(100);
    let server = Server::start(Config { shutdown_deadline: deadline, ..Config::default() }).await;
    let mut stream = server.connect().await;
    let request = loopback::request_bytes("GET", "/delay/60000", &[], b"");
    stream.write_all(&request).await.unwrap();
    server.get("/health").await;
    server.stop().await;
}

#[tokio::test]
async fn the_four_ways_to_page_show_the_same_records() {
    let server = Server::start(Config { orders: 50, ..Config::default() }).await;
    let by_page = server.get("/orders?page=2&page_size=20").await.json()["items"].clone();
    let by_offset = server.get("/orders?offset=20&limit=20").await.json();
    assert_eq!((&by_offset["items"], &by_offset["total"]), (&by_page, &json!(50)));
    let start = server.get("/orders?cursor=start&limit=20").await.json();
    let cursor = start["next_cursor"].as_str().unwrap();
    let by_cursor = server.get(&format!("/orders?cursor={cursor}&limit=20")).await.json();
    assert_eq!(by_cursor["items"], by_page);
    let linked = server.get("/orders?page=2&per_page=20").await;
    assert_eq!(linked.json(), by_page);
    assert_eq!(
        linked.header("link").unwrap(),
        "</orders?page=1&per_page=20>; rel=\"first\", </orders?page=3&per_page=20>; rel=\"last\", \
         </orders?page=1&per_page=20>; rel=\"prev\", </orders?page=3&per_page=20>; rel=\"next\""
    );
    let last = server.get("/orders?page=3&per_page=20").await;
    assert!(!last.header("link").unwrap().contains("next"));
    assert_eq!(last.json().as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn a_filter_and_an_order_choose_what_a_scan_would_choose() {
    let server = Server::start(Config { orders: 500, ..Config::default() }).await;
    let all = server.get("/orders?limit=500").await.json()["items"].as_array().unwrap().clone();
    let mut expected: Vec<_> = all.iter().filter(|o| o["uf"] == "SP" && o["status"] == "delivered").collect();
    expected.sort_by_key(|order| std::cmp::Reverse(order["unit_price_cents"].as_i64()));
    let target = "/orders?uf=SP&status=delivered&sort=-unit_price_cents&limit=1000";
    let chosen = server.get(target).await.json();
    assert_eq!(chosen["items"].as_array().unwrap().iter().collect::<Vec<_>>(), expected);
    assert!(expected.len() > 20);
    assert_eq!(server.get("/orders?status=lost").await.json()["total"], json!(0));
}

#[tokio::test]
async fn customers_and_products_are_those_that_the_orders_name() {
    let server = Server::start(Config { orders: 2_000, ..Config::default() }).await;
    let orders = server.get("/orders?offset=1000&limit=50").await.json();
    let (customers, products) = (server.get("/customers").await.json(), server.get("/products").await.json());
    assert_eq!((&customers["total"], &products["total"]), (&json!(1_250), &json!(5_000)));
    for order in orders["items"].as_array().unwrap() {
        let at = |id: &str| order[id].as_u64().unwrap() - 1;
        let customer = server.get(&format!("/customers?offset={}&limit=1", at("customer_id"))).await.json();
        assert_eq!(
            (&customer["items"][0]["customer_id"], &customer["items"][0]["uf"]),
            (&order["customer_id"], &order["uf"])
        );
        let product = server.get(&format!("/products?offset={}&limit=1", at("product_id"))).await.json();
        assert_eq!(product["items"][0]["category"], order["category"]);
    }
    let sorted = server.get("/products?sort=-name&per_page=1000").await.json();
    let names: Vec<&str> = sorted.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted_by(|a, b| a >= b) && names.len() == 1_000);
}

#[tokio::test]
async fn a_cursor_expires_and_belongs_to_its_filter() {
    let config = Config { cursor_ttl: Duration::from_millis(1), ..Config::default() };
    let server = Server::start(config).await;
    let cursor = server.get("/orders?cursor=start").await.json()["next_cursor"].as_str().unwrap().to_owned();
    // sleep: the cursor lives for a millisecond of real time, and time must pass.
    tokio::time::sleep(Duration::from_millis(5)).await;
    check_refused(&server, &format!("/orders?cursor={cursor}"), 410, Some("cursor")).await;
    check_refused(&server, &format!("/orders?cursor={cursor}&uf=SP"), 422, Some("cursor")).await;
}

#[tokio::test]
async fn the_small_endpoints_do_what_their_names_say() {
    let server = Server::calm().await;
    assert_eq!(server.get("/status/503").await.status, 503);
    assert_eq!(server.get("/status/204").await.body.len(), 0);
    assert_eq!(server.get("/bytes/1000").await.body.len(), 1_000);
    assert_eq!(server.get("/drip?bytes=100&duration_ms=20").await.body.len(), 100);
    let lines = server.get("/stream/150").await.text();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["order_id"].as_u64().unwrap();
    assert_eq!(lines.lines().map(id).collect::<Vec<_>>(), (1..=150).collect::<Vec<_>>());
    let events =
        server.request("GET", "/sse?events=3&every_ms=1", &[("last-event-id", "1")], b"").await.text();
    assert_eq!(events.matches("\n\n").count(), 2);
    assert!(events.starts_with("id: 2\nevent: order\ndata: {\"order_id\":2,"));
    let cities = server.get("/weather?cities=Lisboa,%20Porto").await.json();
    assert_eq!(cities["items"][1], server.get("/weather/Porto").await.json());
}

#[tokio::test]
async fn echo_tells_the_request_as_it_arrived_and_refuses_a_large_body() {
    let server = Server::calm().await;
    let echo = server.request("POST", "/echo?a=1&a=%C3%A9", &[("x-one", "1")], b"hello").await.json();
    assert_eq!((&echo["method"], &echo["query"]), (&json!("POST"), &json!([["a", "1"], ["a", "é"]])));
    assert_eq!((&echo["headers"]["x-one"], &echo["body"]), (&json!(["1"]), &json!("hello")));
    let told = server.request("POST", "/echo", &[("content-length", "2000000")], b"").await;
    assert_eq!((told.status, told.header("content-type")), (413, Some("application/problem+json")));

    let chunk = format!("{:x}\r\n{}\r\n", 700_000, "x".repeat(700_000));
    let head = loopback::request_bytes("POST", "/echo", &[("transfer-encoding", "chunked")], b"");
    let body = format!("{chunk}{chunk}0\r\n\r\n");
    let mut stream = server.connect().await;
    // The server may answer before it has read everything, and then a write fails; the answer is what counts.
    let _ = stream.write_all(&[head, body.into_bytes()].concat()).await;
    let mut raw = vec![0; 12];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut raw)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&raw), "HTTP/1.1 413");
}

#[tokio::test]
async fn the_localities_have_the_paths_and_shapes_of_ibge() {
    let server = Server::calm().await;
    let base = "/api/v1/localidades";
    let states = server.get(&format!("{base}/estados")).await;
    let first = r#"[{"id":11,"sigla":"RO","nome":"Rondônia","regiao":{"id":1,"sigla":"N","nome":"Norte"}},"#;
    assert!(states.text().starts_with(first), "{}", states.text());
    assert_eq!(states.json().as_array().unwrap().len(), 27);
    let cities = server.get(&format!("{base}/estados/MG/municipios")).await.json();
    assert_eq!(cities.as_array().unwrap().len(), 853);
    assert_eq!(cities[0]["regiao-imediata"]["regiao-intermediaria"]["UF"]["sigla"], "MG");
    let grosso = server.get(&format!("{base}/estados/51/municipios")).await.json();
    let new = grosso.as_array().unwrap().iter().find(|city| city["id"] == 5_101_837).unwrap();
    assert_eq!(new["microrregiao"], json!(null));
    let districts = server.get(&format!("{base}/municipios/5300108/distritos")).await.json();
    assert_eq!(districts[0]["municipio"]["id"], 5_300_108);
    assert_eq!(server.get(&format!("{base}/estados/XX")).await.text(), "[]");
    assert_eq!(server.get(&format!("{base}/municipios/1/distritos")).await.text(), "[]");
    let flat = server.get(&format!("{base}/estados/DF/municipios?view=nivelado")).await.json();
    assert_eq!((&flat[0]["municipio-id"], &flat[0]["UF-sigla"]), (&json!(5_300_108), &json!("DF")));
    let sorted = server.get(&format!("{base}/estados?orderBy=nome")).await.json();
    assert_eq!((&sorted[0]["sigla"], &sorted[26]["sigla"]), (&json!("AC"), &json!("TO")));
}

#[tokio::test]
async fn the_localities_come_compressed_for_who_accepts_it() {
    use std::io::Read as _;
    let server = Server::calm().await;
    let target = "/api/v1/localidades/estados/SP/municipios";
    let plain = server.get(target).await.body;
    let packed = server.request("GET", target, &[("accept-encoding", "br, gzip")], b"").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain && packed.body.len() * 4 < plain.len());
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask_and_read() {
    let server = Server::calm().await;
    let asked = [
        ("origin", "http://page.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "x-client-id"),
    ];
    let preflight = server.request("OPTIONS", "/orders", &asked, b"").await;
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-headers")),
        (204, Some("x-client-id"))
    );
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    let answer = server.request("GET", "/nowhere", &asked[..1], b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (404, Some("*")));
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_a_client_s_own_is_kept() {
    let server = Server::calm().await;
    let (first, second) = (server.get("/health").await, server.get("/nowhere").await);
    assert_ne!(first.header("x-request-id").unwrap(), second.header("x-request-id").unwrap());
    let own = server.request("GET", "/health", &[("x-request-id", "abc-1")], b"").await;
    assert_eq!(own.header("x-request-id"), Some("abc-1"));
}

#[tokio::test]
async fn the_metrics_count_by_route_and_status() {
    let server = Server::calm().await;
    for target in ["/weather/a", "/weather/b", "/weather/%FF", "/nowhere"] {
        server.get(target).await;
    }
    let text = server.get("/metrics").await.text();
    for line in [
        "mock_api_requests_total{route=\"/weather/{city}\",status=\"200\"} 2",
        "mock_api_requests_total{route=\"/weather/{city}\",status=\"422\"} 1",
        "mock_api_requests_total{route=\"(unknown)\",status=\"404\"} 1",
        "mock_api_request_seconds_count{route=\"/weather/{city}\"} 3",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_to_an_end_is_cut_off_and_holds_nobody_up() {
    let config = Config { client_timeout: Duration::from_millis(200), ..Config::default() };
    let server = Server::start(config).await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /health HTTP/1.1\r\nx-slow: ").await.unwrap();
        slow.push(stream);
    }
    assert_eq!(server.get("/health").await.status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is still open");
    }
}

#[tokio::test]
async fn an_answer_does_not_wait_for_a_slow_request_that_came_with_it() {
    let server = Server::calm().await;
    let mut stream = server.connect().await;
    // The server has unread bytes behind the slow request, too.
    let fast = "GET /health HTTP/1.1\r\nhost: test\r\n\r\n";
    let slow = "GET /echo HTTP/1.1\r\nhost: test\r\nx-fault: hang\r\n\r\n";
    stream.write_all([fast, slow, fast].concat().as_bytes()).await.unwrap();
    let mut first = [0; 15];
    let came = tokio::time::timeout(DEADLINE, stream.read_exact(&mut first)).await;
    came.expect("the first answer within the deadline").unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn the_description_names_every_path_and_the_pages_load_nothing_from_elsewhere() {
    let server = Server::calm().await;
    let description = server.get("/openapi.json").await.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."));
    let paths = description["paths"].as_object().unwrap();
    for path in ["/weather/{city}", "/orders", "/download/{name}", "/admin/ledger", "/metrics"] {
        assert!(paths.contains_key(path), "{path}");
    }
    assert_eq!(
        description["paths"]["/delay/{ms}"]["get"]["parameters"][0]["schema"]["maximum"],
        json!(60_000)
    );
    for page in ["/docs", "/redoc"] {
        let answer = server.get(page).await;
        assert!(answer.text().contains("/openapi.json"), "{page}");
        assert!(!answer.text().contains("cdn.redoc.ly/redoc/logo"), "{page}");
        assert!(
            answer.header("content-security-policy").unwrap().starts_with("default-src 'self'"),
            "{page}"
        );
    }
}

/// The ids of a page, whatever it is wrapped in.
fn ids(page: &Value) -> Vec<u64> {
    let items = if page.is_array() { page } else { &page["items"] };
    items.as_array().unwrap().iter().map(|order| order["order_id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_pagination_covers_a_collection_of_any_size_once_and_in_order_with_pages_of_any_size() {
    for orders in [0, 1, 7, 20, 41] {
        let server = Server::start(Config { orders, ..Config::default() }).await;
        let right: Vec<u64> = (1..=orders).collect();
        for size in [1, 2, 7, 20, 50] {
            let mut found = [const { Vec::new() }; 4];
            for page in 1..=orders.div_ceil(size) {
                found[0]
                    .extend(ids(&server.get(&format!("/orders?page={page}&page_size={size}")).await.json()));
                let offset = (page - 1) * size;
                found[1]
                    .extend(ids(&server.get(&format!("/orders?offset={offset}&limit={size}")).await.json()));
            }
            let mut cursor = Some("start".to_owned());
            while let Some(at) = cursor {
                let page = server.get(&format!("/orders?cursor={at}&limit={size}")).await.json();
                found[2].extend(ids(&page));
                cursor = page["next_cursor"].as_str().map(str::to_owned);
            }
            let mut next = Some(format!("/orders?page=1&per_page={size}"));
            while let Some(target) = next {
                let page = server.get(&target).await;
                found[3].extend(ids(&page.json()));
                let links = page.header("link").unwrap_or_default().split(", ");
                let link =
                    links.filter_map(|link| link.split_once(">; rel=")).find(|link| link.1 == "\"next\"");
                next = link.map(|(target, _)| target.trim_start_matches('<').to_owned());
            }
            for (style, found) in ["page", "offset", "cursor", "link"].iter().zip(found) {
                assert_eq!(found, right, "{orders} orders by {style}, {size} at a time");
            }
        }
    }
}
