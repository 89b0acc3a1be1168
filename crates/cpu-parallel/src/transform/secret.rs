//! Pseudonyms: the same person has the same one everywhere, and nobody without the key can tell whose it is.
//!
//! A hash without a key would not do: there are only 10^11 CPFs, so whoever has the table tries them all in a minute.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How pseudonyms are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Method {
    /// Keyed BLAKE3
    #[default]
    Blake3,
    /// HMAC with SHA-256 (RFC 2104)
    HmacSha256,
}

/// What a pseudonym stands for; the same text as another thing has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Thing {
    /// A name, by what its spellings have in common.
    Name = b'n',
    /// A CPF or CNPJ.
    Document = b'd',
    /// A mail address in small letters.
    Email = b'e',
    /// A telephone number.
    Phone = b'p',
}

/// Makes pseudonyms of 128 bits, as 32 hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Secret(Keyed);

#[derive(Clone, Debug)]
enum Keyed {
    Blake3([u8; 32]),
    /// With its key taken in.
    Hmac(Box<Hmac<Sha256>>),
}

impl Secret {
    /// From any text.
    pub fn new(method: Method, key: &str) -> Self {
        Self(match method {
            Method::Blake3 => {
                Keyed::Blake3(blake3::derive_key("paralelo 2026-11 transform pseudonyms", key.as_bytes()))
            }
            Method::HmacSha256 => Keyed::Hmac(Box::new(keyed(key.as_bytes()))),
        })
    }

    /// Appends the pseudonym of a text; `scratch` is overwritten.
    pub fn pseudonym(&self, thing: Thing, text: &str, scratch: &mut Vec<u8>, out: &mut String) {
        scratch.clear();
        scratch.push(thing as u8);
        scratch.extend_from_slice(text.as_bytes());
        match &self.0 {
            Keyed::Blake3(key) => hexadecimal(blake3::keyed_hash(key, scratch).as_bytes(), out),
            Keyed::Hmac(keyed) => hexadecimal(&signed(keyed, scratch), out),
        }
    }

    /// The same as a text of its own, in the way that is usual.
    pub fn pseudonym_of(&self, thing: Thing, text: &str) -> String {
        let message = format!("{}{text}", char::from(thing as u8));
        let hash: Vec<u8> = match &self.0 {
            Keyed::Blake3(key) => blake3::keyed_hash(key, message.as_bytes()).as_bytes().to_vec(),
            Keyed::Hmac(keyed) => signed(keyed, message.as_bytes()).to_vec(),
        };
        hex::encode(&hash[..16])
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104)")
}

fn signed(keyed: &Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    let mut mac = keyed.clone();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn hexadecimal(hash: &[u8; 32], out: &mut String) {
    let mut digits = [0; 32];
    // There is room for two digits a byte, which is all that could be wrong; digits are ASCII.
    let _ = hex::encode_to_slice(&hash[..16], &mut digits);
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Test case 2 of RFC 4231, and test case 6, whose key is longer than a block.
        let check = |key: &[u8], message: &[u8], expected: &str| {
            let mut out = String::new();
            hexadecimal(&signed(&keyed(key), message), &mut out);
            assert_eq!(out, expected);
        };
        check(b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7");
        check(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f",
        );
    }

    #[test]
    fn a_pseudonym_depends_on_the_key_the_thing_and_the_text() {
        let of = |method, key, thing, text| {
            let mut out = String::new();
            let secret = Secret::new(method, key);
            secret.pseudonym(thing, text, &mut Vec::new(), &mut out);
            assert_eq!(out, secret.pseudonym_of(thing, text));
            out
        };
        let mut seen = std::collections::HashSet::new();
        for method in [Method::Blake3, Method::HmacSha256] {
            for key in ["one", "two"] {
                for thing in [Thing::Name, Thing::Document] {
                    for text in ["1", "2"] {
                        let found = of(method, key, thing, text);
                        assert_eq!(found.len(), 32);
                        assert!(seen.insert(found));
                    }
                }
            }
        }
    }
}
