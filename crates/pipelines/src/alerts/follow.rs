//! Rounds with a checkpoint: one, over what is new since the last run, or one after another while files grow.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use lab::ways::Way;
use lab::{Cause, Failure, Lab, OrProblem, Problem, Work};

use super::engine::Alert;
use super::files::{Found, Known};
use super::notify::{as_line, print, tell, wants};
use super::plan::Source;
use super::round::{Round, round};
use super::scan::ScanPiece;
use super::state::{Checkpoint, Pending, State};
use super::{Input, Output};

/// How often one looks, and when a last line counts as whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between two looks.
    pub(crate) every: Duration,
    /// A file that was not changed for so long has no half event at its end.
    pub(crate) settle: Duration,
    /// What was there before the first look is left out.
    pub(crate) from_end: bool,
}

/// How often a run that does not follow looks at the most.
const LOOKS: usize = 10;

/// What a look saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// All that was there.
    All,
    /// A file was renamed or cut off between being found and being read: it is found again at the next look.
    Part,
}

/// Standard output, among those who are told.
const STDOUT: usize = usize::MAX;

/// Reads what is new since the last run, and ends.
pub(super) fn once_more(input: &Input, lab: &Lab, way: Way<ScanPiece>) -> Result<Output, Problem> {
    let pace = Pace { every: Duration::ZERO, settle: input.settle, from_end: false };
    let mut follower = Follower::new(input, lab, pace)?;
    let (_, missing) = input.places.files(lab)?;
    // Logs that are renamed just now are found at the next look, and nobody renames them this often.
    for _ in 0..LOOKS {
        if follower.look(lab, way)? == Seen::All || lab.stop.asked() {
            break;
        }
    }
    follower.output.failures.extend(missing);
    Ok(follower.output)
}

/// Reads what is new, again and again, until a stop.
pub(super) fn follow(input: &Input, lab: &Lab, way: Way<ScanPiece>, pace: Pace) -> Result<Output, Problem> {
    let mut follower = Follower::new(input, lab, pace)?;
    while !lab.stop.asked() {
        follower.look(lab, way)?;
        follower.output.failures.drain(..).for_each(|failure| tracing::warn!("{failure}"));
        wait(lab, pace.every)?;
    }
    Ok(follower.output)
}

/// Waits for the next look, or for the stop.
fn wait(lab: &Lab, time: Duration) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.or_problem(|| "cannot start an event loop")?.block_on(async {
        let _ = tokio::time::timeout(time, lab.stop.wait()).await;
    });
    Ok(())
}

/// Device, inode, size and time of the last change.
type Stamp = (u64, u64, u64, SystemTime);

struct Follower<'a> {
    input: &'a Input,
    pace: Pace,
    checkpoint: Checkpoint,
    state: State,
    out: Option<File>,
    /// Files that are copies of known ones, as long as they do not change.
    copies: HashMap<Stamp, usize>,
    /// Packed files that were read to their end, as long as they do not change.
    finished: HashSet<Stamp>,
    looked: bool,
    output: Output,
}

