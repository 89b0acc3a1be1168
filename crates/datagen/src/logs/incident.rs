//! The incidents that are planted in the logs, so that alerting can be graded.

use std::ops::Range;

use serde::Serialize;

use super::message::SERVICES;
use super::time_of;
use crate::stream::{Words, below};

/// Events of which one incident is planted: 34 minutes of logs.
pub const GROUP: u64 = 8_192;

/// A service that failed for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Index of the service.
    pub(super) service: usize,
    /// The events during which it failed, counted from 0.
    pub events: Range<u64>,
}

/// An incident as a line of the ledger.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    service: &'static str,
    first_event: u64,
    events: u64,
    started_at: String,
    ended_at: String,
}

impl Incident {
    /// The incident of a group: 400 to 1,199 events at any place that lets it end inside the group.
    pub(super) fn draw(group: u64, words: &Words) -> Self {
        let length = 400 + below(words[0], 800);
        let start = group * GROUP + u64::from(below(words[1], GROUP as u32 - length));
        let service = below(words[2], SERVICES.len() as u32) as usize;
        Self { service, events: start..start + u64::from(length) }
    }

    /// The group of events it belongs to.
    pub(super) fn group(&self) -> u64 {
        self.events.start / GROUP
    }

    /// The failing service's name.
    pub fn service(&self) -> &'static str {
        SERVICES[self.service].name
    }

    /// The incident as the ledger states it, cut off at `events`, where the logs end; none if it starts later.
    pub(crate) fn entry(&self, events: u64) -> Option<Entry> {
        let end = self.events.end.min(events);
        (self.events.start < end).then(|| Entry {
            service: self.service(),
            first_event: self.events.start,
            events: end - self.events.start,
            started_at: instant(time_of(self.events.start)),
            ended_at: instant(time_of(end)),
        })
    }
}

/// RFC 3339 in UTC, of milliseconds since the epoch.
fn instant(milliseconds: u64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds as i64).map(|time| time.to_string()).unwrap_or_default()
}
