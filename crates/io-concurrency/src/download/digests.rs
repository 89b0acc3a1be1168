//! Digests that are given or stated, and whether bytes have them.

use std::fmt;
use std::str::FromStr;

use fetch::Stated;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::digest::Digest as _;
use sha2::{Sha256, Sha512};

/// What makes a digest, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// MD5: it tells damage, not malice.
    Md5,
    /// SHA-1: likewise.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// BLAKE3.
    Blake3,
}

/// The digest that bytes should have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expected {
    /// What makes it.
    pub algorithm: Algorithm,
    /// The digest.
    pub value: Vec<u8>,
}

/// A digest in the making.
pub(super) enum Hasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
    Blake3(Box<blake3::Hasher>),
}

impl Algorithm {
    /// The algorithm of this name, in any of the ways in which it is written.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "md5" => Self::Md5,
            "sha1" | "sha-1" | "sha" => Self::Sha1,
            "sha256" | "sha-256" => Self::Sha256,
            "sha512" | "sha-512" => Self::Sha512,
            "blake3" | "b3" => Self::Blake3,
            _ => return None,
        })
    }

    /// The name, as the registry of HTTP digests writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
            Self::Blake3 => "blake3",
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha512 => 64,
        }
    }

    pub(super) fn hasher(self) -> Hasher {
        match self {
            Self::Md5 => Hasher::Md5(Md5::new()),
            Self::Sha1 => Hasher::Sha1(Sha1::new()),
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
            Self::Sha512 => Hasher::Sha512(Sha512::new()),
            Self::Blake3 => Hasher::Blake3(Box::default()),
        }
    }
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => drop(hasher.update(bytes)),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(hasher) => hasher.finalize().to_vec(),
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
            Self::Blake3(hasher) => hasher.finalize().as_bytes().to_vec(),
        }
    }
}

impl Expected {
    /// The strongest of those that a server states and that are understood.
    pub(super) fn strongest(stated: &[Stated]) -> Option<Self> {
        let understood = stated.iter().filter_map(|one| {
            let algorithm = Algorithm::named(&one.algorithm)?;
            (one.value.len() == algorithm.length()).then(|| Self { algorithm, value: one.value.clone() })
        });
        understood.max_by_key(|one| one.algorithm)
    }

    /// Reads a digest of hexadecimal digits; by its length, where nothing else tells what makes it.
    pub(super) fn of_length(digits: &str) -> Option<Self> {
        let value = hex::decode(digits).ok()?;
        let algorithm = match value.len() {
            16 => Algorithm::Md5,
            20 => Algorithm::Sha1,
            32 => Algorithm::Sha256,
            64 => Algorithm::Sha512,
            _ => return None,
        };
        Some(Self { algorithm, value })
    }

    /// The digits.
    pub fn hex(&self) -> String {
        hex::encode(&self.value)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.algorithm.name(), self.hex())
    }
}

impl FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, digits) = text.split_once(['=', ':']).ok_or("expected such as sha256=9f86d0818…")?;
        let algorithm = Algorithm::named(name)
            .ok_or_else(|| format!("`{name}` is none of md5, sha1, sha256, sha512, blake3"))?;
        match hex::decode(digits.trim()) {
            Ok(value) if value.len() == algorithm.length() => Ok(Self { algorithm, value }),
            _ => Err(format!("a digest of {name} has {} hexadecimal digits", algorithm.length() * 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_gives_the_digest_of_its_specification() {
        // The digests of "abc": RFC 1321, FIPS 180-4 and the official test vectors' program `b3sum`.
        for expected in [
            "md5=900150983cd24fb0d6963f7d28e17f72",
            "sha1=a9993e364706816aba3e25717850c26c9cd0d89d",
            "sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "blake3=6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        ] {
            let expected: Expected = expected.parse().unwrap();
            let mut hasher = expected.algorithm.hasher();
            hasher.update(b"a");
            hasher.update(b"bc");
            assert_eq!(hex::encode(hasher.finish()), expected.hex());
        }
    }

    #[test]
    fn what_is_no_digest_is_told() {
        for wrong in
            ["", "sha256", "sha256=", "sha256=12", "crc=12345678", "md5=900150983cd24fb0d6963f7d28e17fzz"]
        {
            assert!(wrong.parse::<Expected>().is_err(), "{wrong}");
        }
        // A sign is no hexadecimal digit, though Rust's parser of integers takes it.
        let signs = "+1".repeat(16);
        assert!(format!("md5={signs}").parse::<Expected>().is_err());
        assert_eq!(Expected::of_length(&signs), None);
    }

    #[test]
    fn of_several_the_strongest_counts_and_a_wrong_length_is_none() {
        let stated = |algorithm: &str, length| Stated { algorithm: algorithm.into(), value: vec![1; length] };
        let strongest = Expected::strongest(&[
            stated("md5", 16),
            stated("sha-256", 32),
            stated("crc32c", 4),
            stated("sha-512", 63),
        ]);
        assert_eq!(strongest.unwrap().algorithm, Algorithm::Sha256);
    }
}
