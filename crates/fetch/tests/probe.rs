//! What a probe says of a target's time is the target's, whatever else its program does.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use fetch::{FetchError, Phase, Probe, Prober, Probing, Target};
use tokio::runtime::Builder;

fn probing() -> Probing {
    Probing {
        timeout: Duration::from_secs(5),
        keep: 100,
        head: false,
        fields: vec![("x-a".into(), "b".into())],
    }
}

/// A server that answers one request after `delay` with these bytes, and returns what it was asked.
fn answer(delay: Duration, bytes: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://me:s%20c@{}/a?b", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = vec![0; 4_096];
        let count = stream.read(&mut asked).unwrap();
        // sleep: the time that the server takes.
        std::thread::sleep(delay);
        let _ = stream.write_all(bytes);
        String::from_utf8_lossy(&asked[..count]).to_lowercase()
    });
    (base, thread)
}

/// Probes, while the event loop is held up for `busy` as soon as the request is out.
fn probe(url: &str, busy: Duration) -> Probe {
    let runtime =
        Builder::new_current_thread().enable_all().on_thread_unpark(fetch::note_waking).build().unwrap();
    let (prober, target) = (Prober::new(probing()).unwrap(), Target::parse(url).unwrap());
    runtime.block_on(async {
        let hold_up = async {
            // sleep: until the request is out, and the answer is not yet there.
            tokio::time::sleep(Duration::from_millis(50)).await;
            // sleep: work that holds up the event loop.
            std::thread::sleep(busy);
        };
        tokio::join!(prober.probe(&target), hold_up).0
    })
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";

#[test]
fn a_body_that_is_looked_at_is_decoded_and_its_length_is_that_of_what_came() {
    let encoded: &'static [u8] = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 28\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xc9\x48\x55\x28\x49\xad\x28\x01\x00\xb7\x8b\x56\x76\x08\x00\x00\x00";
    let (url, server) = answer(Duration::ZERO, encoded);
    let probed = probe(&url, Duration::ZERO).outcome.unwrap();
    server.join().unwrap();
    assert_eq!((&probed.body[..], probed.length), (&b"the text"[..], 28));
}

#[test]
fn phases_add_up_and_the_request_is_what_was_asked_for() {
    let (url, server) = answer(Duration::from_millis(80), OK);
    let found = probe(&url, Duration::ZERO);
    let probed = found.outcome.unwrap();
    assert_eq!((probed.status, &probed.body[..], probed.length), (200, &b"abc"[..], 3));
    assert!(found.phases.first_byte >= Duration::from_millis(80), "{:?}", found.phases);
    assert!(found.phases.total >= found.phases.connect + found.phases.first_byte, "{:?}", found.phases);
    let asked = server.join().unwrap();
    for part in
        ["get /a?b http/1.1\r\n", "x-a: b\r\n", "user-agent: paralelo/", "authorization: basic bwu6cybj\r\n"]
    {
        assert!(asked.contains(part), "{asked}");
    }
}

#[test]
fn a_stall_of_our_own_is_not_charged_to_the_target() {
    // The answer comes at 100 ms, and until 450 ms nobody reads it.
    let (url, server) = answer(Duration::from_millis(100), OK);
    let found = probe(&url, Duration::from_millis(400));
    server.join().unwrap();
    assert!(found.outcome.is_ok(), "{found:?}");
    assert!(found.phases.first_byte >= Duration::from_millis(100), "{found:?}");
    assert!(found.phases.total < Duration::from_millis(300), "{:?}", found.phases);
    assert!(found.unread > Duration::from_millis(200), "{:?}", found.unread);
}

#[test]
fn what_fails_says_how() {
    let failed = |delay: u64, bytes| {
        let (url, _server) = answer(Duration::from_millis(delay), bytes);
        probe(&url, Duration::ZERO).outcome.unwrap_err()
    };
    assert!(matches!(failed(0, b"SSH-2.0-x\r\n"), FetchError::Protocol { .. }));
    assert!(matches!(failed(0, b""), FetchError::Lost { .. }));
    assert!(matches!(
        failed(0, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
        FetchError::Truncated { .. }
    ));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = probe(&format!("http://{closed}/"), Duration::ZERO).outcome;
    assert!(matches!(outcome, Err(FetchError::Connect { .. })), "{outcome:?}");
    let outcome = probe(&format!("https://{closed}/"), Duration::ZERO).outcome;
    assert!(matches!(outcome, Err(FetchError::Connect { .. })), "{outcome:?}");
}

#[test]
fn a_probe_that_takes_too_long_ends_and_says_in_which_phase() {
    let (url, _server) = answer(Duration::from_millis(400), OK);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let prober = Prober::new(Probing { timeout: Duration::from_millis(100), ..probing() }).unwrap();
    let found = runtime.block_on(prober.probe(&Target::parse(&url).unwrap()));
    assert!(matches!(found.outcome, Err(FetchError::Timeout { phase: Phase::Read, .. })), "{found:?}");
    assert!(
        found.phases.connect > Duration::ZERO && found.phases.total >= Duration::from_millis(100),
        "{found:?}"
    );
}
