//! A service and its source, both on real sockets of the loopback interface.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part of this module")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use datagen::localities::Localities;
use datagen::states::STATES;
use mock_api::{Config, Profile};
use serde_json::Value;
use serving::serve::{Limits, Loops, ServeError};
use states_api::application::{Atlas, Bulkheads, Gatherer, Settings};
use states_api::domain::Ages;
use states_api::http::Service;
use states_api::source::snapshot::Known;
use states_api::source::{self, Ibge};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

#[path = "../../../mock-api/tests/loopback/mod.rs"]
pub mod loopback;

pub use loopback::{Answer, Server};
use loopback::{DEADLINE, request_bytes};

/// A running service.
pub struct Running {
    pub address: SocketAddr,
    pub atlas: Atlas,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// How a service is set up.
pub struct Setup {
    pub source: source::Settings,
    pub atlas: Settings,
    pub bulkheads: Bulkheads,
    pub known: Known,
}

/// A source that behaves as this profile says.
pub async fn source(profile: &str) -> Server {
    let profile = Profile::from_toml(profile).expect("a profile");
    Server::start(Config { profile, shutdown_deadline: Duration::ZERO, ..Config::default() }).await
}

impl Setup {
    /// A service that asks this address, patiently enough for a busy machine, and that does not pause for long.
    pub fn of(address: impl std::fmt::Display) -> Self {
        let mut source = source::Settings::new(format!("http://{address}"));
        source.manners.first_pause = Duration::from_millis(2);
        source.headers.push(("x-client-id".to_owned(), "states".to_owned()));
        let atlas = Settings { ages: Ages::default(), deadline: Duration::from_mins(1), snapshot: None };
        Self { source, atlas, bulkheads: Bulkheads::default(), known: Known::default() }
    }

    pub async fn run(self) -> Running {
        let source = Ibge::new(&self.source).expect("a source");
        let atlas = Atlas::new(Gatherer { source, bulkheads: self.bulkheads }, self.atlas, self.known);
        let service = Service::new(atlas.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (shutdown, stopped) = oneshot::channel::<()>();
        let limits = Limits::new(Duration::from_secs(5), Duration::from_secs(5));
        let task = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            // The program has loops of its own too.
            let loops = Loops::start(2).expect("two threads");
            serving::serve::run(listener, service.router(), &loops, limits, service.connections(), stopped)
                .await
        });
        Running { address, atlas, shutdown, task }
    }
}

impl Running {
    pub async fn get(&self, target: &str) -> Answer {
        self.get_with(target, &[]).await
    }

    pub async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let exchange = async {
            let mut stream = tokio::net::TcpStream::connect(self.address).await.expect("a connection");
            stream
                .write_all(&request_bytes("GET", target, headers, b""))
                .await
                .expect("the request is taken");
            let mut raw = Vec::new();
            stream.read_to_end(&mut raw).await.expect("an answer");
            Answer::parse(&raw).expect("an answer")
        };
        tokio::time::timeout(DEADLINE * 3, exchange).await.expect("an answer within the deadline")
    }

    /// Stops the service and what it has under way.
    pub async fn stop(self) {
        let _ = self.shutdown.send(());
        self.task.await.expect("no panic").expect("no error");
        self.atlas.close().await;
    }
}

/// What the source's ledger says of the service.
pub async fn ledger(server: &Server) -> Value {
    server.get("/admin/ledger?client=states").await.json()["clients"][0].clone()
}

/// Checks that an answer holds nothing but the truth about these states, and that everything that it does not hold is
/// listed in its errors, and nothing else is. Returns how many errors there are.
#[track_caller]
pub fn check_honest(answer: &Value, ufs: &[&str]) -> usize {
    let truth = Localities::new(42);
    let states = answer["states"].as_array().expect("a list of states");
    let siglas: Vec<&str> = states.iter().map(|state| state["sigla"].as_str().unwrap()).collect();
    let expected: Vec<&str> = STATES
        .iter()
        .map(|state| state.sigla)
        .filter(|sigla| ufs.is_empty() || ufs.contains(sigla))
        .collect();
    assert_eq!(siglas, expected);
    let mut missing = BTreeSet::new();
    for state in states {
        let known = truth.state(state["sigla"].as_str().unwrap()).unwrap();
        assert_eq!((state["id"].as_u64(), state["nome"].as_str()), (Some(known.id.into()), Some(known.nome)));
        let Some(cities) = state["cities"].as_array() else {
            assert!(state["cities"].is_null());
            missing.insert((known.sigla.to_owned(), None));
            continue;
        };
        let places = truth.municipalities_of(known);
        assert_eq!(cities.len(), places.len(), "{}", known.sigla);
        for (city, place) in cities.iter().zip(places) {
            assert_eq!(
                (city["id"].as_u64(), city["nome"].as_str()),
                (Some(place.id.into()), Some(&*place.nome))
            );
            let Some(districts) = city["districts"].as_array() else {
                assert!(city["districts"].is_null());
                missing.insert((known.sigla.to_owned(), Some(u64::from(place.id))));
                continue;
            };
            let districts: Vec<_> = districts
                .iter()
                .map(|one| (one["id"].as_u64().unwrap(), one["nome"].as_str().unwrap()))
                .collect();
            let real: Vec<_> =
                truth.districts_of(place).iter().map(|one| (u64::from(one.id), &*one.nome)).collect();
            assert_eq!(districts, real, "{}", place.nome);
        }
    }
    let errors = answer["errors"].as_array().expect("a list of errors");
    let told: BTreeSet<_> = errors
        .iter()
        .map(|error| (error["state"].as_str().unwrap().to_owned(), error["city"].as_u64()))
        .collect();
    assert_eq!(told, missing, "what is listed is what is missing");
    assert_eq!(errors.len(), missing.len(), "nothing is listed twice");
    assert!(errors.iter().all(|error| error["class"].is_string() && error["detail"].is_string()));
    errors.len()
}
