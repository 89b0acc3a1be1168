//! Timelines as files: the Chrome trace format, which Perfetto, Chrome and the report open.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{Slice, State};

/// One event of the format: `X` is a slice with its duration, `M` gives a lane its name. Times are microseconds.
#[derive(Serialize, Deserialize)]
struct Event {
    ph: String,
    pid: u32,
    tid: usize,
    name: String,
    #[serde(default)]
    cat: String,
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    args: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Trace {
    #[serde(rename = "traceEvents")]
    events: Vec<Event>,
}

/// Writes slices as a trace whose time starts at 0. Lanes are numbered in the order in which they first appear.
///
/// # Errors
/// The writer's errors.
pub fn write_chrome(slices: &[Slice], out: impl Write) -> io::Result<()> {
    let origin = slices.iter().map(|slice| slice.start_ns).min().unwrap_or_default();
    let micros = |ns: u64| ns as f64 / 1e3;
    let mut lanes: Vec<&str> = Vec::new();
    let mut numbers = BTreeMap::new();
    for slice in slices {
        numbers.entry(slice.lane.as_str()).or_insert_with(|| {
            lanes.push(&slice.lane);
            lanes.len() - 1
        });
    }
    let named = lanes.iter().enumerate().map(|(tid, lane)| Event {
        ph: "M".into(),
        pid: 1,
        tid,
        name: "thread_name".into(),
        cat: String::new(),
        ts: 0.0,
        dur: 0.0,
        args: BTreeMap::from([("name".into(), (*lane).into())]),
    });
    let timed = slices.iter().map(|slice| Event {
        ph: "X".into(),
        pid: 1,
        tid: numbers[slice.lane.as_str()],
        name: slice.name.clone(),
        cat: slice.state.name().into(),
        ts: micros(slice.start_ns - origin),
        dur: micros(slice.end_ns.saturating_sub(slice.start_ns)),
        args: BTreeMap::from([("label".into(), slice.label.clone())]),
    });
    let events = named.chain(timed).collect();
    serde_json::to_writer(out, &Trace { events }).map_err(io::Error::from)
}

/// Reads a trace that [`write_chrome`] wrote; lanes keep their order.
///
/// # Errors
/// What is not such a trace.
pub fn read_chrome(bytes: &[u8]) -> io::Result<Vec<Slice>> {
    let trace: Trace = serde_json::from_slice(bytes)?;
    // A trace holds at most hours, which a float holds to the nanosecond.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let ns = |micros: f64| (micros * 1e3).round() as u64;
    let mut lanes = BTreeMap::new();
    let mut slices = Vec::new();
    for mut event in trace.events {
        if event.ph == "M" {
            lanes.insert(event.tid, event.args.remove("name").unwrap_or_default());
        } else if let (Some(lane), Some(state)) = (lanes.get(&event.tid), State::from_name(&event.cat)) {
            let label = event.args.remove("label").unwrap_or_default();
            let (start_ns, end_ns) = (ns(event.ts), ns(event.ts + event.dur));
            slices.push(Slice { lane: lane.clone(), state, name: event.name, label, start_ns, end_ns });
        }
    }
    Ok(slices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_reads_back_as_it_was_written_from_its_first_slice_on() {
        let slice = |lane: &str, state, start_ns, end_ns| Slice {
            lane: lane.into(),
            state,
            name: "work".into(),
            label: "quoted \"name\"".into(),
            start_ns,
            end_ns,
        };
        let slices = [
            slice("b", State::Running, 1_000_000_007, 1_000_000_100),
            slice("a", State::Waiting, 1_000_000_050, 1_000_002_000),
        ];
        let mut file = Vec::new();
        write_chrome(&slices, &mut file).unwrap();
        let expected = slices.map(|slice| Slice {
            start_ns: slice.start_ns - 1_000_000_007,
            end_ns: slice.end_ns - 1_000_000_007,
            ..slice
        });
        assert_eq!(read_chrome(&file).unwrap(), expected);
    }
}
