//! What the reading of URLs promises, as functions of any bytes: the fuzz targets call them with inputs of libFuzzer's, the
//! tests with inputs of proptest's. They panic where a promise is broken.

use super::list::name_of;
use crate::crawl::encoded;

/// The name of a file from any URL leads nowhere else and is what its percent-encoding means; and whatever a template puts
/// into a URL is the value again when it is decoded.
///
/// # Panics
/// Where it is not.
pub fn any_percent_encoding_is_decoded(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let name = name_of(&format!("http://x/{text}"));
    assert!(!name.is_empty() && name != "." && name != ".." && !name.contains('/'), "{name:?}");
    assert!(!name.contains('\0') || text.contains('\0'), "{name:?}");

    let end = text.find(['?', '#']).unwrap_or(text.len());
    let last = text[..end].rsplit('/').next().unwrap_or_default();
    let plain = decoded(last.as_bytes());
    if let Ok(plain) = std::str::from_utf8(&plain)
        && !plain.contains(['/', '\0'])
        && !matches!(plain, "" | "." | "..")
    {
        assert_eq!(name, plain, "{text}");
    }

    let value = encoded(text);
    assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)), "{value}");
    assert_eq!(decoded(value.as_bytes()), bytes, "{value}");
}

/// Percent-decoding as RFC 3986 has it, without a library.
fn decoded(text: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |byte: Option<&u8>| {
        let place =
            DIGITS.iter().position(|digit| Some(digit) == byte.map(u8::to_ascii_lowercase).as_ref())?;
        u8::try_from(place).ok()
    };
    let (mut plain, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            plain.push(high << 4 | low);
            at += 3;
        } else {
            plain.push(*byte);
            at += 1;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_percent_encoding(text in "(%[0-9a-fA-F]{2}|%[+-][0-9]|%|[a-z]|/|\\.|\\?|#|é|\\PC){0,16}") {
            any_percent_encoding_is_decoded(text.as_bytes());
        }
    }
}
