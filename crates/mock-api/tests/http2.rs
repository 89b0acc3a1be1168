//! HTTP/2 over a real loopback socket: many requests share a connection, and a fault of one is not the others'.

mod loopback;

use axum::body::Body;
use axum::http::{Request, Version};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use loopback::{DEADLINE, Server};

/// One connection of HTTP/2, without the talk of HTTP/1.1 before it.
async fn connect(server: &Server) -> SendRequest<Body> {
    let stream = TokioIo::new(server.connect().await);
    let (requests, connection) = handshake(TokioExecutor::new(), stream).await.expect("HTTP/2 is spoken");
    tokio::spawn(connection);
    requests
}

/// Sends a request for a target, perhaps with a fault ordered, and returns the answer's status and body.
async fn get(mut requests: SendRequest<Body>, target: &str, fault: &str) -> Result<(u16, Vec<u8>), String> {
    let request = Request::get(format!("http://test{target}")).header("x-fault", fault).body(Body::empty());
    let exchange = async {
        let response =
            requests.send_request(request.unwrap()).await.map_err(|error| format!("no head: {error}"))?;
        assert_eq!(response.version(), Version::HTTP_2);
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(Body::new(response.into_body()), usize::MAX).await;
        Ok((status, body.map_err(|error| format!("no body: {error}"))?.to_vec()))
    };
    tokio::time::timeout(DEADLINE, exchange).await.expect("an answer within the deadline")
}

#[tokio::test]
async fn requests_of_one_connection_are_answered_together_and_as_over_http_1() {
    let server = Server::calm().await;
    let requests = connect(&server).await;
    let started = std::time::Instant::now();
    let delays = (0..40).map(|n| {
        let requests = requests.clone();
        async move { get(requests, &format!("/delay/50?n={n}"), "none").await }
    });
    for (n, answer) in futures::future::join_all(delays).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), (200, format!(r#"{{"ms":50,"n":{n}}}"#).into_bytes()));
    }
    // One after another, 40 delays of 50 ms would take two seconds.
    assert!(started.elapsed().as_millis() < 1_000, "{:?}", started.elapsed());
    let weather = get(requests, "/weather/Lisboa", "none").await.unwrap();
    assert_eq!(weather.1, server.get("/weather/Lisboa").await.body);
}

#[tokio::test]
async fn a_reset_ends_its_own_stream_and_no_other() {
    let server = Server::calm().await;
    let requests = connect(&server).await;
    let slow = tokio::spawn(get(requests.clone(), "/delay/100", "none"));
    assert!(get(requests.clone(), "/weather/Lisboa", "reset").await.is_err());
    assert!(get(requests.clone(), "/bytes/1000", "truncate").await.unwrap_err().starts_with("no body"));
    assert_eq!(slow.await.unwrap().unwrap().0, 200);
    assert_eq!(get(requests, "/status/204", "none").await.unwrap().0, 204);
}
