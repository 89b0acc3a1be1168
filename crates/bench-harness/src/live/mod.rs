//! `serve`: the newest report while its run goes on, and a form to start an exercise and watch its lanes fill.
//!
//! One page, one stream of server-sent events, one measurement at a time. The server listens on the loopback device alone,
//! and because any page in the user's browser can reach that too, it answers only requests that name it as their host, and
//! starts work only for JSON from its own page: a foreign page cannot send that without asking first, and is never told
//! yes.

mod page;
mod work;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{Stream, stream};
use lab::cli::End;
use lab::{Home, OrProblem, Problem};
use serving::serve::{Limits, Loops};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::cli::{Refused, ServeOptions};
use crate::discover::Found;
use crate::folder::RunFolder;
use crate::report::{self, Language};
use crate::run;
use work::{Bench, Order};

/// Messages that a slow page may be behind; it then misses the oldest.
const BEHIND: usize = 256;
/// Connections of one address: a browser has six, and one for each page that is open.
const CONNECTIONS: usize = 64;
/// How often the newest run is looked at for new cells.
const LOOK: Duration = Duration::from_millis(500);

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    exercises: Arc<[Found]>,
    bench: Arc<Bench>,
    messages: broadcast::Sender<String>,
    runs: PathBuf,
    /// The host names under which this server answers.
    hosts: Arc<[String]>,
}

/// Serves until Ctrl-C.
///
/// # Errors
/// No exercise program, or a port that is taken.
pub(crate) fn serve(options: &ServeOptions) -> Result<End, Refused> {
    let programs = run::programs(&options.bench)?;
    let stop = lab::Stop::new();
    let found = crate::discover::discover(&programs, &stop);
    found.problems.iter().for_each(lab::cli::say);
    if found.exercises.is_empty() {
        let text = format!("there is no exercise program in {}", programs.display());
        return Err(Refused::Failed(Problem::new(text).hint("build them with `cargo build`")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.or_problem(|| "no event loop could be started")?;
    runtime.block_on(listen(options, found.exercises.into()))?;
    Ok(End::Done)
}

async fn listen(options: &ServeOptions, exercises: Arc<[Found]>) -> Result<(), Problem> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let listener = serving::program::listen(address, false)
        .map_err(|error| Problem::because(error.to_string(), &error.source).hint(error.hint()))?;
    let port = bound_port(&listener)?;
    let (messages, _) = broadcast::channel(BEHIND);
    let runs = options.runs.clone().unwrap_or_else(|| Home::find().runs());
    let bench = Arc::new(Bench::new(options.bench.clone(), messages.clone()));
    let hosts = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
    let shared = Shared { exercises, bench: Arc::clone(&bench), messages, runs, hosts: Arc::new(hosts) };
    let stopped = serving::program::stop_signal(options.bench.stop_with_stdin)
        .or_problem(|| "the system refuses a handler for Ctrl-C")?;
    println!("listening on http://127.0.0.1:{port}");
    let limits = Limits {
        client: Duration::from_millis(options.client_timeout_ms),
        shutdown: Duration::from_millis(200),
        connections: CONNECTIONS,
    };
    let served = async {
        let open = Arc::new(AtomicU64::new(0));
        serving::serve::run(listener, router(shared.clone()), &Loops::default(), limits, &open, stopped).await
    };
    let outcome = tokio::select! {
        outcome = served => outcome.or_problem(|| "the server cannot go on"),
        () = watch(&shared) => Ok(()),
    };
    bench.end();
    outcome
}

fn bound_port(listener: &TcpListener) -> Result<u16, Problem> {
    listener.local_addr().map(|address| address.port()).or_problem(|| "the socket has no address")
}

fn router(shared: Shared) -> Router {
    let guard = middleware::from_fn_with_state(shared.clone(), own_host);
    Router::new()
        .route("/", get(|State(shared): State<Shared>| async move { Html(page::page(&shared.exercises).into_string()) }))
        .route("/live.js", get(|| async { typed("text/javascript; charset=utf-8", include_str!("live.js")) }))
        .route("/live.css", get(|| async { typed("text/css; charset=utf-8", include_str!("live.css")) }))
        .route("/report", get(newest_report))
        .route("/events", get(events))
        .route("/start", post(start))
        .route("/stop", post(stop))
        .layer(guard)
        .with_state(shared)
}

/// Whether a request is meant for this server and comes from its own page, if from any.
fn is_own(headers: &HeaderMap, hosts: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let known = |host: &str| hosts.iter().any(|own| own == host);
    let from_own =
        text(header::ORIGIN).is_none_or(|origin| origin.strip_prefix("http://").is_some_and(known));
    from_own && text(header::HOST).is_some_and(known)
}

/// Refuses requests for another host: a name of somebody else's that leads here is an attack.
async fn own_host(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if !is_own(request.headers(), &shared.hosts) {
        return (StatusCode::FORBIDDEN, "this server answers its own page only\n").into_response();
    }
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; \
                  connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn typed(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The newest run's folder, also one that has not come to its end.
fn newest(runs: &std::path::Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(runs).ok()?.flatten().map(|entry| entry.path());
    folders.filter(|path| !path.is_symlink() && path.join("run.json").is_file()).max()
}

/// The newest run's report, drawn from what there is of it now.
async fn newest_report(State(shared): State<Shared>) -> Response {
    let drawn = tokio::task::spawn_blocking(move || {
        let folder = RunFolder::open(&newest(&shared.runs)?);
        let run = folder.read().ok()?;
        Some(report::html(&folder, &run, Language::English))
    });
    match drawn.await {
        Ok(Some(html)) => Html(html).into_response(),
        _ => Html("<!doctype html><title>Paralelo</title><p>No run yet. <code>cargo xtask run-all</code> makes one.").into_response(),
    }
}

/// Says when the newest run has got more cells.
async fn watch(shared: &Shared) {
    let mut known = None;
    let mut clock = tokio::time::interval(LOOK);
    loop {
        clock.tick().await;
        let size = |name: &str| {
            let path = newest(&shared.runs)?.join(name);
            Some((std::fs::metadata(&path).ok()?.len(), path))
        };
        let now = (size("cells.jsonl"), size("run.json"));
        if known.replace(now.clone()).is_some_and(|before| before != now) {
            // Nobody may be listening.
            let _ = shared.messages.send(r#"{"kind":"report"}"#.into());
        }
    }
}

/// What has happened so far, and then everything as it happens.
async fn events(State(shared): State<Shared>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let arriving = shared.messages.subscribe();
    let first = shared.bench.greeting();
    let messages = stream::unfold((Some(first), arriving), |(first, mut arriving)| async move {
        if let Some(first) = first {
            return Some((first, (None, arriving)));
        }
        loop {
            match arriving.recv().await {
                Ok(message) => return Some((message, (None, arriving))),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    let events = futures::StreamExt::map(messages, |message| Ok(Event::default().data(message)));
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn start(State(shared): State<Shared>, Json(order): Json<Order>) -> Response {
    match shared.bench.start(&shared.exercises, &order) {
        Ok(true) => StatusCode::ACCEPTED.into_response(),
        Ok(false) => (StatusCode::CONFLICT, "a measurement is under way\n").into_response(),
        Err(problem) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{}\n", problem.line())).into_response(),
    }
}

/// The body is JSON for the same reason as that of [`start`].
async fn stop(State(shared): State<Shared>, Json(()): Json<()>) -> StatusCode {
    shared.bench.interrupt();
    StatusCode::ACCEPTED
}
