//! Deadlines of answers: whoever reads nothing, or too slowly, ends its connection or its stream of HTTP/2.
//!
//! Start at [`Paced`], which every connection is wrapped in, and at [`Answer`], which every body of an answer is wrapped
//! in. What a client does not read stands in the way at one of two places. Over HTTP/1 it is the socket, which takes no
//! more bytes: [`Paced`] looks at that. Over HTTP/2 each stream has a window of its own and the socket stays writable: the
//! body is then not asked for its next piece, [`Answer`] notes since when, and the task that serves the stream ends with
//! [`AnswerPace::overdue`]. For that, no piece is larger than what one stream may leave behind in memory.

use super::connections::{ConnectionLimits, Seat, UnderWay};
use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

/// Bytes of an answer that are handed over at once.
const PIECE_BYTES: usize = 16 * 1024;

/// How slow a reader may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    patience: Duration,
    least_rate: u64,
}

impl Pace {
    pub(super) fn of(limits: &ConnectionLimits) -> Self {
        Self { patience: limits.for_reading, least_rate: limits.least_rate.max(1) }
    }

    /// Until when the next byte must move, where `moved` bytes have moved since `begun`, the last of them at `last`.
    fn deadline(self, begun: Instant, moved: u64, last: Instant) -> Instant {
        let at_least_rate = Duration::from_millis(moved.saturating_mul(1_000) / self.least_rate);
        (last + self.patience).min(begun + self.patience + at_least_rate)
    }
}

/// A connection whose writes have a deadline, and which tells its seat of every byte that moves.
pub(super) struct Paced<S> {
    stream: S,
    seat: Seat,
    pace: Pace,
    /// Bytes that wait to be written, since the other side took no more.
    stall: Option<Stall>,
}

struct Stall {
    begun: Instant,
    moved: u64,
    last: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub(super) const fn new(stream: S, seat: Seat, pace: Pace) -> Self {
        Self { stream, seat, pace, stall: None }
    }

    fn wrote(&mut self, count: usize) {
        self.seat.moved();
        if let Some(stall) = &mut self.stall {
            stall.moved += count as u64;
            stall.last = Instant::now();
        }
    }

    /// The socket takes nothing at the moment: an error once that has lasted too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        let pace = self.pace;
        let stall = self.stall.get_or_insert_with(|| Stall {
            begun: now,
            moved: 0,
            last: now,
            alarm: Box::pin(tokio::time::sleep_until(now + pace.patience)),
        });
        stall.alarm.as_mut().reset(pace.deadline(stall.begun, stall.moved, stall.last));
        ready!(stall.alarm.as_mut().poll(cx));
        metrics::counter!("likeness_slow_readers_ended_total", "of" => "connection").increment(1);
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer"))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, into);
        if into.filled().len() > before {
            self.seat.moved();
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                self.wrote(*written.as_ref().unwrap_or(&0));
                Poll::Ready(written)
            }
            Poll::Pending => self.wait(cx).map(Err),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, bytes) {
            Poll::Ready(written) => {
                self.wrote(*written.as_ref().unwrap_or(&0));
                Poll::Ready(written)
            }
            Poll::Pending => self.wait(cx).map(Err),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Once everything is written, a stall is over.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(flushed) => {
                self.stall = None;
                Poll::Ready(flushed)
            }
            Poll::Pending => self.wait(cx).map(Err),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.wait(cx).map(Err),
        }
    }
}

/// How an answer proceeds, between its body and the task that serves it.
#[derive(Debug)]
pub(super) struct AnswerPace {
    pace: Pace,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When the first piece was handed over.
    begun: Option<Instant>,
    moved: u64,
    /// Since when the client's side has not asked for more; `None` while we owe it the next piece.
    waits_since: Option<Instant>,
}

impl AnswerPace {
    pub(super) fn new(pace: Pace) -> Arc<Self> {
        Arc::new(Self { pace, state: Mutex::default(), changed: Notify::new() })
    }

    /// Returns when the client has left its answer unread for too long.
    pub(super) async fn overdue(&self) {
        loop {
            let changed = self.changed.notified();
            let deadline = {
                let state = self.lock();
                let waits = state.begun.zip(state.waits_since);
                waits.map(|(begun, last)| self.pace.deadline(begun, state.moved, last))
            };
            let Some(deadline) = deadline else {
                changed.await;
                continue;
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(deadline) => {
                    metrics::counter!("likeness_slow_readers_ended_total", "of" => "stream").increment(1);
                    return;
                }
            }
        }
    }

