//! Bytes to characters.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How characters are written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// One to four bytes a character.
    Utf8,
    /// One byte a character; 0x80 to 0x9f are control characters (ISO 8859-1).
    Latin1,
    /// One byte a character; 0x80 to 0x9f are quotes, dashes and the like. What most files are that are called latin-1.
    Windows1252,
    /// Two bytes a code unit, the low one first.
    Utf16Le,
    /// Two bytes a code unit, the high one first.
    Utf16Be,
}

impl Encoding {
    /// Whether a byte below 0x80 is always the ASCII character, so that a file can be split without being decoded.
    pub fn is_ascii_compatible(self) -> bool {
        !matches!(self, Self::Utf16Le | Self::Utf16Be)
    }

    /// Whether the bytes of a text are the text in UTF-8, once a file has been unpacked.
    pub(crate) fn is_utf8(self) -> bool {
        !matches!(self, Self::Latin1 | Self::Windows1252)
    }

    /// The text of a field of a file in one of the encodings that are compatible with ASCII; `None` where the bytes are
    /// none.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Latin1 | Self::Windows1252 if !bytes.is_ascii() => {
                Some(bytes.iter().map(|byte| self.character(*byte)).collect::<String>().into())
            }
            _ => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        }
    }

    fn character(self, byte: u8) -> char {
        match byte {
            0x80..=0x9f if self == Self::Windows1252 => WINDOWS_1252[usize::from(byte - 0x80)],
            byte => char::from(byte),
        }
    }
}

/// The characters of 0x80 to 0x9f in Windows-1252, as the WHATWG's encoding standard has them: the five bytes that
/// Microsoft left out are control characters.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl fmt::Display for Encoding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "latin-1",
            Self::Windows1252 => "windows-1252",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
        })
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "latin-1" | "latin1" | "iso-8859-1" => Ok(Self::Latin1),
            "windows-1252" | "cp1252" => Ok(Self::Windows1252),
            "utf-16le" => Ok(Self::Utf16Le),
            "utf-16be" => Ok(Self::Utf16Be),
            _ => Err("expected utf-8, latin-1, windows-1252, utf-16le or utf-16be".into()),
        }
    }
}

/// UTF-16 to UTF-8, piece by piece.
///
/// A code unit without its pair becomes the three bytes that it would have in UTF-8, which are no UTF-8: whoever reads the
/// text finds the row that is damaged. The same holds for a last byte without its pair.
#[derive(Debug)]
pub struct Utf16 {
    big_endian: bool,
    odd: Option<u8>,
    high: Option<u16>,
}

impl Utf16 {
    /// At the start of a text.
    pub fn new(encoding: Encoding) -> Self {
        Self { big_endian: encoding == Encoding::Utf16Be, odd: None, high: None }
    }

    /// Appends what `bytes` say to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        if let (Some(first), [second, behind @ ..]) = (self.odd, rest) {
            self.odd = None;
            self.unit([first, *second], out);
            rest = behind;
        }
        let (pairs, odd) = rest.as_chunks::<2>();
        pairs.iter().for_each(|pair| self.unit(*pair, out));
        if let [byte] = odd {
            self.odd = Some(*byte);
        }
    }

    /// Appends what is left at the end of the text.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            lone(high, out);
        }
        if self.odd.take().is_some() {
            out.push(0xff);
        }
    }

    fn unit(&mut self, pair: [u8; 2], out: &mut Vec<u8>) {
        let unit = if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        if let Some(high) = self.high.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                return push(character, out);
            }
            lone(high, out);
        }
        match unit {
            0xd800..=0xdbff => self.high = Some(unit),
            0xdc00..=0xdfff => lone(unit, out),
            unit => push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER), out),
        }
    }
}

fn push(character: char, out: &mut Vec<u8>) {
    out.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[allow(clippy::cast_possible_truncation, reason = "each byte is masked to six bits")]
fn lone(unit: u16, out: &mut Vec<u8>) {
    out.extend([0xed, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn utf16_in_any_pieces_is_the_text(text in "\\PC{0,40}", cut in 1_usize..9, big_endian: bool) {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect();
            let mut decoder = Utf16::new(if big_endian { Encoding::Utf16Be } else { Encoding::Utf16Le });
            let mut out = Vec::new();
            bytes.chunks(cut).for_each(|piece| decoder.push(piece, &mut out));
            decoder.finish(&mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn half_a_character_is_no_utf8() {
        let mut out = Vec::new();
        let mut decoder = Utf16::new(Encoding::Utf16Le);
        decoder.push(&[b'a', 0, 0x3d, 0xd8, b'b', 0, b'c'], &mut out);
        decoder.finish(&mut out);
        assert_eq!(out, [b'a', 0xed, 0xa0, 0xbd, b'b', 0xff]);
    }

    #[test]
    fn windows_1252_has_quotes_where_latin_1_has_control_characters() {
        assert_eq!(Encoding::Windows1252.decode(b"\x93a\xe7\xe3o\x94 \x80").unwrap(), "“ação” €");
        assert_eq!(Encoding::Latin1.decode(b"a\xe7\xe3o\x80").unwrap(), "ação\u{80}");
        assert_eq!(Encoding::Utf8.decode(b"\xe7"), None);
    }
}
