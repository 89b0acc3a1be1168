//! Where rows begin and end, found fast and in parallel, and right at any border.
//!
//! Whether a line break ends a row depends on every quote before it, so a file cannot simply be cut at line breaks. A
//! [`survey`](survey::survey) looks at one chunk of bytes without knowing what stands before it and says what the chunk
//! means under both hypotheses: that it begins outside of quotes, and that it begins inside. The
//! [`plan`](plan::segments) then goes through the surveys in order, which takes no time, and knows for each chunk which
//! hypothesis was true and with it the exact byte at which its first row begins.
//!
//! Counting quotes is right as long as each one stands where RFC 4180 has it: an opening quote at the start of a field,
//! a closing one at its end. A survey checks that. Where a quote stands elsewhere (`5" pipe`), its hypothesis is void, and
//! the plan walks through that chunk byte by byte with the [`exact`] automaton, from the state it knows.

pub mod exact;
pub(crate) mod masks;
pub mod plan;
pub mod survey;
