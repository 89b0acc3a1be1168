//! The table that a run prints.

use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};

use crate::record::CellRecord;

/// The width of an answer's column that is kept when columns are left out: an error is wrapped into as much.
const ANSWER: usize = 24;

/// Columns between two columns.
const GAP: u16 = 2;

/// A column of the table.
struct Column {
    title: &'static str,
    right: bool,
    /// The order in which columns are left out of a narrow table; `None` for those that stay.
    dispensable: Option<u8>,
    cells: Vec<String>,
}

impl Column {
    fn new(title: &'static str, cells: Vec<String>) -> Self {
        Self { title, right: false, dispensable: None, cells }
    }

    fn right(self) -> Self {
        Self { right: true, ..self }
    }

    fn dispensable(self, turn: u8) -> Self {
        Self { dispensable: Some(turn), ..self }
    }

    fn width(&self) -> usize {
        let texts = self.cells.iter().map(String::as_str).chain([self.title]);
        texts.map(|text| text.chars().count()).max().unwrap_or_default()
    }
}

/// One row a cell: what it took, how much faster that is, and whether the answer is right. A table that is wider than `width`
/// loses columns first, and then wraps what is left; `None` is no limit.
pub fn table(records: &[CellRecord], width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut columns = columns(records);
    let mut left_out = Vec::new();
    while needed(&columns) > width {
        let next =
            columns.iter().enumerate().filter_map(|(at, column)| Some((column.dispensable?, at))).min();
        let Some((_, at)) = next else { break };
        left_out.push(columns.remove(at).title);
    }

    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.remove_style(TableComponent::VerticalLines).set_style(TableComponent::HeaderLines, '─');
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(columns.iter().map(|column| column.title));
    for row in 0..records.len() {
        table.add_row(columns.iter().map(|column| &column.cells[row]));
    }
    let last = columns.len() - 1;
    for (number, column) in columns.iter().enumerate() {
        if let Some(shown) = table.column_mut(number) {
            shown.set_padding((0, if number == last { 0 } else { GAP }));
            shown.set_cell_alignment(if column.right { CellAlignment::Right } else { CellAlignment::Left });
        }
    }

    let mut text: String = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    if !left_out.is_empty() {
        let note = format!("A wider terminal shows {} too.", left_out.join(", "));
        let fits = note.chars().count() <= width;
        text.push_str(if fits { &note } else { "A wider terminal shows more." });
        text.push('\n');
    }
    text
}

/// The width of the table, as far as the answers may be wrapped.
fn needed(columns: &[Column]) -> usize {
    let width = |column: &Column| match column.title {
        "answer" => column.width().min(ANSWER),
        _ => column.width(),
    };
    columns.iter().map(width).sum::<usize>() + usize::from(GAP) * columns.len().saturating_sub(1)
}

fn columns(records: &[CellRecord]) -> Vec<Column> {
    let all = |text: &dyn Fn(&CellRecord) -> String| records.iter().map(text).collect::<Vec<_>>();
    let time = |ns: Option<u64>| ns.map(nanoseconds).unwrap_or_default();
    let exercise = |record: &CellRecord| format!("{:02} {}", record.exercise, record.name);

    let mut last = None;
    let exercises = records.iter().map(|record| {
        let is_first = last.replace(exercise(record)) != Some(exercise(record));
        if is_first { exercise(record) } else { String::new() }
    });
    let exercises = Column::new("exercise", exercises.collect());
    // Who measures one exercise knows which.
    let several = exercises.cells.iter().filter(|cell| !cell.is_empty()).count() > 1;
    let interval = |record: &CellRecord| {
        record.speedup_ci.map(|[low, high]| format!("{low:.2} to {high:.2}")).unwrap_or_default()
    };
    let memory = |record: &CellRecord| {
        record.peak_rss_bytes.map(|bytes| bytesize::ByteSize(bytes).to_string()).unwrap_or_default()
    };
    let speedup =
        |record: &CellRecord| record.speedup.map(|speedup| format!("{speedup:.2}×")).unwrap_or_default();

    vec![
        if several { exercises } else { exercises.dispensable(0) },
        Column::new("strategy", all(&|record| record.strategy.clone())),
        Column::new("workers", all(&|record| record.workers.to_string())).right().dispensable(4),
        Column::new("median", all(&|record| time(record.median_ns))).right(),
        Column::new("speed-up", all(&speedup)).right(),
        Column::new("95 % interval", all(&interval)).right().dispensable(3),
        Column::new("CPU", all(&|record| time(record.cpu_ns))).right().dispensable(1),
        Column::new("memory", all(&memory)).right().dispensable(2),
        Column::new("answer", all(&answer)),
    ]
}

