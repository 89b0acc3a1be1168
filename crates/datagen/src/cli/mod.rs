//! The command line: from arguments to a run, and from its outcome to words on stderr.

mod args;
mod request;

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use clap::error::ErrorKind;

use args::{VerifyArgs, What};

use crate::error::{Error, Result};
use crate::plan::TableName;
use crate::report::{Line, summary};
use crate::run::{Outcome, Request, run};
use crate::size::show_bytes;
use crate::verify::verify;

const EXAMPLES: &str = "\
Examples:
  datagen all --scale small                          everything the laboratory reads, into data/raw/small
  datagen orders --rows 1000000 --format parquet     one table, into data/raw/orders-parquet
  datagen orders --bytes 10GB --files 40             as many rows as make about 10 GB
  datagen logs --files 4 --out /tmp/logs             application logs, into a folder of your own
  datagen verify data/raw/small                      read every byte and compare it with the manifest

The same arguments give the same bytes, with any number of workers. A second run writes nothing; an interrupted run
goes on with the files that are missing.";

/// Seeded data sets, the same bytes for any number of workers.
#[derive(Debug, Parser)]
#[command(name = "datagen", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    what: What,
    /// Stop as on Ctrl-C once stdin is closed, so that a program that started this one and died leaves nothing running.
    #[arg(long, global = true, hide = true)]
    stop_with_stdin: bool,
}

/// Reads the command line.
///
/// # Errors
/// An exit code once everything is said: 0 after help and version, 2 after an error.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, u8> {
    Cli::try_parse_from(arguments).map_err(|error| {
        // Help that was asked for goes to stdout, help that was not to stderr; that it cannot be written there is
        // nobody's business.
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            let _ = error.print();
            return 0;
        }
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            let _ = error.print();
            return 2;
        }
        let text = error.to_string();
        let message = text.split("\n\nUsage:").next().unwrap_or(&text);
        let message = message.split("\n\nFor more information").next().unwrap_or(message);
        eprintln!("{}", message.replace("\n  tip: ", "\nhint: ").replace("\n\nhint:", "\nhint:").trim_end());
        if !message.contains("tip: ") {
            eprintln!("hint: `datagen --help` shows what there is, with examples");
        }
        2
    })
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever [`run`] or [`verify`] meets; the caller maps it to an exit code with [`Error::exit_code`].
    pub fn run(self, stop: &'static AtomicBool) -> Result<()> {
        if self.stop_with_stdin {
            // Nobody can join a thread that waits for input that may never come; it ends with the process, and all it
            // ever does is to set the flag.
            thread::spawn(|| {
                let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
                stop.store(true, Ordering::Release);
            });
        }
        let (request, quiet) = match &self.what {
            What::Verify(args) => return check(args, stop),
            What::All(args) => (request::everything(&args.common), args.common.how.quiet),
            What::Logs(args) => (request::logs(args)?, args.common.how.quiet),
            What::Orders(args) => (request::orders(args)?, args.table.common.how.quiet),
            What::Stores(args) => (request::stores(args)?, args.common.how.quiet),
            What::Images(args) => (request::images(args)?, args.common.how.quiet),
            What::Customers(args) => (request::table(TableName::Customers, args)?, args.common.how.quiet),
            What::Products(args) => (request::table(TableName::Products, args)?, args.common.how.quiet),
            What::Weather(args) => (request::table(TableName::Weather, args)?, args.common.how.quiet),
            What::Localities(args) => (request::table(TableName::Localities, args)?, args.common.how.quiet),
        };
        let started = Instant::now();
        let rows = request.plan.iter().map(|file| file.rows.end - file.rows.start).sum();
        let line = Line::new(rows, quiet);
        let outcome = run(&request, stop, &line);
        line.clear();
        let outcome = outcome?;
        if !quiet {
            tell(&request, &outcome, started);
        }
        Ok(())
    }
}

/// Says on stderr what was done.
fn tell(request: &Request, outcome: &Outcome, started: Instant) {
    let root = request.root.display();
    let files = outcome.manifest.files.len();
    if outcome.written == 0 {
        eprintln!("{root}: nothing to write, all {files} files are there");
        return;
    }
    eprint!("{}", summary(&outcome.manifest));
    let bytes = outcome.bytes;
    let seconds = started.elapsed().as_secs_f64();
    let rate = show_bytes((bytes as f64 / seconds.max(1e-9)) as u64);
    eprintln!(
        "{root}: {} of {files} files written, {} in {seconds:.2} s, {rate}/s",
        outcome.written,
        show_bytes(bytes)
    );
}

/// Checks a folder, and names on stdout what is wrong with it.
fn check(args: &VerifyArgs, stop: &AtomicBool) -> Result<()> {
    let line = Line::new(0, true);
    let (manifest, problems) = verify(&args.folder, args.how.workers(), stop, &line)?;
    for problem in &problems {
        println!("{}: {}", problem.path, problem.what);
    }
    let bytes = manifest.files.iter().map(|entry| entry.bytes).sum();
    if !problems.is_empty() {
        let of = manifest.files.len();
        return Err(Error::Differs { folder: args.folder.clone(), problems: problems.len(), of });
    }
    if !args.how.quiet {
        let files = manifest.files.len();
        eprintln!("{}: {files} files, {}, all as written", args.folder.display(), show_bytes(bytes));
    }
    Ok(())
}

/// Lets Ctrl-C and a polite kill set `stop` instead of ending the process, so that files half-written are removed.
///
/// # Errors
/// When the system refuses the handler.
pub fn stop_on_signals() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| STOP.store(true, Ordering::Release)).map_err(|error| Error::Usage {
        message: format!("cannot listen to Ctrl-C: {error}"),
        hint: "start one run in a process".into(),
    })?;
    Ok(&STOP)
}
