//! Figures as text for people and for other programs: a table, JSON lines, comma-separated values, Markdown.

use std::fmt::Write as _;
use std::io::Write as _;

use lab::measure::{self, nanoseconds};
use lab::record::CellRecord;
use lab::{OrProblem, Problem};
use serde::Serialize;

use crate::cli::Form;

impl Form {
    /// Whether a form for other programs was asked for.
    pub(crate) fn any(self) -> bool {
        self.json || self.csv || self.markdown
    }
}

/// Prints to standard output.
///
/// # Errors
/// A closed standard output.
pub(crate) fn say(text: &str) -> Result<(), Problem> {
    anstream::stdout().write_all(text.as_bytes()).or_problem(|| "cannot write to standard output")
}

/// Prints cells in the form that was asked for.
pub(crate) fn print(cells: &[CellRecord], form: Form) -> Result<(), Problem> {
    let text = match form {
        Form { json: true, .. } => json(cells)?,
        Form { csv: true, .. } => csv(CELL_COLUMNS, cells.iter().map(values)),
        Form { markdown: true, .. } => markdown(SHORT_COLUMNS, cells.iter().map(short)),
        _ => measure::table(cells, measure::screen_width()),
    };
    say(&text)
}

/// A line of JSON for each record.
pub(crate) fn json<R: Serialize>(records: &[R]) -> Result<String, Problem> {
    records.iter().try_fold(String::new(), |text, record| {
        let line = serde_json::to_string(record).or_problem(|| "cannot write a record")?;
        Ok(text + &line + "\n")
    })
}

/// Comma-separated values as RFC 4180 has them, with line feeds.
pub(crate) fn csv<const N: usize>(columns: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let field = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let line = |fields: &[String]| fields.iter().map(|text| field(text)).collect::<Vec<_>>().join(",") + "\n";
    let head = line(&columns.map(str::to_owned));
    rows.fold(head, |text, row| text + &line(&row))
}

/// A table in Markdown: the first column to the left, the others to the right.
pub(crate) fn markdown<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut text = format!("| {} |\n|---|", columns.join(" | "));
    let _ = writeln!(text, "{}", "--:|".repeat(N - 1));
    for row in rows {
        let row = row.map(|field| field.replace('|', "\\|").replace('\n', " "));
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

const CELL_COLUMNS: [&str; 24] = [
    "exercise",
    "name",
    "strategy",
    "workers",
    "samples",
    "median_ns",
    "mad_ns",
    "outliers",
    "speedup",
    "speedup_low",
    "speedup_high",
    "cpu_ns",
    "peak_rss_bytes",
    "voluntary_switches",
    "involuntary_switches",
    "minor_faults",
    "major_faults",
    "items",
    "rows",
    "bytes_in",
    "bytes_out",
    "digest",
    "verified",
    "error",
];

fn text<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn values(cell: &CellRecord) -> [String; 24] {
    let [low, high] = cell.speedup_ci.map_or([None; 2], |ends| ends.map(Some));
    let work = cell.work;
    [
        cell.exercise.to_string(),
        cell.name.clone(),
        cell.strategy.clone(),
        cell.workers.to_string(),
        cell.samples_ns.len().to_string(),
        text(cell.median_ns),
        text(cell.mad_ns),
        cell.outliers.len().to_string(),
        text(cell.speedup),
        text(low),
        text(high),
        text(cell.cpu_ns),
        text(cell.peak_rss_bytes),
        text(cell.events.map(|events| events.voluntary_switches)),
        text(cell.events.map(|events| events.involuntary_switches)),
        text(cell.events.map(|events| events.minor_faults)),
        text(cell.events.map(|events| events.major_faults)),
        work.items.to_string(),
        work.rows.to_string(),
        work.bytes_in.to_string(),
        work.bytes_out.to_string(),
        text(cell.digest.as_deref()),
        cell.verified.to_string(),
        text(cell.error.as_deref()),
    ]
}

const SHORT_COLUMNS: [&str; 7] =
    ["exercise", "strategy", "median", "speed-up", "95 % interval", "CPU", "answer"];

fn short(cell: &CellRecord) -> [String; 7] {
    [
        format!("{:02} {}", cell.exercise, cell.name),
        cell.strategy.clone(),
        text(cell.median_ns.map(nanoseconds)),
        text(cell.speedup.map(|ratio| format!("{ratio:.2}×"))),
        text(cell.speedup_ci.map(|[low, high]| format!("{low:.2} to {high:.2}"))),
        text(cell.cpu_ns.map(nanoseconds)),
        match (&cell.error, &cell.digest) {
            (Some(error), _) => format!("✗ {error}"),
            (None, digest) => {
                format!("✓ `{}`", digest.as_deref().map_or("", |digest| &digest[..digest.len().min(8)]))
            }
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_commas_quotes_and_line_breaks_survive() {
        let rows = [["a,b".to_owned(), "say \"x\"\nagain".to_owned()]];
        assert_eq!(csv(["one", "two"], rows.into_iter()), "one,two\n\"a,b\",\"say \"\"x\"\"\nagain\"\n");
    }

    #[test]
    fn a_table_in_markdown_keeps_its_columns() {
        let rows = [["a|b".to_owned(), "1".to_owned()]];
        assert_eq!(markdown(["name", "n"], rows.into_iter()), "| name | n |\n|---|--:|\n| a\\|b | 1 |\n");
    }
}
