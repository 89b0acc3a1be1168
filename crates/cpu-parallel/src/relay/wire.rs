//! What the two processes say to each other, the same over pipe, socket and ring.
//!
//! A message is its length (4 bytes, little-endian, without this head), its kind (1 byte) and its payload.
//!
//! | kind | payload |
//! |---|---|
//! | 1 setup | JSON: where the rows go, and from which batch on; always the first message |
//! | 2 batch | the number of a batch (8 bytes) and its rows as an Arrow IPC stream |
//! | 3 row | one row, see [`super::rows`] |
//! | 4 end of batch | the number of the batch whose rows were sent as messages of kind 3 |
//! | 5 end | nothing: all batches were sent |
//! | 6 failed | JSON: the problem that ends the relay |

use std::io::{self, Read, Write};

/// A longer message can only be garbage.
const LONGEST: usize = 1 << 30;
/// Bytes of a message before its payload.
pub(super) const HEAD: usize = 5;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Setup = 1,
    Batch = 2,
    Row = 3,
    EndOfBatch = 4,
    End = 5,
    Failed = 6,
}

const KINDS: [Kind; 6] = [Kind::Setup, Kind::Batch, Kind::Row, Kind::EndOfBatch, Kind::End, Kind::Failed];

/// Begins a message in `out`, which is cleared; the payload is appended and [`finish`] completes it. So a message is one
/// piece of memory and one write.
pub(super) fn begin(kind: Kind, out: &mut Vec<u8>) {
    out.clear();
    out.extend([0, 0, 0, 0, kind as u8]);
}

/// Completes a message that [`begin`] began.
pub(super) fn finish(out: &mut [u8]) {
    let length = u32::try_from(out.len() - HEAD).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&length.to_le_bytes());
}

/// Sends a whole message.
pub(super) fn send(to: &mut impl Write, kind: Kind, payload: &[&[u8]]) -> io::Result<()> {
    let mut message = Vec::with_capacity(HEAD + payload.iter().map(|piece| piece.len()).sum::<usize>());
    begin(kind, &mut message);
    payload.iter().for_each(|piece| message.extend_from_slice(piece));
    finish(&mut message);
    to.write_all(&message)
}

/// Receives a message into `payload`. A stream that ends, also between two messages, is an error: the end is a message.
pub(super) fn receive(from: &mut impl Read, payload: &mut Vec<u8>) -> io::Result<Kind> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let kind = KINDS.into_iter().find(|kind| *kind as u8 == head[4]);
    let (Some(kind), true) = (kind, length <= LONGEST) else {
        let found = format!("not a message: kind {}, length {length}", head[4]);
        return Err(io::Error::new(io::ErrorKind::InvalidData, found));
    };
    if length <= payload.capacity() {
        // Only what is beyond the last message's length is filled with zeros.
        payload.resize(length, 0);
        from.read_exact(payload)?;
    } else {
        // The length is only believed as far as bytes arrive.
        payload.clear();
        if from.by_ref().take(length as u64).read_to_end(payload)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(kind)
}

/// The number at the beginning of a payload, and the rest.
pub(super) fn number(payload: &[u8]) -> io::Result<(u64, &[u8])> {
    let (number, rest) = payload.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((u64::from_le_bytes(*number), rest))
}
