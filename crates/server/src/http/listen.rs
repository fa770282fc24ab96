//! Sockets: HTTP and HTTPS listeners that end when told, after the requests under way are answered.

use super::place::{Peer, Scheme};
use super::tls::Current;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// A client has this long to send its headers, or to finish the TLS handshake.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);
/// Requests under way get this long after the order to stop.
const FAREWELL: Duration = Duration::from_secs(10);
/// Largest header block. The longest a client needs is a bearer token.
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// One bound socket.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<Current>,
}

impl Listener {
    /// Binds for HTTP, or for HTTPS when a configuration is given.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub(crate) async fn bind(address: SocketAddr, tls: Option<Current>) -> Result<Self> {
        let variable = if tls.is_some() { "LIKENESS_TLS_LISTEN" } else { "LIKENESS_LISTEN" };
        let socket = TcpListener::bind(address).await.with_context(|| {
            format!("the address {address} cannot be listened on; is another server running there? Set {variable} to use another")
        })?;
        Ok(Self { socket, tls })
    }

    /// The address in force, with the real port where 0 was asked for.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Serves until the order to stop comes, then lets the requests under way finish.
    pub(crate) async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let scheme = Scheme(if self.tls.is_some() { "https" } else { "http" });
        let farewell = GracefulShutdown::new();
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
            // Small answers should not wait for the acknowledgement of the one before.
            drop(stream.set_nodelay(true));
            let peer = Peer(peer.ip());
            let router = router.clone().map_request(move |mut request: Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(scheme);
                request.extensions_mut().insert(peer);
                request.map(Body::new)
            });
            let (tls, watcher) = (self.tls.clone(), farewell.watcher());
            tokio::spawn(async move {
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
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE).max_buf_size(MOST_HEADER_BYTES);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(u32::try_from(MOST_HEADER_BYTES).unwrap_or(u32::MAX));
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    // A connection that breaks is the client's business; there is nobody to tell.
    drop(watcher.watch(connection.into_owned()).await);
}
