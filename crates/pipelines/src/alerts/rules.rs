//! Rules, as a user writes them in TOML.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lab::Problem;
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The time zone of times that name none, as in the IANA data base.
    #[serde(default = "utc")]
    pub zone: String,
    /// What a line looks like that begins an event; other lines belong to the event before them. Without it: a line that
    /// does not begin with white space.
    pub begins: Option<String>,
    /// How many lines an alert shows at the most: the latest ones.
    #[serde(default = "five")]
    pub lines: usize,
    /// What is looked for.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    /// Who is told, besides standard output or `--out`.
    #[serde(default)]
    pub notify: Vec<Notify>,
}

/// One rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the alert is called.
    pub name: String,
    /// A regular expression that the event matches.
    pub pattern: Option<String>,
    /// Fields of an event that is a JSON object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Want>,
    /// Several of the above: an event that fits one of them fits the rule.
    #[serde(default, rename = "any", skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<Shape>,
    /// A regular expression that the event must not match.
    pub except: Option<String>,
    /// A named group of the pattern, or a field: events are counted for each of its values.
    pub by: Option<String>,
    /// How many events within `window` make an alert.
    pub count: Option<u64>,
    /// How many events a second, over `window`, make an alert.
    pub rate: Option<f64>,
    /// The span of time that `count` and `rate` look at.
    #[serde(default, with = "span")]
    pub window: Option<Duration>,
    /// An alert when no event came for so long.
    #[serde(default, with = "span")]
    pub absent: Option<Duration>,
    /// How long the condition must not have held before the next alert of the same rule and value.
    #[serde(default, with = "span")]
    pub cool_down: Option<Duration>,
}

/// What an event looks like.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// A regular expression that the event matches.
    pub pattern: Option<String>,
    /// Fields of an event that is a JSON object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Want>,
}

/// What a field is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Want {
    /// This text, or a comparison with a number: `">= 1000"`.
    Text(String),
    /// This number.
    Number(f64),
    /// This truth value.
    Truth(bool),
    /// One of these.
    OneOf(Vec<Want>),
}

/// Who is told of alerts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Only alerts of these rules; of all where it is empty.
    #[serde(default)]
    pub rules: Vec<String>,
    /// A file that gets a line for each alert.
    pub file: Option<PathBuf>,
    /// A URL that gets each alert as the body of a `POST`.
    pub webhook: Option<String>,
    /// A program with its arguments that gets each alert on its standard input.
    pub command: Option<Vec<String>>,
}

fn utc() -> String {
    "UTC".into()
}

const fn five() -> usize {
    5
}

impl Rules {
    /// Reads rules and checks what can be checked without compiling them.
    ///
    /// # Errors
    /// Text that is no TOML, with its line, and rules that make no sense, with their name.
    pub fn parse(text: &str, place: &str) -> Result<Self, Problem> {
        let rules: Self = toml::from_str(text).map_err(|error: toml::de::Error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Problem::new(format!("the rules cannot be read: {}", error.message()))
                .at(format!("{place}:{line}"))
                .expected("TOML with tables [[rule]] that have a name and a pattern or fields")
                .hint("`pipelines alerts --example` prints rules to start from")
        })?;
        if rules.rules.is_empty() {
            return Err(Problem::new("there is no rule").at(place).expected("at least one [[rule]]"));
        }
        for rule in &rules.rules {
            let wrong = |what: &str, hint: &str| {
                Problem::new(format!("rule `{}` {what}", rule.name)).at(place).hint(hint)
            };
            rule.check().map_err(|(what, hint)| wrong(what, hint))?;
            if rules.rules.iter().filter(|other| other.name == rule.name).count() > 1 {
                return Err(wrong("stands there twice", "an alert is known by its rule's name"));
            }
        }
        for notify in &rules.notify {
            let ways = [notify.file.is_some(), notify.webhook.is_some(), notify.command.is_some()];
            if ways.iter().filter(|given| **given).count() != 1 {
                return Err(Problem::new("a [[notify]] needs one of file, webhook and command").at(place));
            }
            if let Some(name) =
                notify.rules.iter().find(|name| rules.rules.iter().all(|rule| rule.name != **name))
            {
                return Err(Problem::new(format!(
                    "a [[notify]] names the rule `{name}`, which is not there"
                ))
                .at(place));
            }
        }
        Ok(rules)
    }
}

