//! The table that a run prints.

use std::time::Duration;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

use crate::record::CellRecord;

/// One row a cell: what it took, how much faster that is, and whether the answer is right.
pub fn table(records: &[CellRecord]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "exercise",
        "strategy",
        "workers",
        "median",
        "speed-up",
        "95 % interval",
        "CPU",
        "memory",
        "answer",
    ]);
    for column in 2..8 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut last = None;
    for record in records {
        let exercise = format!("{:02} {}", record.exercise, record.name);
        let first = last.replace(exercise.clone()) != Some(exercise.clone());
        table.add_row([
            Cell::new(if first { exercise } else { String::new() }),
            Cell::new(&record.strategy),
            Cell::new(record.workers),
            Cell::new(record.median_ns.map(nanoseconds).unwrap_or_default()),
            Cell::new(record.speedup.map(|speedup| format!("{speedup:.2}×")).unwrap_or_default()),
            Cell::new(
                record.speedup_ci.map(|[low, high]| format!("{low:.2} to {high:.2}")).unwrap_or_default(),
            ),
            Cell::new(record.cpu_ns.map(nanoseconds).unwrap_or_default()),
            Cell::new(
                record.peak_rss_bytes.map(|bytes| bytesize::ByteSize(bytes).to_string()).unwrap_or_default(),
            ),
            answer(record),
        ]);
    }
    table
}

fn answer(record: &CellRecord) -> Cell {
    let digest = record.digest.as_deref().map_or("", |digest| &digest[..digest.len().min(8)]);
    match &record.error {
        Some(error) => Cell::new(format!("✗ {error}")),
        None => Cell::new(format!("✓ {digest}")),
    }
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
        assert!(table(&[record]).to_string().contains("✗ another answer"));
    }
}
