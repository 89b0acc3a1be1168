//! House rules, checked by a program.
use std::ffi::OsString;

use anyhow::Result;

use crate::flags::Given;
use crate::house::House;

/// `cargo xtask tidy`
pub(crate) fn task(_house: &House, arguments: &[OsString]) -> Result<u8> {
    Given::parse(arguments, &[])?;
    Ok(0)
}
