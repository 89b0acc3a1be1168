//! The board as a table: at the end on standard output, and live on a terminal.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use comfy_table::{CellAlignment, Table, presets};
use hdrhistogram::{Counter, Histogram};
use lab::{OrProblem, Problem};
use parking_lot::Mutex;
use serde_json::json;

use super::args::Format;
use super::board::{Board, Standing};
use super::state::State;
use crate::live::Live;

/// So many lines of the screen are not the table's targets: its head, its feet, the prompt.
const FRAME: usize = 8;

/// Prints the board. A reader that has seen enough, such as `head`, is no error.
pub(super) fn print(board: &Board, format: Format) -> Result<(), Problem> {
    let text = match format {
        Format::Table => text(board, board.standings.len()),
        Format::Json => board.standings.iter().map(|standing| line(standing) + "\n").collect(),
    };
    if format == Format::Json {
        anstream::eprintln!("{}", own_error(board));
    }
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.or_problem(|| "cannot write to standard output"),
    }
}

/// Draws the board until it is dropped, if it is wanted.
///
/// # Errors
/// No thread.
pub(super) fn live(wanted: bool, board: &Arc<Mutex<Board>>) -> Result<Option<Live>, Problem> {
    let board = Arc::clone(board);
    let draw = move |height: usize| text(&board.lock(), height.saturating_sub(FRAME).max(1));
    wanted.then(|| Live::start(draw)).transpose()
}

/// The worst targets first where there is room for so many only; all in their order otherwise.
fn text(board: &Board, most: usize) -> String {
    let mut shown: Vec<&Standing> = board.standings.iter().collect();
    if shown.len() > most {
        let worst = |one: &&Standing| {
            let rank = match one.state {
                State::Down => 0,
                State::Unknown => 1,
                State::Up => 2,
            };
            (rank, std::cmp::Reverse(one.times.max()))
        };
        shown.sort_by_key(worst);
        shown.truncate(most);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "state",
        "target",
        "probes",
        "missed",
        "status",
        "p50",
        "p90",
        "p99",
        "max",
        "last: why",
    ]);
    for one in &shown {
        let last = one.last.as_ref();
        let status =
            last.and_then(|last| last.status).map_or_else(|| "–".into(), |status| status.to_string());
        let why = last.and_then(|last| last.verdict.why()).unwrap_or_default();
        let mut row = vec![
            one.state.to_string(),
            one.watched.to_string(),
            one.probes.to_string(),
            one.missed.to_string(),
            status,
        ];
        row.extend(quantiles(&one.times));
        row.push(why.into());
        table.add_row(row);
    }
    for column in [2, 3, 5, 6, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = table.to_string();
    if shown.len() < board.standings.len() {
        let _ = write!(text, "\n and {} more", board.standings.len() - shown.len());
    }
    let count = |state| board.standings.iter().filter(|one| one.state == state).count();
    let [p50, p90, p99, max] = quantiles(&board.times);
    let left_out: u64 = board.standings.iter().map(|one| one.left_out).sum();
    let _ = write!(
        text,
        "\n {} up, {} down, {} undecided; all probes: p50 {p50}, p90 {p90}, p99 {p99}, max {max}; {left_out} left out\n {}\n",
        count(State::Up),
        count(State::Down),
        count(State::Unknown),
        own_error(board)
    );
    text
}

/// What may be this program's own error, in a sentence.
fn own_error(board: &Board) -> String {
    let [p50, _, p99, max] = quantiles(&board.own_error);
    let [_, _, late, _] = quantiles(&board.late);
    let [_, _, unread, _] = quantiles(&board.unread);
    let schedule = if board.scheduled { format!(", sent late p99 {late}") } else { String::new() };
    format!(
        "own error: p50 {p50}, p99 {p99}, max {max}{schedule}; answers read p99 {unread} after they came, charged to nobody"
    )
}

fn quantiles<C: Counter>(times: &Histogram<C>) -> [String; 4] {
    [0.5, 0.9, 0.99, 1.0].map(|quantile| {
        if times.is_empty() { "–".into() } else { milliseconds(times.value_at_quantile(quantile)) }
    })
}

#[allow(clippy::cast_precision_loss)]
fn milliseconds(micros: u64) -> String {
    format!("{:.2} ms", micros as f64 / 1e3)
}

fn line(one: &Standing) -> String {
    let last = one.last.as_ref();
    let quantile = |quantile: f64| (!one.times.is_empty()).then(|| one.times.value_at_quantile(quantile));
    json!({
        "target": one.watched.shown(),
        "state": one.state.name(),
        "probes": one.probes,
        "missed": one.missed,
        "left_out": one.left_out,
        "status": last.and_then(|last| last.status),
        "class": last.and_then(|last| last.verdict.class()),
        "why": last.and_then(|last| last.verdict.why()),
        "p50_us": quantile(0.5), "p90_us": quantile(0.9), "p99_us": quantile(0.99), "max_us": quantile(1.0),
        "dns_us": last.map(|last| last.dns_us), "connect_us": last.map(|last| last.connect_us),
        "tls_us": last.map(|last| last.tls_us), "first_byte_us": last.map(|last| last.first_byte_us),
        "total_us": last.map(|last| last.total_us),
    })
    .to_string()
}
