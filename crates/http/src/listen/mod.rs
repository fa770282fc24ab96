//! Sockets: HTTP and HTTPS listeners that stop on a signal, after the requests under way are answered.
//!
//! Start at [`Listener::serve`]. Every connection has a place among [`Connections`], and deadlines in both directions: for
//! its headers and for its next request here, for what it reads in [`pace`], for the bodies it sends where they are read.

mod connections;
mod linger;
mod pace;

pub use connections::{ConnectionLimits, Connections, Seat};

use crate::address::{FORWARDED_FOR, PeerAddress, Scheme, client_of, merge_slashes};
use crate::tls::CurrentTlsConfig;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{Request, Response, Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use linger::Lingering;
use pace::{Answer, AnswerPace, Pace, Paced};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// A client of HTTP/2 that is silent for this long is asked for a sign of life, and has as long to give one as for its
/// headers.
const SILENCE: Duration = Duration::from_secs(30);
/// Streams of one connection of HTTP/2; what a client does not read of each stays in memory.
const MOST_STREAMS: u32 = 100;
/// Requests under way get this long after the order to stop, and so does a connection that is asked to end.
const FAREWELL: Duration = Duration::from_secs(10);
/// Largest header block. The longest a client needs is a bearer token.
const MOST_HEADER_BYTES: usize = 64 * 1024;
/// The page that tells whether the server answers at all.
const HEALTH: &str = "/healthz";

/// One bound socket.
pub struct Listener {
    socket: TcpListener,
    tls: Option<CurrentTlsConfig>,
}

impl Listener {
    /// Binds for HTTP, or for HTTPS when a configuration is given.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(address: SocketAddr, tls: Option<CurrentTlsConfig>) -> Result<Self> {
        let variable = if tls.is_some() { "LIKENESS_TLS_LISTEN" } else { "LIKENESS_LISTEN" };
        let socket = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}; is another server running there? Set {variable} to use another")
        })?;
        Ok(Self { socket, tls })
    }

    /// The address in force, with the real port where 0 was asked for.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Serves until the order to stop comes, then lets the requests under way finish. Listeners of one server share its
    /// `connections`.
    pub async fn serve(self, router: Router, connections: Arc<Connections>, mut stop: watch::Receiver<bool>) {
        let scheme = Scheme(if self.tls.is_some() { "https" } else { "http" });
        let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stopped| *stopped) => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file handles: wait for some to come free instead of spinning.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let seat = connections.enter(peer.ip(), stop.clone());
            let conversation = Conversation {
                router: router.clone(),
                scheme,
                peer: PeerAddress(peer.ip()),
                seat,
                connections: connections.clone(),
            };
            let (tls, open, stop) = (self.tls.clone(), open.clone(), stop.clone());
            tokio::spawn(async move {
                let _open = open;
                conversation.begin(stream, tls, stop).await;
            });
        }
        drop(self.socket);
        drop(open);
        drop(tokio::time::timeout(FAREWELL, all_closed.recv()).await);
    }
}

/// One connection, before it is known how much of HTTP it speaks.
struct Conversation {
    router: Router,
    scheme: Scheme,
    peer: PeerAddress,
    seat: Seat,
    connections: Arc<Connections>,
}

impl Conversation {
    async fn begin(self, stream: TcpStream, tls: Option<CurrentTlsConfig>, stop: watch::Receiver<bool>) {
        // Small answers should not wait for the acknowledgement of the one before.
        drop(stream.set_nodelay(true));
        let stream = Paced::new(stream, self.seat.clone(), Pace::of(&self.connections.limits));
        let Some(tls) = tls else { return self.hold(stream, stop).await };
        let (acceptor, mut seat) = (TlsAcceptor::from(tls.load_full()), self.seat.clone());
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.connections.limits.for_headers, acceptor.accept(stream)) => shaken,
            () = seat.stopped() => return,
        };
        if let Ok(Ok(stream)) = shaken {
            self.hold(stream, stop).await;
        }
    }

    /// Answers requests until either side has had enough.
    async fn hold<S>(self, stream: S, mut stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (limits, mut seat) = (self.connections.limits.clone(), self.seat.clone());
        let executor = StreamExecutor::default();
        let paces = executor.next.clone();
        let conversation = self;
        let service = hyper::service::service_fn(move |request| conversation.answer(request, &paces));
        let mut builder = Builder::new(executor);
        let mut first = builder.http1();
        first.timer(TokioTimer::new()).header_read_timeout(limits.for_headers).max_buf_size(MOST_HEADER_BYTES);
        let mut second = builder.http2();
        second.timer(TokioTimer::new()).max_header_list_size(u32::try_from(MOST_HEADER_BYTES).unwrap_or(u32::MAX));
        second.keep_alive_interval(SILENCE).keep_alive_timeout(limits.for_headers).max_concurrent_streams(MOST_STREAMS);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection.into_owned());
        // Who opens a connection asks for something. Before the first request nothing else looks at the time: which HTTP
        // it will be is not known yet.
        let first_request_by = Instant::now() + limits.for_headers;
        let mut until = Instant::now() + limits.for_headers.min(limits.for_next_request);
        let mut is_ending = false;
        loop {
            tokio::select! {
                // A connection that breaks needs no report.
                _ = connection.as_mut() => return,
                () = seat.lost() => return,
                _ = stop.wait_for(|stopped| *stopped), if !is_ending => {
                    is_ending = true;
                    until = Instant::now() + FAREWELL;
                    connection.as_mut().graceful_shutdown();
                }
                () = tokio::time::sleep_until(until) => {
                    let now = Instant::now();
                    match seat.idle_until() {
                        _ if is_ending => return,
                        _ if !seat.has_asked() && now >= first_request_by => return,
                        _ if !seat.has_asked() => until = first_request_by,
                        Some(end) if end <= now => {
                            is_ending = true;
                            until = now + FAREWELL;
                            connection.as_mut().graceful_shutdown();
                        }
                        Some(end) => until = end,
                        None => until = now + limits.for_next_request,
                    }
                }
            }
        }
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        paces: &NextPace,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<> {
        let client = client_of(self.peer.0, request.headers(), self.connections.limits.proxies());
        if request.headers().contains_key(FORWARDED_FOR) {
            self.connections.warn_of_unknown_proxy();
        }
        let under_way = self.seat.request(client, request.uri().path() == HEALTH);
        let pace = AnswerPace::new(Pace::of(&self.connections.limits));
        *paces.lock().unwrap_or_else(PoisonError::into_inner) = Some(pace.clone());
        let awaits_word = request.headers().contains_key(header::EXPECT);
        let lingers = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
        let body = |body| if lingers { Body::new(Lingering::new(body, awaits_word)) } else { Body::new(body) };
        let mut request = request.map(body);
        merge_slashes(request.uri_mut());
        request.extensions_mut().insert(self.scheme);
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.seat.clone());
        let answer = self.router.clone().oneshot(request);
        async move {
            let response = answer.await?;
            Ok(response.map(|body| Body::new(Answer::new(body, pace, under_way))))
        }
    }
}

type NextPace = Arc<Mutex<Option<Arc<AnswerPace>>>>;

/// Runs the streams of HTTP/2, and ends one whose client leaves its answer unread. Hyper asks the service for the answer
/// of a stream and then hands its task over, one right after the other.
#[derive(Clone, Default)]
struct StreamExecutor {
    next: NextPace,
}

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        let pace = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(pace) = pace else { return TokioExecutor::new().execute(stream) };
        tokio::spawn(async move {
            tokio::select! {
                _ = stream => {}
                () = pace.overdue() => {}
            }
        });
    }
}
