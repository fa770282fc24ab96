//! Bodies that were not read to their end: read on and thrown away for a while, so that the answer reaches its caller.
//!
//! Many clients send their whole body before they look for an answer. A server that answers 401 and closes resets the
//! connection under them, and they report a broken pipe instead of the refusal. Over HTTP/2 a stream can be ended without
//! that, so this is for HTTP/1 alone.

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes that are read on at most: twice the largest body that any route reads.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// For how long at most.
const LONGEST: Duration = Duration::from_secs(30);
/// The next piece comes within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request's body that is read on when it is dropped before its end.
pub(super) struct Lingering {
    body: Option<Incoming>,
    /// The client waits to be told to send: what it has not sent is not in the way.
    awaits_word: bool,
    has_ended: bool,
}

impl Lingering {
    pub(super) const fn new(body: Incoming, awaits_word: bool) -> Self {
        Self { body: Some(body), awaits_word, has_ended: false }
    }
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.awaits_word = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        self.has_ended |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if self.has_ended || self.awaits_word || body.is_end_stream() {
            return;
        }
        // Where there is no runtime any more, nobody waits for an answer either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LONGEST, read_on(body)));
        }
    }
}

async fn read_on(mut body: Incoming) {
    let mut seen = 0;
    while seen <= MOST_BYTES {
        let next = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let Ok(Some(Ok(frame))) = tokio::time::timeout(PATIENCE, next).await else { return };
        seen += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}
