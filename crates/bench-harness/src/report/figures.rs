//! How numbers are written, the same way everywhere in the report.

use lab::measure::nanoseconds;

/// A time, or a dash where there is none.
pub(super) fn time(ns: Option<u64>) -> String {
    ns.map_or_else(|| "–".into(), nanoseconds)
}

/// A ratio with its sign, with as many digits as are worth reading.
pub(super) fn times(ratio: f64) -> String {
    format!("{}×", plain(ratio))
}

/// A number with two digits behind the point, one from 10 on, none from 100 on.
pub(super) fn plain(value: f64) -> String {
    let digits = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

/// An interval.
pub(super) fn interval([low, high]: [f64; 2]) -> String {
    format!("{} – {}", plain(low), plain(high))
}

/// A share of 1 as a percentage, in signs that need no language; what is more than nothing and less than all is not rounded to it.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        99.5..100.0 => "> 99 %".into(),
        0.5.. => format!("{percent:.0} %"),
        _ if percent > 0.0 => "< 1 %".into(),
        _ => "0 %".into(),
    }
}

/// An amount of memory.
pub(crate) fn memory(bytes: u64) -> String {
    let (value, unit) = match bytes {
        0x4000_0000.. => (bytes as f64 / f64::from(1 << 30), "GiB"),
        0x10_0000.. => (bytes as f64 / f64::from(1 << 20), "MiB"),
        _ => (bytes as f64 / 1024.0, "KiB"),
    };
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// A count with thin spaces between groups of three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A noun with its number.
pub(super) fn many(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Words as a sentence lists them: `a`, `a and b`, `a, b and c`.
pub(super) fn list(words: &[&str], and: &str) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).into(),
        [init @ .., last] => format!("{} {and} {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_a_reader_likes_them() {
        assert_eq!([1.934, 12.34, 96.3, 1012.0].map(times), ["1.93×", "12.3×", "96.3×", "1012×"]);
        let shares = [0.0, 0.001, 0.3, 0.997, 1.0].map(percent);
        assert_eq!(shares, ["0 %", "< 1 %", "30 %", "> 99 %", "100 %"]);
        assert_eq!(count(1_600_000), "1\u{202f}600\u{202f}000");
        assert_eq!([3 << 20, 200 << 20, 24 << 30].map(memory), ["3.0 MiB", "200 MiB", "24 GiB"]);
        assert_eq!(list(&["a", "b", "c"], "and"), "a, b and c");
    }
}
