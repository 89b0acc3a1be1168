//! The folder of a run: what is kept, where, and how it is read back.
//!
//! `cells.jsonl` grows by the lines of one exercise at a time; `run.json` and `report.html` are written beside and renamed.
//! Everything that the report shows is read from here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lab::out::Staging;
use lab::record::{CellRecord, ClaimRecord, PeerRecord, RunRecord, SweepRecord};
use lab::timeline::{self, Slice};
use lab::{OrProblem, Problem, measure, out};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run as a whole.
    pub record: RunRecord,
    /// Its cells, in the order in which they were written.
    pub cells: Vec<CellRecord>,
    /// The claims that were measured beside them.
    pub claims: Vec<ClaimRecord>,
    /// Exercises with growing numbers of workers: the newest of each.
    pub sweeps: Vec<SweepRecord>,
    /// Comparisons with peers: the newest of each exercise, ours first.
    pub peers: Vec<PeerRecord>,
}

impl RunFolder {
    /// Makes the folder of a run that starts now, named by its time in UTC; a second run of the same second is told apart.
    ///
    /// # Errors
    /// A place that cannot be written to.
    pub fn create(runs: &Path, stamp: &str) -> Result<Self, Problem> {
        let cannot = || format!("cannot make a folder for this run in {}", runs.display());
        fs::create_dir_all(runs).or_problem(cannot)?;
        let names = (1..).map(|number| if number == 1 { stamp.into() } else { format!("{stamp}-{number}") });
        for name in names {
            let folder = runs.join(name);
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made.or_problem(cannot)?;
                    fs::create_dir(folder.join("timeline")).or_problem(cannot)?;
                    return Ok(Self(folder));
                }
            }
        }
        unreachable!("the names do not end")
    }

    /// The folder of an older run.
    pub fn open(folder: &Path) -> Self {
        Self(folder.into())
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the cells write their timelines.
    pub fn timelines(&self) -> PathBuf {
        self.0.join("timeline")
    }

    /// Where the report is.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// Writes `run.json`, whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), Problem> {
        let mut text =
            serde_json::to_vec_pretty(record).or_problem(|| "cannot write the record of the run")?;
        text.push(b'\n');
        self.write("run.json", &text)
    }

    /// Writes a file of the run, whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), Problem> {
        let staging = Staging::within(&self.0)?;
        let staged = staging.path(name);
        fs::write(&staged, content).or_problem(|| format!("cannot write {}", staged.display()))?;
        out::publish(&staged, &self.0.join(name))
    }

    /// Appends the lines of some cells to `cells.jsonl`, in one write.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn append(&self, cells: &[CellRecord]) -> Result<(), Problem> {
        self.append_to("cells.jsonl", cells)
    }

    /// Appends a sweep to `sweep.jsonl`, in one write.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn append_sweep(&self, sweep: &SweepRecord) -> Result<(), Problem> {
        self.append_to("sweep.jsonl", std::slice::from_ref(sweep))
    }

    /// Appends the contenders of one exercise to `peers.jsonl`, in one write.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn append_peers(&self, peers: &[PeerRecord]) -> Result<(), Problem> {
        self.append_to("peers.jsonl", peers)
    }

    fn append_to<R: Serialize>(&self, name: &str, records: &[R]) -> Result<(), Problem> {
        let path = self.0.join(name);
        let cannot = || format!("cannot write {}", path.display());
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record).or_problem(cannot)?;
            lines.push(b'\n');
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file: File| file.write_all(&lines)).or_problem(cannot)
    }

    /// Makes the link `latest` beside this folder point to it, in one step.
    ///
    /// # Errors
    /// A link that cannot be made.
    pub fn publish_as_latest(&self) -> Result<(), Problem> {
        let (Some(runs), Some(name)) = (self.0.parent(), self.0.file_name()) else {
            return Err(Problem::new(format!("{} is not a folder of runs", self.0.display())));
        };
        let staging = Staging::within(runs)?;
        let staged = staging.path("latest");
        // The target is relative to where the link will lie, so that the folder of runs can be moved.
        std::os::unix::fs::symlink(name, &staged).or_problem(|| "cannot make the link to the newest run")?;
        out::publish(&staged, &runs.join("latest"))
    }

    /// Reads the run back. A last line that was cut short, because the run was killed, is left out.
    ///
    /// # Errors
    /// Files that are not there, or that hold something else.
    pub fn read(&self) -> Result<Run, Problem> {
        let path = self.0.join("run.json");
        let hint = "name the folder of a run, such as data/runs/latest";
        let text = fs::read(&path).or_problem(|| format!("cannot read {}", path.display()));
        let record = serde_json::from_slice(&text.map_err(|problem| problem.hint(hint))?)
            .or_problem(|| format!("{} is not the record of a run", path.display()))?;
        let cells = lines(&self.0.join("cells.jsonl"), "a cell")?;
        let claims = lines(&self.0.join("claims.jsonl"), "a claim")?;
        let sweeps = lines(&self.0.join("sweep.jsonl"), "a sweep")?;
        let peers = lines(&self.0.join("peers.jsonl"), "a comparison with a peer")?;
        let sweeps = newest(sweeps, |sweep: &SweepRecord| (sweep.exercise, String::new()));
        let peers = newest(peers, |peer: &PeerRecord| (peer.exercise, peer.peer.clone()));
        Ok(Run { record, cells, claims, sweeps, peers })
    }

    /// Reads the timeline of a cell; `None` if none was recorded.
    ///
    /// # Errors
    /// A file that is not a timeline.
    pub fn timeline(&self, run: &RunRecord, cell: &CellRecord) -> Result<Option<Vec<Slice>>, Problem> {
        let name = measure::timeline_name(cell.exercise, &cell.name, &cell.strategy, run.workers);
        let path = self.timelines().join(name);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => bytes
                .and_then(|bytes| timeline::read_chrome(&bytes))
                .map(Some)
                .or_problem(|| format!("cannot read the timeline {}", path.display())),
        }
    }
}

/// Of records with the same key the last one, in the place of the first; sorted by exercise.
fn newest<R>(records: Vec<R>, key: impl Fn(&R) -> (u8, String)) -> Vec<R> {
    let mut kept: Vec<R> = Vec::new();
    for record in records {
        match kept.iter_mut().find(|known| key(known) == key(&record)) {
            Some(known) => *known = record,
            None => kept.push(record),
        }
    }
    kept.sort_by_key(|record| key(record).0);
    kept
}

/// Reads the records of a file, one a line. A file that is not there holds none: a run may have been interrupted before
/// anything was measured.
fn lines<R: DeserializeOwned>(path: &Path, what: &str) -> Result<Vec<R>, Problem> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.or_problem(|| format!("cannot read {}", path.display()))?,
    };
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let records = text[..whole].lines().enumerate().map(|(number, line)| {
        serde_json::from_str(line)
            .or_problem(|| format!("a line is not the record of {what}"))
            .map_err(|problem| problem.at(format!("{}:{}", path.display(), number + 1)))
    });
    records.collect()
}
