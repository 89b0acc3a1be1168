//! The text of one value to the value: exact, without allocation, and `None` of everything that is not in the format.
//!
//! A number with a leading zero is none: `0401` is a code, and what is written back must be what was read.

pub mod number;
pub mod time;

/// `true` and `false`, in lower case, in upper case or with a capital.
pub fn flag(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}
