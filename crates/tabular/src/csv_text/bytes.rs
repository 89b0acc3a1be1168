//! The two texts that a dialect may choose: of bytes and of a null.

use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::scalar;

/// How bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BytesText {
    /// Two lower-case hexadecimal digits a byte.
    #[default]
    Hex,
    /// Base64 with padding (RFC 4648, section 4).
    Base64,
}

impl BytesText {
    pub(super) fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Hex => scalar::hex(bytes, out),
            Self::Base64 => out.extend(BASE64_STANDARD.encode(bytes).as_bytes()),
        }
    }
}

/// The text of a null; nothing at all unless another is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NullText {
    bytes: [u8; Self::MAX],
    length: u8,
}

impl NullText {
    /// The most bytes that it may have.
    pub const MAX: usize = 15;

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl FromStr for NullText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = !text.contains(['"', '\n', '\r']);
        let (Ok(length), true) = (u8::try_from(text.len()), plain && text.len() <= Self::MAX) else {
            return Err(format!("expected at most {} bytes without quotes and line breaks", Self::MAX));
        };
        let mut bytes = [0; Self::MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length })
    }
}
