//! `/download/{name}` over a real socket: lengths, validators, ranges, digests and compression.

#![allow(clippy::single_range_in_vec_init, reason = "a list of one range is what is meant")]

mod loopback;

use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use loopback::{Answer, Server};
use serde_json::json;
use sha2::{Digest as _, Sha256};

const FILE: &str = "/download/report.bin?size=100000";

async fn get(server: &Server, headers: &[(&str, &str)]) -> Answer {
    server.request("GET", FILE, headers, b"").await
}

/// Asks for ranges, and checks the status and what came.
async fn check_ranges(server: &Server, ranges: &str, status: u16, parts: &[std::ops::Range<usize>]) {
    let whole = get(server, &[]).await.body;
    let answer = get(server, &[("range", ranges)]).await;
    assert_eq!(answer.status, status, "{ranges}");
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string(), "{ranges}");
    if let [part] = parts {
        assert_eq!(answer.body, whole[part.clone()], "{ranges}");
        if status == 206 {
            let expected = format!("bytes {}-{}/100000", part.start, part.end - 1);
            assert_eq!(answer.header("content-range"), Some(expected.as_str()));
        }
        return;
    }
    let kind = answer.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect(kind);
    let mut expected = Vec::new();
    for part in parts {
        let head = format!(
            "\r\n--{boundary}\r\ncontent-type: application/octet-stream\r\ncontent-range: bytes {}-{}/100000\r\n\r\n",
            part.start,
            part.end - 1
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&whole[part.clone()]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(answer.body == expected, "{ranges}");
}

#[tokio::test]
async fn a_file_comes_with_its_length_its_validator_and_its_digest() {
    let server = Server::calm().await;
    let answer = get(&server, &[]).await;
    assert_eq!((answer.status, answer.body.len()), (200, 100_000));
    assert_eq!(answer.header("content-length"), Some("100000"));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    let digest = answer.header("content-digest").unwrap();
    let base64 = digest.strip_prefix("sha-256=:").and_then(|rest| rest.strip_suffix(':')).unwrap();
    assert_eq!(BASE64_STANDARD.decode(base64).unwrap(), Sha256::digest(&answer.body).as_slice());
    assert_eq!(answer.header("repr-digest"), Some(digest));
    assert_ne!(answer.body, server.get("/download/other.bin?size=100000").await.body);
    let head = server.request("HEAD", FILE, &[], b"").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("100000"), 0));
}

#[tokio::test]
async fn ranges_give_exactly_the_parts_that_were_asked_for() {
    let server = Server::calm().await;
    check_ranges(&server, "bytes=0-0", 206, &[0..1]).await;
    check_ranges(&server, "bytes=99990-", 206, &[99_990..100_000]).await;
    check_ranges(&server, "bytes=-7", 206, &[99_993..100_000]).await;
    check_ranges(&server, "bytes=65530-65550", 206, &[65_530..65_551]).await;
    check_ranges(&server, "bytes=0-9, 50000-70000, -1", 206, &[0..10, 50_000..70_001, 99_999..100_000]).await;
    check_ranges(&server, "bytes=nonsense", 200, &[0..100_000]).await;
    let impossible = get(&server, &[("range", "bytes=100000-")]).await;
    assert_eq!((impossible.status, impossible.header("content-range")), (416, Some("bytes */100000")));
    assert_eq!(impossible.json()["errors"][0]["field"], json!("Range"));
}

#[tokio::test]
async fn the_digest_of_a_part_is_its_own_and_the_file_s_stands_beside_it() {
    let server = Server::calm().await;
    let whole = get(&server, &[]).await;
    let part = get(&server, &[("range", "bytes=10-19")]).await;
    let digest = part.header("content-digest").unwrap().trim_start_matches("sha-256=:").trim_end_matches(':');
    assert_eq!(BASE64_STANDARD.decode(digest).unwrap(), Sha256::digest(&whole.body[10..20]).as_slice());
    assert_eq!(part.header("repr-digest"), whole.header("repr-digest"));
}

#[tokio::test]
async fn validators_decide_between_the_whole_a_part_and_nothing() {
    let server = Server::calm().await;
    let etag = get(&server, &[]).await.header("etag").unwrap().to_owned();
    let ranged = |validator| [("range", "bytes=5-"), ("if-range", validator)];
    assert_eq!(get(&server, &ranged(etag.as_str())).await.status, 206);
    assert_eq!(get(&server, &ranged("\"another\"")).await.status, 200);
    let unchanged = get(&server, &[("if-none-match", &etag)]).await;
    assert_eq!(
        (unchanged.status, unchanged.body.len(), unchanged.header("etag")),
        (304, 0, Some(etag.as_str()))
    );
    assert_eq!(get(&server, &[("if-none-match", "\"another\"")]).await.status, 200);
    assert_eq!(get(&server, &[("if-match", "\"another\"")]).await.status, 412);
}

#[tokio::test]
async fn a_compressed_file_unpacks_to_the_same_bytes_and_has_no_ranges() {
    let server = Server::calm().await;
    let target = "/download/report.bin?size=100000&gzip=true";
    let headers = [("accept-encoding", "gzip"), ("range", "bytes=0-9")];
    let packed = server.request("GET", target, &headers, b"").await;
    assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")));
    assert_eq!(packed.header("accept-ranges"), Some("none"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == get(&server, &[]).await.body);
    let plain = server.request("GET", target, &[("accept-encoding", "gzip;q=0")], b"").await;
    assert_eq!((plain.header("content-encoding"), plain.body.len()), (None, 100_000));
}

#[tokio::test]
async fn the_end_of_a_terabyte_comes_at_once() {
    let server = Server::calm().await;
    let target = "/download/huge?size=1099511627776";
    let end = server.request("GET", target, &[("range", "bytes=-1000")], b"").await;
    assert_eq!((end.status, end.body.len()), (206, 1_000));
    let head = server.request("HEAD", target, &[], b"").await;
    assert_eq!(head.header("content-length"), Some("1099511627776"));
    assert_eq!(server.get("/download/huge?size=1099511627777").await.status, 422);
    assert_eq!(server.get("/download/empty?size=0").await.body.len(), 0);
}
