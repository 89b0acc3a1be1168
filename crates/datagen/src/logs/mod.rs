//! Application logs: six services that write in three formats, as a collector would interleave them.
//!
//! | service | format |
//! |---|---|
//! | `checkout`, `catalog` | plain: `2025-03-10 08:00:00.123 ERROR [checkout] …` |
//! | `payments`, `inventory` | JSON, one object a line, with `ts`, `level`, `service`, `msg`, `request`, `ms` |
//! | `gateway`, `mailer` | syslog, RFC 5424, with the level in the priority and in the structured data |
//!
//! An event is one record of up to several lines: errors of the plain services carry a stack trace on lines that begin
//! with white space. Events are in the order of time, four a second on average. In each run of [`GROUP`] events one
//! *incident* is planted: a service that fails for some minutes. Outside incidents the levels have their usual shares.

mod incident;
mod message;

use std::ops::Range;

use crate::alias::Alias;
use crate::page::Page;
use crate::stream::{Stream, Words, below};

pub use incident::{GROUP, Incident};
use message::{Level, SERVICES, Style};

/// Milliseconds from one event to the next, on average.
const PACE_MS: u64 = 250;

/// The first event's time: 2025-03-10 00:00:00 UTC, in milliseconds since the epoch.
const START_MS: u64 = 1_741_564_800_000;

/// Levels in ten thousand events outside incidents: debug, info, warning, error, critical.
const USUAL: [u64; 5] = [2_900, 6_080, 800, 190, 30];

/// Levels in ten thousand events of the failing service during its incident.
const FAILING: [u64; 5] = [300, 2_000, 1_700, 5_400, 600];

/// The share of the failing service's events during its incident, in percent: a failing service is loud.
const LOUDNESS: u32 = 60;

/// The logs of one seed.
#[derive(Debug, Clone)]
pub struct Logs {
    stream: Stream,
    incidents: Stream,
    services: Alias,
    usual: Alias,
    failing: Alias,
}

impl Logs {
    /// Makes the tables that events are drawn from.
    pub fn new(seed: u64) -> Self {
        Self {
            stream: Stream::new(seed, "logs"),
            incidents: Stream::new(seed, "incidents"),
            services: Alias::new(&SERVICES.map(|service| service.weight)),
            usual: Alias::new(&USUAL),
            failing: Alias::new(&FAILING),
        }
    }

    /// The incident of a group of events, counted from 0.
    pub fn incident(&self, group: u64) -> Incident {
        Incident::draw(group, &self.incidents.words(group))
    }

    /// Writes the events of `range`, counted from 0.
    pub fn write(&self, range: Range<u64>, page: &mut Page) {
        let mut incident = self.incident(range.start / GROUP);
        self.stream.for_each(range, |index, words| {
            if index / GROUP != incident.group() {
                incident = self.incident(index / GROUP);
            }
            self.event(index, words, &incident, page);
        });
    }

    /// Writes the incidents that start in the events of `range` as lines of JSON, and counts them. `range` begins at a
    /// multiple of [`GROUP`], and the logs end where it ends.
    pub(crate) fn write_incidents(&self, range: &Range<u64>, page: &mut Page) -> u64 {
        let groups = range.start / GROUP..range.end.div_ceil(GROUP);
        let entries = groups.filter_map(|group| self.incident(group).entry(range.end));
        let mut count = 0;
        for entry in entries {
            let line = serde_json::to_vec(&entry).expect("an incident has only names and numbers");
            page.row();
            page.text(&line);
            page.byte(b'\n');
            count += 1;
        }
        count
    }

    fn event(&self, index: u64, words: &Words, incident: &Incident, page: &mut Page) {
        let failing = incident.events.contains(&index) && below(words[0], 100) < LOUDNESS;
        let service = if failing { incident.service } else { self.services.draw(words[1]) };
        let levels = if failing { &self.failing } else { &self.usual };
        let level = Level::ALL[levels.draw(words[2])];
        // Events keep their order because each one stays inside its own share of the time.
        let time = START_MS + index * PACE_MS + u64::from(below(words[3], PACE_MS as u32));
        page.row();
        match SERVICES[service].style {
            Style::Plain => message::plain(service, level, time, failing, words, page),
            Style::Json => message::json(service, level, time, failing, words, page),
            Style::Syslog => message::syslog(service, level, time, failing, words, page),
        }
    }
}

/// When the event at `index` happens at the earliest, in milliseconds since the epoch.
fn time_of(index: u64) -> u64 {
    START_MS + index * PACE_MS
}

#[cfg(test)]
mod tests;
