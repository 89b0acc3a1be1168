//! A socket that can be closed with a reset instead of an orderly end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::activity::Activity;

/// Up to so many bytes, copying them costs less than telling the kernel where the pieces are.
const SMALL: usize = 1_024;

/// The socket. When it is dropped after `reset` was set, its peer sees `ECONNRESET`.
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    /// Set and read by the one task that serves the connection: `Relaxed`.
    reset: Arc<AtomicBool>,
    activity: Arc<Activity>,
    /// The client had no room for the last bytes.
    is_full: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, reset: Arc<AtomicBool>, activity: Arc<Activity>) -> Self {
        Self { stream: TokioIo::new(stream), reset, activity, is_full: false }
    }

    /// Counts a step where the client has made room for bytes that were waiting.
    fn written(&mut self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if std::mem::replace(&mut self.is_full, outcome.is_pending()) && outcome.is_ready() {
            self.activity.step();
        }
        outcome
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Relaxed) {
            // A lingering time of zero makes the kernel throw away what is unsent and answer with RST. Where the socket
            // is already gone there is nothing left to reset.
            let _ = self.stream.inner().set_zero_linger();
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Relaxed) {
            // An orderly end would come before the reset, and hide it.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A small answer is its head and its body: the kernel takes one piece faster than it reads a list of two.
        let mut small = [0; SMALL];
        let outcome = match joined(bufs, &mut small) {
            Some(whole) => Pin::new(&mut self.stream).poll_write(cx, whole),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        };
        self.written(outcome)
    }
}

/// The pieces as one, where they have room in `whole`.
fn joined<'a>(pieces: &[io::IoSlice<'_>], whole: &'a mut [u8; SMALL]) -> Option<&'a [u8]> {
    let mut length = 0;
    for piece in pieces {
        whole.get_mut(length..length + piece.len())?.copy_from_slice(piece);
        length += piece.len();
    }
    Some(&whole[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_in_order_up_to_the_room_there_is() {
        let long = [7; SMALL];
        let joined_length = |pieces: &[&[u8]]| {
            let pieces: Vec<io::IoSlice<'_>> = pieces.iter().copied().map(io::IoSlice::new).collect();
            joined(&pieces, &mut [0; SMALL]).map(<[u8]>::to_vec)
        };
        assert_eq!(joined_length(&[b"head ", b"", b"body"]).unwrap(), b"head body");
        assert_eq!(joined_length(&[&long]).unwrap(), long);
        assert_eq!(joined_length(&[&long, b"x"]), None);
        assert_eq!(joined_length(&[]).unwrap(), b"");
    }
}