impl Rule {
    /// The shapes of which an event must have one.
    pub fn shapes(&self) -> Vec<Shape> {
        let own = Shape { pattern: self.pattern.clone(), fields: self.fields.clone() };
        let has_own = own.pattern.is_some() || !own.fields.is_empty();
        has_own.then_some(own).into_iter().chain(self.any.iter().cloned()).collect()
    }

    /// How many events in the window it takes.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be positive and small"
    )]
    pub fn needed(&self) -> u64 {
        let seconds = self.window.unwrap_or_default().as_secs_f64();
        let by_rate = self.rate.map(|rate| (rate * seconds).ceil() as u64);
        self.count.or(by_rate).unwrap_or(1).max(1)
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let shapes = self.shapes();
        if shapes.is_empty() || shapes.iter().any(|shape| shape.pattern.is_none() && shape.fields.is_empty())
        {
            return Err(("matches nothing", "give it a pattern, or fields"));
        }
        if self.count.is_some() && self.rate.is_some() {
            return Err(("has a count and a rate", "one of them is enough"));
        }
        if (self.rate.is_some() || self.count.is_some_and(|count| count > 1)) && self.window.is_none() {
            return Err(("counts without a window", "say within which time, as in window = \"1m\""));
        }
        if self.rate.is_some_and(|rate| !(rate > 0.0 && rate <= 1e6)) {
            return Err(("has a rate that is none", "more than 0 and at most 1000000 a second"));
        }
        if self.absent.is_some() && (self.count.is_some() || self.rate.is_some()) {
            return Err(("has absent and a count", "make two rules of it"));
        }
        Ok(())
    }
}

/// Spans of time as people write them: `90s`, `5m`, `1h 30m`.
mod span {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde decides the signature")]
    pub(super) fn serialize<S: Serializer>(span: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => out.serialize_str(&format!("{}ms", span.as_millis())),
            None => out.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let wrong = || {
            D::Error::custom(format!(
                "`{text}` is no span of time; write it like \"90s\", \"5m\" or \"1h 30m\""
            ))
        };
        let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(span).ok().filter(|span| !span.is_zero()).map(Some).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, message: &str) {
        let error = Rules::parse(text, "r.toml").expect_err("wrong rules").to_string();
        assert!(error.contains(message), "{error}");
    }

    #[test]
    fn rules_that_make_no_sense_are_named_with_their_place() {
        check("[[rule]]\nname = \"a\"\npattern = 3", "r.toml:3");
        check("[[rule]]\nname = \"a\"", "rule `a` matches nothing");
        check("[[rule]]\nname = \"a\"\npattern = \"x\"\ncount = 3", "counts without a window");
        check("[[rule]]\nname = \"a\"\npattern = \"x\"\nwindow = \"soon\"", "no span of time");
        check("[[rule]]\nname = \"a\"\npattern = \"x\"\nwinow = \"1m\"", "unknown field");
        check("rule = []", "there is no rule");
        check("[[rule]]\nname=\"a\"\npattern=\"x\"\n[[notify]]\nrules=[\"b\"]\nfile=\"f\"", "rule `b`");
    }

    #[test]
    fn the_rules_that_the_lab_uses_are_right() {
        let rules = Rules::parse(super::super::EXAMPLE, "example").unwrap();
        assert!(rules.rules.len() >= 5 && rules.rules.iter().any(|rule| rule.absent.is_some()));
    }
}
