//! What the search for rules promises, as functions of any bytes: the fuzz targets call them with inputs of libFuzzer's,
//! the tests with inputs of proptest's and with those that once broke a promise. They panic where a promise is broken.

use std::collections::BTreeMap;

use super::events::trimmed;
use super::matcher::{Matcher, Scratch};
use super::rules::{Rule, Rules, Want};

/// One search for all rules finds in each event what each rule finds in it alone.
///
/// The bytes up to the first zero are rules, one a line: a pattern; `f NAME=VALUE`, a field; `x PATTERN`, what the rule
/// before must not match; `b PATTERN`, what begins an event. The rest are the events.
///
/// # Panics
/// Where it finds another.
pub fn a_search_finds_what_each_rule_finds_alone(bytes: &[u8]) {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let Ok(lines) = std::str::from_utf8(&bytes[..end.min(400)]) else { return };
    let (rules, text) = (rules(lines), bytes.get(end + 1..).unwrap_or_default());
    if rules.rules.is_empty() {
        return;
    }
    let Ok(matcher) = Matcher::new(&rules) else { return };
    let Some(first) = matcher.events.first(text, 0) else { return };
    let text = &text[first..];
    let mut found = Vec::new();
    matcher.scan(text, &mut Scratch::default(), &mut |event, fits| {
        found.extend(fits.drain(..).map(|fit| (event.clone(), fit.rule)));
    });
    let mut expected = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let event = matcher.events.around(text, at, at);
        let content = trimmed(&text[event.clone()]);
        expected.extend(matcher.alone(content).into_iter().map(|rule| (event.clone(), rule)));
        at = event.end;
    }
    assert_eq!(found, expected, "{rules:?}\n{}", String::from_utf8_lossy(text));
}

fn rules(lines: &str) -> Rules {
    let mut all = Rules { zone: "UTC".into(), begins: None, lines: 5, rules: Vec::new(), notify: Vec::new() };
    for line in lines.lines().filter(|line| !line.is_empty()).take(12) {
        let mut rule = Rule {
            name: all.rules.len().to_string(),
            pattern: None,
            fields: BTreeMap::new(),
            any: Vec::new(),
            except: None,
            by: None,
            count: None,
            rate: None,
            window: None,
            absent: None,
            cool_down: None,
        };
        match (line.split_at_checked(2).unwrap_or_default(), all.rules.last_mut()) {
            (("b ", pattern), _) => all.begins = Some(pattern.into()),
            (("x ", pattern), Some(last)) => last.except = Some(pattern.into()),
            (("f ", field), _) => {
                let (name, value) = field.split_once('=').unwrap_or((field, ""));
                rule.fields.insert(name.into(), Want::Text(value.into()));
                all.rules.push(rule);
            }
            _ => {
                rule.pattern = Some(line.into());
                all.rules.push(rule);
            }
        }
    }
    all
}

/// Rules in TOML are refused with a reason, or say the same when they are written and read again.
///
/// # Panics
/// Where they do not.
pub fn rules_that_are_read_can_be_written(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Rules::parse(text, "rules.toml") {
        Ok(rules) => {
            assert!(rules.rules.iter().all(|rule| rule.needed() >= 1 && !rule.shapes().is_empty()));
            let json = serde_json::to_string(&rules).expect("rules are values");
            let again: Rules = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
            assert_eq!(serde_json::to_string(&again).expect("rules are values"), json);
        }
        Err(problem) => assert!(problem.to_string().contains("rules.toml"), "{problem}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_rules_and_any_events(
            rules in proptest::collection::vec(
                proptest::sample::select(&["abc", "ab+", "^a", "c$", r"\d", "x q", "f id=abc", "(?s)a.*z", r"\Aab", r"b\z", "abcd", r"\bab\b"][..]), 1..6),
            text in "(abc|abcd|ab|z|7| |\n|\r\n|\\{\"id\":\"abc\"\\}|q){0,30}",
        ) {
            a_search_finds_what_each_rule_finds_alone(format!("{}\0{text}", rules.join("\n")).as_bytes());
        }
    }

    #[test]
    fn the_example_can_be_written_and_read() {
        rules_that_are_read_can_be_written(super::super::EXAMPLE.as_bytes());
        rules_that_are_read_can_be_written(b"[[rule]]\nname = 3");
    }
}
