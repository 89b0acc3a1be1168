//! The client of the localities API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use fetch::{Circuit, Client, Failed, FetchError, Fuse, Gate, Manners, Target};
use parking_lot::Mutex;

use super::records;
use crate::domain::{City, District, State, Why};

/// Where the source is and how it is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address without a path, as `https://servicodados.ibge.gov.br`.
    pub base: String,
    /// Deadlines and retries of one request.
    pub manners: Manners,
    /// When it is left alone.
    pub fuse: Fuse,
    /// Header fields of every request.
    pub headers: Vec<(String, String)>,
    /// What is learnt of the source's rate limit; clients that share it share that.
    pub gate: Arc<Gate>,
}

/// The localities API.
#[derive(Debug)]
pub struct Ibge {
    client: Client,
    circuit: Circuit,
    base: String,
    asked: AtomicU64,
    /// By class. Locked once for each request that failed for good.
    failed: Mutex<BTreeMap<&'static str, u64>>,
}

/// How often the source was asked, for the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Things that were asked for; each may have taken several attempts.
    pub all: u64,
    /// Those that failed for good, by class.
    pub failed: BTreeMap<&'static str, u64>,
}

impl Settings {
    /// The settings for a source, with everything else at its default.
    pub fn new(base: impl Into<String>) -> Self {
        // A server of this API answers with 500 where others say 503.
        let manners = Manners {
            whole: std::time::Duration::from_secs(30),
            also_retried: vec![500],
            ..Manners::default()
        };
        Self { base: base.into(), manners, fuse: Fuse::default(), headers: Vec::new(), gate: Arc::default() }
    }
}

impl Ibge {
    /// A client of the source. It opens nothing yet.
    ///
    /// # Errors
    /// An address that is none, or a header field that is none.
    pub fn new(settings: &Settings) -> Result<Self, FetchError> {
        let base = settings.base.trim_end_matches('/').to_owned();
        Target::parse(&base)?;
        let circuit = Circuit::new(settings.fuse.clone());
        let fields: Vec<(&str, &str)> =
            settings.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let client = Client::with_headers(settings.manners.clone(), &fields)?
            .guarded_by(circuit.clone())
            .through(Arc::clone(&settings.gate));
        Ok(Self { client, circuit, base, asked: AtomicU64::new(0), failed: Mutex::default() })
    }

    /// All states.
    ///
    /// # Errors
    /// Why they could not be had before `until`.
    pub async fn states(&self, until: Instant) -> Result<Vec<State>, Why> {
        self.get("estados", until, records::states).await
    }

    /// The cities of a state, still without their districts.
    ///
    /// # Errors
    /// Why they could not be had before `until`.
    pub async fn cities(&self, state: &State, until: Instant) -> Result<Vec<City>, Why> {
        let path = format!("estados/{}/municipios", state.sigla);
        self.get(&path, until, |body| records::cities(state.id, body)).await
    }

    /// The districts of a city.
    ///
    /// # Errors
    /// Why they could not be had before `until`.
    pub async fn districts(&self, city: u32, until: Instant) -> Result<Vec<District>, Why> {
        let path = format!("municipios/{city}/distritos");
        self.get(&path, until, |body| records::districts(city, body)).await
    }

    /// Who watches whether the source is there.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The source's address as it may be shown.
    pub fn shown(&self) -> String {
        Target::show(&self.base).into()
    }

    /// How often it was asked.
    pub fn asked(&self) -> Asked {
        Asked { all: self.asked.load(Relaxed), failed: self.failed.lock().clone() }
    }

    async fn get<T>(
        &self,
        path: &str,
        until: Instant,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Why> {
        self.asked.fetch_add(1, Relaxed);
        let answer = match Target::parse(&format!("{}/api/v1/localidades/{path}", self.base)) {
            Ok(target) => self.client.get_as(&target, Some(until), |answer| read(&answer.body)).await,
            Err(error) => Err(Failed { error, attempts: 0 }),
        };
        answer.map_err(|failed| {
            let class = failed.error.class();
            *self.failed.lock().entry(class).or_default() += 1;
            Why { class, detail: failed.to_string() }
        })
    }
}
