//! Faults to order: the header `X-Fault` decides for its own request, whatever the profile says.
//!
//! `X-Fault: status=503; attempts=2` fails the first two attempts; `latency=100, truncate` holds back and cuts;
//! `none` protects a request from the profile. Parts are separated by commas or semicolons.

use std::time::Duration;

use super::{Fate, Fault};

/// What a client asked to go wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FaultOrder {
    fate: Fate,
    /// The order holds for so many first attempts.
    attempts: Option<u32>,
}

impl FaultOrder {
    /// Reads the header's value, or says what it should have been.
    pub(crate) fn parse(value: &str) -> Result<Self, String> {
        let mut order = Self::default();
        for part in value.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            let number = |low: u32, high: u32| {
                let number = value.and_then(|value| value.trim().parse().ok());
                number
                    .filter(|number| (low..=high).contains(number))
                    .ok_or_else(|| format!("`{name}` takes a whole number from {low} to {high}"))
            };
            match name.trim() {
                "none" => {}
                "latency" => order.fate.latency = Duration::from_millis(number(0, 600_000)?.into()),
                "attempts" => order.attempts = Some(number(1, u32::MAX)?),
                "status" => {
                    let status = u16::try_from(number(400, 599)?).unwrap_or(500);
                    order.fate.fault = Some(Fault::Status(status, None));
                }
                "drip" => {
                    let every = Duration::from_millis(value.map_or(Ok(10), |_| number(1, 60_000))?.into());
                    order.fate.fault = Some(Fault::Drip(16, every));
                }
                "reset" => order.fate.fault = Some(Fault::Reset),
                "truncate" => order.fate.fault = Some(Fault::Truncate(0.5)),
                "hang" => order.fate.fault = Some(Fault::Hang),
                "wrong-content-type" => order.fate.fault = Some(Fault::ContentType),
                "malformed-json" => order.fate.fault = Some(Fault::Malformed(0.5)),
                "duplicate-page" => order.fate.fault = Some(Fault::DuplicatePage),
                other => {
                    return Err(format!(
                        "`{other}` is none of none, latency=MS, status=CODE, reset, truncate, drip[=MS], hang, \
                         wrong-content-type, malformed-json, duplicate-page, attempts=N"
                    ));
                }
            }
        }
        Ok(order)
    }

    /// What happens to the `attempt`-th request, counted from 1.
    pub(crate) fn fate(self, attempt: u32) -> Fate {
        if self.attempts.is_none_or(|attempts| attempt <= attempts) { self.fate } else { Fate::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_what_goes_wrong_and_for_how_many_attempts() {
        let order = FaultOrder::parse("status=503; attempts=2, latency=20").unwrap();
        let second = order.clone().fate(2);
        assert_eq!(second.fault, Some(Fault::Status(503, None)));
        assert_eq!(second.latency, Duration::from_millis(20));
        assert_eq!(order.fate(3), Fate::default());
        assert_eq!(FaultOrder::parse("none").unwrap().fate(1), Fate::default());
    }

    #[test]
    fn an_order_that_cannot_be_read_says_what_it_should_have_been() {
        for (value, part) in
            [("rest", "none of none"), ("status=200", "400 to 599"), ("latency", "whole number")]
        {
            assert!(FaultOrder::parse(value).unwrap_err().contains(part), "{value}");
        }
    }
}
