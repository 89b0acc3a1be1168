//! Our programs beside what users would have picked instead.
//!
//! What a peer is, and how it is called, stands in `peers/README.md`. The harness knows no exercise: a program of that
//! folder says which peers it has, how ours does the same, and what the answer of an output is. Each round calls every
//! contender once, in an order drawn anew, in an empty folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::cli::{End, say};
use lab::measure::difference::Difference;
use lab::measure::{self, Heard, stats};
use lab::out::{self, Staging};
use lab::record::PeerRecord;
use lab::{Home, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};

use crate::cli::{Form, PeersOptions, Refused};
use crate::export::{self, csv, markdown};
use crate::folder::RunFolder;
use crate::{report, run};

/// The most characters of an error that are kept.
const LONGEST_ERROR: usize = 240;

/// Ours, in the records.
pub(crate) const OURS: &str = "paralelo";

/// A program of the folder: one exercise.
struct Course {
    id: u8,
    name: String,
    file: PathBuf,
}

/// What `list` prints.
#[derive(Deserialize)]
struct Listed {
    peer: String,
    missing: Vec<String>,
}

/// What a call is about; the peers' programs know it as `Request`.
#[derive(Serialize)]
struct Request<'a> {
    data: &'a Path,
    out: &'a Path,
    api: &'a str,
    workers: usize,
    scale: &'a str,
    seed: u64,
}

/// What `run` and `answer` print.
#[derive(Debug, Deserialize)]
struct Told {
    answer: String,
    seconds: f64,
    peak_bytes: u64,
}

/// What all calls have in common.
struct Caller<'a> {
    options: &'a PeersOptions,
    programs: PathBuf,
    workers: usize,
    data: PathBuf,
    stop: &'a Stop,
}

/// Compares every chosen exercise, keeps the figures in a run, draws its report, and prints the table.
///
/// # Errors
/// No Python, no such exercise, a folder that cannot be written to. A peer that fails costs its own row.
pub(crate) fn peers(options: &PeersOptions) -> Result<End, Refused> {
    let stop = &run::stoppable(&options.bench)?;
    let courses = choose(options)?;
    let home = Home::find();
    let caller = Caller {
        options,
        programs: run::programs(&options.bench)?,
        workers: options.chosen.workers(),
        data: home.raw(options.bench.scale.name()),
        stop,
    };
    if !caller.data.is_dir() {
        return Err(Refused::Failed(
            Problem::new(format!("there is no data in {}", caller.data.display()))
                .hint(format!("make it with `cargo xtask data --scale {}`", options.bench.scale.name())),
        ));
    }
    let folder = run::run_to_add_to(options.into.as_deref(), &options.bench)?;
    let mut all = Vec::new();
    for course in &courses {
        anstream::eprintln!("{:02} {}", course.id, course.name);
        let measured = caller.exercise(course);
        if stop.asked() {
            return Err(Refused::Interrupted);
        }
        match measured {
            Ok(records) => {
                folder.append_peers(&records)?;
                all.extend(records);
            }
            Err(problem) => {
                say(&problem);
                let (exercise, name, error) = (course.id, course.name.clone(), Some(problem.line()));
                all.push(PeerRecord { exercise, name, peer: OURS.into(), error, ..PeerRecord::default() });
            }
        }
    }
    folder.write("peers.md", table(&all).as_bytes())?;
    report::draw(&folder)?;
    print(&all, options.form, &folder)?;
    Ok(if all.iter().all(|peer| peer.error.is_none()) { End::Done } else { End::Failed })
}

