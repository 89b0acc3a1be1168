//! A run without a checkpoint: alerts are gathered into one file, which is whole or not there.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};

use lab::out::{Staging, publish};
use lab::ways::Way;
use lab::{Lab, OrProblem, Problem, Work};

use super::engine::{Alert, Engine};
use super::files::Found;
use super::notify::{as_line, tell, wants};
use super::plan::Source;
use super::round::round;
use super::scan::ScanPiece;
use super::{AlertsArgs, Input, Output};

/// Reads all files once.
pub(super) fn gather(input: &Input, lab: &Lab, way: Way<ScanPiece>) -> Result<Output, Problem> {
    let (files, mut failures) = input.places.files(lab)?;
    let sources: Vec<Source> = files.iter().map(whole).collect();
    let place = lab.out();
    let staging = match &place {
        Some(place) => Staging::beside(place)?,
        None => Staging::within(&input.gathered)?,
    };
    let staged = staging.path("alerts.ndjson");
    let cannot = || format!("cannot write {}", staged.display());
    let mut out = BufWriter::new(File::create(&staged).or_problem(cannot)?);
    let (mut alerts, mut bytes) = (0, 0);
    let mut write = |alert: Alert| {
        let line = as_line(&alert)?;
        (alerts, bytes) = (alerts + 1, bytes + line.len() as u64);
        out.write_all(&line).or_problem(cannot)
    };
    let done = round(lab, way, &input.setup, &sources, &mut Engine::default(), &mut write)?;
    out.flush().or_problem(cannot)?;
    lab.stop.check()?;
    let work = Work { items: sources.len() as u64, rows: done.hits, bytes_in: done.bytes, bytes_out: bytes };
    failures.extend(done.failures);
    let mut output = Output { file: Some(staged.clone()), spool: None, alerts, work, failures };
    match place {
        Some(place) => {
            publish(&staged, &place)?;
            output.file = Some(place);
        }
        None => output.spool = Some(staging),
    }
    Ok(output)
}

fn whole(found: &Found) -> Source {
    Source {
        path: found.path.clone(),
        place: None,
        packed: found.packed,
        from: 0,
        line: 0,
        // How long it is unpacked is seen only at its end.
        end: if found.packed { u64::MAX } else { found.size },
        whole: true,
        year: found.year(),
    }
}

/// Prints the alerts, unless they are where the user asked for them, and tells those whom the rules name.
pub(super) fn deliver(output: &Output, args: &AlertsArgs, lab: &Lab) -> Result<(), Problem> {
    let Some(file) = &output.file else { return Ok(()) };
    let cannot = || format!("cannot read {} back", file.display());
    if output.spool.is_some() {
        let mut out = io::stdout().lock();
        match File::open(file).and_then(|mut lines| io::copy(&mut lines, &mut out)) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            copied => drop(copied.or_problem(|| "cannot write to standard output")?),
        }
    }
    let rules = args.rules(lab)?.0;
    if rules.notify.is_empty() {
        return Ok(());
    }
    for line in io::BufRead::lines(io::BufReader::new(File::open(file).or_problem(cannot)?)) {
        let alert: Alert = serde_json::from_str(&line.or_problem(cannot)?).or_problem(cannot)?;
        for whom in rules.notify.iter().filter(|whom| wants(whom, &alert)) {
            tell(whom, &alert)?;
        }
    }
    Ok(())
}

/// Prints the rules to start from.
pub(super) fn print_example() -> Result<(), Problem> {
    io::stdout().write_all(super::EXAMPLE.as_bytes()).or_problem(|| "cannot write to standard output")
}
