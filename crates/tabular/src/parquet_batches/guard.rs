//! A reader that panics on a damaged file has found an error like any other.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use parquet::errors::ParquetError;

thread_local! {
    /// Whether this thread is in the reader, whose panics are told as errors and so not by the hook as well.
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a part of the reader. What a damaged file makes it trip over is an error too.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !READING.get() {
                told(panic);
            }
        }));
    });
    READING.set(true);
    // After an error nothing of the reader is used any more.
    let outcome = catch_unwind(AssertUnwindSafe(read));
    READING.set(false);
    outcome.unwrap_or_else(|panic| {
        let text = format!("the reader cannot make sense of it: {}", words(&*panic));
        Err(ParquetError::General(text))
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_reader_is_an_error_that_says_what_it_said() {
        let error = guarded::<()>(|| panic!("index {} is too large", 7)).unwrap_err().to_string();
        assert!(error.ends_with("cannot make sense of it: index 7 is too large"), "{error}");
        assert!(!READING.get());
    }
}
