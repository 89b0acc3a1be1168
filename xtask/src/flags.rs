//! The options of the tasks: a table of names and of what their values must look like.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// Wrong usage. It becomes exit code 2.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    text: String,
    /// What to do instead.
    pub(crate) hint: String,
}

impl Usage {
    /// Wrong usage, and what to do instead.
    pub(crate) fn new(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: hint.into() }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str(&self.text)
    }
}

impl std::error::Error for Usage {}

/// An option with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    Scale,
    Seed,
    Workers,
    Samples,
    Only,
    Out,
    Seconds,
    Minutes,
}

impl Flag {
    /// Its name on every command line of the project.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scale => "--scale",
            Self::Seed => "--seed",
            Self::Workers => "--workers",
            Self::Samples => "--samples",
            Self::Only => "--only",
            Self::Out => "--out",
            Self::Seconds => "--seconds",
            Self::Minutes => "--minutes",
        }
    }

    /// Refuses before the build what a program would refuse after it. What only the programs know is left to them.
    fn check(self, value: &OsStr) -> Result<(), Usage> {
        let text = value.to_string_lossy();
        let (good, expected) = match self {
            Self::Scale => {
                (["tiny", "small", "medium", "large"].contains(&&*text), "tiny, small, medium or large")
            }
            Self::Seed => (text.parse::<u64>().is_ok(), "a number from 0 to 2^64 - 1"),
            Self::Workers | Self::Samples | Self::Seconds | Self::Minutes => {
                (text.parse::<u32>().is_ok_and(|number| number > 0), "a number from 1")
            }
            Self::Only => (!text.is_empty(), "exercises by number or by name, like 01,convert"),
            Self::Out => (!text.is_empty(), "a folder"),
        };
        let wrong = || Usage::new(format!("{} cannot be `{text}`", self.name()), format!("give {expected}"));
        if good { Ok(()) } else { Err(wrong()) }
    }
}

/// The options that were given, with their values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Given(Vec<(Flag, OsString)>);

impl Given {
    /// Reads `--name value` and `--name=value`; each of the allowed options at most once.
    pub(crate) fn parse(arguments: &[OsString], allowed: &[Flag]) -> Result<Self, Usage> {
        let mut given = Self::default();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let text = word.to_string_lossy();
            let (name, joined) = match text.split_once('=') {
                Some((name, value)) => (name, Some(OsString::from(value))),
                None => (&*text, None),
            };
            let Some(&flag) = allowed.iter().find(|flag| flag.name() == name) else {
                let names: Vec<_> = allowed.iter().map(|flag| flag.name()).collect();
                let hint = format!("this task takes {}", names.join(", "));
                return Err(Usage::new(format!("unknown option `{text}`"), hint));
            };
            let Some(value) = joined.or_else(|| rest.next().cloned()) else {
                return Err(Usage::new(format!("{name} needs a value"), "`cargo xtask help` shows which"));
            };
            flag.check(&value)?;
            if given.value(flag).is_some() {
                return Err(Usage::new(format!("{name} is given twice"), "give it once"));
            }
            given.0.push((flag, value));
        }
        Ok(given)
    }

    /// Reads only the allowed options among words that are meant for another program.
    pub(crate) fn among(arguments: &[OsString], allowed: &[Flag]) -> Result<Self, Usage> {
        let mut own: Vec<OsString> = Vec::new();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let text = word.to_string_lossy();
            let name = text.split_once('=').map_or(&*text, |(name, _)| name);
            if allowed.iter().any(|flag| flag.name() == name) {
                own.push(word.clone());
                if !text.contains('=') {
                    own.extend(rest.next().cloned());
                }
            }
        }
        Self::parse(&own, allowed)
    }

    /// The value of an option.
    pub(crate) fn value(&self, flag: Flag) -> Option<&OsStr> {
        self.0.iter().find(|(this, _)| *this == flag).map(|(_, value)| &**value)
    }

    /// Those of these options that were given, as words for another program.
    pub(crate) fn words(&self, flags: &[Flag]) -> Vec<OsString> {
        let given = flags.iter().filter_map(|flag| Some((flag.name(), self.value(*flag)?)));
        given.flat_map(|(name, value)| [name.into(), value.to_owned()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<&str, &str>) {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let flags = [Flag::Scale, Flag::Seed, Flag::Workers, Flag::Only];
        let parsed = Given::parse(&words, &flags).map(|given| given.words(&flags).join(OsStr::new(" ")));
        let parsed = parsed.map_err(|usage| usage.text);
        let parsed = parsed.as_ref().map(|line| line.to_str().expect("text")).map_err(|text| &**text);
        assert_eq!(parsed, expected, "{line}");
    }

    #[test]
    fn options_are_read_in_both_spellings_and_passed_on_in_one() {
        check("", Ok(""));
        check("--workers=2 --scale tiny", Ok("--scale tiny --workers 2"));
        check(
            "--seed 18446744073709551615 --only 01,convert",
            Ok("--seed 18446744073709551615 --only 01,convert"),
        );
    }

    #[test]
    fn options_are_found_among_the_words_for_another_program() {
        let words = ["convert", "--workers", "1..8", "--scale", "tiny", "--seed=7"].map(OsString::from);
        let found = Given::among(&words, &[Flag::Scale, Flag::Seed]).expect("sound");
        assert_eq!(found.words(&[Flag::Scale, Flag::Seed]), ["--scale", "tiny", "--seed", "7"]);
        assert!(Given::among(&words[3..4], &[Flag::Scale]).is_err());
    }

    #[test]
    fn wrong_options_are_refused_before_anything_is_built() {
        check("--scale huge", Err("--scale cannot be `huge`"));
        check("--workers 0", Err("--workers cannot be `0`"));
        check("--seed -1", Err("--seed cannot be `-1`"));
        check("--seed", Err("--seed needs a value"));
        check("--seed 1 --seed 2", Err("--seed is given twice"));
        check("--samples 1", Err("unknown option `--samples`"));
        check("small", Err("unknown option `small`"));
    }
}