fn answer(record: &CellRecord) -> String {
    let digest = record.digest.as_deref().map_or("", |digest| &digest[..digest.len().min(8)]);
    match &record.error {
        Some(error) => format!("✗ {error}"),
        None => format!("✓ {digest}"),
    }
}

/// The width of the terminal that standard output is; `None` where it is none.
pub fn screen_width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into())
}

/// A time with three significant digits and its unit.
pub fn nanoseconds(ns: u64) -> String {
    let seconds = Duration::from_nanos(ns).as_secs_f64();
    let (value, unit) = match seconds {
        1.0.. => (seconds, "s"),
        1e-3.. => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "µs"),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        assert_eq!(
            [1_234, 12_345_678, 123_456_789, 12_345_678_901].map(nanoseconds),
            ["1.23 µs", "12.3 ms", "123 ms", "12.3 s"]
        );
    }

    #[test]
    fn a_wrong_answer_is_a_row_that_says_so() {
        let record = CellRecord {
            error: Some("another answer".into()),
            name: "convert".into(),
            ..CellRecord::default()
        };
        assert!(table(&[record], Some(80)).contains("✗ another answer"));
    }

    fn record(exercise: u8, strategy: &str, error: Option<&str>) -> CellRecord {
        CellRecord {
            exercise,
            name: "aggregate".into(),
            strategy: strategy.into(),
            workers: 2,
            median_ns: Some(123_456_789),
            speedup: Some(12.345),
            speedup_ci: Some([11.25, 13.5]),
            cpu_ns: Some(234_567_890),
            peak_rss_bytes: Some(123 << 20),
            digest: Some("0123456789abcdef".into()),
            error: error.map(Into::into),
            ..CellRecord::default()
        }
    }

    /// The table of these records is no wider than the terminal, has these titles, and one line for each row.
    fn check(records: &[CellRecord], width: usize, titles: &str) {
        let text = table(records, Some(width));
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines {
            assert!(line.chars().count() <= width, "{width}: {text}");
        }
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>().join(" "), titles, "{text}");
        let note = usize::from(lines.last().is_some_and(|line| line.starts_with("A wider")));
        assert_eq!(lines.len() - 2 - note, records.len(), "{text}");
    }

    #[test]
    fn a_narrow_table_has_fewer_columns_and_never_more_lines_than_rows() {
        let one = [record(9, "sequential", None), record(9, "processes", None)];
        check(&one, 200, "exercise strategy workers median speed-up 95 % interval CPU memory answer");
        check(&one, 80, "strategy workers median speed-up 95 % interval memory answer");
        check(&one, 60, "strategy workers median speed-up answer");
        check(&one, 40, "strategy median speed-up answer");
        let two = [record(8, "sequential", None), record(9, "sequential", None)];
        check(&two, 64, "exercise strategy workers median speed-up answer");
        check(&two, 60, "exercise strategy median speed-up answer");
    }

    #[test]
    fn a_long_error_is_wrapped_within_the_width() {
        let error = "3 of 4 items were not done, first in/a.csv: there is no row in the file in/a.csv";
        let text = table(&[record(9, "sequential", Some(error))], Some(80));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(error.split_whitespace().all(|word| words.contains(&word)), "{text}");
    }
}
