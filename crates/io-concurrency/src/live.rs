//! A few lines of a terminal that are drawn anew in place.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use lab::{OrProblem, Problem};

/// How often it is drawn: often enough to look alive.
const PAUSE: Duration = Duration::from_millis(250);

/// Draws until it is dropped, and then wipes what it drew.
#[derive(Debug)]
pub(crate) struct Live {
    /// Dropped to end the thread.
    going_on: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Draws, on standard error, the text that `draw` makes for a screen of so many lines.
    ///
    /// # Errors
    /// No thread.
    pub(crate) fn start(draw: impl Fn(usize) -> String + Send + 'static) -> Result<Self, Problem> {
        let (going_on, ended) = sync_channel::<()>(0);
        let thread = std::thread::Builder::new().name("live".into()).spawn(move || {
            let mut lines = 0;
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let (width, height) = terminal_size::terminal_size_of(io::stderr())
                    .map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)));
                let text = fit(&draw(height), width, height.saturating_sub(1));
                // One write, so that no half-drawn state is seen.
                let _ = io::stderr().write_all(format!("{}{text}", wipe(lines)).as_bytes());
                lines = text.lines().count();
            }
            let _ = io::stderr().write_all(wipe(lines).as_bytes());
        });
        let thread = thread.or_problem(|| "there is no thread to draw with")?;
        Ok(Self { going_on: Some(going_on), thread: Some(thread) })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.going_on.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Goes back to the first of so many lines, and clears all from there on.
fn wipe(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\r\x1b[J") }
}

/// No line longer than the screen is wide, which would become two, and no more lines than it has.
fn fit(text: &str, width: usize, height: usize) -> String {
    let cut = |line: &str| line.trim_end().chars().take(width).chain(['\n']).collect::<String>();
    text.lines().take(height).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_fits_the_screen_and_is_wiped_as_a_whole() {
        assert_eq!(fit("abcdef\nç  \n3\n4", 3, 3), "abc\nç\n3\n");
        assert_eq!(wipe(3), "\x1b[3A\r\x1b[J");
        assert_eq!(wipe(0), "");
    }
}