impl<'a> Follower<'a> {
    fn new(input: &'a Input, lab: &Lab, pace: Pace) -> Result<Self, Problem> {
        let (checkpoint, mut state) = Checkpoint::open(input.state.as_deref(), &input.setup.rules)?;
        let out = match lab.out() {
            None => None,
            Some(path) => {
                let cannot = || format!("cannot write to {}", path.display());
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).or_problem(cannot)?;
                }
                let mut file = OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(&path)
                    .or_problem(cannot)?;
                let length = file.metadata().or_problem(cannot)?.len();
                if checkpoint.keeps() && length > state.out_bytes {
                    // A round that was killed before its checkpoint is done again, and tells these again.
                    file.set_len(state.out_bytes).or_problem(cannot)?;
                }
                state.out_bytes = file.seek(SeekFrom::End(0)).or_problem(cannot)?;
                Some(file)
            }
        };
        Ok(Self {
            input,
            pace,
            checkpoint,
            state,
            out,
            copies: HashMap::new(),
            finished: HashSet::new(),
            looked: false,
            output: Output::default(),
        })
    }

    /// One round: what is new is read, alerts are told, and a checkpoint is saved.
    fn look(&mut self, lab: &Lab, way: Way<ScanPiece>) -> Result<Seen, Problem> {
        let found = self.input.places.look();
        let (reads, mut seen) = self.assign(&found);
        self.looked = true;
        let sources: Vec<Source> = reads.iter().map(|(known, found)| self.source(*known, found)).collect();
        let news: Vec<usize> =
            (0..sources.len()).filter(|one| sources[*one].from < sources[*one].end).collect();
        let sources: Vec<Source> = news.iter().map(|one| sources[*one].clone()).collect();
        let mut alerts = Vec::new();
        let mut engine = self.state.engine.clone();
        let mut keep = |alert| {
            alerts.push(alert);
            Ok(())
        };
        // To look in vain costs no more than the look.
        let done = if sources.is_empty() {
            Round::default()
        } else {
            round(lab, way, &self.input.setup, &sources, &mut engine, &mut keep)?
        };
        // A round that was interrupted has gaps; the next run does it again.
        if lab.stop.asked()
            && sources.iter().zip(&done.reached).any(|(source, (reached, _))| *reached < source.end)
        {
            return Ok(Seen::Part);
        }
        if self.input.follow.is_some() && sources.is_empty() {
            // Nothing new: silence is news too.
            let now = jiff::Timestamp::now().as_millisecond()
                - i64::try_from(self.pace.settle.as_millis()).unwrap_or(0);
            if engine.now().is_some_and(|latest| latest < now) {
                engine.clock(&self.input.rules, now, &mut alerts);
            }
        }
        let mut files = self.state.files.clone();
        let mut moved = false;
        for ((one, source), (reached, line)) in news.iter().zip(&sources).zip(&done.reached) {
            let (known, found) = &reads[*one];
            if *reached > source.from {
                moved = true;
                if let Err(error) = files[*known].read_to(found, *reached, *line) {
                    // It could not be known again by what was read of it. So nothing of this round is told; the next one finds
                    // the file where it is by then, and reads on from the same place.
                    tracing::debug!("{}: {error}", found.path.display());
                    return Ok(Seen::Part);
                }
            }
        }
        self.state.files = files;
        if done.gone {
            seen = Seen::Part;
        }
        let packed = reads.iter().filter(|(_, found)| found.packed && found.quiet() >= self.pace.settle);
        self.finished.extend(packed.map(|(_, found)| stamp(found)));
        self.output.work +=
            Work { items: u64::from(moved), rows: done.hits, bytes_in: done.bytes, bytes_out: 0 };
        self.output.failures.extend(done.failures);
        self.state.engine = engine;
        self.tell(alerts, moved)?;
        Ok(seen)
    }

    /// Which known file each file is; files that are new become known, and those that are gone by now are left for the next look.
    fn assign(&mut self, found: &[Found]) -> (Vec<(usize, Found)>, Seen) {
        let files = &mut self.state.files;
        let mut taken = vec![false; files.len()];
        let (mut reads, mut others, mut seen) = (Vec::new(), Vec::new(), Seen::All);
        for file in found {
            let here = files.iter().position(|known| known.was_at(file));
            match here {
                Some(here) if self.finished.contains(&stamp(file)) => taken[here] = true,
                Some(here) if !taken[here] => match files[here].is(file) {
                    Ok(true) => {
                        taken[here] = true;
                        files[here].lies_at(file);
                        reads.push((here, file.clone()));
                    }
                    Ok(false) => {
                        // It was truncated, or its inode was used again: what lies here is another file.
                        (files[here].device, files[here].inode) = (0, 0);
                        others.push(file);
                    }
                    Err(_) => (taken[here], seen) = (true, Seen::Part),
                },
                Some(_) | None => others.push(file),
            }
        }
        for file in others {
            if self.copies.get(&stamp(file)).is_some_and(|original| taken.get(*original) == Some(&true)) {
                continue;
            }
            match Kin::of(file, &self.state.files) {
                Err(_) => seen = Seen::Part,
                Ok(Kin::Same(original)) if taken[original] => drop(self.copies.insert(stamp(file), original)),
                Ok(Kin::Same(original)) => {
                    taken[original] = true;
                    self.state.files[original].lies_at(file);
                    reads.push((original, file.clone()));
                }
                Ok(Kin::Nobody) if file.sibling => {}
                // It is not read again; a log that only begins like another one is new as soon as it is longer.
                Ok(Kin::Copy) => {}
                Ok(Kin::Nobody) => {
                    let mut known = Known::new(file);
                    if self.pace.from_end && !self.looked && !file.packed {
                        let _ = known.read_to(file, file.size, 0);
                    }
                    self.state.files.push(known);
                    taken.push(true);
                    reads.push((self.state.files.len() - 1, file.clone()));
                }
            }
        }
        (reads, seen)
    }

    fn source(&mut self, known: usize, found: &Found) -> Source {
        let Known { position, line, .. } = self.state.files[known];
        // A packed file that was read to its end has nothing new; whether it was is known by its size on disk.
        let end = if found.packed { self.packed_end(found, position) } else { found.size };
        let whole = found.packed || found.quiet() >= self.pace.settle;
        Source {
            path: found.path.clone(),
            packed: found.packed,
            place: Some(found.place()),
            from: position,
            line,
            end,
            whole,
            year: found.year(),
        }
    }

    /// Where a packed file ends, unpacked; `position` where it is still being packed, and where it cannot be unpacked, which is a
    /// failure.
    fn packed_end(&mut self, found: &Found, position: u64) -> u64 {
        if found.quiet() < self.pace.settle {
            return position;
        }
        found.length().unwrap_or_else(|error| {
            let problem = Problem::because("cannot unpack the log", &error);
            let task = found.path.display().to_string();
            self.output.failures.push(Failure { task, cause: Cause::Problem(problem) });
            position
        })
    }

    /// Appends alerts to `--out`, saves, tells everybody else, and saves again.
    fn tell(&mut self, alerts: Vec<Alert>, moved: bool) -> Result<(), Problem> {
        let news = moved || !alerts.is_empty();
        self.output.alerts += alerts.len() as u64;
        for alert in alerts {
            if let Some(out) = &mut self.out {
                let line = as_line(&alert)?;
                out.write_all(&line).or_problem(|| "cannot write to --out")?;
                self.state.out_bytes += line.len() as u64;
                self.output.work.bytes_out += line.len() as u64;
            }
            let notify = self.input.rules.notify.iter().enumerate();
            let mut whom: Vec<usize> =
                notify.filter(|(_, whom)| wants(whom, &alert)).map(|(number, _)| number).collect();
            if self.out.is_none() {
                whom.insert(0, STDOUT);
            }
            if !whom.is_empty() {
                self.state.pending.push(Pending { alert, whom });
            }
        }
        if news || !self.state.pending.is_empty() {
            if let Some(out) = &self.out {
                out.sync_data().or_problem(|| "cannot write to --out")?;
            }
            self.checkpoint.save(&self.state)?;
        }
        if self.state.pending.is_empty() {
            return Ok(());
        }
        for pending in &mut self.state.pending {
            let alert = &pending.alert;
            let notify = &self.input.rules.notify;
            pending.whom.retain(|whom| {
                let told = match notify.get(*whom) {
                    Some(whom) => tell(whom, alert),
                    None => print(alert),
                };
                // Who cannot be told now is told in the next round.
                told.inspect_err(|problem| tracing::warn!("{problem}")).is_err()
            });
        }
        self.state.pending.retain(|pending| !pending.whom.is_empty());
        self.checkpoint.save(&self.state)
    }
}