/// The programs of the folder that were asked for, by their numbers.
fn choose(options: &PeersOptions) -> Result<Vec<Course>, Refused> {
    let folder =
        options.course.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/course"));
    let files = fs::read_dir(&folder).or_problem(|| format!("cannot read {}", folder.display()))?;
    let course = |file: PathBuf| {
        let stem = file.file_stem()?.to_str()?;
        let (id, name) = stem.split_once('_')?;
        let is_python = file.extension().is_some_and(|extension| extension == "py");
        Some(Course { id: id.parse().ok().filter(|_| is_python)?, name: name.into(), file: file.clone() })
    };
    let mut all: Vec<Course> = files.flatten().filter_map(|entry| course(entry.path())).collect();
    all.sort_by_key(|course| course.id);
    let means = |wanted: &str, course: &Course| wanted == course.name || wanted.parse() == Ok(course.id);
    if let Some(unknown) =
        options.chosen.only.iter().find(|only| !all.iter().any(|course| means(only, course)))
    {
        let known: Vec<_> = all.iter().map(|course| format!("{:02} {}", course.id, course.name)).collect();
        return Err(Refused::Usage(
            Problem::new(format!("there are no peers for `{unknown}`"))
                .expected(format!("one of {}", known.join(", "))),
        ));
    }
    let wanted = |course: &Course| {
        options.chosen.only.is_empty() || options.chosen.only.iter().any(|only| means(only, course))
    };
    Ok(all.into_iter().filter(wanted).collect())
}

impl Caller<'_> {
    /// One exercise: ours first, then each peer.
    fn exercise(&self, course: &Course) -> Result<Vec<PeerRecord>, Problem> {
        let listed: Vec<Listed> = self.ask(course, &["list"])?;
        let ours = Listed { peer: OURS.into(), missing: Vec::new() };
        let contenders: Vec<Listed> = std::iter::once(ours).chain(listed).collect();
        let mut records: Vec<PeerRecord> =
            contenders.iter().map(|listed| self.record(course, listed)).collect();
        for skipped in records.iter().filter(|record| !record.missing.is_empty()) {
            anstream::eprintln!(
                "  {} is skipped: it needs {}",
                skipped.peer,
                report::needs(&skipped.missing).en
            );
        }
        let scratch = Staging::within(&Home::find().out())?;
        let mut peaks: Vec<Vec<u64>> = vec![Vec::new(); records.len()];
        for round in 0..=self.options.bench.pairs() {
            for at in stats::order(records.len(), self.options.bench.seed.wrapping_add(round as u64)) {
                let record = &mut records[at];
                if !record.missing.is_empty() || record.error.is_some() {
                    continue;
                }
                self.stop.check()?;
                match self.call(course, &record.peer, &scratch.path("out")) {
                    // The first round warms up, but its answer counts.
                    Ok(told) => {
                        if record.answer.get_or_insert_with(|| told.answer.clone()) != &told.answer {
                            record.error = Some("its answers differ from round to round".into());
                        }
                        if round > 0 {
                            record.samples_ns.push(nanoseconds(told.seconds));
                            peaks[at].push(told.peak_bytes);
                        }
                    }
                    Err(problem) => record.error = Some(end_of(&problem.line())),
                }
            }
        }
        let (own_times, own_answer) = (records[0].samples_ns.clone(), records[0].answer.clone());
        for (record, peaks) in records.iter_mut().zip(&peaks) {
            record.median_ns = stats::median(&record.samples_ns);
            record.peak_bytes = stats::median(peaks);
            let difference = Difference::paired(&own_times, &record.samples_ns);
            record.ratio = difference.map(|difference| difference.ratio);
            record.ratio_ci = difference.and_then(|difference| difference.interval);
            record.equal = record.answer.is_some() && record.answer == own_answer;
            if record.answer.is_some() && !record.equal && record.error.is_none() {
                record.error = Some("another answer than ours".into());
            }
        }
        Ok(records)
    }

    fn record(&self, course: &Course, listed: &Listed) -> PeerRecord {
        PeerRecord {
            exercise: course.id,
            name: course.name.clone(),
            peer: listed.peer.clone(),
            scale: self.options.bench.scale.name().into(),
            workers: self.workers,
            missing: listed.missing.clone(),
            ..PeerRecord::default()
        }
    }

    /// Calls one contender in an empty folder and reads its answer.
    fn call(&self, course: &Course, peer: &str, folder: &Path) -> Result<Told, Problem> {
        out::remove(folder).or_problem(|| format!("cannot remove {}", folder.display()))?;
        fs::create_dir_all(folder).or_problem(|| format!("cannot make {}", folder.display()))?;
        let bench = &self.options.bench;
        let request = Request {
            data: &self.data,
            out: folder,
            api: &bench.api,
            workers: self.workers,
            scale: bench.scale.name(),
            seed: bench.seed,
        };
        let request = serde_json::to_string(&request).or_problem(|| "cannot write a request")?;
        if peer != OURS {
            return self.ask(course, &["run", peer, &request]);
        }
        let words: Vec<String> = self.ask(course, &["ours", &request])?;
        let (program, args) = words.split_first().ok_or_else(|| Problem::new("ours is no command"))?;
        let mut command = Command::new(self.programs.join(program));
        command.args(args).arg("--quiet");
        let heard = self.listen(command)?;
        let told: Told = self.ask(course, &["answer", &request])?;
        Ok(Told { seconds: heard.took.as_secs_f64(), peak_bytes: heard.peak_rss_bytes, ..told })
    }

    /// Calls the course's program and reads the JSON that it prints.
    fn ask<A: serde::de::DeserializeOwned>(&self, course: &Course, words: &[&str]) -> Result<A, Problem> {
        let mut command = Command::new(&self.options.python);
        command.arg("-B").arg(&course.file).args(words);
        let heard = self.listen(command)?;
        serde_json::from_slice(&heard.said).or_problem(|| {
            let said = String::from_utf8_lossy(&heard.said[..heard.said.len().min(80)]).into_owned();
            format!("{} {} says something that is no answer: {said:?}", course.file.display(), words[0])
        })
    }

    fn listen(&self, command: Command) -> Result<Heard, Problem> {
        measure::listen_to(command, self.options.bench.deadline(), self.stop)
    }
}

