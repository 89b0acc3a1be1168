//! What was known when the service last ran, on disk: a source of last resort.
//!
//! One file of JSON, written beside its place and renamed, so that there is never half of one.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lab::out::{Staging, publish};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

use crate::domain::{City, Code, District, Gap, Missing, Region, State, StateTree, Why};

/// Written by this version and read by no other.
const FORMAT: u32 = 1;

/// Something with the time when it came from the source.
#[derive(Clone, Debug)]
pub struct Dated<T> {
    /// The thing.
    pub value: Arc<T>,
    /// When it came.
    pub at: SystemTime,
}

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The list of states.
    pub roster: Option<Dated<Vec<State>>>,
    /// The states with what is below them.
    pub trees: Vec<Dated<StateTree>>,
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    format: u32,
    /// Where it came from. What another source knew is not served as this one's.
    source: String,
    roster: Option<RosterRecord>,
    trees: Vec<TreeRecord>,
}

#[derive(Serialize, Deserialize)]
struct RosterRecord {
    at: u64,
    states: Vec<StateRecord>,
}

#[derive(Serialize, Deserialize)]
struct TreeRecord {
    at: u64,
    state: StateRecord,
    cities: Vec<CityRecord>,
}

#[derive(Serialize, Deserialize)]
struct StateRecord {
    id: u32,
    sigla: String,
    nome: Box<str>,
    /// Number, letters and name.
    regiao: (u32, Box<str>, Box<str>),
}

/// Code, name, and the districts' codes and names.
#[derive(Serialize, Deserialize)]
struct CityRecord(u32, Box<str>, Option<Vec<(u32, Box<str>)>>);

/// Writes what is known, in place of what was there.
///
/// # Errors
/// A folder or a file that cannot be written.
pub fn save(path: &Path, source: &str, known: &Known) -> Result<(), Problem> {
    let cannot = || format!("cannot write the snapshot {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).or_problem(cannot)?;
    }
    let snapshot = Snapshot {
        format: FORMAT,
        source: source.to_owned(),
        roster: known.roster.as_ref().map(RosterRecord::of),
        trees: known.trees.iter().filter_map(TreeRecord::of).collect(),
    };
    let staging = Staging::beside(path)?;
    let beside = staging.path("snapshot.json");
    let mut file = BufWriter::new(File::create(&beside).or_problem(cannot)?);
    serde_json::to_writer(&mut file, &snapshot).or_problem(cannot)?;
    // On the disk before it gets its name: after a power failure there is the old one or the new one.
    file.flush().and_then(|()| file.get_ref().sync_all()).or_problem(cannot)?;
    publish(&beside, path)
}

/// Reads what was known of this source; nothing where there is no snapshot.
///
/// # Errors
/// A file that is no snapshot, or one of another source.
pub fn load(path: &Path, source: &str) -> Result<Option<Known>, Problem> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.or_problem(|| format!("cannot read the snapshot {}", path.display()))?,
    };
    let wrong =
        |what: &str| Problem::new(what).at(path.display()).hint("delete it, or name another with --snapshot");
    let snapshot: Snapshot = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| wrong(&format!("no snapshot: {error}")))?;
    if snapshot.format != FORMAT {
        return Err(wrong("the snapshot was written by another version"));
    }
    if snapshot.source != source {
        return Err(wrong(&format!("the snapshot is of another source, {}", snapshot.source)));
    }
    let known = || {
        Some(Known {
            roster: match snapshot.roster {
                Some(roster) => Some(roster.dated()?),
                None => None,
            },
            trees: snapshot.trees.into_iter().map(TreeRecord::dated).collect::<Option<_>>()?,
        })
    };
    known().map(Some).ok_or_else(|| wrong("the snapshot holds records that cannot be right"))
}

impl RosterRecord {
    fn of(roster: &Dated<Vec<State>>) -> Self {
        Self { at: seconds(roster.at), states: roster.value.iter().map(StateRecord::of).collect() }
    }

    fn dated(self) -> Option<Dated<Vec<State>>> {
        let states = self.states.into_iter().map(StateRecord::state).collect::<Option<_>>()?;
        Some(Dated { value: Arc::new(State::checked(states).ok()?), at: time(self.at) })
    }
}

impl TreeRecord {
    /// Nothing for a state of which only the name is known: the roster has that.
    fn of(tree: &Dated<StateTree>) -> Option<Self> {
        let cities = tree.value.cities.as_ref()?.iter().map(CityRecord::of).collect();
        Some(Self { at: seconds(tree.at), state: StateRecord::of(&tree.value.state), cities })
    }

