//! Telling people and programs of alerts.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fetch::{Client, Manners, Target};
use lab::{OrProblem, Problem};

use super::engine::Alert;
use super::rules::Notify;

/// The longest that a command may take.
const COMMAND: Duration = Duration::from_secs(30);

/// Tells one of those who want to know.
///
/// # Errors
/// Why they could not be told.
pub(super) fn tell(whom: &Notify, alert: &Alert) -> Result<(), Problem> {
    let line = as_line(alert)?;
    if let Some(file) = &whom.file {
        let cannot = || format!("cannot write to {}", file.display());
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).or_problem(cannot)?;
        return file.write_all(&line).or_problem(cannot);
    }
    if let Some(url) = &whom.webhook {
        return post(url, line);
    }
    whom.command.as_deref().map_or(Ok(()), |words| command(words, &line))
}

/// Whether an alert is for them.
pub(super) fn wants(whom: &Notify, alert: &Alert) -> bool {
    whom.rules.is_empty() || whom.rules.contains(&alert.rule)
}

/// An alert as a line of JSON.
///
/// # Errors
/// None that happens: an alert has only texts and numbers.
pub(super) fn as_line(alert: &Alert) -> Result<Vec<u8>, Problem> {
    let mut line = serde_json::to_vec(alert).or_problem(|| "an alert cannot be written")?;
    line.push(b'\n');
    Ok(line)
}

/// Prints an alert. A reader that has seen enough, such as `head`, is no error.
///
/// # Errors
/// Standard output that takes no more.
pub(super) fn print(alert: &Alert) -> Result<(), Problem> {
    let line = as_line(alert)?;
    let mut out = io::stdout().lock();
    match out.write_all(&line).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.or_problem(|| "cannot write to standard output"),
    }
}

fn post(url: &str, line: Vec<u8>) -> Result<(), Problem> {
    let target = Target::parse(url).or_problem(|| "the web hook is no URL")?;
    let manners = Manners { whole: Duration::from_secs(10), retries: 3, ..Manners::default() };
    let client = Client::new(manners).or_problem(|| "there is no client for the web hook")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.or_problem(|| "cannot start an event loop")?;
    let told = runtime.block_on(client.post(&target, "application/json", line.into()));
    told.map(drop).or_problem(|| format!("the web hook {target} was not told"))
}

/// Runs a command with the alert on its standard input, and waits for its end. It leads a process group of its own, so that
/// one that takes too long is ended together with what it started.
fn command(words: &[String], line: &[u8]) -> Result<(), Problem> {
    use std::os::unix::process::CommandExt;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Problem::new("a command has no words"));
    };
    let cannot = || format!("cannot run `{program}`");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .or_problem(cannot)?;
    if let Some(mut input) = child.stdin.take() {
        // A command that does not care for its input may have closed it.
        let _ = input.write_all(line);
    }
    let deadline = Instant::now() + COMMAND;
    loop {
        if let Some(status) = child.try_wait().or_problem(cannot)? {
            let failed = || Problem::new(format!("`{program}` ended with {status}"));
            return if status.success() { Ok(()) } else { Err(failed()) };
        }
        if Instant::now() >= deadline {
            let group = i32::try_from(child.id()).unwrap_or(i32::MAX);
            let _ = nix::sys::signal::killpg(
                nix::unistd::Pid::from_raw(group),
                nix::sys::signal::Signal::SIGKILL,
            );
            let _ = child.wait();
            return Err(Problem::new(format!("`{program}` took longer than {COMMAND:?} and was ended")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
