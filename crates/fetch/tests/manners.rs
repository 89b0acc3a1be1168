//! What the client does when the other side behaves, and when it does not.

mod faulty;

use std::time::{Duration, Instant};

use faulty::{CONNECTIONS, Faulty, closed_port};
use fetch::{Answer, Ask, Circuit, Client, Failed, FetchError, Flow, Fuse, Manners, Phase, Target};

fn hasty() -> Manners {
    Manners {
        read: Duration::from_millis(300),
        whole: Duration::from_secs(5),
        max_body: 100_000,
        retries: 2,
        first_pause: Duration::from_millis(5),
        ..Manners::default()
    }
}

fn get(url: &str, manners: Manners) -> Result<Answer, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Client::new(manners).unwrap().get(&Target::parse(url).unwrap()))
}

/// Asks for a path that fails for good, and checks how, and how often it was tried.
#[track_caller]
fn check(path: &str, class: &str, attempts: u32) -> FetchError {
    let server = Faulty::start();
    let failed = get(&server.url(path), hasty()).unwrap_err();
    assert_eq!((failed.error.class(), failed.attempts), (class, attempts), "{failed}");
    assert!(!failed.error.hint().is_empty());
    failed.error
}

#[test]
fn a_whole_answer_comes_with_its_status_and_body() {
    let server = Faulty::start();
    let answer = get(&server.url("/ok"), hasty()).unwrap();
    assert_eq!((answer.status, &answer.body[..], answer.attempts), (200, &b"{\"ok\":true}"[..], 1));
}

#[test]
fn a_port_on_which_nobody_listens_is_a_failure_to_connect() {
    let failed = get(&closed_port(), hasty()).unwrap_err();
    assert_eq!((failed.error.class(), failed.attempts), ("connect", 3));
    assert!(failed.to_string().contains("refused"), "{failed}");
}

#[test]
fn a_body_that_ends_early_is_an_error_and_never_an_answer() {
    let error = check("/truncated", "truncated", 3);
    assert_eq!(error, FetchError::Truncated { received: 8, announced: Some(100) });
    check("/truncated-chunks", "truncated", 3);
}

#[test]
fn a_connection_that_ends_before_the_answer_is_lost() {
    check("/closes", "lost", 3);
    check("/reset", "lost", 3);
}

#[test]
fn silence_is_given_up_at_the_read_deadline() {
    for path in ["/hangs", "/hangs-half-way"] {
        let error = check(path, "timeout", 3);
        assert_eq!(error, FetchError::Timeout { phase: Phase::Read, limit: hasty().read });
    }
}