    fn dated(self) -> Option<Dated<StateTree>> {
        let state = self.state.state()?;
        let cities = self.cities.into_iter().map(CityRecord::city).collect::<Option<_>>()?;
        let cities = City::checked(state.id, cities).ok()?;
        let detail = "it was missing when this was kept";
        let gap = |city: &City| Gap {
            missing: Missing::Districts { state: state.sigla, city: city.id },
            why: Why { class: "snapshot", detail: detail.to_owned() },
        };
        let gaps = cities.iter().filter(|city| city.districts.is_none()).map(gap).collect();
        Some(Dated { value: Arc::new(StateTree { state, cities: Some(cities), gaps }), at: time(self.at) })
    }
}

impl StateRecord {
    fn of(state: &State) -> Self {
        let regiao = (state.regiao.id, state.regiao.sigla.clone(), state.regiao.nome.clone());
        Self { id: state.id, sigla: state.sigla.to_string(), nome: state.nome.clone(), regiao }
    }

    fn state(self) -> Option<State> {
        let (id, sigla, nome) = self.regiao;
        let regiao = Region { id, sigla, nome };
        Some(State { id: self.id, sigla: Code::parse(&self.sigla)?, nome: self.nome, regiao })
    }
}

impl CityRecord {
    fn of(city: &City) -> Self {
        let named = |district: &District| (district.id, district.nome.clone());
        let districts = city.districts.as_ref().map(|districts| districts.iter().map(named).collect());
        Self(city.id, city.nome.clone(), districts)
    }

    fn city(self) -> Option<City> {
        let Self(id, nome, districts) = self;
        let districts = match districts {
            None => None,
            Some(districts) => {
                let districts = districts.into_iter().map(|(id, nome)| District { id, nome }).collect();
                Some(District::checked(id, districts).ok()?)
            }
        };
        Some(City { id, nome, districts })
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn time(seconds: u64) -> SystemTime {
    // A time that no clock can show is as old as can be.
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let regiao = Region { id: 5, sigla: "CO".into(), nome: "Centro-Oeste".into() };
        let sigla = Code::parse("DF").unwrap();
        let state = State { id: 53, sigla, nome: "Distrito Federal".into(), regiao };
        let district = District { id: 530_010_805, nome: "Brasília".into() };
        let cities = vec![
            City { id: 5_300_108, nome: "Brasília".into(), districts: Some(vec![district]) },
            City { id: 5_300_109, nome: "Sem distritos".into(), districts: None },
        ];
        let missing = Missing::Districts { state: sigla, city: 5_300_109 };
        let why = Why { class: "snapshot", detail: "it was missing when this was kept".into() };
        let tree = StateTree { state: state.clone(), cities: Some(cities), gaps: vec![Gap { missing, why }] };
        let at = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let roster = Some(Dated { value: Arc::new(vec![state]), at });
        Known { roster, trees: vec![Dated { value: Arc::new(tree), at }] }
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was_and_its_gaps_are_still_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/snapshot.json");
        assert!(load(&path, "a").unwrap().is_none());
        save(&path, "a", &Known::default()).unwrap();
        save(&path, "a", &known()).unwrap();
        let (found, kept) = (load(&path, "a").unwrap().unwrap(), known());
        assert_eq!(found.trees[0].value, kept.trees[0].value);
        assert_eq!(found.roster.as_ref().unwrap().value, kept.roster.unwrap().value);
        assert_eq!(found.trees[0].at, kept.trees[0].at);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "only the snapshot");
    }

    #[test]
    fn a_file_that_is_no_snapshot_is_named_and_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot.json");
        save(&path, "a", &known()).unwrap();
        let right = std::fs::read_to_string(&path).unwrap();
        let check = |text: &str, why: &str| {
            std::fs::write(&path, text).unwrap();
            let problem = load(&path, "a").unwrap_err().to_string();
            assert!(problem.contains(why) && problem.contains("snapshot.json"), "{problem}");
        };
        check("", "no snapshot");
        check(&right[..right.len() / 2], "no snapshot");
        check(&right.replace("\"format\":1", "\"format\":2"), "another version");
        check(&right.replace("\"source\":\"a\"", "\"source\":\"b\""), "of another source, b");
        check(&right.replace("530010805", "530020805"), "cannot be right");
        check(&right.replace("\"DF\"", "\"D\""), "cannot be right");
    }
}
