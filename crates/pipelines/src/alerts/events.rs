//! Where an event begins and ends: several lines may be one event, as an error with its stack trace is.

use std::ops::Range;

use memchr::{memchr, memrchr};
use regex::bytes::Regex;

/// Tells events apart.
#[derive(Clone, Debug)]
pub(super) struct Events {
    begins: Option<Regex>,
}

impl Events {
    /// With what a line looks like that begins an event; without it, one that does not begin with white space.
    pub(super) fn new(begins: Option<Regex>) -> Self {
        Self { begins }
    }

    /// Whether the line at the beginning of `text` begins an event.
    fn begins(&self, text: &[u8]) -> bool {
        match &self.begins {
            Some(regex) => regex.is_match(line(text)),
            None => text.first().is_some_and(|byte| !byte.is_ascii_whitespace()),
        }
    }

    /// The first place from `from` on where an event begins. `from` is either where a line begins, or in a line that is not
    /// looked at.
    pub(super) fn first(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        if at > 0 && text[at - 1] != b'\n' {
            at = memchr(b'\n', &text[at..])? + at + 1;
        }
        while at < text.len() {
            if self.begins(&text[at..]) {
                return Some(at);
            }
            at = memchr(b'\n', &text[at..])? + at + 1;
        }
        None
    }

    /// Where the last event of `text` begins.
    pub(super) fn last(&self, text: &[u8]) -> Option<usize> {
        let mut end = text.len();
        while end > 0 {
            let start = memrchr(b'\n', &text[..end - 1]).map_or(0, |newline| newline + 1);
            if self.begins(&text[start..]) {
                return Some(start);
            }
            end = start;
        }
        None
    }

    /// The event that holds the byte at `at`; `floor` is where an event begins before it.
    pub(super) fn around(&self, text: &[u8], floor: usize, at: usize) -> Range<usize> {
        let line_start =
            |at: usize| memrchr(b'\n', &text[floor..at]).map_or(floor, |newline| floor + newline + 1);
        let mut start = line_start(at);
        while start > floor && !self.begins(&text[start..]) {
            start = line_start(start - 1);
        }
        let mut end = at;
        loop {
            end = memchr(b'\n', &text[end..]).map_or(text.len(), |newline| end + newline + 1);
            if end == text.len() || self.begins(&text[end..]) {
                return start..end;
            }
        }
    }
}

/// The first line of `text`, without its end.
pub(super) fn line(text: &[u8]) -> &[u8] {
    let line = &text[..memchr(b'\n', text).unwrap_or(text.len())];
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `text` without the line ends at its end.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
    &text[..end.map_or(0, |end| end + 1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(events: &Events, text: &[u8]) {
        let mut starts = Vec::new();
        let mut at = 0;
        while let Some(start) = events.first(text, at) {
            starts.push(start);
            at = start + memchr(b'\n', &text[start..]).map_or(text.len(), |newline| newline + 1);
            if at >= text.len() {
                break;
            }
        }
        assert_eq!(events.last(text), starts.last().copied());
        for (number, start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).copied().unwrap_or(text.len());
            for at in *start..end {
                assert_eq!(events.around(text, starts[0], at), *start..end);
            }
        }
    }

    proptest! {
        #[test]
        fn every_byte_belongs_to_the_event_that_began_before_it(text in "[ab \n]{0,40}") {
            check(&Events::new(None), text.as_bytes());
            check(&Events::new(Some(Regex::new("^a").unwrap())), text.as_bytes());
        }
    }
}
