//! Words for the reader, in both languages or not at all: `lab`'s texts, and the two macros that say them on a stage.

pub use lab::{Lang, Text, complete};

/// Says a line on a [`Stage`](crate::Stage) in the reader's language. Both formats are literals and are checked when the
/// program is built.
///
/// ```
/// # let stage = fundamentals::Stage::silent(fundamentals::Lang::Pt);
/// let lost = 7;
/// fundamentals::say!(stage, "{lost} updates were lost", "{lost} atualizações se perderam");
/// ```
#[macro_export]
macro_rules! say {
    ($stage:expr, $en:literal, $pt:literal $(, $($argument:tt)*)?) => {{
        const _: () = $crate::complete($en, $pt);
        match $stage.lang {
            $crate::Lang::En => $stage.line(format_args!($en $(, $($argument)*)?)),
            $crate::Lang::Pt => $stage.line(format_args!($pt $(, $($argument)*)?)),
        }
    }};
}

/// A `String` in the language of a [`Stage`](crate::Stage), from two formats that are checked like those of `say!`.
#[macro_export]
macro_rules! words {
    ($stage:expr, $($texts:tt)*) => { lab::words!($stage.lang, $($texts)*) };
}
