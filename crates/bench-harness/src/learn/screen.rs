//! What the reader sees and types.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use lab::measure::nanoseconds;
use lab::record::{Bilingual, CellRecord};
use lab::{Lang, OrProblem, Problem, Stop, number, words};
use owo_colors::OwoColorize as _;

/// Lines longer than this are tiring to read.
const WIDEST: usize = 96;
/// A bar of the slowest strategy.
const LONGEST_BAR: usize = 40;

/// What the reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// This choice, counted from 0.
    Choice(usize),
    /// To see it without a guess.
    Look,
    /// To stop here.
    Quit,
}

/// Where answers come from.
pub(super) enum Answers {
    /// Nobody is asked.
    None,
    /// What was given on the command line.
    Given(std::vec::IntoIter<String>),
    /// Standard input, a line each. A thread of its own reads, so that Ctrl-C is heard while nobody types.
    Typed(Receiver<String>),
}

impl Answers {
    /// What the user types.
    ///
    /// # Errors
    /// A system that refuses a thread.
    pub(super) fn typed() -> Result<Self, Problem> {
        // No room: a line is read when somebody waits for it.
        let (sender, lines) = sync_channel(0);
        let read = move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("typed".into()).spawn(read);
        thread.or_problem(|| "cannot start the thread that reads what is typed")?;
        Ok(Self::Typed(lines))
    }

    /// The next line; `None` at the end and after Ctrl-C.
    fn next(&mut self, stop: &Stop) -> Option<String> {
        match self {
            Self::None => None,
            Self::Given(answers) => answers.next(),
            Self::Typed(lines) => loop {
                match lines.recv_timeout(Duration::from_millis(50)) {
                    Ok(line) => return Some(line),
                    Err(RecvTimeoutError::Disconnected) => return None,
                    Err(RecvTimeoutError::Timeout) if stop.asked() => return None,
                    Err(RecvTimeoutError::Timeout) => {}
                }
            },
        }
    }

    /// Asks until there is a reply.
    pub(super) fn ask(&mut self, screen: Screen, choices: usize, stop: &Stop) -> Result<Reply, Problem> {
        let lang = screen.lang;
        if matches!(self, Self::None) {
            return Ok(if stop.asked() { Reply::Quit } else { Reply::Look });
        }
        let prompt = words!(
            lang,
            "Your guess: 1 to {choices}, Enter to just look, q to stop here ▸ ",
            "Seu palpite: de 1 a {choices}, Enter para só olhar, q para parar aqui ▸ "
        );
        loop {
            screen.begin(&format!("  {}", prompt.bold()))?;
            let Some(line) = self.next(stop) else {
                screen.line("")?;
                return Ok(Reply::Quit);
            };
            if !matches!(self, Self::Typed(_) if io::stdin().is_terminal()) {
                // Nobody has typed it here, so nobody has seen it.
                screen.line(&line)?;
            }
            match reply(&line, choices) {
                Some(reply) => return Ok(reply),
                None => screen.line(&format!(
                    "  {}",
                    words!(lang, "That is none of them.", "Isso não é nenhuma das opções.").yellow()
                ))?,
            }
        }
    }
}

fn reply(line: &str, choices: usize) -> Option<Reply> {
    match line.trim() {
        "" | "-" => Some(Reply::Look),
        "q" | "Q" => Some(Reply::Quit),
        text => {
            let number = text.parse::<usize>().ok().filter(|number| (1..=choices).contains(number))?;
            Some(Reply::Choice(number - 1))
        }
    }
}

/// Standard output, in the reader's language and width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// The reader's language.
    pub(super) lang: Lang,
    width: usize,
}

// Whoever writes a line does so through the screen, also where it needs nothing of it.
#[allow(clippy::unused_self)]
impl Screen {
    /// The screen that there is.
    pub(super) fn new(lang: Lang) -> Self {
        let wide = terminal_size::terminal_size().map_or(WIDEST, |(width, _)| usize::from(width.0));
        Self { lang, width: wide.clamp(40, WIDEST) }
    }

    /// Whether colours are shown.
    pub(super) fn has_colours(self) -> bool {
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
    }

    /// Writes a line.
    ///
    /// # Errors
    /// A closed standard output.
    pub(super) fn line(self, line: &str) -> Result<(), Problem> {
        writeln!(anstream::stdout(), "{line}").or_problem(cannot)
    }

