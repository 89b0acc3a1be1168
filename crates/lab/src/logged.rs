//! The log decorator: one line for a step with its name, its arguments, its duration and its outcome.
//!
//! [`logged`] wraps a step that is a call; [`Step`] is the same for one that is not, such as a future. The lines have the target
//! `lab::logged` and go to the log file, and to the console from `--log-level info` on. A line costs some microseconds: steps
//! are logged, and the tasks within them only where they fail.

use std::fmt::{self, Display, Write as _};
use std::time::Instant;

/// Does `work` and logs it.
///
/// # Errors
/// Those of `work`.
pub fn logged<T, E: Display>(
    name: &str,
    arguments: impl Display,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let step = Step::begin(name, arguments);
    let outcome = work();
    step.end(outcome.as_ref().err());
    outcome
}

/// Logs a failure of a step that goes on.
pub fn failed(task: impl Display, why: impl Display) {
    tracing::info!(target: "lab::logged", %task, outcome = "failed", error = %why, "task");
}

/// A step that has begun. One that is dropped before its end is logged as interrupted, or as panicked.
#[derive(Debug)]
pub struct Step {
    name: String,
    arguments: String,
    began: Instant,
    ended: bool,
}

impl Step {
    /// Begins a step now.
    pub fn begin(name: &str, arguments: impl Display) -> Self {
        Self { name: name.to_owned(), arguments: arguments.to_string(), began: Instant::now(), ended: false }
    }

    /// Adds what is known only at the end.
    pub fn with(&mut self, more: impl Display) {
        // A string takes everything.
        let _ = write!(self.arguments, " {more}");
    }

    /// Ends it, well or with an error.
    pub fn end(mut self, error: Option<impl Display>) {
        self.ended = true;
        match error {
            None => self.log("done", None),
            Some(error) => self.log("failed", Some(&error.to_string())),
        }
    }

    fn log(&self, outcome: &str, error: Option<&str>) {
        let Self { name, arguments, began, .. } = self;
        let ms = began.elapsed().as_secs_f64() * 1e3;
        tracing::info!(target: "lab::logged", step = name, arguments, ms, outcome, error, "step");
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.ended {
            self.log(if std::thread::panicking() { "panicked" } else { "interrupted" }, None);
        }
    }
}

/// Paths as the arguments of a step: all of a few, and the number of many.
#[derive(Debug)]
pub struct Paths<'a>(pub &'a [std::path::PathBuf]);

impl Display for Paths<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (number, path) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(out, "{comma}{}", path.display())?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::problem::Problem;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<serde_json::Value> {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_step_is_logged_with_its_name_arguments_duration_and_outcome() {
        let logs = lines(|| {
            logged("survey", "a.csv", || Ok::<_, Problem>(1)).unwrap();
            logged("survey", "b.csv", || Err::<(), _>(Problem::new("it is gone"))).unwrap_err();
            drop(Step::begin("write", "c.csv"));
        });
        let field = |at: usize, name: &str| logs[at]["fields"][name].clone();
        let outcomes: Vec<_> = (0..3).map(|at| field(at, "outcome")).collect();
        assert_eq!(outcomes, ["done", "failed", "interrupted"]);
        assert_eq!((field(1, "step"), field(1, "arguments")), ("survey".into(), "b.csv".into()));
        assert!(field(1, "error").as_str().unwrap().contains("it is gone"));
        assert!(field(0, "ms").as_f64().unwrap() >= 0.0 && field(0, "error").is_null());
    }
}
