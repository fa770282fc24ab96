//! Sockets: HTTP and HTTPS listeners that stop on a signal, after the requests under way are answered.

use crate::address::{PeerAddress, Scheme};
use crate::tls::CurrentTlsConfig;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// A client has this long to send its headers, or to finish the TLS handshake.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);
/// A client of HTTP/2 that is silent for this long is asked for a sign of life, and has as long to give one as for its
/// headers.
const SILENCE: Duration = Duration::from_secs(30);
/// Connections at once, where the operating system allows as many files. The rest wait to be accepted.
const MOST_CONNECTIONS: usize = 8_192;
/// Files that the store, the pages and outgoing calls may need beside the connections.
const OTHER_FILES: usize = 256;
/// Requests under way get this long after the order to stop.
const FAREWELL: Duration = Duration::from_secs(10);
/// Largest header block. The longest a client needs is a bearer token.
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// Room for connections, of all listeners.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(most_connections()));

/// A connection's place among all, given back when the last of its holders is gone, and the order to stop. A connection that
/// becomes something else than HTTP holds it for as long as it lives, and ends when the order comes.
#[derive(Clone, Debug)]
pub struct Seat {
    _place: Arc<SemaphorePermit<'static>>,
    stop: watch::Receiver<bool>,
}

impl Seat {
    /// Returns when the server stops.
    pub async fn stopped(&mut self) {
        // An error says that nobody can give the order any more: the server is gone.
        drop(self.stop.wait_for(|stopped| *stopped).await);
    }
}

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

    /// Serves until the order to stop comes, then lets the requests under way finish.
    pub async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let scheme = Scheme(if self.tls.is_some() { "https" } else { "http" });
        let farewell = GracefulShutdown::new();
        loop {
            let place = tokio::select! {
                place = ROOM.acquire() => place,
                _ = stop.wait_for(|stopped| *stopped) => break,
            };
            // The room is never closed.
            let Ok(place) = place else { break };
            let seat = Seat { _place: Arc::new(place), stop: stop.clone() };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stopped| *stopped) => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file handles: wait for some to come free instead of spinning.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Small answers should not wait for the acknowledgement of the one before.
            drop(stream.set_nodelay(true));
            let peer = PeerAddress(peer.ip());
            let held = seat.clone();
            let router = router.clone().map_request(move |mut request: Request<hyper::body::Incoming>| {
                crate::address::merge_slashes(request.uri_mut());
                request.extensions_mut().insert(scheme);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(held.clone());
                request.map(Body::new)
            });
            let (tls, watcher) = (self.tls.clone(), farewell.watcher());
            tokio::spawn(async move {
                let _seat = seat;
                match tls {
                    None => converse(stream, router, watcher).await,
                    Some(tls) => {
                        let acceptor = TlsAcceptor::from(tls.load_full());
                        if let Ok(Ok(stream)) = tokio::time::timeout(HEADER_PATIENCE, acceptor.accept(stream)).await {
                            converse(stream, router, watcher).await;
                        }
                    }
                }
            });
        }
        drop(self.socket);
        drop(tokio::time::timeout(FAREWELL, farewell.shutdown()).await);
    }
}

async fn converse<S, R>(stream: S, service: R, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    R: tower::Service<
            Request<hyper::body::Incoming>,
            Response = axum::response::Response,
            Error = std::convert::Infallible,
        > + Clone
        + Send
        + 'static,
    R::Future: Send,
{
    // Who opens a connection asks for something. Before the first request nothing else looks at the time: which HTTP it
    // will be is not known yet.
    let (asked, has_asked) = watch::channel(false);
    let service = service.map_request(move |request: Request<hyper::body::Incoming>| {
        asked.send_replace(true);
        request
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE).max_buf_size(MOST_HEADER_BYTES);
    let mut second = builder.http2();
    second.timer(TokioTimer::new()).max_header_list_size(u32::try_from(MOST_HEADER_BYTES).unwrap_or(u32::MAX));
    second.keep_alive_interval(SILENCE).keep_alive_timeout(HEADER_PATIENCE);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(watcher.watch(connection.into_owned()));
    // A connection that breaks needs no report.
    tokio::select! {
        _ = &mut connection => return,
        () = tokio::time::sleep(HEADER_PATIENCE) => {}
    }
    if *has_asked.borrow() {
        drop(connection.await);
    }
}

/// As many connections as there are files for.
fn most_connections() -> usize {
    #[cfg(unix)]
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let files: Option<u64> = None;
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    files.saturating_sub(OTHER_FILES).clamp(64, MOST_CONNECTIONS)
}
