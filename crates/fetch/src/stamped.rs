//! A TCP stream that knows when its bytes arrived.
//!
//! A program that is busy reads late, and a clock that it looks at when it reads tells its own delay as the server's. The
//! kernel notes the time at which each packet came (`SO_TIMESTAMPNS`), whoever reads it when. Where it does not, the time
//! of the read stands for it.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A stream, and the times of its bytes.
#[derive(Debug)]
pub(crate) struct Stamped {
    stream: TcpStream,
    arrivals: Arc<Arrivals>,
}

/// When bytes came, in nanoseconds since `start`, at least 1; 0 for never. Written and read by one task, on one thread at a
/// time: `Relaxed`.
#[derive(Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    /// The first bytes after the last ones that were sent.
    first: AtomicU64,
    last: AtomicU64,
    /// The longest time for which bytes lay in the kernel before they were read.
    lag: AtomicU64,
}

impl Arrivals {
    /// Of a stream that is opened at `start`.
    pub(crate) fn new(start: Instant) -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        Arc::new(Self { start, first: zero(), last: zero(), lag: zero() })
    }

    /// When the first bytes came after the last ones that were sent.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.instant(&self.first)
    }

    /// When the last bytes came so far.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.instant(&self.last)
    }

    /// The longest time for which bytes lay in the kernel before they were read.
    pub(crate) fn lag(&self) -> Duration {
        Duration::from_nanos(self.lag.load(Relaxed))
    }

    fn instant(&self, nanos: &AtomicU64) -> Option<Instant> {
        let nanos = nanos.load(Relaxed);
        (nanos > 0).then(|| self.start + Duration::from_nanos(nanos))
    }

    fn sent(&self) {
        self.first.store(0, Relaxed);
    }

    /// Notes bytes that are read now and lay for `lag` in the kernel.
    fn came(&self, lag: Duration) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let now = nanos(self.start.elapsed());
        // The two clocks may be set apart while a probe runs; no byte came before the stream was opened.
        let lag = nanos(lag).min(now);
        let came = (now - lag).max(1);
        let _ = self.first.compare_exchange(0, came, Relaxed, Relaxed);
        self.last.store(came, Relaxed);
        self.lag.fetch_max(lag, Relaxed);
    }
}

impl Stamped {
    pub(crate) fn new(stream: TcpStream, arrivals: Arc<Arrivals>) -> Self {
        // Without the kernel's times, those of the reads are taken.
        let _ = setsockopt(&stream, sockopt::ReceiveTimestampns, &true);
        Self { stream, arrivals }
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
        let mut parts = [IoSliceMut::new(buffer)];
        let message =
            recvmsg::<()>(self.stream.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
        let stamp = message.cmsgs().ok().and_then(|mut all| {
            all.find_map(|one| match one {
                ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                _ => None,
            })
        });
        if message.bytes > 0 {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.arrivals.came(stamp.map_or(Duration::ZERO, |stamp| now.saturating_sub(stamp)));
        }
        Ok(message.bytes)
    }
}

impl AsyncRead for Stamped {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            let unfilled = buffer.initialize_unfilled();
            match self.stream.try_io(Interest::READABLE, || self.receive(unfilled)) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.arrivals.sent();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
