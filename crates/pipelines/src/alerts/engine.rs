//! From events that fit to alerts: counts and rates in a window, absence, cool-down.
//!
//! Everything is decided by the times in the logs and never by the time at which they are read, so a log that is read twice
//! as fast, in pieces, or after a restart gives the same alerts. What is remembered is bounded: for each rule and value, the
//! times of as many events as the rule counts to, and the lines that an alert would show.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rules::Rules;

/// How many values of one rule are remembered before those are forgotten that can no longer matter.
const MANY: usize = 4_096;

/// An alert, as a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The same for the same alert, whenever and however often it is told.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// The value of the rule's `by`; empty without one.
    pub by: String,
    /// When the condition came true, RFC 3339 in UTC.
    pub at: String,
    /// `event`, `count` or `absent`.
    pub kind: String,
    /// Events of this rule and value in the window when the condition came true; 0 for absence.
    pub events: u64,
    /// The latest of them; for absence the last one that came.
    pub lines: Vec<Line>,
}

/// An event that an alert shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The file it was read from.
    pub file: String,
    /// Its first line in there, from 1.
    pub line: u64,
    /// The event, cut after 1 KiB.
    pub text: String,
}

/// An event as it comes to the rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    /// The value of the rule's `by`; empty without one.
    pub(super) key: &'a str,
    /// When it happened, in milliseconds since the epoch.
    pub(super) at: i64,
    pub(super) file: &'a str,
    pub(super) line: u64,
    pub(super) text: &'a str,
}

/// What the rules remember; it is a part of a checkpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Engine {
    /// For each rule, for each value of its `by`.
    memory: Vec<BTreeMap<String, Series>>,
    /// The latest time that was seen, in milliseconds since the epoch.
    now: Option<i64>,
    /// When the next absence has to be looked at.
    next_absence: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Series {
    /// Times of the latest events, in order; as many as the rule counts to.
    times: VecDeque<i64>,
    lines: VecDeque<Line>,
    /// When the condition held last.
    held: Option<i64>,
    /// The time of the last event, or when the watch began; for absence.
    last: i64,
    /// Whether its absence was told.
    absent: bool,
}

impl Series {
    /// Keeps an event for an alert to show, and `most` in all. It is written where the one was that goes, because most events
    /// come and go without any alert.
    fn keep(&mut self, event: Event<'_>, most: usize) {
        let mut line = Line::default();
        while self.lines.len() >= most
            && let Some(gone) = self.lines.pop_front()
        {
            line = gone;
        }
        let Line { file, line: number, text } = &mut line;
        *number = event.line;
        for (to, from) in [(file, event.file), (text, event.text)] {
            to.clear();
            to.push_str(from);
        }
        self.lines.push_back(line);
    }
}

fn milliseconds(span: Option<Duration>) -> Option<i64> {
    span.map(|span| i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4))
}

impl Engine {
    /// An event that fits the rule `number`.
    pub(super) fn event(&mut self, rules: &Rules, number: usize, event: Event<'_>, out: &mut Vec<Alert>) {
        let Event { key, at, .. } = event;
        self.clock(rules, at, out);
        let rule = &rules.rules[number];
        let of_rule = &mut self.memory[number];
        let needed = usize::try_from(rule.needed()).unwrap_or(usize::MAX);
        let window = milliseconds(rule.window);
        let quiet = milliseconds(rule.cool_down).or(window.filter(|_| needed > 1));
        if of_rule.len() >= MANY && !of_rule.contains_key(key) && rule.absent.is_none() {
            let old = at - window.unwrap_or(0).max(quiet.unwrap_or(0));
            of_rule.retain(|_, series| series.last > old);
        }
        if !of_rule.contains_key(key) {
            of_rule.insert(key.to_owned(), Series::default());
        }
        let Some(series) = of_rule.get_mut(key) else { return };
        series.last = series.last.max(at);
        series.keep(event, rules.lines.min(needed.max(1)));
        if let Some(absent) = milliseconds(rule.absent) {
            series.absent = false;
            let due = series.last + absent;
            self.next_absence = Some(self.next_absence.map_or(due, |next| next.min(due)));
            return;
        }
        // Events of several files may come a little out of order.
        let place = series.times.partition_point(|time| *time <= at);
        series.times.insert(place, at);
        let newest = *series.times.back().unwrap_or(&at);
        // What the window has left behind, and what is more than the rule counts to, will never count again.
        let left = |time: i64| window.is_some_and(|window| time <= newest - window);
        while series.times.len() > needed || series.times.front().is_some_and(|time| left(*time)) {
            series.times.pop_front();
        }
        if series.times.len() < needed {
            return;
        }
        let again = series.held.is_none_or(|held| quiet.is_none_or(|quiet| newest > held + quiet));
        series.held = Some(newest);
        if again {
            let kind = if needed > 1 { "count" } else { "event" };
            let events = series.times.len() as u64;
            out.push(Alert::new(
                &rule.name,
                key.to_owned(),
                newest,
                kind,
                events,
                series.lines.iter().cloned().collect(),
            ));
        }
    }