    /// Writes a line that is not ended.
    ///
    /// # Errors
    /// A closed standard output.
    pub(super) fn begin(self, text: &str) -> Result<(), Problem> {
        let mut out = anstream::stdout();
        write!(out, "{text}").and_then(|()| out.flush()).or_problem(cannot)
    }

    /// Shows for a while that something is going on; only to people.
    ///
    /// # Errors
    /// A closed standard output.
    pub(super) fn while_waiting<R>(self, text: &str, work: impl FnOnce() -> R) -> Result<R, Problem> {
        let live = io::stdout().is_terminal();
        if live {
            self.begin(&format!("  {}", text.dimmed()))?;
        }
        let result = work();
        if live {
            self.begin("\r\x1b[2K")?;
        }
        Ok(result)
    }

    /// Writes a paragraph, indented and broken between words.
    ///
    /// # Errors
    /// A closed standard output.
    pub(super) fn paragraph(self, text: &str, paint: fn(&str) -> String) -> Result<(), Problem> {
        wrapped(text, self.width - 2).iter().try_for_each(|line| self.line(&format!("  {}", paint(line))))
    }

    /// A line across, with words at its left and right end.
    ///
    /// # Errors
    /// A closed standard output.
    pub(super) fn rule(self, left: &str, right: &str) -> Result<(), Problem> {
        let used = left.chars().count() + right.chars().count() + 8;
        let across = "─".repeat(self.width.saturating_sub(used));
        self.line(&format!(
            "{} {} {} {} {}",
            "──".dimmed(),
            left.bold(),
            across.dimmed(),
            right,
            "──".dimmed()
        ))
    }

    /// How far the walk is: a bar, and how many were foreseen.
    ///
    /// # Errors
    /// A closed standard output.
    pub(super) fn meter(self, done: usize, all: usize, foreseen: usize) -> Result<(), Problem> {
        let full = (30 * done).checked_div(all).unwrap_or_default();
        let bar = format!("{}{}", "━".repeat(full).green(), "━".repeat(30 - full).dimmed());
        let lang = self.lang;
        let said = words!(
            lang,
            "{done} of {all} done, {foreseen} foreseen",
            "{done} de {all} feitos, previstos: {foreseen}"
        );
        self.line(&format!("  {bar}  {said}"))
    }

    /// The strategies as bars of their times; the one that was asked about is marked.
    ///
    /// # Errors
    /// A closed standard output.
    pub(super) fn bars(self, cells: &[CellRecord], asked: &str) -> Result<(), Problem> {
        let longest = cells.iter().filter_map(|cell| cell.median_ns).max().unwrap_or(1).max(1);
        let pad = cells.iter().map(|cell| cell.strategy.len()).max().unwrap_or_default();
        for cell in cells {
            let (mark, name) = (if cell.strategy == asked { "▸" } else { " " }, &cell.strategy);
            let Some(median) = cell.median_ns else {
                let why = cell.error.as_deref().unwrap_or("?");
                self.line(&format!("  {mark} {name:pad$}  {}", why.red()))?;
                continue;
            };
            let share = median as f64 / longest as f64 * LONGEST_BAR as f64;
            // Between 0 and the longest bar.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let bar = "█".repeat((share.round() as usize).max(1));
            let bar = if cell.strategy == asked { bar.cyan().to_string() } else { bar.dimmed().to_string() };
            let times = cell.speedup.map_or(String::new(), |times| format!("{}×", number(times, self.lang)));
            self.line(&format!("  {mark} {name:pad$}  {bar} {} {}", nanoseconds(median), times.bold()))?;
        }
        Ok(())
    }

    /// The text in the reader's language.
    pub(super) fn of(self, text: &Bilingual) -> &str {
        text.in_lang(self.lang)
    }
}

fn cannot() -> &'static str {
    "cannot write to standard output"
}

/// A text in lines of at most so many letters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line from the beginning");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_number_that_is_offered_a_look_or_the_end() {
        let replies = ["2", " 1 ", "", "-", "q", "0", "4", "two"].map(|line| reply(line, 3));
        let (one, two) = (Some(Reply::Choice(0)), Some(Reply::Choice(1)));
        let (look, quit) = (Some(Reply::Look), Some(Reply::Quit));
        assert_eq!(replies, [two, one, look, look, quit, None, None, None]);
    }

    #[test]
    fn a_paragraph_is_broken_between_words_and_counted_in_letters() {
        assert_eq!(wrapped("uma só thread espera", 12), ["uma só", "thread", "espera"]);
        assert_eq!(wrapped("ações", 2), ["ações"]);
    }
}