/// What a file is to those that are known.
enum Kin {
    /// It is this one.
    Same(usize),
    /// It is an old copy of one.
    Copy,
    Nobody,
}

impl Kin {
    /// # Errors
    /// A file that is gone by now.
    fn of(file: &Found, known: &[Known]) -> io::Result<Self> {
        let mut same: Option<usize> = None;
        for (number, one) in known.iter().enumerate() {
            // Of several files that could be meant, the one that was read furthest says most.
            let further = same.is_none_or(|same| known[same].position <= one.position);
            if further && one.has_content() && one.is(file)? {
                same = Some(number);
            }
        }
        if let Some(same) = same {
            return Ok(Self::Same(same));
        }
        for one in known {
            if one.holds(file)? {
                return Ok(Self::Copy);
            }
        }
        Ok(Self::Nobody)
    }
}

fn stamp(found: &Found) -> Stamp {
    (found.device, found.inode, found.size, found.changed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::files::Places;
    use super::super::{Rules, Setup};
    use super::*;

    #[test]
    fn a_log_that_is_renamed_between_being_found_and_being_read_is_neither_new_nor_lost() {
        const RULES: &str = "[[rule]]\nname = 'r'\npattern = 'E'\n";
        let folder = tempfile::tempdir().unwrap();
        let (log, aside) = (folder.path().join("app.log"), folder.path().join("app.log.1"));
        let input = Input {
            places: Places { named: vec![folder.path().display().to_string()], own: folder.path().into() },
            setup: Setup::new(RULES.into(), "test".into()),
            rules: Rules::parse(RULES, "test").unwrap(),
            state: None,
            follow: None,
            example: false,
            settle: Duration::ZERO,
            gathered: folder.path().into(),
        };
        let (checkpoint, state) = Checkpoint::open(None, RULES).unwrap();
        let mut follower = Follower {
            input: &input,
            pace: Pace { every: Duration::ZERO, settle: Duration::ZERO, from_end: false },
            checkpoint,
            state,
            out: None,
            copies: HashMap::new(),
            finished: HashSet::new(),
            looked: true,
            output: Output::default(),
        };
        let mut assign = |found: &[Found], read_to: Option<u64>| {
            let (reads, seen) = follower.assign(found);
            let known = &mut follower.state.files;
            for (number, found) in &reads {
                if let Some(position) = read_to {
                    known[*number].read_to(found, position, 1).unwrap();
                }
            }
            let names = |(number, found): &(usize, Found)| {
                (found.path.file_name().unwrap().display().to_string(), known[*number].position)
            };
            (reads.iter().map(names).collect::<Vec<_>>(), seen, known.len())
        };
        fs::write(&log, "E1\n").unwrap();
        assert_eq!(assign(&input.places.look(), Some(3)), (vec![("app.log".into(), 3)], Seen::All, 1));

        fs::write(&log, "E1\nE2\n").unwrap();
        let found = input.places.look();
        fs::rename(&log, &aside).unwrap();
        fs::write(&log, "").unwrap();
        assert_eq!(assign(&found, None), (vec![], Seen::Part, 1));

        let both = vec![("app.log.1".into(), 3), ("app.log".into(), 0)];
        assert_eq!(assign(&input.places.look(), None), (both, Seen::All, 2));
    }
}
