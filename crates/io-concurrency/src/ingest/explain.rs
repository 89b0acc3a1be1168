//! What was found, and why, for a reader.

use std::fmt::Write;

use tabular::infer::{Decision, Evidence};

use super::files::{Input, Source};
use super::steps::columns;

/// The explanation: how each kind of file is written, what each column is, and the types as a schema.
pub(super) fn text(
    input: &Input,
    sources: &[Source],
    evidence: &[Evidence],
    decisions: &[Decision],
    rows: u64,
) -> String {
    let mut out = String::new();
    files(input, sources, &mut out);
    let (columns, open) = columns(input, decisions);
    let _ = writeln!(out, "\n{rows} rows, {} columns", columns.len());
    let width = columns.iter().map(|column| column.name.chars().count()).max().unwrap_or_default();
    for (((column, open), evidence), decision) in columns.iter().zip(open).zip(evidence).zip(decisions) {
        let Evidence { missing, .. } = evidence;
        let why = if open { decision.reason.as_str() } else { "as --schema says" };
        let _ = write!(out, "  {:width$}  {:16} {why}", column.name, column.column_type.to_string());
        if let Some((_, witness)) = decision.witness.as_ref().filter(|_| open) {
            let file = sources[witness.place.file as usize].name();
            let _ = write!(out, " ({file}:{})", witness.place.line);
        }
        if *missing > 0 {
            let _ = write!(out, "; {missing} are missing");
        }
        out.push('\n');
    }
    let types = columns.iter().map(|column| format!("{}: {}", column.name, column.column_type));
    let _ = writeln!(out, "\n--schema '{}'", types.collect::<Vec<_>>().join(", "));
    out
}

/// The files that are written alike stand together, by the first of them.
fn files(input: &Input, sources: &[Source], out: &mut String) {
    let mut seen: Vec<(&Source, usize, usize)> = Vec::new();
    for (number, found) in input.sources.iter().enumerate() {
        // The encoding may have been settled since the beginning of the file was seen.
        let Some(source) = sources.iter().find(|source| source.path == found.path) else { continue };
        let alike = seen
            .iter_mut()
            .find(|(other, ..)| other.dialect == source.dialect && other.compression == source.compression);
        match alike {
            Some((_, count, _)) => *count += 1,
            None => seen.push((source, 1, number)),
        }
    }
    for (source, count, number) in seen {
        let more = if count > 1 { format!(" and {} more like it", count - 1) } else { String::new() };
        let _ = writeln!(out, "{}{more}", source.name());
        if source.compression != tabular::unpack::Compression::None {
            let _ = writeln!(
                out,
                "  {:10} {:13} its first bytes say so",
                "packed",
                format!("{:?}", source.compression)
            );
        }
        for reason in &input.reasons[number] {
            let settled = reason.what == "encoding" && reason.found != source.dialect.encoding.to_string();
            let encoding = source.dialect.encoding.to_string();
            let (found, why) = if settled {
                (&encoding, "the beginning is ASCII, and what follows is not UTF-8")
            } else {
                (&reason.found, reason.why.as_str())
            };
            let _ = writeln!(out, "  {:10} {found:13} {why}", reason.what);
        }
    }
}
