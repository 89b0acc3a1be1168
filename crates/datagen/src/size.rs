//! Sizes as people write them: `10GB`, `1.5 GiB`, `200000`.

/// Bytes of a size in words. Decimal units (`kB`, `MB`, `GB`, `TB`, also without the `B`) count in thousands, binary ones
/// (`KiB`, `MiB`, `GiB`, `TiB`) in 1,024.
///
/// # Errors
/// A message that says what would be right.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write it like 500MB, 10GB or 1.5GiB");
    let text = text.trim();
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let (power, base) = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => (0, 1_000_f64),
        "k" | "kb" => (1, 1_000.0),
        "m" | "mb" => (2, 1_000.0),
        "g" | "gb" => (3, 1_000.0),
        "t" | "tb" => (4, 1_000.0),
        "kib" => (1, 1_024.0),
        "mib" => (2, 1_024.0),
        "gib" => (3, 1_024.0),
        "tib" => (4, 1_024.0),
        _ => return Err(wrong()),
    };
    let bytes = number * base.powi(power);
    // Above 2^53 a float no longer counts single bytes, and nobody has such a disk.
    if (1.0..9.0e15).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

/// A size for people: `12.3 MB`.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 1_000.0 {
            break;
        }
        value /= 1_000.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_nonsense_is_refused() {
        for (text, bytes) in [
            ("200000", 200_000),
            ("10GB", 10_000_000_000),
            ("10 gb", 10_000_000_000),
            ("1.5GiB", 1_610_612_736),
            ("64k", 64_000),
            ("3 B", 3),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "banana", "-5MB", "10XB", "0", "1e30", "GB", "1.2.3MB", "99999999TB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        assert_eq!(show_bytes(999), "999 B");
        assert_eq!(show_bytes(12_345_678), "12.3 MB");
    }
}