    /// The logs have come to this time: tells the absences that are due.
    pub(super) fn clock(&mut self, rules: &Rules, now: i64, out: &mut Vec<Alert>) {
        if self.now.is_none() {
            self.begin(rules, now);
        }
        self.now = self.now.max(Some(now));
        if self.next_absence.is_none_or(|due| now < due) {
            return;
        }
        let mut next = None::<i64>;
        let mut due_now = Vec::new();
        for (rule, of_rule) in rules.rules.iter().zip(&mut self.memory) {
            let Some(absent) = milliseconds(rule.absent) else { continue };
            for (key, series) in of_rule.iter_mut().filter(|(_, series)| !series.absent) {
                let due = series.last + absent;
                if due <= now {
                    series.absent = true;
                    let lines = series.lines.iter().rev().take(1).cloned().collect();
                    due_now.push((due, Alert::new(&rule.name, key.clone(), due, "absent", 0, lines)));
                } else {
                    next = Some(next.map_or(due, |next| next.min(due)));
                }
            }
        }
        due_now.sort_by_key(|(due, _)| *due);
        out.extend(due_now.into_iter().map(|(_, alert)| alert));
        self.next_absence = next;
    }

    /// The watch begins: what is absent from now on is missed, unless a rule says by value, which must be seen first.
    fn begin(&mut self, rules: &Rules, now: i64) {
        self.memory.resize_with(rules.rules.len(), BTreeMap::new);
        for (rule, of_rule) in rules.rules.iter().zip(&mut self.memory) {
            if let (Some(absent), None) = (milliseconds(rule.absent), &rule.by) {
                of_rule.insert(String::new(), Series { last: now, ..Series::default() });
                self.next_absence =
                    Some(self.next_absence.map_or(now + absent, |next| next.min(now + absent)));
            }
        }
    }

    /// The latest time that was seen.
    pub(super) fn now(&self) -> Option<i64> {
        self.now
    }
}

impl Alert {
    fn new(rule: &str, by: String, at: i64, kind: &str, events: u64, lines: Vec<Line>) -> Self {
        let at = Timestamp::from_millisecond(at).map(|time| time.to_string()).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        let place = lines.last().map(|line| format!("{}\0{}", line.line, line.text)).unwrap_or_default();
        for part in [rule, &by, &at, kind, &place] {
            hasher.update(part.as_bytes()).update(b"\0");
        }
        let id = hasher.finalize().to_hex()[..16].to_owned();
        Self { id, rule: rule.to_owned(), by, at, kind: kind.to_owned(), events, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as `value@second`, and the alerts that are expected as `value@second`.
    #[track_caller]
    fn check(rule: &str, events: &str, until: i64, expected: &[&str]) {
        let rules = Rules::parse(&format!("[[rule]]\nname='r'\npattern='x'\n{rule}"), "test").unwrap();
        let (mut engine, mut out) = (Engine::default(), Vec::new());
        engine.clock(&rules, 0, &mut out);
        for event in events.split_whitespace() {
            let (key, second) = event.split_once('@').unwrap();
            let at = second.parse::<i64>().unwrap() * 1_000;
            engine.event(&rules, 0, Event { key, at, file: "f", line: 1, text: "x" }, &mut out);
            // A checkpoint at any place changes nothing.
            engine = serde_json::from_str(&serde_json::to_string(&engine).unwrap()).unwrap();
        }
        engine.clock(&rules, until * 1_000, &mut out);
        let found: Vec<_> = out
            .iter()
            .map(|alert| format!("{}@{}", alert.by, alert.at.parse::<Timestamp>().unwrap().as_second()))
            .collect();
        assert_eq!(found, expected, "{rule} {events}");
    }

    #[test]
    fn a_count_within_a_window_makes_one_alert_until_it_was_quiet() {
        check("count=3\nwindow='10s'", "a@1 a@5 b@6 a@9 a@10 a@12 a@30 a@31 a@32", 40, &["a@9", "a@32"]);
        check("count=3\nwindow='10s'", "a@1 a@5 a@11", 40, &[]);
        check(
            "count=2\nwindow='10s'\ncool_down='1m'",
            "a@1 a@2 a@40 a@41 a@99 a@100 a@170 a@171",
            200,
            &["a@2", "a@171"],
        );
    }

    #[test]
    fn a_rate_is_a_count_over_its_window_and_events_may_come_out_of_order() {
        check("rate=0.3\nwindow='10s'", "a@5 a@1 a@9", 40, &["a@9"]);
    }

    #[test]
    fn without_a_count_each_event_is_an_alert_unless_it_cools_down() {
        check("", "a@1 a@1 a@2", 40, &["a@1", "a@1", "a@2"]);
        check("cool_down='10s'", "a@1 a@5 a@15 a@26", 40, &["a@1", "a@26"]);
    }

    #[test]
    fn an_absence_is_told_once_and_again_after_it_ended() {
        check("absent='10s'", "@5 @25", 60, &["@15", "@35"]);
        check("absent='10s'", "", 60, &["@10"]);
        check("absent='10s'\nby='k'", "a@5 b@12", 30, &["a@15", "b@22"]);
    }
}