#[test]
fn a_server_that_drips_for_ever_is_given_up_at_the_whole_deadline() {
    let server = Faulty::start();
    let manners = Manners { whole: Duration::from_millis(500), ..hasty() };
    let started = Instant::now();
    let failed = get(&server.url("/drips"), manners).unwrap_err();
    assert!(matches!(failed.error, FetchError::Timeout { phase: Phase::Whole, .. }), "{failed}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_refusal_that_may_pass_is_asked_again_and_another_is_not() {
    let server = Faulty::start();
    assert_eq!(get(&server.url("/flaky"), hasty()).unwrap().attempts, 3);
    assert_eq!(get(&server.url("/truncated-once"), hasty()).unwrap().attempts, 2);
    check("/missing", "status", 1);
    assert_eq!(get(&server.url("/flaky2"), Manners { retries: 0, ..hasty() }).unwrap().attempts, 1);
}

#[test]
fn the_pause_that_the_server_asks_for_is_kept() {
    let server = Faulty::start();
    let answer = get(&server.url("/busy-once"), hasty()).unwrap();
    assert_eq!(answer.attempts, 2);
    assert!(answer.elapsed >= Duration::from_secs(1), "{:?}", answer.elapsed);
}

#[test]
fn a_pause_past_the_deadline_is_not_begun() {
    let started = Instant::now();
    let error = check("/busy", "status", 1);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(error.hint().contains("3600 s"), "{}", error.hint());
}

#[tokio::test]
async fn an_answer_that_the_caller_cannot_read_is_asked_for_again() {
    let server = Faulty::start();
    let client = Client::new(hasty()).unwrap();
    let target = Target::parse(&server.url("/counted")).unwrap();
    let third = |answer: &Answer| {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if body.contains("\"time\":3") { Ok(body) } else { Err("it is not the third".to_owned()) }
    };
    assert!(client.get_as(&target, None, third).await.is_ok());
    let failed = client.get_as(&target, None, third).await.unwrap_err();
    assert_eq!((failed.error.class(), failed.attempts), ("malformed", 3));
    assert!(failed.to_string().contains("it is not the third"), "{failed}");
}

#[tokio::test]
async fn the_callers_own_deadline_holds_where_it_is_earlier() {
    let server = Faulty::start();
    let client = Client::new(hasty()).unwrap();
    let (target, started) = (Target::parse(&server.url("/drips")).unwrap(), Instant::now());
    let until = Some(started + Duration::from_millis(100));
    let failed = client.get_as(&target, until, |_| Ok(())).await.unwrap_err();
    assert!(matches!(failed.error, FetchError::Timeout { phase: Phase::Whole, .. }), "{failed}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn header_fields_and_other_statuses_are_as_the_caller_says() {
    let server = Faulty::start();
    let manners = Manners { also_retried: vec![404], ..hasty() };
    let client = Client::with_headers(manners, &[("x-client-id", "someone")]).unwrap();
    let answer = client.get(&Target::parse(&server.url("/credentials")).unwrap()).await.unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains("x-client-id: someone"));
    let failed = client.get(&Target::parse(&server.url("/missing")).unwrap()).await.unwrap_err();
    assert_eq!(failed.attempts, 3);
    assert!(Client::with_headers(hasty(), &[("no field", "")]).is_err());
}

#[tokio::test]
async fn a_server_that_is_gone_is_left_alone_and_found_again() {
    let fuse = Fuse { failures: 3, first_pause: Duration::from_millis(200), ..Fuse::default() };
    let circuit = Circuit::new(fuse);
    let client = |retries| {
        let manners = Manners { retries, ..hasty() };
        Client::new(manners).unwrap().guarded_by(circuit.clone())
    };
    let gone = Target::parse(&closed_port()).unwrap();
    for _ in 0..3 {
        assert_eq!(client(0).get(&gone).await.unwrap_err().error.class(), "connect");
    }
    assert_eq!(circuit.flow(), Flow::Open);
    // With less time than the pause nobody waits for its end, and nobody is asked.
    let soon = Some(Instant::now() + Duration::from_millis(100));
    let failed = client(2).get_as(&gone, soon, |_| Ok(())).await.unwrap_err();
    assert_eq!(failed.error.class(), "open");
    // With more time it is, and then the server is there again.
    let server = Faulty::start();
    let answer = client(2).get(&Target::parse(&server.url("/ok")).unwrap()).await.unwrap();
    assert!(answer.status == 200 && circuit.flow() == Flow::Closed);
}

#[test]
fn what_is_not_http_is_said_to_be_so() {
    check("/garbage", "protocol", 1);
}

#[test]
fn a_body_over_the_limit_is_not_read_further() {
    check("/announces-much", "too-large", 1);
    check("/chunks-much", "too-large", 1);
}

#[tokio::test]
async fn a_body_that_is_read_as_it_comes_ends_at_the_limit_too() {
    let server = Faulty::start();
    let client = Client::new(hasty()).unwrap();
    let target = |path: &str| Target::parse(&server.url(path)).unwrap();
    let refused = client.open(&target("/announces-much"), &Ask::default(), None).await.unwrap_err();
    assert_eq!(refused, FetchError::TooLarge { limit: 100_000 });
    let mut incoming = client.open(&target("/chunks-much"), &Ask::default(), None).await.unwrap();
    let mut came = 0;
    let error = loop {
        match incoming.next().await {
            Ok(piece) => came += piece.expect("it never ends").len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error, FetchError::TooLarge { limit: 100_000 });
    assert!(came <= 100_000, "{came}");
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let server = Faulty::start();
    assert_eq!(&get(&server.url("/moved"), hasty()).unwrap().body[..], b"{\"ok\":true}");
    check("/around", "redirect", 1);
}

#[test]
fn what_is_no_success_and_no_fault_of_the_server_is_not_called_one() {
    let told = |path: &str, class: &str| {
        let error = check(path, class, 1);
        let told = format!("{error}; {}", error.hint());
        assert!(!told.contains("fault") && !told.contains("s3cr3t"), "{told}");
        told
    };
    assert!(
        told("/nowhere", "redirect").contains("301") && told("/nowhere", "redirect").contains("`Location`")
    );
    assert!(told("/elsewhere", "redirect").contains("ftp"));
    assert!(told("/unchanged", "status").contains("nothing was kept"));
    assert!(told("/choices", "status").contains("choose one"));
    assert!(told("/compress", "encoding").contains("`compress`"));
    let server = Faulty::start();
    let failed = get(&server.url("/moved"), Manners { redirects: 0, ..hasty() }).unwrap_err();
    assert!(failed.to_string().contains("redirects are not followed here"), "{failed}");
}

#[test]
fn an_answer_that_is_no_success_keeps_what_the_server_said() {
    let FetchError::Status { status, retry_after, refusal } = check("/busy", "status", 1) else {
        panic!("a status")
    };
    assert_eq!((status, retry_after, &refusal.body[..]), (503, Some(Duration::from_hours(1)), &b"later"[..]));
    assert_eq!(refusal.fields, [("retry-after".to_owned(), "3600".to_owned())]);
    assert!(refusal.limit && !refusal.cut);
}

#[tokio::test]
async fn a_redirect_to_another_server_tells_it_no_secret() {
    let (one, other) = (Faulty::start(), Faulty::start());
    let fields =
        [("authorization", "Bearer s3cr3t"), ("x-api-key", "s3cr3t-0123456789"), ("x-client-id", "someone")];
    let client = Client::with_headers(hasty(), &fields).unwrap();
    for (server, told) in [(&one, true), (&other, false)] {
        let url = one.url(&format!("/to?{}", server.url("/credentials")));
        let answer = client.get(&Target::parse(&url).unwrap()).await.unwrap();
        let head = String::from_utf8_lossy(&answer.body);
        assert!(head.contains("x-client-id: someone"), "{head}");
        assert_eq!(head.contains("s3cr3t"), told, "{head}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_the_server_left_is_replaced() {
    let server = Faulty::start();
    let client = Client::new(Manners { retries: 0, ..hasty() }).unwrap();
    let get = async |path: &str| client.get(&Target::parse(&server.url(path)).unwrap()).await.unwrap();
    for _ in 0..3 {
        get("/kept").await;
    }
    assert_eq!(server.asked(CONNECTIONS), 1);
    for _ in 0..20 {
        get("/leaves").await;
        // sleep: the time that the news takes of the end that the server made.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.asked("/leaves"), 20);
}

#[test]
fn credentials_in_a_url_reach_the_server_and_no_error() {
    let server = Faulty::start();
    let url = server.url("/credentials").replace("http://", "http://me:s3cr3t@");
    let answer = get(&url, hasty()).unwrap();
    // The base64 form of `me:s3cr3t`, as `base64` prints it, in lower case.
    let head = String::from_utf8_lossy(&answer.body);
    assert!(head.contains("authorization: basic bwu6cznjcjn0"), "{head}");
    for path in ["/missing", "/truncated", "/closes", "/hangs", "/around", "/garbage"] {
        let failed = get(&url.replace("/credentials", path), Manners { retries: 0, ..hasty() }).unwrap_err();
        assert!(!format!("{failed} {failed:?}").contains("s3cr3t"), "{failed:?}");
    }
    let refused = closed_port().replace("http://", "http://me:s3cr3t@");
    let failed = get(&refused, Manners { retries: 0, ..hasty() }).unwrap_err();
    assert!(!format!("{failed} {failed:?}").contains("s3cr3t"), "{failed:?}");
}

#[test]
fn a_client_of_its_own_for_every_thread_is_cheap() {
    let count = 200_u32;
    let started = Instant::now();
    for _ in 0..count {
        Client::new(Manners::default()).unwrap();
    }
    let each = started.elapsed() / count;
    eprintln!("a client takes {each:?}");
    assert!(each < Duration::from_millis(1), "{each:?}");
}