/// The end of a long text: a traceback says last what went wrong.
fn end_of(text: &str) -> String {
    let from = text.char_indices().rev().nth(LONGEST_ERROR - 1).map_or(0, |(place, _)| place);
    if from == 0 { text.into() } else { format!("… {}", &text[from..]) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1e9) as u64
}

const COLUMNS: [&str; 7] =
    ["exercise", "program", "time", "ours is faster", "95 % interval", "memory", "answer"];

/// The fastest peer of an exercise with a right answer: the record to beat.
pub(crate) fn record_to_beat<'a>(peers: &[&'a PeerRecord]) -> Option<&'a PeerRecord> {
    let others = peers.iter().filter(|peer| peer.peer != OURS && peer.equal && peer.error.is_none());
    others.filter(|peer| peer.median_ns.is_some()).min_by_key(|peer| peer.median_ns).copied()
}

fn row(peer: &PeerRecord, is_record: bool) -> [String; 7] {
    let ours = peer.peer == OURS;
    [
        format!("{:02} {}", peer.exercise, peer.name),
        if is_record { format!("{} (the record to beat)", peer.peer) } else { peer.peer.clone() },
        peer.median_ns.map(measure::nanoseconds).unwrap_or_default(),
        peer.ratio.filter(|_| !ours).map(|ratio| format!("{ratio:.2}×")).unwrap_or_default(),
        peer.ratio_ci
            .filter(|_| !ours)
            .map(|[low, high]| format!("{low:.2} to {high:.2}"))
            .unwrap_or_default(),
        peer.peak_bytes.map(report::memory).unwrap_or_default(),
        match (&peer.error, peer.missing.is_empty()) {
            (_, false) => format!("skipped: it needs {}", report::needs(&peer.missing).en),
            (Some(error), _) => format!("✗ {error}"),
            _ => "✓ equal".into(),
        },
    ]
}

fn rows(all: &[PeerRecord]) -> impl Iterator<Item = [String; 7]> {
    all.chunk_by(|one, next| one.exercise == next.exercise).flat_map(|peers| {
        let record = record_to_beat(&peers.iter().collect::<Vec<_>>());
        peers.iter().map(move |peer| row(peer, record.is_some_and(|record| record.peer == peer.peer)))
    })
}

fn table(all: &[PeerRecord]) -> String {
    markdown(COLUMNS, rows(all))
}

fn print(all: &[PeerRecord], form: Form, folder: &RunFolder) -> Result<(), Problem> {
    export::say(&match form {
        Form { json: true, .. } => export::json(all)?,
        Form { csv: true, .. } => csv(COLUMNS, rows(all)),
        _ => format!("{}\n{}\n", table(all), folder.report().display()),
    })
}