    fn gave(&self, bytes: usize) {
        let now = Instant::now();
        let mut state = self.lock();
        state.begun.get_or_insert(now);
        state.moved += bytes as u64;
        state.waits_since = Some(now);
        drop(state);
        self.changed.notify_one();
    }

    fn owes(&self) {
        let mut state = self.lock();
        if state.waits_since.take().is_some() {
            drop(state);
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer: in pieces, each noted when it is handed over.
pub(super) struct Answer {
    body: Body,
    /// What is left of the piece that the body gave.
    rest: Bytes,
    pace: Arc<AnswerPace>,
    _under_way: UnderWay,
}

impl Answer {
    pub(super) const fn new(body: Body, pace: Arc<AnswerPace>, under_way: UnderWay) -> Self {
        Self { body, rest: Bytes::new(), pace, _under_way: under_way }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            self.pace.owes();
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(piece);
        self.pace.gave(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::super::connections::Connections;
    use super::*;
    use axum::body::to_bytes;
    use std::net::{IpAddr, Ipv4Addr};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::watch;

    const SHORT: Pace = Pace { patience: Duration::from_millis(100), least_rate: 4 * 1024 };
    const LONG: Pace = Pace { patience: Duration::from_secs(3_600), least_rate: 4 * 1024 };

    fn seat() -> Seat {
        let connections = Connections::new(ConnectionLimits::of_this_process(None));
        connections.enter(IpAddr::V4(Ipv4Addr::LOCALHOST), watch::channel(false).1)
    }

    #[test]
    fn the_next_byte_has_to_move_in_time_and_all_of_them_at_the_least_rate() {
        let pace = Pace { patience: Duration::from_secs(20), least_rate: 4 * 1024 };
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        #[rustfmt::skip]
        let cases = [
            // bytes moved, the last of them after so many seconds: the next within so many
            (0, 0, 20),
            (1, 10, 20),            // a byte now and then does not help
            (4 * 1024 * 100, 50, 70), // fast, and then nothing for 20 s
            (4 * 1024 * 100, 110, 120), // just at the least rate
        ];
        for (moved, last, deadline) in cases {
            assert_eq!(pace.deadline(begun, moved, at(last)), at(deadline), "{moved} bytes, the last after {last} s");
        }
    }

    #[tokio::test]
    async fn a_write_that_moves_no_byte_ends() {
        let (ours, _theirs) = tokio::io::duplex(1_024);
        let mut paced = Paced::new(ours, seat(), SHORT);
        let error = paced.write_all(&[0; 4_096]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_reads_gets_everything() {
        let (ours, mut theirs) = tokio::io::duplex(1_024);
        let mut paced = Paced::new(ours, seat(), LONG);
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).await.expect("it reads");
            all.len()
        });
        paced.write_all(&vec![0; 1024 * 1024]).await.expect("it is fast enough");
        paced.flush().await.expect("it is fast enough");
        assert!(paced.stall.is_none(), "everything is written");
        drop(paced);
        assert_eq!(reader.await.expect("no panic"), 1024 * 1024);
    }

    #[tokio::test]
    async fn an_answer_that_nobody_asks_for_is_overdue_and_one_that_we_owe_is_not() {
        let pace = AnswerPace::new(SHORT);
        let is_overdue = async || tokio::time::timeout(SHORT.patience * 3, pace.overdue()).await.is_ok();
        assert!(!is_overdue().await, "not begun");
        pace.gave(10);
        pace.overdue().await;
        pace.owes();
        assert!(!is_overdue().await, "we owe the next piece");
    }

    #[tokio::test]
    async fn an_answer_arrives_whole() {
        let content: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let under_way = seat().request(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
        let answer = Answer::new(Body::from(content.clone()), AnswerPace::new(LONG), under_way);
        assert_eq!(answer.size_hint().exact(), Some(100_000));
        let whole = to_bytes(Body::new(answer), usize::MAX).await.expect("a body");
        assert!(whole == content);
    }
}
