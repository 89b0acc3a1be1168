//! What travels through a pipe between two processes.

use std::io::{self, Read, Write};

/// The largest payload of one frame, in bytes. A longer length can only be garbage, or a task that should be a file.
pub const MAX_PAYLOAD: usize = 1 << 30;

const HEADER: usize = 13;

/// What a frame is for. The numbers are the protocol's and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Setup = 1,
    Ready = 2,
    Task = 3,
    Done = 4,
    Data = 5,
    End = 6,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Setup, Self::Ready, Self::Task, Self::Done, Self::Data, Self::End];
}

/// One message: a kind, the number of a task, and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn new(kind: Kind, number: u64, payload: Vec<u8>) -> Self {
        Self { kind, number, payload }
    }

    /// Writes the frame and flushes.
    ///
    /// # Errors
    /// A payload over [`MAX_PAYLOAD`] (`InvalidInput`), or the writer's error; a closed pipe is `BrokenPipe`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let length = self.payload.len();
        if length > MAX_PAYLOAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a message of {length} bytes is over the limit of {MAX_PAYLOAD}: pass a file's path instead"
                ),
            ));
        }
        let mut header = [0_u8; HEADER];
        header[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        header[4] = self.kind as u8;
        header[5..].copy_from_slice(&self.number.to_le_bytes());
        out.write_all(&header)?;
        out.write_all(&self.payload)?;
        out.flush()
    }

    /// Reads one frame; `None` where the stream ends between two frames.
    ///
    /// # Errors
    /// `UnexpectedEof` where the stream ends inside a frame, `InvalidData` for an unknown kind or an impossible length.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = [0_u8; HEADER];
        let mut filled = 0;
        while filled < HEADER {
            match from.read(&mut header[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let field = |from: usize, bytes: usize| {
            header[from..from + bytes].iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
        };
        let length = usize::try_from(field(0, 4)).unwrap_or(usize::MAX);
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == header[4]);
        let (Some(kind), true) = (kind, length <= MAX_PAYLOAD) else {
            let found = format!("not a frame: kind {}, length {length}", header[4]);
            return Err(io::Error::new(io::ErrorKind::InvalidData, found));
        };
        // The length is only believed as far as bytes arrive: garbage must not make us allocate a gigabyte.
        let mut payload = Vec::with_capacity(length.min(1 << 20));
        if from.by_ref().take(length as u64).read_to_end(&mut payload)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(Self { kind, number: field(5, 8), payload }))
    }
}

/// Encodes a value for a payload.
pub(super) fn encode<T: serde::Serialize + ?Sized>(value: &T) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Decodes a payload.
pub(super) fn decode<T: serde::de::DeserializeOwned>(payload: &[u8]) -> io::Result<T> {
    postcard::from_bytes(payload).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Decodes a value at the beginning of a payload, and returns what comes after it.
pub(super) fn take<T: serde::de::DeserializeOwned>(payload: &[u8]) -> io::Result<(T, &[u8])> {
    postcard::take_from_bytes(payload).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_come_back_as_they_went(numbers in proptest::collection::vec((0_u64.., proptest::collection::vec(any::<u8>(), 0..300)), 0..8)) {
            let sent: Vec<_> = numbers.into_iter().map(|(number, payload)| Frame::new(Kind::Data, number, payload)).collect();
            let mut pipe = Vec::new();
            sent.iter().for_each(|frame| frame.write(&mut pipe).unwrap());
            let mut from = pipe.as_slice();
            let mut received = Vec::new();
            while let Some(frame) = Frame::read(&mut from).unwrap() {
                received.push(frame);
            }
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn garbage_is_an_error_or_the_end_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut from = bytes.as_slice();
            while let Ok(Some(_)) = Frame::read(&mut from) {}
        }

        #[test]
        fn a_frame_cut_short_is_an_error(cut in 1_usize..20) {
            let mut pipe = Vec::new();
            Frame::new(Kind::Task, 7, vec![1; 7]).write(&mut pipe).unwrap();
            prop_assert_eq!(pipe.len(), 20);
            let error = Frame::read(&mut &pipe[..20 - cut.min(19)]).unwrap_err();
            prop_assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
