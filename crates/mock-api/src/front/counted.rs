//! A body that tells the ledger when its last byte was taken, or that it never was.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header;
use axum::response::Response;
use http_body::{Frame, SizeHint};

use crate::ledger::{ServedPage, Visit};

/// A whole body of at most so many bytes is handed to the connection in one piece, so it counts as taken at once: the
/// price of watching it would be the largest part of serving it.
const IN_ONE_PIECE: u64 = 64 * 1024;

/// The watched body.
struct Counted {
    body: Body,
    /// Gone when the visit was closed.
    open: Option<Open>,
}

struct Open {
    visit: Visit,
    status: u16,
    bytes: u64,
    /// The length that the headers tell, after which nobody asks for more of the body.
    length: Option<u64>,
    page: Option<ServedPage>,
}

/// Closes the visit when the answer's body has been taken.
pub(super) fn count(mut response: Response, visit: Visit) -> Response {
    let status = response.status().as_u16();
    let page = response.extensions_mut().remove::<ServedPage>();
    if let Some(bytes) = response.body().size_hint().exact()
        && bytes <= IN_ONE_PIECE
    {
        visit.close(status, bytes, page.as_ref());
        return response;
    }
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse().ok());
    response
        .map(|body| Body::new(Counted { body, open: Some(Open { visit, status, bytes: 0, length, page }) }))
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let mut whole = false;
                if let (Some(open), Some(data)) = (&mut self.open, frame.data_ref()) {
                    open.bytes += data.len() as u64;
                    whole = open.length == Some(open.bytes);
                }
                // A body of known length is not polled again after its last byte.
                if whole || self.body.is_end_stream() {
                    self.close();
                }
            }
            Some(Err(_)) => {}
            None => self.close(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Counted {
    fn close(&mut self) {
        if let Some(Open { visit, status, bytes, page, .. }) = self.open.take() {
            visit.close(status, bytes, page.as_ref());
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(Open { visit, bytes, .. }) = self.open.take() {
            visit.cut_short(bytes);
        }
    }
}
